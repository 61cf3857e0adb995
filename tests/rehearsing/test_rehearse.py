"""A plan, carried out in a copy: it says what would happen, and nothing real is touched."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from exporting.test_promise import BOTH, ESTATES, estates
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import sandbox as box
from tests.places import URL, Place, place_in

from .conftest import files

DEMO = "specs/demo.yaml"
PERSON = "eeeeeeee-0000-4000-8000-000000000001"
VIEWER = "cccccccc-0000-4000-8000-000000000001"


def rehearsal(place: Place, *args: str, code: int = 0) -> Any:
    """What a rehearsal says; whatever it says, nothing real has been touched."""
    before, writes = files(place.folder), place.writes()
    said = place.run("rehearse", *args, "--format", "json", code=code)
    assert place.writes() == writes
    assert files(place.folder) == before
    assert "dose" not in said.out + said.err, "a secret"
    return said.json


def test_it_says_what_would_happen_in_which_order_and_that_nothing_is_left(place: Place) -> None:
    found = rehearsal(place, DEMO)
    order = [change["address"] for change in found["changes"]]
    assert found["summary"]["create"] == 5
    assert order.index("oauth_apps.demo-posit") < order.index("connect_integrations.demo-viewer")
    assert {change["status"] for change in found["changes"]} == {"done"}
    assert found["calls"]["connect"]["writes"] == 2
    assert found["calls"]["databricks"]["writes"] == 4
    assert all(each["latency"] > 0 for each in found["calls"].values())
    assert {each["address"] for each in found["end"]} == set(order)
    assert {each["id"] for each in found["end"]} == {None}
    assert found["second_plan"] == found["faults"] == []
    assert found["converges"]


def test_every_kill_and_every_lost_answer_of_the_demo_converges(place: Place) -> None:
    found = rehearsal(place, DEMO, "--faults")
    writes = sum(each["writes"] for each in found["calls"].values())
    assert writes == 6
    assert [(each["write"], each["trouble"]) for each in found["faults"]] == [
        (number, trouble) for number in range(1, writes + 1) for trouble in ("killed", "unanswered")
    ]
    assert all(each["converged"] for each in found["faults"]), found["faults"]
    # something was left by most of them: else there would be no trouble
    assert sum(each["runs"] > 0 for each in found["faults"]) > writes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("demo-reports", "demo-others"),
        ("demo-posit", "demo-others"),
        ("all-apis, ", ""),
        ("cust-success.cloud", "acme-prod.cloud"),
        ("365d", "200d"),
    ],
)
def test_what_changes_in_a_stack_is_rehearsed_from_what_is_live(place: Place, old: str, new: str) -> None:
    place.run("apply", DEMO, "--yes")
    place.write(DEMO, place.read(DEMO).replace(old, new))
    planned = place.run("plan", DEMO, "--format", "json").json
    found = rehearsal(place, DEMO, "--faults")
    wanted = {change["address"]: change["action"] for change in planned["changes"]}
    assert {change["address"]: change["action"] for change in found["changes"]} == wanted
    assert found["converges"], found["faults"]
    assert found["faults"] or not wanted


def test_a_replacement_on_demand_is_asked_for_once(place: Place) -> None:
    place.run("apply", DEMO, "--yes")
    found = rehearsal(place, DEMO, "--faults", "--replace", "oauth_apps.demo-posit")
    assert found["needs_approval"]
    assert found["summary"]["replace"] == 1
    assert found["converges"], found["faults"]


def test_a_target_is_rehearsed_with_what_it_needs(place: Place) -> None:
    found = rehearsal(place, DEMO, "--target", "connect_integrations.demo-viewer")
    assert found["summary"]["create"] == 2


def test_servers_of_one_path_are_told_apart(place: Place) -> None:
    place.env |= {"ONE": box.ADMINISTRATOR_KEY}
    pair = "name: {0}, template: databricks, config: {{client_id: c, auth_type: Viewer, workspace_host: h}}"
    place.write(
        "specs/two.yaml",
        "version: 1\nstack: two\nproviders:\n"
        f"  a: {{type: connect, url: {URL}, api_key: '${{env.ONE}}'}}\n"
        f"  b: {{type: connect, url: {URL}/b, api_key: '${{env.ONE}}'}}\n"
        "connect_integrations:\n"
        f"  x: {{provider: a, {pair.format('x')}}}\n  y: {{provider: b, {pair.format('y')}}}\n".replace(
            "client_id: c", "client_id: c, auth_mode: Public"
        ),
    )
    found = rehearsal(place, "specs/two.yaml", "--faults")
    assert {name: each["writes"] for name, each in found["calls"].items()} == {"a": 1, "b": 1}
    assert found["converges"]


def test_a_handoff_is_written_nowhere(place: Place) -> None:
    spec = "specs/two-administrators/databricks.yaml"
    place.write(
        spec, "".join(line for line in place.read(spec).splitlines(True) if "oauth_apps.posit" not in line)
    )
    found = rehearsal(place, spec, "--faults")
    assert found["calls"]["files"]["writes"] == 1
    assert [each["trouble"] for each in found["faults"] if each["provider"] == "files"]
    assert found["converges"], found["faults"]
    assert not list(place.folder.rglob("*.age"))


def test_a_secret_that_a_kill_would_lose_for_good_is_told(place: Place) -> None:
    """Nobody replaces an app for a handoff that was never written: a person has to say so."""
    found = rehearsal(place, "specs/two-administrators/databricks.yaml", "--faults", code=1)
    lost = {tuple(each["left"]) for each in found["faults"] if not each["converged"]}
    assert lost
    assert all("blocked handoffs.analytics" in left for left in lost)


def test_what_content_uses_and_who_may_use_it_is_copied(place: Place) -> None:
    integration = {
        "guid": VIEWER,
        "name": "Databricks (demo)",
        "template": "databricks",
        "config": {
            "auth_type": "Viewer",
            "auth_mode": "Public",
            "workspace_host": "cust-success.cloud.databricks.com",
            "client_id": "gone",
        },
        "permissions": [{"user_guid": PERSON, "group_guid": None}],
    }
    server = box.ServerEstate(
        users=[{"guid": PERSON, "username": "ann"}],
        content=[{"guid": f"dddddddd-0000-4000-8000-00000000000{number}"} for number in range(3)],
        integrations=[integration],
        associations={f"dddddddd-0000-4000-8000-00000000000{number}": [VIEWER] for number in range(3)},
    )
    box.load(place.sandbox, box.Estate(connect={"": server}, fresh=True))
    place.write(
        "specs/one.yaml",
        f"version: 1\nstack: one\nproviders:\n  connect: {{type: connect, url: {URL}}}\n"
        "connect_integrations:\n  it:\n    name: Databricks (demo)\n    template: databricks\n"
        "    config: {auth_type: Viewer, auth_mode: Public, client_id: gone,"
        " workspace_host: cust-success.cloud.databricks.com}\n",
    )
    assert rehearsal(place, "specs/one.yaml")["summary"]["adopt"] == 1
    place.run("apply", "specs/one.yaml", "--yes")
    found = rehearsal(place, "specs/one.yaml", "--replace", "connect_integrations.it", "--faults")
    assert found["needs_approval"]
    assert found["converges"], found["faults"]


def test_what_stays_blocked_is_left_and_said(place: Place) -> None:
    place.write(
        "specs/blocked.yaml",
        f"version: 1\nstack: blocked\nproviders:\n  databricks: {{type: databricks, host: {URL}}}\n"
        "oauth_apps:\n  a:\n    redirect_urls: [https://x.example.org]\n    scopes: [sql]\n"
        "    lifecycle: {adopt: aaaaaaaa-0000-4000-8000-000000000009}\n",
    )
    found = rehearsal(place, "specs/blocked.yaml", "--faults", code=1)
    assert [each["action"] for each in found["second_plan"]] == ["blocked"]
    assert not found["converges"]


def test_a_run_that_holds_the_stack_is_in_nobodys_way(place: Place) -> None:
    place.run("apply", DEMO, "--yes")
    ledger = place.folder / "specs/.reconcile/demo.json"
    (ledger.parent / "demo.lock.json").write_text("held by somebody else")
    assert rehearsal(place, DEMO)["converges"]


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_people_read_it_in_each_format(place: Place, form: str) -> None:
    said = place.run("rehearse", DEMO, "--faults", "--format", form)
    words = " ".join(said.out.replace("&#x27;", "'").split())
    assert "Nothing real was changed" in words
    assert "the next plan is empty" in words
    assert "12 of 12 converge" in words.lower()
    assert "dose" not in said.out + said.err


def test_several_stacks_are_rehearsed_each_on_its_own(place: Place) -> None:
    place.write("specs/more/demo.yaml", place.read(DEMO))
    place.write(
        "specs/more/other.yaml",
        f"version: 1\nstack: other\nproviders:\n  databricks: {{type: databricks, host: {URL}}}\n"
        "oauth_apps:\n  a: {redirect_urls: [https://x.example.org], scopes: [sql]}\n",
    )
    said = place.run("rehearse", "specs/more", "--format", "json")
    assert [line.count('"converges":true') for line in said.out.splitlines()] == [1, 1]
    assert place.writes() == []


@settings(max_examples=max(ESTATES // 2, 1), suppress_health_check=list(HealthCheck))
@given(
    estate=estates(),
    knobs=st.fixed_dictionaries(
        {},
        optional={
            "echo_defaults": st.booleans(),
            "fill_policies": st.booleans(),
            "numbers_as_text": st.booleans(),
            "page_size": st.sampled_from([2, 100]),
            "connect_version": st.sampled_from(["2025.05.0", "2026.06.1"]),
        },
    ),
)
def test_any_estate_can_be_copied(estate: dict[str, Any], knobs: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, place_in(Path(folder), **knobs) as place:
        place.env["TWO_KEY"] = box.ADMINISTRATOR_KEY
        place.load(**estate)
        place.write("systems/stack.yaml", BOTH)
        place.run("export", "-o", "estate.yaml", "systems/stack.yaml", "--stack", "taken")
        if (place.folder / "estate.yaml").exists():
            assert rehearsal(place, "estate.yaml")["converges"]


def test_what_cant_be_copied_isnt_rehearsed(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("workbench")
    place.write(
        "specs/workbench.yaml",
        f"version: 1\nstack: workbench\nproviders:\n"
        f"  databricks: {{type: databricks, host: {URL}}}\n"
        f"  workbench: {{type: workbench, url: https://wb.example.org, config_dir: {folder}}}\n"
        "oauth_apps:\n  a: {redirect_urls: ['${providers.workbench.callback_url}'], scopes: [sql]}\n"
        "workbench_files:\n  it: {file: databricks.conf, section: it,\n"
        "    values: {name: it, url: https://x.cloud.databricks.com, client-id: '${oauth_apps.a.client_id}',"
        " client-secret: '${oauth_apps.a.client_secret}'}}\n",
    )
    said = place.run("rehearse", "specs/workbench.yaml", code=1)
    assert "no-copy" in said.err
    assert list(folder.iterdir()) == []
