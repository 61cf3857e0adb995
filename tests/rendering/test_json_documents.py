"""What programs read: keys, their order, and nothing that is secret."""

import json

import pytest

from reconciler.errors import Location, Problem, Severity, SpecError, StaleError
from reconciler.model import Action, Address, Change, FieldChange, Ref, SecretInput, Sourced, Unknown
from reconciler.rendering import FORMATS, Applied, Drift, Look, dumps, plan_json
from reconciler.rendering.json_documents import errors_json, problems_json
from reconciler.rendering.text import plan_text
from reconciler.secrets import Secret

VALUE = "dose-of-reality-1234"
PROBLEM = Problem(
    Severity.WARNING,
    "offline-access",
    "no offline_access",
    "oauth_apps.a",
    Location("s.yaml", 12, 3),
    "add it",
)


@pytest.fixture
def plan(make):
    app = Address("oauth_apps", "a")
    return make.plan(
        make.change(
            "connect_integrations.viewer",
            Action.UPDATE,
            id="g1",
            name="Viewer",
            depends_on=(app,),
            live_digest="sha256:1",
            reason="client_secret: last delivered value differs",
            fields=(
                FieldChange("config.client_id", "x", Unknown(Ref(app, "client_id"))),
                FieldChange(
                    "config.client_secret", "(sensitive)", SecretInput("env S", "${env.S}", Secret(VALUE))
                ),
                FieldChange(
                    "config.nested",
                    None,
                    {"key": [Secret(VALUE)], "from": Sourced("env A", VALUE, "${env.A}")},
                ),
            ),
        ),
        make.change("oauth_apps.fine", Action.NO_OP, id="445566"),
        problems=(PROBLEM,),
    )


def test_a_plan_has_the_keys_of_the_contract_in_their_order(plan, golden):
    golden("plan-json", json.dumps(plan_json(plan), indent=2) + "\n")


def test_no_ops_are_listed_only_when_asked_for(plan):
    assert [change["action"] for change in plan_json(plan)["changes"]] == ["update"]
    assert [change["action"] for change in plan_json(plan, Look(verbose=True))["changes"]] == [
        "update",
        "no_op",
    ]
    assert plan_json(plan)["summary"]["no_op"] == 1


def test_a_secret_has_no_text_form_in_any_format(plan):
    for shown in (dumps(plan_json(plan)), plan_text(plan), *(f.plan(plan, Look()) for f in FORMATS.values())):
        assert VALUE not in shown
        assert "(sensitive)" in shown
        assert "(env A)" in shown
        assert "(known after apply)" in shown


def test_a_create_has_no_before_and_a_delete_no_after(make):
    made = make.change("oauth_apps.a", fields=(FieldChange("scopes", None, ["sql"]),))
    gone = make.change("oauth_apps.b", Action.DELETE, id="1", fields=(FieldChange("scopes", ["sql"], None),))
    create, delete = plan_json(make.plan(made, gone))["changes"]
    assert (create["id"], create["fields"][0]["before"]) == (None, None)
    assert delete["fields"][0]["after"] is None


def test_validation_has_a_place_as_one_text():
    assert problems_json([PROBLEM]) == {
        "format": "reconcile.validation/1",
        "findings": [
            {
                "severity": "warning",
                "code": "offline-access",
                "address": "oauth_apps.a",
                "message": "no offline_access; add it",
                "at": "s.yaml:12:3",
            }
        ],
    }


def test_errors_are_every_problem_of_every_error():
    document = errors_json([SpecError([PROBLEM]), StaleError("moved")])
    assert [error["code"] for error in document["errors"]] == ["offline-access", "stale"]
    assert document["errors"][1] == {"code": "stale", "message": "moved", "address": None, "at": None}


@pytest.mark.parametrize("name", ["text", "json"])
def test_a_format_ends_every_document_with_one_newline(name, make):
    form = FORMATS[name]
    shown = [
        form.plan(make.plan(), Look()),
        form.outcomes(Applied(make.plan(), []), Look()),
        form.errors([StaleError("moved")], Look()),
        form.problems([PROBLEM], Look()),
        form.drift(Drift("prod", []), Look()),
    ]
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in shown)


def test_a_json_document_is_one_line(make):
    assert FORMATS["json"].plan(make.plan(make.change("oauth_apps.a")), Look()).count("\n") == 1


def test_a_live_object_stays_out_of_the_visible_plan(make):
    change = make.change("oauth_apps.a")
    assert isinstance(change, Change)
    assert "live" not in plan_json(make.plan(change))["changes"][0]
