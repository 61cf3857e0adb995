"""A Terraform state of any shape is taken over, and no secret of it is in any output or file."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from reconciler import sandbox as box
from tests.places import CALLBACK, Place

from .conftest import keeps_the_promise

CANARY = "dosecanary00000000000000000000000000"
OTHER = "dosecanary11111111111111111111111111"
APP = "11111111-0000-4000-8000-00000000000"
GUID = "0b5e4a0e-1111-4222-8333-444455556666"
PROVIDER = 'provider["registry.terraform.io/databricks/databricks"].account'


def app(number: int, secret: str | None = CANARY) -> dict[str, Any]:
    return {
        "id": f"{APP}{number}",
        "integration_id": f"{APP}{number}",
        "client_id": f"c-{number}",
        "name": f"app {number}",
        "client_secret": secret,
    }


def managed(type_: str, name: str, *instances: dict[str, Any], module: str = "") -> dict[str, Any]:
    made = {
        "mode": "managed",
        "type": type_,
        "name": name,
        "provider": PROVIDER,
        "instances": list(instances),
    }
    return {"module": module, **made} if module else made


def plain() -> dict[str, Any]:
    """Version 4 with all sorts of instances, and the secret in places where it has no business."""
    robot = {"id": "21", "application_id": "r-1", "display_name": "robot"}
    secret = {"id": "s1", "service_principal_id": "21", "secret": OTHER, "secret_hash": "hash-of-it"}
    return {
        "version": 4,
        "terraform_version": "1.9.8",
        "outputs": {"handed": {"value": f"it is {CANARY}", "type": "string", "sensitive": True}},
        "resources": [
            {"mode": "data", "type": "databricks_group", "name": "all", "instances": [{"attributes": {}}]},
            managed(
                "databricks_custom_app_integration",
                "connect",
                {"attributes": app(1), "status": "tainted"},
                {"attributes": app(9), "deposed": "1a2b3c4d"},
            ),
            managed("databricks_custom_app_integration", "gone", {"attributes": app(8)}),
            managed("databricks_service_principal", "nightly_reports", {"attributes": robot}),
            managed("databricks_service_principal_secret", "nightly", {"attributes": secret}),
            managed("databricks_mws_permission_assignment", "ws", {"attributes": {"id": "1|21"}}),
            managed("vault_kv_secret_v2", "copy", {"attributes": {"data_json": json.dumps({"x": CANARY})}}),
            managed("restapi_object", "viewer", {"attributes": {"id": GUID, "data": f'{{"s": "{CANARY}"}}'}}),
        ],
    }


def shown() -> dict[str, Any]:
    """What `show -json` prints, with modules."""
    return {
        "format_version": "1.0",
        "values": {
            "outputs": {"secret": {"sensitive": True, "value": CANARY}},
            "root_module": {
                "resources": [],
                "child_modules": [
                    {
                        "address": 'module.posit["eu"]',
                        "resources": [
                            {
                                "address": 'module.posit["eu"].databricks_custom_app_integration.connect',
                                "mode": "managed",
                                "type": "databricks_custom_app_integration",
                                "name": "connect",
                                "values": app(1),
                                "sensitive_values": {"client_secret": True},
                            }
                        ],
                    }
                ],
            },
        },
    }


def repeated() -> dict[str, Any]:
    """Modules and `for_each`, names with traps in them."""
    kind = "databricks_custom_app_integration"
    return {
        "version": 4,
        "resources": [
            managed(
                kind,
                "a",
                {"index_key": 'e"u\n', "attributes": app(1)},
                {"index_key": 0, "attributes": app(2)},
            ),
            managed(kind, "b", {"attributes": app(3)}, module='module.x["k"].module.y[0]'),
            managed(kind, "b", {"attributes": app(4)}, module="module.z"),
        ],
    }


def imported() -> dict[str, Any]:
    """An imported app: its secret was never known there."""
    one = managed("databricks_custom_app_integration", "connect", {"attributes": app(1, None)})
    return {"version": 4, "resources": [one]}


def live(place: Place) -> None:
    viewer = {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "client_id": "c-1",
        "workspace_host": "x.example",
    }
    place.load(
        apps=[
            {
                "integration_id": f"{APP}{number}",
                "client_id": f"c-{number}",
                "name": f"app {number}",
                "confidential": True,
                "redirect_urls": [CALLBACK],
                "scopes": ["all-apis", "offline_access"],
            }
            for number in (1, 2, 3, 4, 5)
        ],
        principals=[{"id": "21", "displayName": "robot", "applicationId": "r-1"}],
        secrets={"21": [{"id": "s1"}]},
        integrations=[{"guid": GUID, "name": "Viewer", "template": "databricks", "config": viewer}],
    )


@pytest.mark.parametrize("state", [plain, shown, repeated, imported])
def test_a_state_of_any_shape_keeps_the_promise_and_shows_no_secret(place: Place, state: Any) -> None:
    live(place)
    place.write("state.json", json.dumps(state()))
    keeps_the_promise(place, "--from-terraform", "state.json")
    written = [
        path.read_text() for path in place.folder.rglob("*") if path.is_file() and path.name != "state.json"
    ]
    for text in [*place.said, *written]:
        assert CANARY not in text
        assert OTHER not in text
        assert "hash-of-it" not in text


def test_keys_are_the_names_of_terraform_with_the_index_behind(place: Place) -> None:
    live(place)
    place.write("state.json", json.dumps(repeated()))
    text = place.run("export", "--from-terraform", "state.json").out
    assert re.findall(r"^  ([A-Za-z0-9_-]+):$", text, re.M)[2:] == ["a-e-u", "a-0", "x-k-y-0-b", "z-b"]


def test_what_to_do_in_terraform_is_said(place: Place) -> None:
    live(place)
    place.write("state.json", json.dumps(plain()))
    said = place.run("export", "--from-terraform", "state.json", "-o", "estate.yaml").out
    assert re.findall(r"from = (\S+)", said) == [
        "databricks_custom_app_integration.connect",
        "databricks_service_principal.nightly_reports",
        "restapi_object.viewer",
    ]
    assert said.count("destroy = false") == 3
    for spot in [
        "databricks_custom_app_integration connect client_secret",
        "databricks_service_principal_secret nightly secret",
        "databricks_service_principal_secret nightly secret_hash",
        "vault_kv_secret_v2 copy data_json",
        "restapi_object viewer data",
        "output handed value",
    ]:
        assert f"#   {spot}\n" in said
    for left in [
        "deposed",
        "tainted",
        "gone: it isn't live",
        "nightly: used by no",
        "ws: stays in Terraform",
    ]:
        assert left in said
    assert "SECRET_OF_OAUTH_APPS_CONNECT" in said
    assert "jq -r" in said
    assert "client_secret: ${env.SECRET_OF_OAUTH_APPS_CONNECT}" in place.read("estate.yaml")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq isn't installed")
@pytest.mark.parametrize("state", [plain, shown, repeated])
def test_the_lines_that_take_a_secret_out_of_the_state_work(place: Place, state: Any) -> None:
    live(place)
    place.write("state.json", json.dumps(state()))
    said = place.run("export", "--from-terraform", "state.json", "-o", "estate.yaml").out
    lines = re.findall(r"^export .*$", said, re.M)
    assert lines
    for line in lines:
        name = line.split("=")[0].removeprefix("export ")
        shell = ["sh", "-c", f'{line}; printf %s "${name}"']
        taken = subprocess.run(shell, cwd=place.folder, capture_output=True, text=True, check=True).stdout
        assert taken in (CANARY, OTHER), line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "isn't JSON"),
        ('{"version": 3}', "version 3"),
        ('{"encrypted_data": "x", "encryption_version": "v0", "meta": {}}', "tofu state pull"),
        ("[]", "isn't a Terraform state"),
    ],
)
def test_what_is_no_state_is_refused_with_the_way_to_one(place: Place, text: str, words: str) -> None:
    assert words in place.run("export", "--from-terraform", "-", code=1, stdin=text).err


def test_only_what_the_state_holds_is_written(place: Place) -> None:
    live(place)
    found = place.run("export", "--from-terraform", "-", stdin=json.dumps(imported()))
    assert found.out.count("adopt") == 2  # once in the introduction
    assert box.CLIENT_SECRET not in found.out
