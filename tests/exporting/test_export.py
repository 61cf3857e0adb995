"""What an export takes, what it leaves out, how it says what is odd, and what it never does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import certifi
import yaml

from reconciler import sandbox as box
from tests.places import CALLBACK, URL, Place

from .conftest import keeps_the_promise

APP = "11111111-0000-4000-8000-00000000000"
GUID = "0b5e4a0e-1111-4222-8333-00000000000"


def app(number: int, **more: Any) -> dict[str, Any]:
    return {
        "integration_id": f"{APP}{number}",
        "client_id": f"c-{number}",
        "name": f"app {number}",
        "confidential": True,
        "redirect_urls": [CALLBACK],
        "scopes": ["all-apis", "offline_access"],
        **more,
    }


def viewer(number: int, client: str, **more: Any) -> dict[str, Any]:
    config = {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": "x.example",
        "client_id": client,
    }
    made = {"guid": f"{GUID}{number}", "name": f"viewer {number}", "template": "databricks", "config": config}
    return {**made, **more}


def service(number: int, client: str) -> dict[str, Any]:
    config = {"auth_type": "Service Account", "workspace_host": "x.example", "client_id": client}
    return {
        "guid": f"{GUID}{number}",
        "name": f"service {number}",
        "template": "databricks",
        "config": config,
    }


def spec_of(text: str) -> Any:
    return yaml.safe_load(text)


def test_pairs_refer_to_each_other_and_defaults_are_left_out(place: Place) -> None:
    policy = {"access_token_ttl_in_minutes": 60, "refresh_token_ttl_in_minutes": 10080}
    place.load(
        apps=[app(1, token_access_policy=policy)],
        principals=[{"id": "21", "displayName": "robot", "applicationId": "r-1"}],
        secrets={"21": [{"id": "s1"}]},
        integrations=[viewer(1, "c-1"), service(2, "r-1")],
    )
    found = spec_of(place.run("export").out)
    assert found["oauth_apps"]["app-1"] == {
        "name": "app 1",
        "confidential": True,
        "redirect_urls": ["${providers.connect.callback_url}"],
        "scopes": ["all-apis", "offline_access"],
        "lifecycle": {"adopt": f"{APP}1"},
    }
    assert found["service_principals"]["robot"] == {
        "display_name": "robot",
        "client_secret": {},
        "lifecycle": {"adopt": "21"},
    }
    assert found["connect_integrations"]["viewer-1"]["config"] == {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": "x.example",
        "client_id": "${oauth_apps.app-1.client_id}",
        "client_secret": "${oauth_apps.app-1.client_secret}",
    }
    assert found["connect_integrations"]["service-2"]["config"] == {
        "auth_type": "Service Account",
        "workspace_host": "x.example",
        "client_id": "${service_principals.robot.client_id}",
        "client_secret": "${service_principals.robot.client_secret}",
    }


def test_groups_stand_in_the_same_order_in_each_kind(place: Place) -> None:
    place.load(
        apps=[app(1, name="Zeta"), app(2, name="Alpha")],
        integrations=[viewer(1, "c-1", name="A of zeta"), viewer(2, "c-2", name="Z of alpha")],
    )
    text = place.run("export").out
    assert re.findall(r"^  # --- (.*)$", text, re.M) == ["Alpha", "Zeta", "Alpha", "Zeta"]
    place.sandbox.world.knobs = place.sandbox.world.knobs.changed({"shuffle": True})
    assert place.run("export").out == text


def test_what_is_odd_stands_beside_the_object_and_is_summed_up(place: Place) -> None:
    place.load(
        apps=[app(1, redirect_urls=[]), app(2, name="twin"), app(3, name="twin")],
        principals=[
            {"id": "21", "displayName": "off", "applicationId": "r-1", "active": False},
            {"id": "22", "displayName": "bare", "applicationId": "r-2"},
            {"id": "23", "displayName": "many", "applicationId": "r-3"},
        ],
        secrets={"23": [{"id": "s1"}, {"id": "s2"}]},
        integrations=[
            viewer(1, "c-1"),
            viewer(2, "gone"),
            service(3, "r-1"),
            service(4, "r-2"),
            service(5, "r-3"),
        ],
    )
    said = place.run("export", "-o", "e.yaml")
    text = place.read("e.yaml").replace("\n    # ", " ")
    for words in [
        "no live app or service principal has this client_id",
        "2 live objects have this name",
        "whose callback URL isn't listed",
        "no integration that was looked at uses it",
        "it is deactivated",
        "has no live secret",
        "it has 2 secrets",
    ]:
        assert words in text, words
    for line in [
        "client_ids of nobody: connect_integrations.viewer-2",
        "redirect-missing: oauth_apps.app-1",
        "deactivated principals: service_principals.off",
        "principals with several secrets: service_principals.many",
    ]:
        assert line in said.err
    found = spec_of(place.read("e.yaml"))
    assert (
        found["connect_integrations"]["service-5"]["config"]["client_secret"] == "${env.SECRET_OF_SERVICE_5}"
    )
    assert found["connect_integrations"]["service-5"]["lifecycle"]["ignore"] == ["config.client_secret"]
    assert found["oauth_apps"]["app-1"]["lifecycle"]["ignore"] == ["redirect_urls"]


def test_the_tool_itself_and_visitor_keys_are_left_out(place: Place) -> None:
    place.load(
        principals=[{"id": "21", "displayName": "us", "applicationId": box.CLIENT_ID}],
        integrations=[
            {"guid": f"{GUID}1", "name": "keys", "template": "connect", "config": {"max_role": "Admin"}},
            service(2, box.CLIENT_ID),
        ],
    )
    found = spec_of(place.run("export").out)
    assert "service_principals" not in found
    assert list(found["connect_integrations"]) == ["service-2"]
    assert found["connect_integrations"]["service-2"]["config"]["client_id"] == box.CLIENT_ID


def test_a_match_brings_what_it_uses_and_what_uses_it(place: Place) -> None:
    place.load(
        apps=[app(1, name="Sales"), app(2, name="other")],
        integrations=[viewer(1, "c-1", name="one"), viewer(2, "c-2", name="SALES too"), viewer(3, "c-9")],
    )
    found = spec_of(place.run("export", "--match", "sales*").out)
    assert list(found["oauth_apps"]) == ["other", "sales"]
    assert sorted(found["connect_integrations"]) == ["one", "sales-too"]
    assert spec_of(place.run("export", "--match", "one", "--match", "viewer*").out)["oauth_apps"].keys() == {
        "sales"
    }


def test_one_half_is_written_without_asking_the_other_system(place: Place) -> None:
    place.load(apps=[app(1)], integrations=[viewer(1, "c-1")])
    place.env.pop("CONNECT_API_KEY")
    place.env["CONNECT_SERVER"] = f"{URL}/__api__/"
    text = place.run("export", "--side", "databricks").out
    assert "connect_integrations:" not in text
    assert spec_of(text)["oauth_apps"]["app-1"]["redirect_urls"] == ["${providers.connect.callback_url}"]
    assert "# handoffs:" in text
    place.env["CONNECT_API_KEY"] = box.ADMINISTRATOR_KEY
    for name in ("DATABRICKS_HOST", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"):
        place.env.pop(name)
    text = place.run("export", "--side", "connect").out
    assert "oauth_apps:" not in text
    assert spec_of(text)["connect_integrations"]["viewer-1"]["config"]["client_id"] == "c-1"
    assert "# inputs:" in text
    asked = [
        row for row in place.sandbox.journal.entries(0) if row["path"].startswith("/__api__/v1/oauth/int")
    ]
    assert len(asked) == 1


def test_each_half_keeps_the_promise(place: Place) -> None:
    place.load(apps=[app(1)], integrations=[viewer(1, "c-1")])
    keeps_the_promise(place, "--side", "databricks", "--stack", "left", file="left.yaml")
    keeps_the_promise(place, "--side", "connect", "--stack", "right", file="right.yaml")


def test_what_another_stack_owns_or_names_is_left_out_and_referred_to_by_value(place: Place) -> None:
    place.load(
        apps=[app(1), app(2), app(3)], integrations=[viewer(1, "c-1"), viewer(2, "c-2"), viewer(3, "c-3")]
    )
    owner = {
        "version": 1,
        "stack": "owner",
        "providers": {"databricks": {"type": "databricks"}},
        "oauth_apps": {
            "one": {"scopes": ["all-apis", "offline_access"], "lifecycle": {"adopt": f"{APP}1"}},
            "two": {"name": "app 2", "scopes": ["all-apis"]},
        },
    }
    place.write("specs/owner.yaml", json.dumps(owner))
    place.run("export", "-o", "specs/rest.yaml")
    found = spec_of(place.read("specs/rest.yaml"))
    assert list(found["oauth_apps"]) == ["app-3"]
    assert found["connect_integrations"]["viewer-1"]["config"]["client_id"] == "c-1"
    assert "it belongs to the stack owner" in place.read("specs/rest.yaml")


def test_a_file_that_is_there_is_never_overwritten(place: Place) -> None:
    place.load(apps=[app(1)])
    place.write("estate.yaml", "mine")
    assert "nothing is overwritten" in place.run("export", "-o", "estate.yaml", code=1).err
    assert place.read("estate.yaml") == "mine"
    assert place.sandbox.journal.entries(0) == []


def test_with_nothing_left_no_file_is_written(place: Place) -> None:
    place.load()
    assert "nothing is left" in place.run("export", "-o", "estate.yaml").err
    assert not (place.folder / "estate.yaml").exists()


def test_a_list_that_fails_ends_it_without_a_file(place: Place) -> None:
    place.load(apps=[app(1)])
    place.sandbox.faults.add("path=/v1/oauth/integrations,do=400")
    place.run("export", "-o", "estate.yaml", code=1)
    assert not (place.folder / "estate.yaml").exists()


def test_an_address_that_a_variable_gave_stays_in_it(place: Place) -> None:
    place.load(apps=[app(1)], integrations=[viewer(1, "c-1")])
    place.env["WHERE"] = URL
    providers = {
        "databricks": {"type": "databricks"},
        "connect": {"type": "connect", "url": "${env.WHERE}", "api_key": "${env.CONNECT_API_KEY}"},
    }
    place.write("specs/s.yaml", json.dumps({"version": 1, "stack": "s", "providers": providers}))
    found = spec_of(place.run("export", "specs/s.yaml").out)
    assert found["providers"]["connect"] == {
        "type": "connect",
        "url": "${env.WHERE}",
        "api_key": "${env.CONNECT_API_KEY}",
    }


def test_paths_of_a_provider_are_those_of_the_new_spec(place: Place) -> None:
    place.load(apps=[app(1)])
    connect = {"type": "connect", "url": URL, "api_key": "${file.key}", "ca_certificate": "ca.pem"}
    providers = {"databricks": {"type": "databricks"}, "connect": connect}
    place.write("specs/s.yaml", json.dumps({"version": 1, "stack": "s", "providers": providers}))
    place.write("specs/key", box.ADMINISTRATOR_KEY)
    place.write("specs/ca.pem", Path(certifi.where()).read_text())
    place.run("export", "specs/s.yaml", "-o", "new/deep/e.yaml")
    found = spec_of(place.read("new/deep/e.yaml"))["providers"]["connect"]
    assert found["ca_certificate"] == "../../specs/ca.pem"
    assert found["api_key"] == "${file.../../specs/key}"
    again = spec_of(place.run("export", "specs/s.yaml").out)["providers"]["connect"]
    assert (again["ca_certificate"], again["api_key"]) == ("ca.pem", "${file.key}")


def test_another_providers_secret_is_delivered_once_it_is_no_longer_ignored(place: Place) -> None:
    github = {"auth_mode": "Confidential", "client_id": "gh"}
    place.load(integrations=[{"guid": f"{GUID}1", "name": "GitHub", "template": "github", "config": github}])
    keeps_the_promise(place)
    text = place.read("estate.yaml")
    place.write("estate.yaml", text.replace("      ignore: [config.client_secret]\n", ""))
    place.env["SECRET_OF_GITHUB"] = "what-github-gave"
    (change,) = place.run("plan", "estate.yaml", "--format", "json").json["changes"]
    assert (change["action"], [f["path"] for f in change["fields"]]) == ("update", ["config.client_secret"])


def test_an_estate_of_1200_objects_is_taken_over(place: Place) -> None:
    many = 300
    place.load(
        apps=[
            {**app(0), "integration_id": f"a-{n}", "client_id": f"c-{n}", "name": f"app {n}"}
            for n in range(many)
        ],
        principals=[
            {"id": str(n + 1), "displayName": f"sp {n}", "applicationId": f"r-{n}"} for n in range(many)
        ],
        secrets={str(n + 1): [{"id": f"s-{n}"}] for n in range(many)},
        integrations=[
            *({**viewer(n, f"c-{n}"), "guid": f"g-{n}"} for n in range(many)),
            *({**service(n, f"r-{n}"), "guid": f"h-{n}"} for n in range(many)),
        ],
    )
    place.run("export", "-o", "estate.yaml")
    calls = place.sandbox.journal.entries(0)
    assert len(calls) < many + 30  # a list per principal, and some pages
    plan = place.run("plan", "estate.yaml", "--format", "json").json
    assert plan["summary"]["adopt"] == 5 * many
    assert sum(plan["summary"].values()) == 5 * many


def test_what_breaks_a_policy_is_a_comment_and_the_promise_holds(place: Place) -> None:
    place.write("rules.yaml", "policy: {forbid_scopes: [all-apis], names: '[a-z-]+', require_access: true}\n")
    place.env["RECONCILE_POLICY"] = str(place.folder / "rules.yaml")
    place.load(
        apps=[{"client_id": "c-1", "name": "Sales", "confidential": True, "scopes": ["all-apis"]}],
        integrations=[{"name": "sales", "template": "github", "config": {"client_id": "x"}}],
    )
    place.run("export", "-o", "estate.yaml")
    lines = [line.strip() for line in place.read("estate.yaml").splitlines()]
    comments = " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
    assert comments.count("against a policy: ") == 3
    assert "forbids the scope all-apis" in comments
    assert "the name Sales doesn't fit" in comments
    del place.env["RECONCILE_POLICY"]
    assert {c["action"] for c in place.run("plan", "estate.yaml", "--format", "json").json["changes"]} == {
        "adopt"
    }
