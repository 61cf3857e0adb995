"""Connections are kept open, and used again: for what follows, for another try, for a token."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from reconciler import sandbox as box
from reconciler.errors import RemoteError
from reconciler.model import ProviderSpec
from reconciler.providers import Pace, connect
from tests.work import calls


class Server(box.SandboxServer):
    """Counts the connections that are opened to it."""

    opened = 0

    def _serve(self, sock: Any) -> None:
        self.opened += 1
        super()._serve(sock)


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.mark.parametrize("do", ["429", "500", "502", "503", "html", "scim500"])
@pytest.mark.parametrize("kind", ["connect", "databricks"])
def test_another_try_goes_over_the_same_connection(server: Server, kind: str, do: str):
    path = "/v1/user$" if kind == "connect" else "/workspaces$"
    server.sandbox.faults.add(f"method=GET,path={path},do={do},request=1,times=2")
    api = connect(ProviderSpec(kind, kind, server.url), server.env, pace=Pace(sleep=lambda _: None))
    for _ in range(3):
        with suppress(RemoteError):  # not all of these are worth another try
            api.http.get("/v1/user" if kind == "connect" else api.path("workspaces"))
    api.http.close()
    assert api.http.calls >= 3
    assert server.opened == 1


def test_a_token_comes_over_the_connection_that_the_account_is_asked_over(server: Server):
    api = connect(ProviderSpec("databricks", "databricks", server.url), server.env)
    api.preflight()
    api.workspaces()
    api.http.close()
    assert server.opened == 1


def test_a_call_takes_the_same_however_much_is_in_the_environment(server: Server, monkeypatch: Any):
    api = connect(ProviderSpec("connect", "connect", server.url), server.env)

    def taken() -> int:
        return calls(api.http.get, "/v1/user")

    taken()
    usual = taken()
    for n in range(100):
        monkeypatch.setenv(f"VARIABLE_{n}", "x")
    assert taken() == usual
    api.http.close()
