"""What an integration on another server of the stack uses stays: after a rotation, an edit, a destroy."""

from __future__ import annotations

from typing import Any

from reconciler import sandbox as box

SPEC = "specs/stack.yaml"


def _write(inside: Any, want: Any, *, looked_at: bool = True) -> None:
    inside.env["KEY_OF_TWO"] = box.ADMINISTRATOR_KEY
    two = {"type": "connect", "url": f"{inside.url}/two"}
    if looked_at:
        two["api_key"] = "${env.KEY_OF_TWO}"
    providers = {
        "databricks": {"type": "databricks"},
        "connect": {"type": "connect", "url": "${env.CONNECT_SERVER}"},
        "two": two,
    }
    for one in want.get("connect_integrations", {}).values():
        one["provider"] = "connect"
    inside.write(want, providers=providers)


def _borrow(inside: Any, client_id: str, name: str) -> str:
    """Somebody's integration on the second server, with a client id in other letters."""
    config = {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": "cust-success.cloud.databricks.com",
        "client_id": client_id.upper(),
        "client_secret": "given by hand",
    }
    body = {"name": name, "template": "databricks", "config": config}
    guid: str = inside.connect("POST", "oauth/integrations", body, at="/two")["guid"]
    return guid


def _destroy(inside: Any, code: int) -> Any:
    asked = inside.run("destroy", SPEC, code=3)
    digest = next(word for word in asked.out.split() if word.startswith("sha256:"))
    return inside.run("destroy", SPEC, "--approve", digest, code=code)


def test_what_a_server_without_resources_of_ours_uses_stays_whatever_is_done(inside: Any) -> None:
    _write(inside, inside.both())
    inside.apply()
    robot = inside.principals()["robot"]
    users = [
        _borrow(inside, inside.apps()["app"]["client_id"], "of the app"),
        _borrow(inside, robot["applicationId"], "of the robot"),
    ]

    rotated = inside.run("rotate", "service_principals.robot", SPEC, "--yes").says("used-by-others")
    assert "stays alive until 20" in " ".join(rotated.out.split())
    assert len(inside.secrets_of(robot["id"])) == 2

    other = {"oauth_apps": {"other": inside.app(confidential=False)}}
    _write(inside, other)
    inside.approve()
    assert {*inside.apps(), *inside.principals()} == {"app", "other", "robot"}
    assert inside.is_settled()
    inside.run("plan", SPEC).says("still-in-use", *users)

    _write(inside, other, looked_at=False)  # nobody can tell any more
    with inside.untouched():
        inside.run("apply", SPEC, "--yes", code=3).says("users-unknown")

    _write(inside, other)
    _destroy(inside, code=1).says(*users)
    assert {*inside.apps(), *inside.principals()} == {"app", "robot"}
    assert {"oauth_apps.app", "service_principals.robot"} <= {*inside.remembered()}
    for guid in users:
        inside.connect("DELETE", f"oauth/integrations/{guid}", at="/two")
    _destroy(inside, code=0)
    assert (inside.apps(), inside.principals(), inside.remembered()) == ({}, {}, {})


def test_what_an_app_in_use_took_the_place_of_goes_with_the_stack(inside: Any) -> None:
    want = inside.viewers()
    want["oauth_apps"]["app"]["keep_old"] = "7d"
    _write(inside, want)
    inside.apply()
    old = inside.apps()["app"]["client_id"]
    want["oauth_apps"]["app"]["name"] = "successor"
    _write(inside, want)
    inside.approve()
    assert {*inside.apps()} == {"app", "successor"}
    guid = _borrow(inside, inside.apps()["successor"]["client_id"], "of the successor")

    _write(inside, {"oauth_apps": {"other": inside.app(confidential=False)}})
    inside.approve()
    assert {*inside.apps()} == {"app", "other", "successor"}  # keep_old isn't over
    assert inside.is_settled()
    inside.approve().says("still-in-use", guid)

    told = _destroy(inside, code=1).says(guid)
    assert "1 deleted, 1 skipped" in told.text
    assert {*inside.apps()} == {"successor"}
    assert old not in inside.ledger.read_text()
    inside.run("destroy", SPEC, code=1).says(guid)
