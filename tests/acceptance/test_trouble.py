"""Trouble: one clear error, exit 1, nothing changed and nothing lost."""

from __future__ import annotations

import resource
import socket

import pytest

SPEC = "specs/stack.yaml"
LIST = "method=GET,path=custom-app-integrations$"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"CONNECT_API_KEY": "notTheKeyOfAnybody0000000000000X"}, ["connect", "CONNECT_API_KEY"]),
        ({"CONNECT_API_KEY": ""}, ["connect", "CONNECT_API_KEY"]),
        ({"DATABRICKS_CLIENT_SECRET": "dose" + "0" * 32}, ["databricks", "DATABRICKS_CLIENT_SECRET"]),
        ({"DATABRICKS_CLIENT_SECRET": ""}, ["databricks", "DATABRICKS_CLIENT_SECRET"]),
        ({"DATABRICKS_ACCOUNT_ID": ""}, ["databricks", "DATABRICKS_ACCOUNT_ID"]),
        ({"CONNECT_SERVER": "http://127.0.0.1:{port}"}, ["connect", "127.0.0.1:{port}", "refused"]),
        ({"DATABRICKS_HOST": "http://127.0.0.1:{port}"}, ["databricks", "127.0.0.1:{port}", "refused"]),
    ],
    ids=[
        "a wrong key",
        "no key",
        "a refused secret",
        "no secret",
        "no account",
        "an unreachable server",
        "an unreachable account",
    ],
)
def test_a_credential_or_an_address_that_does_not_do(place, env, words):
    port = free_port()
    env = {name: value.format(port=port) for name, value in env.items()}
    place.write(place.viewers())
    with place.untouched():
        ended = place.run("apply", SPEC, "--yes", "--format", "json", env=env, code=1)
        ended.says(*(word.format(port=port) for word in words))
    assert ended.json["format"] == "reconcile.error/1"
    assert len(ended.json["errors"]) == 1
    assert "Traceback" not in ended.text


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (f"{LIST},do=html", ["custom-app-integrations", "HTML"]),
        (
            f"{LIST},do=redirect,to=https://login.example.org/",
            ["custom-app-integrations", "login.example.org"],
        ),
        (f"{LIST},request=2,times=9,do=403", ["custom-app-integrations", "403"]),
        (f"{LIST},request=2,times=9,do=cut", ["custom-app-integrations", "broke off"]),
        ("method=GET,path=oauth/integrations$,do=html", ["connect", "oauth/integrations", "HTML"]),
        ("path=v1/token,do=html", ["databricks", "token"]),
    ],
    ids=[
        "a login page",
        "a redirect",
        "a list that ends with a refusal",
        "a list that breaks off",
        "a login page of Connect",
        "a login page instead of a token",
    ],
)
def test_a_list_that_cannot_be_read_is_never_read_as_nothing(place, fault, words):
    place.knobs(page_size=1)
    place.write(place.viewers())
    place.new_app(name="one")
    place.new_app(name="another")
    place.fault(fault)
    with place.untouched():
        ended = place.run("apply", SPEC, "--yes", "--format", "json", code=1).says(*words)
    assert len(ended.json["errors"]) == 1


def test_a_key_that_is_no_administrators_can_plan_but_not_apply(place):
    place.write(place.viewers())
    env = {"CONNECT_API_KEY": "sandboxPublisherKey0000000000002"}
    plan = place.run("plan", SPEC, "--format", "json", env=env).json
    assert plan["summary"]["create"] == 2
    assert ("warning", "not-administrator") in {(f["severity"], f["code"]) for f in plan["findings"]}
    with place.untouched():
        place.run("apply", SPEC, "--yes", env=env, code=1).says("connect", "administrator")


def test_a_variable_that_is_not_set_is_an_error_for_all_but_validate(place):
    want = place.viewers()
    want["oauth_apps"]["app"]["name"] = "${env.NAME_OF_THE_APP}"
    place.write(want)
    with place.untouched():
        assert place.run("validate", SPEC, "--format", "json").json["findings"][0]["severity"] == "warning"
        place.apply(code=1).says("NAME_OF_THE_APP", f"{SPEC}:")
    place.run("apply", SPEC, "--yes", env={"NAME_OF_THE_APP": "from-outside"})
    assert set(place.apps()) == {"from-outside"}


def test_two_live_objects_of_one_name_are_shown_and_the_rest_is_applied(place):
    twins = sorted(place.new_app(name="app")["integration_id"] for _ in range(2))
    place.write(place.both())
    assert place.actions(code=1) == {
        "oauth_apps.app": "blocked",
        "connect_integrations.viewer": "blocked",
        "service_principals.robot": "create",
        "service_principals.robot.client_secret": "create",
        "connect_integrations.service": "create",
    }
    place.apply(code=1).says("oauth_apps.app", *twins, "adopt:")
    assert set(place.integrations()) == {"Service"}
    assert len(place.apps()) == 1  # two of one name
    assert len(place.databricks("GET", "oauth2/custom-app-integrations")["apps"]) == 2


def test_a_workspace_that_does_not_exist_blocks_its_principal_only(place):
    want = place.both()
    want["service_principals"]["robot"]["workspaces"] = {"nowhere.cloud.databricks.com": "USER"}
    place.write(want)
    plan = place.plan(code=1)
    blocked = {change["address"] for change in plan["changes"] if change["action"] == "blocked"}
    assert "service_principals.robot" in blocked
    assert plan["summary"]["blocked"] == len(blocked)
    place.apply(code=1).says("service_principals.robot", "nowhere.cloud.databricks.com")
    assert set(place.integrations()) == {"Viewer"}
    assert place.principals() == {}


def test_a_damaged_ledger_is_named_with_its_backup(place):
    place.write(place.viewers())
    place.apply()
    whole = place.ledger.read_bytes()
    for damage in (whole[:-40], b'{"format": "something/1"}', b""):
        place.ledger.write_bytes(damage)
        with place.untouched():
            place.apply(code=1).says("stack.json", "stack.json.backup")
    place.ledger.write_bytes(whole)
    assert place.is_settled()


def test_a_ledger_of_another_account_or_of_a_newer_tool_is_refused(place):
    place.write(place.viewers())
    place.apply()
    with place.untouched():
        place.run("plan", SPEC, env={"CONNECT_SERVER": f"{place.url}/other"}, code=1).says(
            place.url, "/other"
        )
    whole = place.ledger.read_text()
    place.ledger.write_text(whole.replace("reconcile.ledger/1", "reconcile.ledger/99"))
    with place.untouched():
        place.apply(code=1).says("stack.json", "99")


@pytest.mark.parametrize("limit", [0, 2000])
def test_a_full_disk_loses_nothing(place, limit):
    place.write(place.both())

    def full_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    # a compiled module that is cut short would spoil later runs
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    process = place.start("apply", SPEC, "--yes", env=env, preexec_fn=full_disk)
    ended = place.end(process, 1).says(".reconcile")
    assert "Traceback" not in ended.text
    if limit == 0:
        assert place.writes() == []
    # with room again, nothing was made twice and nothing is left over
    place.apply()
    assert place.is_settled()
    assert len(place.databricks("GET", "oauth2/custom-app-integrations")["apps"]) == 1
    assert len(place.databricks("GET", "scim/v2/ServicePrincipals")["Resources"]) == 1
    assert len(place.secrets_of(place.principals()["robot"]["id"])) == 1
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


def test_one_refusal_does_not_stop_independent_branches(place):
    place.write(place.both())
    place.fault("method=POST,path=custom-app-integrations$,do=400")
    ended = place.run("apply", SPEC, "--yes", "--format", "json", code=1)
    assert {result["address"]: result["status"] for result in ended.json["results"]} == {
        "oauth_apps.app": "failed",
        "connect_integrations.viewer": "skipped",
        "service_principals.robot": "done",
        "service_principals.robot.client_secret": "done",
        "connect_integrations.service": "done",
    }
    summary = ended.json["summary"]
    assert (summary["create"], summary["failed"], summary["skipped"]) == (3, 1, 1)
    errors = {result["address"]: result["error"] for result in ended.json["results"]}
    assert "400" in errors["oauth_apps.app"]
    assert "oauth_apps.app" in errors["connect_integrations.viewer"]
    assert errors["service_principals.robot"] is None
    place.relax()
    place.apply()
    assert place.is_settled()
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


def test_a_lost_answer_makes_nothing_twice(place):
    place.write(place.both())
    place.fault("method=POST,path=custom-app-integrations$,when=after,do=reset,request=1")
    place.fault("method=POST,path=credentials/secrets$,when=after,do=cut,request=1")
    place.apply(code=1)
    place.apply()
    assert place.is_settled()
    assert len(place.databricks("GET", "oauth2/custom-app-integrations")["apps"]) == 1
    assert len(place.secrets_of(place.principals()["robot"]["id"])) == 1
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


def test_busy_servers_are_asked_again(place):
    place.write(place.both())
    place.fault("request=2,times=1,do=429,retry_after=0")
    place.fault("method=POST,path=ServicePrincipals$,request=1,do=429,retry_after=0")
    place.fault("method=GET,path=oauth/integrations$,request=1,do=503,retry_after=0")
    place.apply()
    assert len(place.principals()) == 1
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


def test_every_mistake_of_a_spec_is_reported_at_once_with_its_place(place):
    want = place.both()
    want["oauth_apps"]["app"]["redirect_urls"] = ["https://elsewhere.example.org/callback"]
    want["connect_integrations"]["viewer"]["config"]["auth_mode"] = "Public"
    want["connect_integrations"]["service"]["config"]["client_secret"] = "writtenDownHere"
    want["service_principals"]["robot"]["dispaly_name"] = "robot"
    place.write(want)
    for command in ("validate", "plan"):
        ended = place.run(command, SPEC, "--format", "json", code=1).says("display_name")
        found = ended.json["findings" if command == "validate" else "errors"]
        codes = {finding["code"] for finding in found}
        assert {"redirect-missing", "mode-mismatch", "literal-secret"} <= codes
        assert all(finding["at"].startswith(f"{SPEC}:") for finding in found)
        assert "writtenDownHere" not in ended.text
    text = place.run("validate", SPEC, code=1)
    for code in codes:
        text.says(code)


def test_a_template_that_nobody_knows_offline_is_judged_by_its_server(place):
    def planned(template, **config):
        place.write({"connect_integrations": {"ours": {"template": template, "config": config}}})
        plan = place.run("plan", SPEC, "--format", "json", code=1).documents[0]
        return [(change["action"], change["reason"]) for change in plan["changes"]]

    ((action, reason),) = planned("no-such-thing")
    assert action == "blocked"
    assert "no template no-such-thing" in reason


def test_a_server_that_does_not_tell_of_its_templates_is_no_obstacle(place):
    place.fault("method=GET,path=oauth/templates,do=404")
    place.write({"connect_integrations": {"ours": {"template": "no-such-thing", "config": {"region": "x"}}}})
    assert place.actions() == {"connect_integrations.ours": "create"}
