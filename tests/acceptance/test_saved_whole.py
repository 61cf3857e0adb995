"""A saved plan says one thing to whoever reads it and to whoever applies it, to the last byte."""

from __future__ import annotations

import copy
import json

import pytest

from reconciler.cli import plan_files
from reconciler.errors import PlanError

SPEC, PLAN = "specs/stack.yaml", "the.plan.json"


def saved(place):
    place.write(place.both())
    place.run("plan", SPEC, "-o", PLAN)
    return json.loads((place.folder / PLAN).read_text())


def each_leaf(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from each_leaf(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from each_leaf(item, (*path, index))
    else:
        yield path, value


def with_another(document, path, value):
    changed = copy.deepcopy(document)
    branch = changed
    for step in path[:-1]:
        branch = branch[step]
    branch[path[-1]] = (
        f"{value}x" if value is None or isinstance(value, str) else not value if value is True else value + 1
    )
    return changed


def test_any_other_value_in_it_is_an_error(inside):
    document = saved(inside)
    path = inside.folder / PLAN
    others = {
        place: with_another(document, place, value)
        for place, value in each_leaf(document)
        if place != ("created",)
    }
    assert len(others) > 100
    others |= {name: {k: v for k, v in document.items() if k != name} for name in document}
    for place, other in others.items():
        path.write_text(json.dumps(other))
        with pytest.raises(PlanError):
            pytest.fail(f"{place} may be changed: {plan_files.read(path)}")
    inside.run("show", PLAN, code=1)
    path.write_text(json.dumps({**document, "more": 1}))
    inside.run("apply", PLAN, "--yes", code=1)
    assert inside.writes() == []


def test_when_it_was_made_is_no_part_of_it(inside):
    document = saved(inside)
    (inside.folder / PLAN).write_text(json.dumps({**document, "created": "2000-01-01T00:00:00Z"}))
    inside.run("show", PLAN)
    inside.run("apply", PLAN, "--yes")


def test_it_may_be_sorted_indented_and_marked(inside):
    document = saved(inside)
    path = inside.folder / PLAN
    plain = path.read_bytes()
    for text in (
        json.dumps(document, sort_keys=True, indent=2).encode(),
        b"\xef\xbb\xbf" + plain,
        b"\n  " + plain,
    ):
        path.write_bytes(text)
        assert inside.run("show", PLAN, "--format", "json").json["digest"] == document["digest"]
        # by way of `apply`, which has to tell it from a spec
        inside.run("apply", PLAN, code=3).says("--yes")
    inside.run("apply", PLAN, "--yes")


def test_a_key_that_stands_there_twice_is_an_error(inside):
    saved(inside)
    path = inside.folder / PLAN
    path.write_text(
        path.read_text().replace('"needs_approval":', '"needs_approval":true,"needs_approval":', 1)
    )
    inside.run("apply", PLAN, "--yes", code=1).says(PLAN)


def test_it_is_stale_when_more_would_be_cleared_by_now(inside):
    want = inside.viewers()
    inside.write(want)
    inside.apply()
    want["connect_integrations"]["viewer"]["description"] = "new"
    inside.write(want)
    intent = {
        "id": "i",
        "kind": "connect_integrations",
        "provider": "connect",
        "at": "2020-01-01T00:00:00Z",
        "runner": {"owner": "o", "host": "h", "boot": "b", "pid": 1, "start": "s"},
        "why": "create",
        "sent": {"name": "Viewer"},
    }
    tombstone = {
        "address": "connect_integrations.viewer",
        "given_up": "2999-01-01T00:00:00Z",
        "intent": intent,
    }
    ledger = json.loads(inside.ledger.read_text())
    ledger["pending"]["given_up"] = [tombstone]
    inside.ledger.write_text(json.dumps(ledger))
    inside.run("plan", SPEC, "-o", PLAN)
    config = {**inside.integrations()["Viewer"]["config"], "client_secret": "a-foreign-secret"}
    inside.connect(
        "POST", "oauth/integrations", {"name": "Viewer", "template": "databricks", "config": config}
    )
    with inside.untouched():
        inside.run("apply", PLAN, "--yes", code=4).says("connect_integrations.viewer")


def test_the_digest_binds_whoever_a_copy_is_sealed_to(inside):
    inside.write(inside.viewers())
    plain = inside.plan()["digest"]
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    inside.write(inside.viewers(), secrets={"recipients": [key]})
    assert inside.plan()["digest"] != plain
