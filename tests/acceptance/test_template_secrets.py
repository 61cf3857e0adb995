"""What the server's template calls secret is a secret, whatever its name sounds like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from reconciler.sandbox.connect.templates import TEMPLATES, Key, Template
from reconciler.sandbox.credentials import digest

SPEC = "specs/stack.yaml"
ACME = Template("acme", "Acme", (Key("region"), Key("licence", secret=True)))
FIRST, SECOND = "first-licence-of-ours", "second-licence-of-ours"
FORMATS = ("text", "json", "markdown", "html")


@pytest.fixture
def acme(inside: Any) -> Iterator[Any]:
    config = {"region": "${env.REGION}", "licence": "${env.LICENCE}"}
    inside.write({"connect_integrations": {"a": {"template": "acme", "config": config}}})
    inside.env |= {"REGION": "far-away", "LICENCE": FIRST}
    inside.known_secrets |= {FIRST, SECOND}  # looked for in all that is said and written
    with mock.patch.dict(TEMPLATES, {"acme": ACME}):
        yield inside


def delivered(place: Any) -> str:
    rows = [row for server in place.sandbox.state.servers.values() for row in server.integrations.table]
    (row,) = [row for row in rows if row["template"] == "acme"]
    return row["_secrets"]["licence"]


def test_it_is_planned_as_a_secret_delivered_and_settled(acme):
    for form in FORMATS:
        acme.run("plan", SPEC, "--format", form).says("sensitive", "REGION")
    acme.apply()
    assert acme.is_settled()
    entry = acme.remembered()["connect_integrations.a"]
    assert set(entry["applied"]["config"]) == {"region"}
    assert set(entry["deliveries"]) == {"config.licence"}
    acme.env["LICENCE"] = SECOND
    (field,) = acme.plan()["changes"][0]["fields"]
    assert (field["path"], field["after"]) == ("config.licence", "(sensitive)")
    acme.run("plan", SPEC, "-o", "saved.plan")
    acme.run("apply", "saved.plan", "--yes", env={"LICENCE": FIRST}, code=4)
    acme.run("apply", "saved.plan", "--yes")
    assert acme.is_settled()


def test_no_command_tells_it(acme):
    for form in FORMATS:
        for command in ("validate", "plan", "drift"):
            acme.run(command, SPEC, "--format", form, "-v")
    acme.apply("-v")
    for form in FORMATS:
        acme.run("ledger", "show", SPEC, "--format", form)
        acme.run("drift", SPEC, "--format", form)
    assert delivered(acme) == digest(FIRST)  # it is in no output or file, and yet it arrived


def test_what_was_taken_for_plain_before_the_server_said_so_is_delivered_again_as_a_secret(acme):
    with mock.patch.dict(TEMPLATES, {"acme": Template("acme", "Acme", (Key("region"), Key("licence")))}):
        acme.apply()
    assert acme.actions() == {"connect_integrations.a": "update"}
    acme.apply()
    assert acme.is_settled()
    assert set(acme.remembered()["connect_integrations.a"]["applied"]["config"]) == {"region"}
