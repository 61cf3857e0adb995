"""Whose an app is that a lost create may have made: its creator's number decides, a clash is asked about."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from reconciler.applying.ledger_draft import LedgerDraft
from reconciler.applying.ledger_edits import settled_before
from reconciler.matching import Rivals, pair, recover
from reconciler.model import (
    Address,
    Entry,
    Intent,
    IntentResolution,
    Ledger,
    Live,
    Origin,
    Pending,
    ProviderSpec,
    Resource,
    Runner,
    Snapshot,
    Stack,
    Tombstone,
)
from reconciler.planning import Options, make_plan
from reconciler.providers import KINDS

APP, OLD = Address("oauth_apps", "k"), Address("oauth_apps", "old")
NOW = datetime(2026, 1, 1, 0, 1, tzinfo=timezone.utc)
SENT = {"name": "k", "confidential": True}
INTENT = Intent(
    "x",
    "oauth_apps",
    "databricks",
    "2026-01-01T00:00:00Z",
    Runner("o", "h", "b", 1, "s"),
    "create",
    sent=SENT,
)


def app(live_id: str, **evidence: object) -> Live:
    made = {"attributes": SENT, "created_at": "2026-01-01T00:00:10Z", **evidence}
    return Live(live_id, "k" if live_id == "new" else "old", **made)


@pytest.mark.parametrize(
    ("ours", "shown", "outcome"),
    [
        # the number is ours, and so is the name beside it, whatever it looks like
        (
            {"creator": "a@x.test"},
            {"created_by": "7", "creator": "a@x.test", "by_other": True},
            IntentResolution.LOST,
        ),
        (
            {"creator": "a@x.test"},
            {"created_by": "7", "creator": "b@x.test", "by_other": True},
            IntentResolution.NOTHING,
        ),
        ({}, {"created_by": "7", "creator": "b@x.test", "by_other": True}, IntentResolution.NOTHING),
        ({}, {"created_by": "7"}, IntentResolution.LOST),
        ({}, {"created_by": "8"}, IntentResolution.GIVEN_UP),
        ({}, {"created_by": "8", "creator": "b@x.test", "by_other": True}, IntentResolution.GIVEN_UP),
        ({}, {}, IntentResolution.LOST),
    ],
)
def test_the_creators_number_decides_and_a_clash_is_asked_about(ours, shown, outcome):
    entry = Entry("databricks", "old", "old", Origin.CREATED, created_by="7")
    ledger = Ledger("s", "l", entries={OLD: entry}, pending=Pending(intents={APP: INTENT}))
    lives = {"old": app("old", created_by="7", **ours), "new": app("new", **shown)}
    recovery = recover(ledger, Snapshot({("databricks", "oauth_apps"): lives}), KINDS, NOW)
    assert recovery.intents[APP].settles is outcome


@pytest.mark.parametrize(
    ("by_other", "outcome"), [(True, IntentResolution.GIVEN_UP), (False, IntentResolution.LOST)]
)
def test_a_name_speaks_where_our_number_is_not_known(by_other, outcome):
    ledger = Ledger("s", "l", pending=Pending(intents={APP: INTENT}))
    lives = {"new": app("new", created_by="7", creator="b@x.test", by_other=by_other)}
    recovery = recover(ledger, Snapshot({("databricks", "oauth_apps"): lives}), KINDS, NOW)
    assert recovery.intents[APP].settles is outcome


def test_what_another_stack_has_on_record_is_no_stray_of_ours():
    providers = {"databricks": ProviderSpec("databricks", "databricks", "https://a.example.org", "acc")}
    stack = Stack("s", "s.yaml", providers, {APP: Resource(APP, "databricks", {**SENT, "scopes": ["sql"]})})
    snapshot = Snapshot({("databricks", "oauth_apps"): {"new": app("new")}})
    ledger = Ledger("s", "l", pending=Pending(intents={APP: INTENT}))
    theirs = {(providers["databricks"].system, "oauth_apps", "new"): "twin"}
    cleared = [
        change.clears
        for claims in ({}, theirs)
        for change in make_plan(
            stack, ledger, pair(stack, ledger, snapshot, KINDS, NOW, Rivals(claims)), KINDS, Options(NOW)
        ).changes
    ]
    assert cleared == [("new",), ()]


def test_a_stray_that_somebody_refers_to_stays_and_goes_on_record():
    used = Live("new", "k", SENT, {"client_id": "cid"}, created_at="2026-01-01T00:00:10Z")
    foreign = Live("g", "foreign", {"name": "foreign", "config": {"client_id": "cid"}})
    snapshot = Snapshot(
        {("databricks", "oauth_apps"): {"new": used}, ("connect", "connect_integrations"): {"g": foreign}}
    )
    ledger = Ledger("s", "l", pending=Pending(intents={APP: INTENT}))
    wanted = {APP: Resource(APP, "databricks", {**SENT, "scopes": ["sql"]})}
    providers = {
        "databricks": ProviderSpec("databricks", "databricks", "https://accounts.example.org", "acc"),
        "connect": ProviderSpec("connect", "connect", "https://connect.example.org"),
    }
    stack = Stack("s", "s.yaml", providers, wanted)
    plan = make_plan(stack, ledger, pair(stack, ledger, snapshot, KINDS, NOW), KINDS, Options(NOW))
    (change,) = plan.changes
    assert (change.clears, change.removes, change.spares) == ((), (), ("new",))
    assert [problem.code for problem in plan.problems] == [
        "credential-nowhere",
        "no-custody",
        "still-in-use",
    ]
    draft = LedgerDraft(ledger)
    settled_before(change, proven_dead=True, now="")(draft)
    assert [former.id for former in draft.entries[APP].formers] == ["new"]
    assert not draft.intents


@pytest.mark.parametrize(
    ("before", "outcome"), [(("7",), IntentResolution.GIVEN_UP), ((), IntentResolution.FOUND)]
)
def test_a_principal_that_was_there_before_is_not_what_a_lost_create_made(
    before: tuple[str, ...], outcome: IntentResolution
) -> None:
    address = Address("service_principals", "k")
    sent = {"display_name": "k"}
    intent = replace(INTENT, kind="service_principals", before=before, sent=sent)
    there = Live("7", "k", attributes=sent)  # the API tells of no principal when it was made
    snapshot = Snapshot({("databricks", "service_principals"): {"7": there}})
    ledger = Ledger("s", "l", pending=Pending({address: intent}))
    assert recover(ledger, snapshot, KINDS, NOW).intents[address].settles is outcome


@pytest.mark.parametrize(("lifetime", "is_ours"), [(1000, True), (1060, False)])
def test_a_secret_is_known_by_its_exact_lifetime(lifetime: int, is_ours: bool) -> None:
    address = Address("service_principals", "k", "client_secret")
    intent = replace(INTENT, kind="service_principals.client_secret", parent="7", tag=1000, sent={})
    made = datetime(2026, 1, 1, 0, 0, 10, tzinfo=timezone.utc)
    there = Live(
        "x",
        "",
        {},
        parent="7",
        created_at=made.isoformat(),
        expires_at=(made + timedelta(seconds=lifetime)).isoformat(),
    )
    snapshot = Snapshot({("databricks", "service_principals.client_secret"): {"x": there}})
    ledger = Ledger("s", "l", pending=Pending({address: intent}))
    expected = IntentResolution.LOST if is_ours else IntentResolution.GIVEN_UP
    assert recover(ledger, snapshot, KINDS, NOW).intents[address].settles is expected


@pytest.mark.parametrize(("minutes", "is_late"), [(14, True), (16, False)])
def test_a_late_app_is_swept_for_a_quarter_of_an_hour_and_asked_about_then(
    minutes: int, is_late: bool
) -> None:
    made = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    late = app("new", created_by="7", created_at=made.isoformat())
    snapshot = Snapshot({("databricks", "oauth_apps"): {"new": late}})
    tombstone = Tombstone(APP, INTENT, "2026-01-01T00:00:00Z", False)
    ours = Entry("databricks", "old", "old", Origin.CREATED, created_by="7")
    ledger = Ledger("s", "l", entries={OLD: ours}, pending=Pending(given_up=(tombstone,)))
    found = recover(ledger, snapshot, KINDS, NOW)
    assert (APP in found.late, APP in found.troubles) == (is_late, not is_late)


@pytest.mark.parametrize("contents", ["0", "2"])
def test_a_late_integration_goes_if_no_content_has_got_it_however_many_have_got_ours(contents: str) -> None:
    address, sent = Address("connect_integrations", "k"), {"name": "k", "template": "github"}
    intent = replace(INTENT, kind=address.kind, provider="connect", sent=sent)
    there = Live("new", "k", sent, {"content_count": contents}, created_at="2026-01-01T00:00:10Z")
    provider = ProviderSpec("connect", "connect", "https://connect.example.org")
    ours = Live("own", "k", sent, {"content_count": "5"}, created_at="2025-01-01T00:00:10Z")
    stack = Stack("s", "s.yaml", {"connect": provider}, {address: Resource(address, "connect", sent)})
    ledger = Ledger(
        "s",
        "l",
        entries={address: Entry("connect", "own", "k", Origin.CREATED)},
        pending=Pending(given_up=(Tombstone(address, intent, "2026-01-01T00:00:00Z"),)),
    )
    snapshot = Snapshot({("connect", "connect_integrations"): {"new": there, "own": ours}})
    for due in (False, True):
        plan = make_plan(
            stack, ledger, pair(stack, ledger, snapshot, KINDS, NOW), KINDS, Options(NOW, due=due)
        )
        (change,) = plan.changes
        assert (change.needs_approval, change.clears) == (False, ("new",) if contents == "0" else ())
