"""What `lifecycle.ignore` leaves alone, from the adoption on to the day when it is taken out."""

from __future__ import annotations

import json
from typing import Any

HOST = "cust-success.cloud.databricks.com"


def _made_by_hand(inside: Any) -> str:
    config = {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": HOST,
        "client_id": "their-app",
        "client_secret": "their-secret",
    }
    body = {"name": "theirs", "template": "databricks", "config": config}
    guid: str = inside.connect("POST", "oauth/integrations", body)["guid"]
    return guid


def _want(guid: str, *ignore: str, **config: str) -> dict[str, Any]:
    said = {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": HOST,
        "client_id": "their-app",
        "client_secret": "${env.THEIR_SECRET}",
        **config,
    }
    lifecycle = {"adopt": guid, "ignore": list(ignore)}
    return {
        "connect_integrations": {"theirs": {"template": "databricks", "config": said, "lifecycle": lifecycle}}
    }


def test_an_ignored_secret_stays_as_it_is_until_it_is_taken_out_of_ignore(inside: Any) -> None:
    guid = _made_by_hand(inside)
    inside.write(_want(guid, "config.client_secret"))
    assert inside.run("validate", "specs/stack.yaml", "--format", "json").json["findings"] == []
    assert inside.actions() == {"connect_integrations.theirs": "adopt"}
    before = inside.writes()
    inside.apply()
    assert inside.writes() == before
    assert inside.remembered()["connect_integrations.theirs"].get("deliveries", {}) == {}
    assert inside.is_settled()

    inside.write(_want(guid))
    inside.run("apply", "specs/stack.yaml", "--yes", env={"THEIR_SECRET": "new-secret-of-theirs"})
    assert inside.writes()[len(before) :] == [f"PATCH oauth/integrations/{guid}"]
    assert inside.is_settled()


def test_an_edit_beside_an_ignored_field_leaves_it_alone(inside: Any) -> None:
    guid = _made_by_hand(inside)
    inside.write(
        _want(guid, "config.client_secret", "config.workspace_host", workspace_host="${env.UNSET_HOST}")
    )
    inside.apply()
    inside.connect("PATCH", f"oauth/integrations/{guid}", {"description": "of somebody else"})
    want = _want(guid, "config.client_secret", "config.workspace_host", workspace_host="${env.UNSET_HOST}")
    want["connect_integrations"]["theirs"]["description"] = "ours"
    inside.write(want)
    inside.apply()
    live = inside.connect("GET", f"oauth/integrations/{guid}")
    assert (live["description"], live["config"]["workspace_host"]) == ("ours", HOST)
    assert "ignored-edit" not in inside.run("plan", "specs/stack.yaml").text
    inside.run("plan", "specs/stack.yaml", env={"UNSET_HOST": "other.cloud.databricks.com"}).says(
        "config.workspace_host: live differs from the spec"
    )


def test_a_policy_that_is_sent_whole_leaves_out_what_is_ignored(inside: Any) -> None:
    policy = {"access_token_ttl_in_minutes": 20, "refresh_token_ttl_in_minutes": 80}
    made = inside.new_app(
        name="theirs", redirect_urls=["https://a.example.org/cb"], token_access_policy=policy
    )
    wanted = {
        "name": "theirs",
        "scopes": ["all-apis", "offline_access"],
        "redirect_urls": ["https://a.example.org/cb"],
        "token_access_policy": {"access_token_ttl_in_minutes": 10, "refresh_token_ttl_in_minutes": 90},
        "lifecycle": {
            "adopt": made["integration_id"],
            "ignore": ["token_access_policy.access_token_ttl_in_minutes"],
        },
    }
    inside.write({"oauth_apps": {"app": wanted}})
    inside.apply()
    left = inside.databricks("GET", f"oauth2/custom-app-integrations/{made['integration_id']}")
    assert left["token_access_policy"] == {
        "access_token_ttl_in_minutes": 20,
        "refresh_token_ttl_in_minutes": 90,
    }
    assert inside.is_settled()
    applied = inside.remembered()["oauth_apps.app"]["applied"]
    assert applied["token_access_policy"] == {"refresh_token_ttl_in_minutes": 90}
    assert "No drift" in inside.run("drift", "specs/stack.yaml").text


def test_what_has_to_be_made_needs_what_is_ignored(inside: Any) -> None:
    guid = _made_by_hand(inside)
    want = _want(guid, "config.client_secret", "config.workspace_host", workspace_host="${env.UNSET_HOST}")
    del want["connect_integrations"]["theirs"]["lifecycle"]["adopt"]
    want["connect_integrations"]["theirs"]["name"] = "another"
    inside.write(want)
    assert inside.actions(code=1) == {"connect_integrations.theirs": "blocked"}
    with_host = {"UNSET_HOST": HOST}
    planned = inside.run("plan", "specs/stack.yaml", "--format", "json", env=with_host).json
    assert [change["action"] for change in planned["changes"]] == ["create"]
    assert "env-unset" in [finding["code"] for finding in planned["findings"]]
    with inside.untouched():
        inside.run("apply", "specs/stack.yaml", "--yes", code=1, env=with_host).says("THEIR_SECRET")


def test_a_recorded_plan_holds_wherever_an_ignored_variable_is_set(inside: Any) -> None:
    guid = _made_by_hand(inside)
    inside.write(
        _want(guid, "config.workspace_host", "config.client_secret", workspace_host="${env.THE_HOST}")
    )
    inside.run("plan", "specs/stack.yaml")
    inside.run("apply", "--yes", env={"THE_HOST": HOST})
    assert json.loads(inside.ledger.read_text())["resources"]["connect_integrations.theirs"]["id"] == guid
