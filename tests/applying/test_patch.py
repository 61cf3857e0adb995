"""Servers that don't merge a config key by key: what got lost is sent again, and no secret is lost unsaid."""

import pytest

from reconciler.model import CredentialState
from reconciler.secrets import Secret

from .conftest import APP, SECRET, SERVICE, VIEWER

FIRST = {VIEWER: APP, SERVICE: SECRET}


def move(stage, address, **options):
    """Another host: one key of a config, for which no secret is at hand."""
    config = stage.resources[address].attributes["config"]
    stage.change(address, config={**config, "host": "elsewhere"})
    return stage.apply(**options)


def rename(stage, **options):
    """The app's successor, and its secret with it."""
    stage.change(APP, name="renamed")
    return stage.apply(**options)


@pytest.mark.parametrize("configs", ["replaced", "whole"])
def test_with_its_secret_at_hand_the_whole_is_sent_in_the_same_run(made, configs):
    made.remote.configs = configs
    assert set(rename(made).values()) == {"done"}
    made.works()
    assert made.pending() == {}
    assert "the server" in made.notes[VIEWER]


@pytest.mark.parametrize("address", FIRST, ids=str)
def test_a_secret_that_got_lost_fails_its_change_and_the_next_run_makes_another(made, address):
    made.remote.configs = "replaced"
    assert move(made, address)[str(address)] == "failed"
    assert made.pending()[str(FIRST[address])] in ("rotate", "replace")
    made.settle()
    host = made.remote.of("connect_integrations")[made.ledger.entries[address].id]["attributes"]["config"][
        "host"
    ]
    assert host == "elsewhere"


@pytest.mark.parametrize("address", FIRST, ids=str)
def test_what_is_taken_whole_only_is_left_alone_without_its_secret_until_that_is_renewed(made, address):
    made.remote.configs = "whole"
    assert move(made, address)[str(address)] == "failed"
    assert made.remote.log == []
    made.works()
    assert set(made.apply(replaces=(FIRST[address],)).values()) == {"done"}
    made.settle()


def test_a_value_that_is_refused_anyhow_is_refused_as_before(made):
    made.remote.configs = "whole"
    made.remote.troubles_at = {2: "refused"}
    assert rename(made)[str(VIEWER)] == "failed"
    made.works()
    made.settle()


@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("trouble", ["lost before", "lost after", "killed before", "killed after"])
@pytest.mark.parametrize("configs", ["replaced", "whole"])
def test_a_replace_is_resumed_whatever_the_server_does_with_configs(made, configs, number, trouble):
    made.remote.configs = configs
    made.remote.troubles_at = {number: trouble}
    rename(made)
    made.settle()


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize("trouble", ["refused", "lost before", "lost after", "killed before", "killed after"])
@pytest.mark.parametrize("address", FIRST, ids=str)
def test_an_edit_that_loses_the_rest_is_resumed(made, address, number, trouble):
    made.remote.configs = "replaced"
    made.remote.troubles_at = {number: trouble}
    move(made, address)
    made.settle()


@pytest.mark.parametrize("address", FIRST, ids=str)
@pytest.mark.parametrize(("configs", "number"), [("replaced", 2), ("whole", 2)])
@pytest.mark.parametrize("trouble", ["killed before", "killed after", "lost before", "lost after"])
def test_a_secret_that_only_the_whole_carries_is_on_record_before_it_is_sent(
    made, address, configs, number, trouble
):
    made.remote.configs = configs
    entry = made.ledger.entries[FIRST[address]]
    rows = made.remote.of(FIRST[address].kind_name)
    made.values = {entry.id: Secret(rows[entry.id]["secret"])}
    made.remote.troubles_at = {number: trouble}
    move(made, address)
    assert made.ledger.entries[FIRST[address]].credential.state is CredentialState.SENDING
    if configs == "replaced":
        made.values = {}  # another is made; where the whole is wanted, only the same will do
    made.settle()


@pytest.mark.parametrize("configs", ["replaced", "whole"])
def test_a_whole_that_arrived_is_on_record_as_delivered(made, configs):
    made.remote.configs = configs
    entry = made.ledger.entries[APP]
    made.values = {entry.id: Secret(made.remote.of("oauth_apps")[entry.id]["secret"])}
    assert set(move(made, VIEWER).values()) == {"done"}
    assert made.ledger.entries[APP].credential.state is CredentialState.HELD
    assert made.pending() == {}
    made.works()
