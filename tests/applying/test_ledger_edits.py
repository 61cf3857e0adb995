"""What the edits of one write do to a ledger."""

from reconciler.applying.ledger_edits import as_one, removed
from reconciler.model import Address, Deleted, Ledger, Pending

APP = Address("oauth_apps", "app")


def at(time):
    return f"2026-01-01T{time}:00Z"


def ghosts_after(*times, horizon):
    """The times of what is remembered as deleted, once one more is deleted at noon."""
    before = tuple(Deleted("oauth_apps", "databricks", time, at(time)) for time in times)
    edit = removed(APP, "databricks", "12:00", at("12:00"), at(horizon))
    ledger = as_one([edit])(Ledger("s", "l", pending=Pending(deleted=before)))
    return [ghost.id for ghost in ledger.pending.deleted]


def test_ghosts_from_before_the_horizon_are_forgotten():
    assert ghosts_after("09:59", "10:00", horizon="10:00") == ["10:00", "12:00"]


def test_a_ghost_from_the_future_keeps_no_other_on_record():
    assert ghosts_after("23:00", "09:00", "11:00", horizon="10:00") == ["11:00", "12:00", "23:00"]
