"""Golden files: what people and programs see, byte for byte; `pytest tests/rendering --update` rewrites them.

One idea per file; no clock and no random ids. The makers below fill in what an example doesn't care about.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from rendering.browser import CHROMIUM, Browser

from reconciler.model import Action, Address, Cause, Change, FieldChange, Plan, ProviderSpec, Stack
from reconciler.providers import KINDS
from reconciler.rendering import LedgerView
from reconciler.rendering.outputs import outputs

GOLDEN = Path(__file__).parent / "golden"
PROVIDERS = {
    "databricks": ProviderSpec(
        "databricks",
        "databricks",
        "https://accounts.cloud.databricks.com",
        "7a99b43c-b46c-432b-b0a7-814217701909",
    ),
    "connect": ProviderSpec("connect", "connect", "https://connect.example.org"),
}


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="rewrite the golden files")


@pytest.fixture
def golden(request):
    """Compares a text with the golden file of that name."""

    def compare(name, text):
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, text)  # a digest is no matter of looks
        path = GOLDEN / f"{name}.txt"
        if request.config.getoption("--update", default=False):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


def make_change(address, action=Action.CREATE, **facts):
    address = Address.parse(address)
    is_databricks = address.kind in ("oauth_apps", "service_principals")
    facts = {
        "provider": "databricks" if is_databricks else "connect",
        "id": None,
        "name": address.part or address.key,
        "reason": "it doesn't exist yet",
    } | facts
    return Change(address, action, **facts)


def make_view(ledger):
    return LedgerView(ledger, outputs(ledger, KINDS))


def make_plan(*changes, stack="prod", **facts):
    facts = {
        "tool_version": "0.1.0",
        "created": "2026-01-01T00:00:00Z",
        "lineage": "5f0c2d7e-0000-4000-8000-000000000001",
        "serial": 7,
    } | facts
    held = Stack(stack, "specs/prod.yaml", PROVIDERS, {}, digest="sha256:" + "5" * 64)
    return Plan(held, changes=changes, **facts)


@pytest.fixture
def make():
    return SimpleNamespace(change=make_change, plan=make_plan, view=make_view)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for all pages."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def story(make):
    """One of each kind, wired together."""
    app, principal = Address("oauth_apps", "posit-connect"), Address("service_principals", "nightly")
    secret = principal.inside("client_secret")
    return make.plan(
        make.change("oauth_apps.posit-connect", fields=(FieldChange("scopes", None, ["sql", "openid"]),)),
        make.change("service_principals.nightly", Action.NO_OP, id="4711"),
        make.change(
            "service_principals.nightly.client_secret",
            Action.ROTATE,
            id="s-1",
            reason="it expires 2026-01-20",
            depends_on=(principal,),
            fields=(FieldChange("id", "s-1", "(known after apply)"),),
        ),
        make.change(
            "connect_integrations.viewer",
            Action.UPDATE,
            id="g1",
            name="Databricks OAuth integration",
            reason="scopes: changed outside of this stack",
            depends_on=(app,),
            fields=(
                FieldChange("config.scopes", ["sql", "evil"], ["sql", "openid"], Cause.DRIFT),
                FieldChange("config.workspace_host", "a.cloud.databricks.com", "b.cloud.databricks.com"),
                FieldChange("config.client_secret", "(sensitive)", "(sensitive)"),
                FieldChange("config.ttl", 60, 30),
            ),
        ),
        make.change(
            "connect_integrations.service",
            Action.DELETE,
            id="g2",
            reason="it left the spec",
            depends_on=(principal, secret),
            approval="content may point at this integration's GUID",
            fields=(FieldChange("name", "old", None),),
        ),
    )
