"""Stacks of one run that would take over one object: a ledger comes first, then the stacks' names."""

from __future__ import annotations

import pytest

from reconciler.matching import pair, rivals_of
from reconciler.model import Address, Adopt, Entry, Ledger, Lifecycle, Live, Origin, Resource, Snapshot, Stack
from reconciler.planning import Options, make_plan
from reconciler.providers import KINDS
from tests.planning.test_cases import NOW, PROVIDERS

APP = Address("oauth_apps", "app")
NAMES = {name: kind.fields.name for name, kind in KINDS.items()}


def stack(name, app="app", adopt=None, url=None, **attributes):
    lifecycle = Lifecycle(adopt=Adopt(adopt) if adopt else None)
    # the providers' names are each stack's own
    providers = {f"{name}-account": PROVIDERS["databricks"]}
    resource = Resource(APP, f"{name}-account", {"name": app, **attributes}, lifecycle)
    return Stack(name, f"{name}.yaml", providers, {APP: resource}, ledger_url=url)


def live(live_id="1", name="app", **attributes):
    return Live(live_id, name, {"name": name, **attributes}, {"client_id": f"c{live_id}"})


def owner(name):
    return Ledger(name, "line", 1, entries={APP: Entry(f"{name}-account", "1", "app", Origin.ADOPTED)})


def actions(members, *objects):
    """Stack → what its plan does, and why it doesn't."""
    rivals = rivals_of(members, NAMES)
    found = {}
    for each, ledger in members:
        there = {(f"{each.name}-account", "oauth_apps"): {one.id: one for one in objects}}
        plan = make_plan(
            each, ledger, pair(each, ledger, Snapshot(there), KINDS, NOW, rivals), KINDS, Options(NOW)
        )
        (change,) = plan.changes
        found[each.name] = change.code or change.action.value
    return found


def new(*stacks):
    return [(each, Ledger(each.name, "", is_new=True)) for each in stacks]


@pytest.mark.parametrize(("first", "second"), [("1", "1"), ("1", None), (None, "1"), (None, None)])
def test_the_second_of_two_is_claimed_elsewhere(first, second):
    members = new(stack("a", adopt=first), stack("b", adopt=second))
    assert actions(members, live()) == {"a": "adopt", "b": "claimed-elsewhere"}
    assert actions(members[::-1], live()) == {"a": "adopt", "b": "claimed-elsewhere"}


def test_a_guid_has_no_case_among_stacks_either():
    assert actions(new(stack("a", adopt="AB-1"), stack("b", adopt="ab-1")), live("ab-1")) == {
        "a": "adopt",
        "b": "claimed-elsewhere",
    }


def test_a_ledger_comes_before_a_name():
    members = [*new(stack("a", adopt="1")), (stack("b"), owner("b"))]
    assert actions(members, live()) == {"a": "claimed-elsewhere", "b": "no_op"}


def test_who_wants_another_object_is_no_rival():
    members = new(stack("a", app="other"), stack("b", adopt="1"))
    assert actions(members, live(), live("2", "other")) == {"a": "adopt", "b": "adopt"}
    # the name is the same, and `adopt:` names another
    members = new(stack("a", adopt="2"), stack("b"))
    assert actions(members, live(), live("2", "other"))["b"] == "adopt"


def test_who_could_not_take_it_is_no_rival():
    members = new(stack("a", confidential=True), stack("b", adopt="1"))
    assert actions(members, live(confidential=False))["b"] == "adopt"
    # two have the name, and nobody can tell which of them the first one means
    members = new(stack("a"), stack("b", adopt="1"))
    assert actions(members, live(), live("2")) == {"a": "ambiguous-name", "b": "adopt"}


def test_an_id_that_is_not_live_falls_back_to_the_name_for_a_rival_too():
    assert actions(new(stack("a", adopt="9"), stack("b")), live()) == {"a": "adopt", "b": "claimed-elsewhere"}


def test_a_stack_without_a_ledger_owns_nothing_and_claims_nothing():
    assert actions(new(stack("a", url="none"), stack("b")), live())["b"] == "adopt"


def test_another_account_has_other_objects():
    first = stack("a")
    elsewhere = Stack("a", "a.yaml", {"a-account": PROVIDERS["connect"]}, first.resources)
    rivals = rivals_of(new(elsewhere), NAMES)
    other = stack("b")
    there = {("b-account", "oauth_apps"): {"1": live()}}
    plan = make_plan(
        other,
        Ledger("b", ""),
        pair(other, Ledger("b", ""), Snapshot(there), KINDS, NOW, rivals),
        KINDS,
        Options(NOW),
    )
    assert [change.action.value for change in plan.changes] == ["adopt"]
