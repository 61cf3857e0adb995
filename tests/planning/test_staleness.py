"""What a saved plan is compared with, and what `watch` may heal by itself."""

from dataclasses import replace

import pytest

from reconciler.errors import StaleError
from reconciler.model import Action, Address, Cause, Change, FieldChange, Plan, Stack
from reconciler.planning import healable
from reconciler.planning.plan_file import Saved, change_mark, check_fresh

APP = Address("oauth_apps", "a")
STACK = Stack("s", "s.yaml", {}, {})


def plan_of(*changes):
    return Plan(STACK, "", "2026-01-01T00:00:00Z", "l", 1, changes)


def drifted(**more):
    field = FieldChange("scopes", ["b"], ["a"], Cause.DRIFT)
    return Change(
        APP, Action.UPDATE, "databricks", "1", "a", "moved", fields=(field,), live_digest="sha256:1", **more
    )


def test_a_saved_plan_is_stale_when_its_object_moved_though_the_same_would_be_done():
    planned = drifted()
    saved = Saved(STACK, "", "l", {str(APP): change_mark(planned)}, (), (), False, False)
    assert check_fresh(saved, plan_of(planned)).changes == (planned,)
    with pytest.raises(StaleError):
        check_fresh(saved, plan_of(replace(planned, live_digest="sha256:2")))


def test_drift_is_healed_unless_something_would_be_removed_on_the_way():
    kinds = {"oauth_apps"}
    assert healable(plan_of(drifted()), kinds).changes == (drifted(),)
    assert healable(plan_of(drifted(removes=("0",))), kinds).changes == ()
