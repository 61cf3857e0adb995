"""Each code of an audit: seeded once, found once; a clean estate has nothing at warning or above."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from reconciler.explaining import codes
from tests.places import CALLBACK, Place

from .estates import APP, ROBOT, SERVICE, SPACE, VIEWER, Change, clean, integration, load

NOW = datetime.now(timezone.utc)
NOBODY = "99999999-0000-4000-8000-000000000001"


def days(number: float) -> str:
    return f"{NOW + timedelta(days=number):%Y-%m-%dT%H:%M:%SZ}"


def apps(estate: dict[str, Any]) -> list[dict[str, Any]]:
    return estate["databricks"]["apps"]  # type: ignore[no-any-return]


def integrations(estate: dict[str, Any]) -> list[dict[str, Any]]:
    return estate["connect"][""]["integrations"]  # type: ignore[no-any-return]


def secrets(*rows: dict[str, Any]) -> Change:
    filled = [{"id": str(number) * 64, "create_time": days(-1), **row} for number, row in enumerate(rows)]
    return lambda estate: estate["databricks"]["secrets"].update({"11": filled})


def app(**given: Any) -> Change:
    return lambda estate: apps(estate)[0].update(given)


def config(index: int, **given: Any) -> Change:
    return lambda estate: integrations(estate)[index]["config"].update(given)


def further_app(estate: dict[str, Any]) -> None:
    apps(estate).append({**apps(estate)[0], "integration_id": "app-2", "client_id": NOBODY, "name": "old"})


def further_integration(estate: dict[str, Any]) -> None:
    integrations(estate).append(
        integration(NOBODY, "spare", APP, auth_type="Viewer", auth_mode="Confidential")
    )


def twins(estate: dict[str, Any]) -> None:
    estate["databricks"]["service_principals"].append({"id": "12", "displayName": "robot"})


SEEDS: dict[str, tuple[Change, str, str, str]] = {
    "dead-client": (config(0, client_id=NOBODY), "", "error", VIEWER),
    "inactive-principal": (
        lambda estate: estate["databricks"]["service_principals"][0].update(active=False),
        "",
        "error",
        "11",
    ),
    "no-secret": (secrets(), "", "error", "11"),
    "secret-expiring": (secrets({"expire_time": days(20)}), "", "warning", "11"),
    "secret-overlong": (secrets({"expire_time": days(200)}), "max_lifetime: 90d", "warning", "11"),
    "secrets-many": (secrets({}, {}, {}, {}), "", "warning", "11"),
    "redirect-missing": (app(redirect_urls=[CALLBACK + "/"]), "", "error", "app-1"),
    "redirect-insecure": (
        app(redirect_urls=[CALLBACK, "http://else.example/x"]),
        "redirect_hosts: [else.example]",
        "error",
        "app-1",
    ),
    "redirect-foreign": (app(redirect_urls=[CALLBACK, "https://else.example/x"]), "", "warning", "app-1"),
    "workspace-unassigned": (
        lambda estate: estate["databricks"]["assignments"].update({SPACE: {}}),
        "",
        "error",
        "11",
    ),
    "scope-wide": (app(), "forbid_scopes: [all-apis]", "warning", "app-1"),
    "offline-access": (app(scopes=["all-apis"]), "", "warning", "app-1"),
    "policy-name": (app(name="Dashboards"), "names: '[a-z]+'", "warning", "app-1"),
    "policy-rotation": (app(), "require_rotation: true", "warning", "11"),
    "open-access": (lambda estate: integrations(estate)[1].update(permissions=[]), "", "warning", SERVICE),
    "orphan-app": (further_app, "", "info", "app-2"),
    "orphan-integration": (further_integration, "", "info", NOBODY),
    "twin-names": (twins, "", "warning", "11"),
}


def audited(place: Place, *args: str, code: int | None = None, policy: str = "") -> Any:
    extra = []
    if policy:
        (place.folder / "rules.yaml").write_text(f"policy:\n  {policy}\n")
        extra = ["--policy", "rules.yaml"]
    return place.run("audit", "--format", "json", *extra, *args, code=code).json


def test_a_clean_estate_has_nothing_to_say_but_what_nobody_manages(place: Place) -> None:
    load(place.sandbox, clean())
    report = audited(place, code=0)
    assert report["summary"] == {"error": 0, "warning": 0, "info": 4}
    assert {finding["code"] for finding in report["findings"]} == {"unmanaged"}
    assert place.writes() == []


@pytest.mark.parametrize("code", sorted(SEEDS))
def test_what_is_wrong_is_found_once_with_the_object_that_has_to_change(place: Place, code: str) -> None:
    change, policy, severity, object_id = SEEDS[code]
    estate = clean()
    change(estate)
    load(place.sandbox, estate)
    report = audited(place, code=2 if severity == "error" else 0, policy=policy)
    told = [finding for finding in report["findings"] if finding["code"] == code]
    assert [finding["severity"] for finding in told] == [severity], report
    assert told[0]["objects"][0]["id"] == object_id
    assert told[0]["message"]
    assert told[0]["advice"]
    others = {f["code"] for f in report["findings"] if f["severity"] != "info"} - {code}
    assert others == set(), others
    assert code in codes()


def test_an_open_integration_is_an_error_where_the_policy_wants_access_lists(place: Place) -> None:
    estate = clean()
    integrations(estate)[0]["permissions"] = []
    load(place.sandbox, estate)
    report = audited(place, code=2, policy="require_access: true")
    assert [f["code"] for f in report["findings"] if f["severity"] == "error"] == ["open-access"]


def test_a_group_assigns_its_members_however_deep(place: Place) -> None:
    estate = clean()
    estate["databricks"]["groups"] = [
        {"id": "21", "displayName": "inner", "members": [{"value": "11"}]},
        {"id": "22", "displayName": "outer", "members": [{"value": "21"}]},
    ]
    estate["databricks"]["assignments"] = {SPACE: {"22": ["USER"]}}
    load(place.sandbox, estate)
    assert audited(place, code=0)["summary"]["error"] == 0


def test_an_unknown_workspace_says_nothing(place: Place) -> None:
    estate = clean()
    estate["databricks"]["assignments"] = {SPACE: {}}
    integrations(estate)[1]["config"]["workspace_host"] = "elsewhere.cloud.databricks.com"
    load(place.sandbox, estate)
    assert audited(place, code=0)["summary"]["error"] == 0


def test_other_templates_may_name_clients_of_others(place: Place) -> None:
    estate = clean()
    other = integration(NOBODY, "github", "Iv1.abc")
    other["template"], other["config"] = "github", {"client_id": "Iv1.abc"}
    integrations(estate).append(other)
    load(place.sandbox, estate)
    assert audited(place, code=0)["summary"]["error"] == 0


@pytest.mark.parametrize(
    ("threshold", "code"), [("error", 0), ("warning", 2), ("never", 0)], ids=lambda value: str(value)
)
def test_the_exit_code_says_whether_the_threshold_is_reached(place: Place, threshold: str, code: int) -> None:
    estate = clean()
    twins(estate)
    load(place.sandbox, estate)
    audited(place, "--fail-on", threshold, code=code)


@pytest.mark.parametrize("threshold", ["error", "never"])
def test_a_list_that_cant_be_read_is_an_error_whatever_the_threshold(place: Place, threshold: str) -> None:
    load(place.sandbox, clean())
    place.sandbox.faults.add("path=/v1/oauth/integrations,do=400")
    audited(place, "--fail-on", threshold, code=1)


def test_one_side_is_judged_without_asking_the_other(place: Place) -> None:
    estate = clean()
    config(0, client_id=NOBODY)(estate)
    estate["databricks"]["secrets"] = {}
    load(place.sandbox, estate)
    del place.env["CONNECT_API_KEY"]
    report = audited(place, "--side", "databricks", code=0)
    assert {f["code"] for f in report["findings"]} == {"unmanaged"}
    assert {o["kind"] for f in report["findings"] for o in f["objects"]} == {
        "oauth_apps",
        "service_principals",
    }


def test_text_groups_findings_by_what_hurts_and_says_what_to_do(place: Place) -> None:
    estate = clean()
    config(0, client_id=NOBODY)(estate)
    twins(estate)
    load(place.sandbox, estate)
    said = place.run("audit", code=2).out
    assert said.index("Broken now") < said.index("Loose ends")
    assert "error[dead-client] integration viewer on connect" in said
    assert "help:" in said
    assert "Audit: 1 error, 1 warning," in said


def test_an_audit_of_many_makes_a_call_for_each_page_principal_and_workspace(place: Place) -> None:
    estate = clean()
    estate["databricks"]["service_principals"] += [
        {"id": str(100 + number), "displayName": f"robot-{number}"} for number in range(300)
    ]
    estate["databricks"]["apps"] += [
        {**apps(estate)[0], "integration_id": f"x{number}", "client_id": "", "name": f"app-{number}"}
        for number in range(300)
    ]
    integrations(estate).extend(
        integration(
            f"cccccccc-0000-4000-8000-{number:012}",
            f"one-{number}",
            ROBOT if number % 2 else APP,
            auth_type="Service Account" if number % 2 else "Viewer",
            **({} if number % 2 else {"auth_mode": "Confidential"}),
        )
        for number in range(10, 610)
    )
    load(place.sandbox, estate)
    place.control("DELETE", "log")
    audited(place)
    asked = [f"{r['method']} {r['path']}" for r in place.control("GET", "log")["requests"]]
    mine = [each for each in asked if "oidc" not in each]
    lists = [each for each in mine if each.endswith("/credentials/secrets")]
    assert len(lists) == len(set(lists)) == 301
    pages = [each for each in mine if each not in lists]
    # pages of apps, principals and integrations, the workspaces, one's assignments, Connect's greeting
    assert len(pages) <= 4 + 4 + 1 + 1 + 1 + 3, pages
