"""The executor: every order, failure, stop and resume, over kinds in memory."""

import pytest

from reconciler.applying import executor
from reconciler.errors import ReconcileError

from .conftest import APP, ROBOT, SECRET, SERVICE, VIEWER

CREATED = [
    "create connect_integrations",
    "create connect_integrations",
    "create oauth_apps",
    "create service_principals",
    "create service_principals.client_secret",
    "grant workspaces",
]


def rotate(stage, **options):
    return stage.apply(replaces=(SECRET,), **options)


def rename(stage, **options):
    stage.change(APP, name="renamed")
    return stage.apply(**options)


def drop(stage, **options):
    for address in (VIEWER, APP):
        stage.resources.pop(address, None)
    return stage.apply(**options)


def edit(stage, **options):
    stage.change(APP, scopes=["b"])
    stage.change(ROBOT, workspaces={"43": "ADMIN"})
    return stage.apply(**options)


CHANGES = {"rotate": rotate, "rename": rename, "drop": drop, "edit": edit}
# how many remote writes and ledger writes an undisturbed run of each makes at most
MOST = 8


# --- order -------------------------------------------------------------------------------------------------


def test_everything_is_made_once_and_a_second_run_has_nothing_to_do(stage):
    assert set(stage.apply().values()) == {"done"}
    assert sorted(stage.remote.log) == CREATED
    stage.remote.log.clear()
    assert stage.apply() == {}
    assert stage.remote.log == []
    stage.works()


def test_what_is_referred_to_comes_first(stage):
    stage.apply(parallelism=1)
    log = stage.remote.log
    assert log.index("create service_principals") < log.index("create service_principals.client_secret")
    assert log.index("create oauth_apps") < max(
        n for n, what in enumerate(log) if what == "create connect_integrations"
    )


def test_a_rotation_issues_delivers_and_only_then_revokes(made):
    rotate(made)
    assert made.remote.log == [
        "create service_principals.client_secret",
        "update connect_integrations",
        "delete service_principals.client_secret",
    ]
    made.works()


def test_a_replace_makes_the_new_one_switches_and_only_then_removes_the_old(made):
    rename(made)
    assert made.remote.log == ["create oauth_apps", "update connect_integrations", "delete oauth_apps"]
    made.works()


def test_deletes_run_in_reverse(made):
    drop(made)
    assert made.remote.log == ["delete connect_integrations", "delete oauth_apps"]


def test_an_edit_grants_what_is_new_and_takes_back_what_was_ours(made):
    made.remote.of("service_principals")[made.ledger.entries[ROBOT].id]["granted"]["workspaces"]["7"] = "USER"
    edit(made)
    assert sorted(made.remote.log) == ["grant workspaces", "revoke workspaces", "update oauth_apps"]
    row = made.remote.of("service_principals")[made.ledger.entries[ROBOT].id]
    assert row["granted"]["workspaces"] == {"43": "ADMIN", "7": "USER"}


# --- failures ----------------------------------------------------------------------------------------------


def test_a_branch_that_fails_stops_only_what_depends_on_it(stage):
    stage.remote.troubles_at = {1: "refused"}  # the principal comes first
    ended = stage.apply(parallelism=1)
    assert ended[str(ROBOT)] == "failed"
    assert ended[str(SECRET)] == ended[str(SERVICE)] == "skipped"
    assert ended[str(APP)] == ended[str(VIEWER)] == "done"
    stage.settle()


def test_a_refused_delivery_keeps_the_old_secret(made):
    made.remote.troubles_at = {2: "refused"}
    ended = rotate(made)
    assert ended[str(SERVICE)] == "failed"
    assert "delete service_principals.client_secret" not in made.remote.log
    made.works()


def test_a_new_secret_that_does_not_work_is_delivered_nowhere(made):
    made.remote.distrusts = {"check"}
    assert rotate(made)[str(SECRET)] == "failed"
    assert made.remote.log == ["create service_principals.client_secret"]
    made.remote.distrusts = frozenset()
    made.settle()


def test_a_delivery_that_its_receiver_does_not_get_on_with_keeps_the_old_secret_and_is_made_again(made):
    made.remote.distrusts = {"confirm"}
    assert rotate(made)[str(SERVICE)] == "failed"
    assert "delete service_principals.client_secret" not in made.remote.log
    made.remote.distrusts = frozenset()
    assert made.pending()[str(SERVICE)] == "update"
    made.settle()


@pytest.mark.parametrize("number", range(1, MOST + 1))
@pytest.mark.parametrize("trouble", ["refused", "lost before", "lost after", "stop"])
def test_whatever_a_first_run_misses_the_next_makes_up_for(stage, number, trouble):
    stage.remote.troubles_at = {number: trouble}
    stage.apply()
    stage.settle()


@pytest.mark.parametrize("number", range(1, MOST + 1))
@pytest.mark.parametrize("trouble", ["refused", "lost before", "lost after", "stop"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_a_change_misses_the_next_run_makes_up_for(made, change, number, trouble):
    made.remote.troubles_at = {number: trouble}
    change(made)
    made.works()
    made.settle()


# --- kills -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(1, MOST + 1))
@pytest.mark.parametrize("when", ["killed before", "killed after"])
def test_a_first_run_killed_at_any_write_is_resumed(stage, number, when):
    stage.remote.troubles_at = {number: when}
    stage.apply()
    stage.settle()


@pytest.mark.parametrize("number", range(1, MOST + 1))
@pytest.mark.parametrize("when", ["killed before", "killed after"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_killed_at_any_write_is_resumed(made, change, number, when):
    made.remote.troubles_at = {number: when}
    change(made)
    made.works()
    made.settle()


@pytest.mark.parametrize("number", range(1, MOST + 1))
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_killed_at_any_write_of_the_ledger_is_resumed(made, change, number, when):
    change(made, at_commit=number, when=when)
    made.works()
    made.settle()


@pytest.mark.parametrize("first", range(1, MOST + 1))
@pytest.mark.parametrize("second", range(1, 5))
def test_a_rotation_killed_twice_is_resumed(made, first, second):
    made.remote.troubles_at = {first: "killed after"}
    rotate(made)
    made.remote.troubles_at = {second: "killed after"}
    made.apply()
    made.works()
    made.settle()


# --- stops -------------------------------------------------------------------------------------------------


def test_a_stop_begins_nothing_new_and_says_what_was_left(stage):
    stage.remote.troubles_at = {1: "stop"}
    ended = stage.apply(parallelism=1)
    assert stage.remote.log == ["create service_principals"]
    assert ended == {**dict.fromkeys(map(str, stage.resources), "skipped"), str(ROBOT): "failed"}
    assert stage.told[str(APP)] == "stopped before it was sent"
    assert not stage.ledger.pending.intents
    assert {address: entry.id for address, entry in stage.ledger.entries.items()} == {
        ROBOT: "service_principals-1"
    }


def test_a_step_that_can_not_go_on_after_a_stop_fails_and_the_run_ends(stage, monkeypatch):
    def calls(work, change, step):
        yield from real(work, change, step)
        raise ReconcileError("its next call can't be made")

    real = executor.calls_of
    monkeypatch.setattr(executor, "calls_of", calls)
    stage.remote.troubles_at = {1: "stop"}
    ended = stage.apply(parallelism=1)
    assert ended[str(ROBOT)] == "failed"
    assert ROBOT in stage.ledger.entries


def test_no_more_calls_are_under_way_than_allowed_and_none_is_repeated(stage):
    stage.apply(parallelism=1)
    assert sorted(stage.remote.log) == CREATED
