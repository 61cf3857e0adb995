"""What came of an apply."""

import pytest

from reconciler.model import Action, Lifecycle, Outcome, ReplaceOrder, Status
from reconciler.rendering import Applied
from reconciler.rendering.json_documents import outcomes_json
from reconciler.rendering.text import outcomes_text


@pytest.fixture
def applied(make):
    changes = [
        make.change("oauth_apps.posit-connect"),
        make.change(
            "oauth_apps.exclusive", Action.REPLACE, lifecycle=Lifecycle(replace=ReplaceOrder.DELETE_FIRST)
        ),
        make.change("connect_integrations.viewer", Action.UPDATE),
        make.change("connect_integrations.service"),
        make.change("connect_integrations.ambiguous", Action.BLOCKED),
        make.change("oauth_apps.fine", Action.NO_OP),
        make.change("oauth_apps.fine-too", Action.NO_OP),
    ]
    address = {change.address.key: change.address for change in changes}
    outcomes = [
        Outcome(address["posit-connect"], Action.CREATE, Status.DONE, "a1", seconds=0.42),
        Outcome(address["exclusive"], Action.REPLACE, Status.DONE, "a2", seconds=75.0),
        Outcome(
            address["viewer"],
            Action.UPDATE,
            Status.FAILED,
            "g1",
            "PATCH /v1/oauth/integrations/g1: 400, invalid workspace host (code 4)",
            0.1,
        ),
        Outcome(
            address["service"],
            Action.CREATE,
            Status.SKIPPED,
            error="depends on connect_integrations.viewer, which failed",
        ),
        Outcome(
            address["ambiguous"],
            Action.BLOCKED,
            Status.SKIPPED,
            error="two live integrations have its name: 1111, 2222",
        ),
    ]
    return make.plan(*changes), outcomes


def test_every_change_tells_how_it_ended(applied, golden):
    golden("outcomes", outcomes_text(Applied(*applied)))


def test_applying_nothing_says_so(make):
    assert outcomes_text(Applied(make.plan(), [])) == "Applied: nothing to do.\n"


def test_json_counts_what_was_done_by_action_and_what_was_not(applied):
    document = outcomes_json(Applied(*applied))
    assert list(document) == ["format", "stack", "summary", "results"]
    assert document["summary"] == {
        "create": 1,
        "adopt": 0,
        "update": 0,
        "replace": 1,
        "rotate": 0,
        "delete": 0,
        "forget": 0,
        "blocked": 1,
        "no_op": 2,
        "failed": 1,
        "skipped": 1,
    }
    assert document["results"][2] == {
        "address": "connect_integrations.viewer",
        "action": "update",
        "status": "failed",
        "id": "g1",
        "error": "PATCH /v1/oauth/integrations/g1: 400, invalid workspace host (code 4)",
        "seconds": 0.1,
    }
    assert document["results"][0]["error"] is None
