"""Drift, and what `ledger show` tells."""

import json

import pytest

from reconciler.model import (
    Action,
    Address,
    Credential,
    CredentialState,
    Entry,
    FieldChange,
    Intent,
    Ledger,
    Origin,
    Pending,
    Runner,
    Superseded,
    Tombstone,
)
from reconciler.rendering import Drift
from reconciler.rendering.drift import drift_json, drift_text
from reconciler.rendering.ledger import ledger_json, ledger_text

APP = Address("oauth_apps", "posit-connect")
RUNNER = Runner("ana", "ci-7", "b", 4711, "99")


@pytest.fixture
def drifted(make):
    return [
        make.change(
            "oauth_apps.posit-connect",
            Action.UPDATE,
            id="a1",
            reason="changed outside of this stack",
            fields=(FieldChange("scopes", ["sql"], ["sql", "all-apis"]),),
        ),
        make.change(
            "connect_integrations.viewer", Action.DELETE, id="g1", name="Viewer", reason="it is gone"
        ),
        make.change("oauth_apps.fine", Action.NO_OP),
    ]


@pytest.fixture
def ledger():
    secret = Credential(
        CredentialState.HELD,
        "5a17",
        "f1a9",
        "2027-01-01T00:00:00Z",
        sealed="-----BEGIN AGE ENCRYPTED FILE-----",
    )
    app = Entry(
        "databricks",
        "a1b2",
        "posit-connect",
        Origin.CREATED,
        applied={"scopes": ["from-the-environment"]},
        credential=Credential(CredentialState.HELD, "5a17", "f1a9"),
        created_at="2026-01-01T00:00:00Z",
        formers=(Superseded("a0", revoke_after="2026-01-08T00:00:00Z"),),
    )
    viewer = Entry("connect", "g1", "Viewer", Origin.ADOPTED, depends_on=(APP,))
    token = Entry("databricks", "s1", "", Origin.CREATED, parent="42", credential=secret)
    intent = Intent("i1", "oauth_apps", "databricks", "2026-01-02T00:00:00Z", RUNNER, "create")
    lost = Address("oauth_apps", "lost")
    given_up = Tombstone(lost, intent, "2026-01-02T00:01:00Z")
    return Ledger(
        "prod",
        "5f0c2d7e-0000-4000-8000-000000000001",
        7,
        remotes={"databricks": "databricks account 7a99", "connect": "https://connect.example.org"},
        entries={
            Address("service_principals", "nightly", "client_secret"): token,
            APP: app,
            Address("connect_integrations", "viewer"): viewer,
        },
        pending=Pending({Address("oauth_apps", "next"): intent}, (given_up,)),
    )


def test_drift_goes_from_last_applied_to_live(drifted, golden):
    golden("drift", drift_text(Drift("prod", drifted)))


def test_no_drift_is_said_in_a_sentence():
    assert drift_text(Drift("prod", [])) == "No drift. Live is as it was last applied.\n"


def test_drift_as_json_tells_changed_from_gone(drifted):
    changed, gone = drift_json(Drift("prod", drifted))["drift"]
    assert changed["what"] == "changed"
    assert changed["fields"] == [{"path": "scopes", "applied": ["sql"], "live": ["sql", "all-apis"]}]
    assert (gone["what"], gone["id"]) == ("gone", "g1")


def test_a_ledger_shows_what_is_owned_and_what_is_open(ledger, golden, make):
    golden("ledger", ledger_text(make.view(ledger)))


def test_an_empty_ledger_is_shown_too(make):
    assert ledger_text(make.view(Ledger("prod", "x"))).endswith("0 owned, 0 unsettled.\n")


def test_a_ledger_as_json_holds_the_same(ledger, golden, make):
    golden("ledger-json", json.dumps(ledger_json(make.view(ledger)), indent=2) + "\n")


def test_marks_sealed_copies_and_attributes_are_never_shown(ledger, make):
    for shown in (ledger_text(make.view(ledger)), json.dumps(ledger_json(make.view(ledger)))):
        for hidden in ("5a17", "f1a9", "BEGIN AGE", "from-the-environment"):
            assert hidden not in shown
