"""The example stacks hold without any credential, and can be applied side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.providers import KINDS
from reconciler.specs import load, load_all

FOLDER = Path(__file__).resolve().parents[2] / "specs"
FILES = sorted(FOLDER.glob("*.yaml"))
SANDBOX = {
    "DATABRICKS_HOST": "http://127.0.0.1:8765",
    "DATABRICKS_ACCOUNT_ID": "7a99b43c-b46c-432b-b0a7-814217701909",
    "CONNECT_SERVER": "http://127.0.0.1:8765",
    "CONNECT_API_KEY": "key",
    **dict.fromkeys(["DEV_API_KEY", "STAGE_API_KEY", "PROD_API_KEY"], "key of its own"),
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_holds_with_and_without_an_environment(file):
    assert {p.severity.value for p in load(file, KINDS, environment={}, strict=False).problems} <= {"warning"}
    assert {p.code for p in load(file, KINDS, environment={}).problems} <= {"env-unset"}
    assert load(file, KINDS, environment=SANDBOX).problems == ()
    assert file.read_text().startswith("# yaml-language-server: $schema=../schema/stack.schema.json\n")


def test_the_examples_share_one_account_without_getting_into_each_others_way():
    stacks = load_all([FOLDER], KINDS, environment=SANDBOX)
    assert {stack.name for stack in stacks} == {"prod", "demo", "public-app", "several-servers", "team"}
    names = [
        (resource.address.kind, resource.attributes.get("name") or resource.attributes.get("display_name"))
        for stack in stacks
        for resource in stack.resources.values()
        if not resource.address.part
    ]
    assert len(names) == len(set(names))
