"""Words that people stumbled over: each is said once, where it is true, in every format."""

from __future__ import annotations

import pytest

from reconciler.errors import SpecError
from reconciler.model import Action, Address, Cause, FieldChange, Outcome, Status
from reconciler.providers import KINDS
from reconciler.rendering import FORMATS, Applied, Look
from reconciler.rendering.html.page import said
from reconciler.rendering.safe_markdown import prose
from reconciler.specs import load

SECRET = "service_principals.robot.client_secret"
SERVICE = "connect_integrations.service"
PEOPLE = ("text", "markdown", "html")
for_people = pytest.mark.parametrize("form", PEOPLE)


def shown(form, plan):
    return FORMATS[form].plan(plan, Look())


@for_people
def test_a_rotation_says_at_its_head_what_it_renews_and_for_whom(make, form):
    rotated = make.change(SECRET, Action.ROTATE, id="s1", reason="asked for on the command line")
    plan = make.plan(
        rotated,
        make.change(SERVICE, Action.UPDATE, id="g"),
        targets=(Address.parse(SERVICE),),
        replaces=(Address.parse(SECRET),),
    )
    text = shown(form, plan)
    assert "enews" in text
    assert text.index("enews") < text.index("asked for on the command line")


@for_people
def test_what_is_made_again_says_once_why_and_not_on_each_line(make, form):
    fields = tuple(FieldChange(name, None, "x", Cause.DRIFT) for name in ("name", "scopes", "confidential"))
    made = make.change("oauth_apps.a", reason="it was deleted outside of this stack", fields=fields)
    text = shown(form, make.plan(made))
    assert "it was deleted outside of this stack" in text
    assert "drift" not in text.replace("reconcile drift", "").partition("<body")[2 if form == "html" else 0]


@for_people
def test_a_destroy_ends_in_the_order_in_which_it_deletes(make, form):
    order = [SERVICE, SECRET, "service_principals.robot"]
    plan = make.plan(*(make.change(a, Action.DELETE, id="x") for a in order), destroys=True)
    outcomes = tuple(Outcome(Address.parse(a), Action.DELETE, Status.DONE, "x") for a in order)
    text = FORMATS[form].outcomes(Applied(plan, outcomes), Look())
    ends = text if form == "text" else text[text.index("eleted") :] if "eleted" in text else text
    places = [text.index(f"{address}{' ' if form == 'text' else ''}") for address in order]
    assert places == sorted(places), ends


def test_the_one_way_to_say_a_missing_key_is_the_line_to_add(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(
        "stack: s\nproviders: {databricks: {type: databricks}}\noauth_apps: {a: {scopes: [sql]}}\n"
    )
    with pytest.raises(SpecError) as raised:
        load(file, KINDS, environment={})
    assert "add the line version: 1" in [problem.hint for problem in raised.value.problems]


def test_what_stands_in_backticks_is_one_span_of_code():
    assert prose("write `adopt: {id: 1}`, or `a|b`") == "write `adopt: {id: 1}`, or `a|b`"
    assert said("write `a: <b>`") == "write <code>a: &lt;b&gt;</code>"
