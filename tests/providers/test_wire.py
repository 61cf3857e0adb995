"""Real sockets: what the library raises there is told apart as the contract wants it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from reconciler import errors
from reconciler.providers import Pace, _deadlines, http
from reconciler.providers._connections import Connections
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


def client_of(url: str, **options: Any) -> Client:
    key = {"Authorization": Secret(f"Key {ADMINISTRATOR_KEY}")}
    return Client(
        provider="connect",
        base=f"{url}/__api__",
        sign_in=FixedHeaders("k", key),
        connections=Connections(Pace(sleep=lambda _: None)),
        **options,
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


class _Dripping:
    """A server that sends a beginning, and then one byte after the other until its client has gone."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(self._beginning)
                while not self._over.wait(0.02):
                    connection.sendall(b"x")

    def close(self) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_an_answer_that_drips_has_a_deadline_like_every_other(
    monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(http, "READ_SECONDS", 0.2)
    dripping = _Dripping(beginning)
    client = client_of(dripping.url)
    with pytest.raises(errors.LostAnswerError, match="no whole answer"):
        client.post(PATH, BODY)
    with pytest.raises(errors.UnreachableError, match="no whole answer"):
        client.call("GET", PATH, attempts=1)
    client.close()
    dripping.close()


@pytest.mark.parametrize(("idle", "connections"), [(19.0, 1), (21.0, 2)])
def test_a_create_does_not_trust_a_connection_that_was_idle_for_long(
    running: SandboxServer, monkeypatch: pytest.MonkeyPatch, idle: float, connections: int
) -> None:
    accepted: list[Any] = []
    serve = running._serve
    monkeypatch.setattr(running, "_serve", lambda sock: (accepted.append(sock), serve(sock)))
    now = [1000.0]
    monkeypatch.setattr(_deadlines, "steady", lambda: now[0])
    client = client_of(running.url)
    client.get(PATH)
    now[0] += idle
    client.post(PATH, BODY)
    assert len(accepted) == connections


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
