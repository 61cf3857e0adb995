"""No credential of the tool reaches a host that only the spec names: a real server there hears nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from reconciler import sandbox as box
from tests.acceptance.conftest import SPEC, Inside
from tests.providers.sign_in import FOREIGN

APP = "oauth_apps: {a: {scopes: [sql]}}"
INTEGRATION = "connect_integrations: {a: {template: github, config: {auth_mode: Public, client_id: x}}}"


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """A host that waits for somebody to call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def is_called(listening: socket.socket) -> bool:
    listening.settimeout(0)
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_the_host_would_hear_a_call(elsewhere):
    with socket.create_connection(elsewhere.getsockname()):
        assert is_called(elsewhere)


@pytest.mark.parametrize("variable", FOREIGN)
@pytest.mark.parametrize("kind", ["databricks", "connect"])
@pytest.mark.parametrize("is_stated", [True, False])
def test_a_foreign_host_hears_nothing(inside: Inside, elsewhere, variable: str, kind: str, is_stated: bool):
    address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
    is_databricks = kind == "databricks"
    where = f"host: '{address}', account_id: {box.ACCOUNT_ID}" if is_databricks else f"url: '{address}'"
    key = "token" if is_databricks else "api_key"
    stated = f', {key}: "${{env.{variable}}}"' if is_stated else ""
    (inside.folder / SPEC).write_text(
        f"version: 1\nstack: stack\nproviders:\n  p: {{type: {kind}, {where}{stated}}}\n"
        f"{APP if is_databricks else INTEGRATION}\n"
    )
    given = {variable: "canary-of-a-credential", "DATABRICKS_OIDC_TOKEN_ENV": "OUR_OIDC"}
    ended = inside.run("plan", SPEC, code=1, env=given)
    assert not is_called(elsewhere), ended.text
    assert "canary-of-a-credential" not in ended.text
