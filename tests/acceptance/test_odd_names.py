"""Names that no spec can hold: where nothing has to be written, they are in nobody's way."""

from __future__ import annotations

import io
from typing import Any

import pytest
import yaml

HOST = "cust-success.cloud.databricks.com"
ODD = {"empty": "", "control": "a\x07b\x1b[31m", "newline": "one\ntwo", "turned": "a\u202eb", "blank": "  "}
odd_names = pytest.mark.parametrize("name", ODD.values(), ids=ODD)
LOOKS = (("plan",), ("drift",), ("verify",), ("audit", "--fail-on", "never"), ("ledger", "show"))
CONFIG = {
    "auth_type": "Viewer",
    "auth_mode": "Confidential",
    "workspace_host": HOST,
    "client_id": "their-app",
    "client_secret": "their-secret",
}


def _made_by_hand(inside: Any, name: str, client_id: str = "their-app") -> str:
    config = {**CONFIG, "client_id": client_id}
    made = inside.connect(
        "POST", "oauth/integrations", {"name": "theirs", "template": "databricks", "config": config}
    )
    inside.connect("PATCH", f"oauth/integrations/{made['guid']}", {"name": name})
    guid: str = made["guid"]
    return guid


def _read_only_commands(inside: Any) -> None:
    """Every command that looks, in every format; none may write or give a name to the terminal as it is."""
    with inside.untouched():
        for command in LOOKS:
            for form in ("text", "json", "markdown", "html") if command[0] != "ledger" else ("text", "json"):
                ended = inside.run(*command, "specs/stack.yaml", "--format", form)
                assert not set(ended.text) & {"\x07", "\x1b", "\u202e"}, command


@odd_names
def test_a_foreign_integration_of_any_name_is_in_nobodys_way(inside: Any, name: str) -> None:
    _made_by_hand(inside, name)
    inside.write(inside.viewers())
    inside.apply()
    _read_only_commands(inside)
    assert inside.is_settled()


@odd_names
def test_an_integration_of_any_name_is_adopted_by_its_id_and_left_as_it_is(inside: Any, name: str) -> None:
    guid = _made_by_hand(inside, name)
    lifecycle = {"adopt": guid, "ignore": ["config.client_secret"]}
    config = {**CONFIG, "client_secret": "${env.THEIR_SECRET}"}
    wanted = {"template": "databricks", "config": config, "lifecycle": lifecycle}
    inside.write({"connect_integrations": {"theirs": wanted}})
    assert inside.actions() == {"connect_integrations.theirs": "adopt"}
    before = inside.writes()
    inside.apply()
    assert inside.writes() == before
    _read_only_commands(inside)
    assert inside.is_settled()


@odd_names
def test_an_owned_integration_that_got_any_name_is_renamed_back_or_let_go(inside: Any, name: str) -> None:
    inside.write(inside.viewers())
    inside.apply()
    guid = inside.integrations()["Viewer"]["guid"]
    inside.connect("PATCH", f"oauth/integrations/{guid}", {"name": name})
    want = inside.viewers()
    del want["connect_integrations"]["viewer"]["name"]  # a key isn't compared
    inside.write(want)
    assert "No changes" in inside.run("plan", "specs/stack.yaml").out
    inside.run("drift", "specs/stack.yaml", code=2)
    inside.write(inside.viewers())
    assert inside.actions() == {"connect_integrations.viewer": "update"}
    inside.apply()
    assert inside.connect("GET", f"oauth/integrations/{guid}")["name"] == "Viewer"
    assert inside.is_settled()


@odd_names
def test_a_foreign_user_of_any_name_keeps_its_app(inside: Any, name: str) -> None:
    inside.write(inside.viewers())
    inside.apply()
    guid = _made_by_hand(inside, name, inside.apps()["app"]["client_id"])
    inside.write({"service_principals": {"other": {}}})
    waiting = inside.run("plan", "specs/stack.yaml").says("still-in-use", guid)
    assert not set(waiting.text) & {"\x07", "\x1b", "\u202e"}
    inside.approve()
    assert "app" in inside.apps()


@odd_names
def test_an_export_of_any_name_is_adopted_without_a_change(inside: Any, name: str) -> None:
    guid = _made_by_hand(inside, name)
    inside.write({"service_principals": {"other": {}}})
    said = inside.run("export", "specs/stack.yaml", "-o", "specs/estate.yaml")
    (written,) = yaml.safe_load(io.StringIO((inside.folder / "specs/estate.yaml").read_text()))[
        "connect_integrations"
    ].values()
    assert written["lifecycle"]["adopt"] == guid
    planned = inside.run("plan", "specs/estate.yaml", "--format", "json").json
    assert [(change["action"], change["id"]) for change in planned["changes"]] == [("adopt", guid)]
    assert not set(said.text) & {"\x07", "\x1b", "\u202e"}
