"""Sealed copies where not everybody has the private key: a plan promises what the next apply does."""

from __future__ import annotations

import json

import pyrage
import pytest

from .conftest import SPEC

PLANNED = {"connect_integrations.viewer": "update"}


@pytest.fixture
def key(inside):
    found = pyrage.x25519.Identity.generate()
    inside.write(inside.viewers(), secrets={"recipients": [str(found.to_public())]})
    inside.env["RECONCILE_AGE_KEY"] = str(found)
    inside.apply()
    return str(found)


def _touch(inside, **body):
    """Somebody writes to the integration; without any difference that shows, if nothing is said."""
    guid = inside.integrations()["Viewer"]["guid"]
    inside.connect("PATCH", f"oauth/integrations/{guid}", body or {"name": "Viewer"})


def test_after_an_apply_without_the_key_nothing_is_planned_and_with_the_key_it_is_delivered(inside, key):
    _touch(inside)
    assert inside.actions() == PLANNED
    del inside.env["RECONCILE_AGE_KEY"]
    writes = inside.writes()
    inside.apply().says("secret-unverified")
    assert inside.is_settled()
    with inside.untouched():
        inside.apply().says("secret-unverified")
    assert inside.writes() == writes

    inside.env["RECONCILE_AGE_KEY"] = key
    assert inside.is_settled()  # whoever plans, the plan is the same
    inside.apply().says("1 updated")
    assert inside.is_settled()
    _touch(inside)
    assert inside.actions() == PLANNED


def test_what_else_changed_is_put_right_without_the_key(inside, key):
    _touch(inside, description="theirs")
    want = inside.viewers()
    want["connect_integrations"]["viewer"]["description"] = "ours"
    recipients = json.loads((inside.folder / SPEC).read_text())["secrets"]
    inside.write(want, secrets=recipients)
    del inside.env["RECONCILE_AGE_KEY"]
    inside.apply().says("1 updated")
    assert inside.integrations()["Viewer"]["description"] == "ours"
    assert inside.is_settled()


@pytest.mark.parametrize("saved", [(), ("the.plan.json",)])
def test_a_plan_that_hands_over_a_copy_is_applied_with_the_key_or_not_at_all(inside, key, saved):
    _touch(inside)
    inside.run("plan", SPEC, *(("-o", *saved) if saved else ()))
    del inside.env["RECONCILE_AGE_KEY"]
    with inside.untouched():
        inside.run("apply", *saved, "--yes", code=1).says("copy-sealed", "RECONCILE_AGE_KEY")
    inside.env["RECONCILE_AGE_KEY"] = key
    inside.run("apply", *saved, "--yes").says("1 updated")
    assert inside.wiring()["Viewer"]["valid"]


def test_a_saved_plan_does_no_more_than_it_says_though_the_key_came(inside, key):
    want = inside.viewers()
    want["connect_integrations"]["viewer"]["description"] = "ours"
    recipients = json.loads((inside.folder / SPEC).read_text())["secrets"]
    _touch(inside)
    del inside.env["RECONCILE_AGE_KEY"]
    inside.apply()
    inside.write(want, secrets=recipients)
    shown = inside.run("plan", SPEC, "-o", "the.plan.json", "--format", "json").json["changes"]
    assert [field["path"] for change in shown for field in change["fields"]] == ["description"]
    inside.env["RECONCILE_AGE_KEY"] = key
    inside.run("apply", "the.plan.json", "--yes").says("1 updated")
    assert inside.is_settled()


def test_a_destroy_needs_no_secret(inside, key):
    want = inside.viewers()
    config = want["connect_integrations"]["viewer"]["config"]
    config["client_secret"] = "${env.ITS_SECRET}"
    inside.write(want)
    inside.run("apply", SPEC, "--yes", env={"ITS_SECRET": "from a vault, once"})
    asked = inside.run("destroy", SPEC, code=3)
    digest = next(word for word in asked.out.split() if word.startswith("sha256:"))
    inside.run("destroy", SPEC, "--approve", digest)
    assert inside.apps() == {}
