"""What stays alive beside its successor: how long, and what is said of it when an apply is over."""

from datetime import timedelta

import pytest

from .conftest import APP, ROBOT, SECRET, SERVICE, VIEWER
from .test_use_check import lend

DAY = timedelta(days=1)


def kept(stage, span="1d"):
    """The same stack, with secrets that outlive their successors for a while."""
    stage.change(SECRET, keep_old=span)
    stage.apply()


def test_an_apply_says_until_when_the_old_secret_stays(made):
    kept(made)
    old = made.ledger.entries[SECRET].id
    assert set(made.apply(replaces=(SECRET,)).values()) == {"done"}
    until = made.ledger.entries[SECRET].formers[0].revoke_after
    assert until == (made.now + DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert f"the superseded secret {old} stays alive until {until}" in made.told[str(SECRET)]


def test_an_apply_that_revokes_the_old_secret_says_nothing_of_it(made):
    made.apply(replaces=(SECRET,))
    assert made.told == {}


def test_keep_old_counts_from_the_last_delivery(made):
    kept(made)
    old = made.ledger.entries[SECRET].id
    made.remote.troubles_at = {2: "refused"}  # the delivery
    assert made.apply(replaces=(SECRET,))[str(SERVICE)] == "failed"
    made.now += DAY * 3  # what was to be kept a day from the issue on would go with the delivery
    made.apply()
    assert made.ledger.entries[SERVICE].deliveries["config.client_secret"].credential != old
    assert old in made.remote.of("service_principals.client_secret")
    made.now += DAY - timedelta(seconds=1)
    made.apply()
    assert old in made.remote.of("service_principals.client_secret")
    made.now += timedelta(seconds=1)
    made.apply()
    assert old not in made.remote.of("service_principals.client_secret")
    made.settle()


def test_an_app_that_somebody_took_up_in_mid_run_is_told_with_who_it_was(made):
    old = made.ledger.entries[APP].id
    made.remote.meanwhile["update connect_integrations"] = lambda: lend(made, APP)
    made.change(APP, name="renamed")
    made.apply()
    told = made.told[str(APP)]
    assert old in told
    assert "foreign" in told


def test_a_destroy_that_leaves_what_is_superseded_and_in_use_isnt_done_and_keeps_it_on_record(made):
    old = made.ledger.entries[APP].id
    lend(made, APP)
    made.change(APP, name="renamed")
    made.apply()
    assert made.destroy()[str(APP)] == "skipped"
    assert old in made.told[str(APP)]
    assert [former.id for former in made.ledger.entries[APP].formers] == [old]
    assert made.destroy() == {str(APP): "skipped"}  # and again, as long as that is so
    assert "foreign" in made.told[str(APP)]
    del made.remote.of("connect_integrations")["foreign"]
    assert made.destroy() == {str(APP): "done"}
    assert (made.ledger.entries, made.remote.of("oauth_apps")) == ({}, {})


def test_a_destroy_that_meets_a_new_user_in_mid_run_isnt_done(made):
    made.remote.meanwhile["delete connect_integrations"] = lambda: lend(made, ROBOT)
    assert made.destroy()[str(ROBOT)] == "skipped"
    assert "foreign" in made.told[str(ROBOT)]
    assert ROBOT in made.ledger.entries


@pytest.mark.parametrize("more", [{}, {"host": "other"}], ids=["unchanged", "changed"])
def test_a_secret_field_that_left_the_spec_leaves_the_ledger(made, more):
    config = {k: v for k, v in made.resources[VIEWER].attributes["config"].items() if k != "client_secret"}
    made.change(VIEWER, config={**config, **more})
    made.apply()
    assert made.ledger.entries[VIEWER].deliveries == {}
    assert made.pending() == {}
