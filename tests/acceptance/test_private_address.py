"""An address that a variable gave isn't told: whoever writes a spec can't read variables through it."""

from __future__ import annotations

import json

import pytest

SPEC = "specs/stack.yaml"
HOST = "privatevalue.invalid"


def test_a_private_address_is_neither_planned_aloud_nor_told_in_an_error(place):
    place.write(place.viewers())
    text = (place.folder / SPEC).read_text().replace("${env.CONNECT_SERVER}", "https://${env.SOME_PLACE}")
    (place.folder / SPEC).write_text(text)
    env = {"SOME_PLACE": HOST, "CONNECT_SERVER": ""}
    for form in ("text", "json", "markdown", "html"):
        ended = place.run("plan", SPEC, "--format", form, env=env, code=1)
        assert HOST not in ended.text
        assert "connect" in ended.text


def test_a_plan_names_it_by_the_variable(place):
    port = place.url.rpartition(":")[2]
    place.write(place.viewers())
    text = (
        (place.folder / SPEC)
        .read_text()
        .replace("${env.CONNECT_SERVER}", "http://localhost:${env.SOME_PORT}")
    )
    (place.folder / SPEC).write_text(text)
    env = {"SOME_PORT": port, "CONNECT_SERVER": ""}
    for form in ("text", "markdown", "html"):
        ended = place.run("plan", SPEC, "--format", form, env=env)
        assert f"localhost:{port}" not in ended.text
        ended.says("(env SOME_PORT)")


@pytest.fixture
def unnamed(inside):
    """A stack whose server a variable names, in a form that is no address yet; and that variable."""
    inside.write(inside.viewers())
    spec = inside.folder / SPEC
    spec.write_text(spec.read_text().replace("${env.CONNECT_SERVER}", "http://${env.SOME_PLACE}/__api__/"))
    place = inside.url.replace("http://127.0.0.1", "LOCALHOST")
    inside.env |= {"SOME_PLACE": place, "CONNECT_SERVER": f"http://{place.lower()}"}
    return inside


def test_a_saved_plan_reads_it_again_and_the_ledger_knows_it_again(unnamed):
    unnamed.run("plan", SPEC, "-o", "saved.plan")
    unnamed.run("show", "saved.plan").says("(env SOME_PLACE)")
    for other in ("127.0.0.1:1", "no address"):
        unnamed.run("apply", "saved.plan", "--yes", env={"SOME_PLACE": other}, code=4)
    unnamed.run("apply", "saved.plan", "--yes")
    assert unnamed.is_settled()
    written = [path.read_text() for path in unnamed.folder.rglob("*.json*")]
    port = unnamed.url.rpartition(":")[2]
    assert [text for text in written if f"localhost:{port}" in text] == []
    elsewhere = {"SOME_PLACE": "localhost:1", "CONNECT_SERVER": "http://localhost:1"}
    ended = unnamed.run("plan", SPEC, env=elsewhere, code=1).says("another value of (env SOME_PLACE)")
    assert f"localhost:{port}" not in ended.text


def test_a_ledger_of_an_earlier_version_says_it_no_more_after_the_next_write(unnamed):
    unnamed.apply()
    ledger = unnamed.folder / "specs" / ".reconcile" / "stack.json"
    before = json.loads(ledger.read_text())
    address = unnamed.env["SOME_PLACE"].lower()
    ledger.write_text(
        json.dumps({**before, "remotes": {**before["remotes"], "connect": f"http://{address}"}})
    )
    assert unnamed.is_settled()
    assert address not in unnamed.run("ledger", "show", SPEC).text
    app = unnamed.folder / SPEC
    app.write_text(app.read_text().replace("offline_access", "sql"))
    unnamed.apply()
    assert json.loads(ledger.read_text())["remotes"] == before["remotes"]


def test_a_server_of_a_new_name_is_moved_to_and_neither_name_is_told(unnamed):
    unnamed.apply()
    port = unnamed.url.rpartition(":")[2]
    unnamed.env |= {"SOME_PLACE": f"127.0.0.1:{port}", "CONNECT_SERVER": f"http://127.0.0.1:{port}"}
    unnamed.run("plan", SPEC, code=1).says("move-provider connect")
    moved = unnamed.run("ledger", "move-provider", "connect", SPEC)
    assert port not in moved.text
    moved.says("moved connect from another value of (env SOME_PLACE) to (env SOME_PLACE)")
    unnamed.run("ledger", "move-provider", "connect", SPEC).says("nothing to move")
    assert f"127.0.0.1:{port}" not in json.loads(unnamed.ledger.read_text())["remotes"]["connect"]
    assert unnamed.actions() == {"oauth_apps.app": "update"}  # whose redirect URL is the server's
