"""Real sockets: what the library raises there is told apart as the contract wants it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler import errors
from reconciler.providers import http
from reconciler.providers.http import Client, FixedHeaders
from reconciler.sandbox import ADMINISTRATOR_KEY, SandboxServer
from reconciler.secrets import Secret

PATH = "/v1/oauth/integrations"
BODY = {
    "name": "n",
    "template": "databricks",
    "config": {"workspace_host": "h.example", "client_id": "c", "client_secret": Secret("s3cret")},
}


@pytest.fixture
def running() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


def client_of(url: str) -> Client:
    key = {"Authorization": Secret(f"Key {ADMINISTRATOR_KEY}")}
    return Client(
        provider="connect", base=f"{url}/__api__", sign_in=FixedHeaders("k", key), sleep=lambda _: None
    )


def test_a_closed_port_means_never_arrived() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(errors.UnreachableError, match="the connection was refused") as caught:
        client_of(f"http://127.0.0.1:{port}").post(PATH, BODY)
    assert "the provider's address" in caught.value.hint


def test_an_unknown_name_means_never_arrived() -> None:
    with pytest.raises(errors.UnreachableError, match=r"can't be resolved|refused"):
        client_of("http://nowhere.invalid").post(PATH, BODY)


@pytest.mark.parametrize("fault", ["do=reset", "do=cut", "do=html", "do=502", "do=hang"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_create_whose_answer_gets_lost_says_so(
    running: SandboxServer, monkeypatch: pytest.MonkeyPatch, fault: str, when: str
) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    running.sandbox.faults.add(f"write=1,when={when},{fault}")
    client = client_of(running.url)
    with pytest.raises(errors.LostAnswerError):
        client.post(PATH, BODY)
    assert client.calls == 1


@pytest.mark.parametrize("fault", ["do=reset", "do=cut", "do=html", "do=502", "do=scim500", "do=429"])
def test_an_idempotent_write_gets_over_a_lost_answer(running: SandboxServer, fault: str) -> None:
    client = client_of(running.url)
    guid = client.post(PATH, BODY)["guid"]
    running.sandbox.faults.add(f"method=PATCH,request=1,when=after,{fault}")
    assert client.patch(f"{PATH}/{guid}", {"description": "d"})["description"] == "d"


def test_connections_are_used_again(running: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(running.url)
    accepted: list[Any] = []
    serve = running._serve

    def counting(sock: Any) -> None:
        accepted.append(sock)
        serve(sock)

    monkeypatch.setattr(running, "_serve", counting)
    for _ in range(5):
        client.get(PATH)
    assert len(accepted) == 1
