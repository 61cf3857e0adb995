"""An address that a variable gave isn't told: whoever writes a spec can't read variables through it."""

from __future__ import annotations

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


def test_a_plan_names_it_as_an_address_that_is_not_shown(place):
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
        ended.says("an address that isn", "shown")
