"""The sandbox over a socket: a thread for each connection, so that a slow one holds up nobody."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterable
from pathlib import Path

from reconciler.sandbox.core import Sandbox
from reconciler.sandbox.credentials import environment
from reconciler.sandbox.messages import Answer, Request
from reconciler.sandbox.wire import BadRequestError, Connection
from reconciler.sandbox.world import Knobs

_log = logging.getLogger(__name__)
_BACKLOG = 1024
_WRITE_BEHIND = 0.05  # seconds between a change and the state file
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - which address reaches these


class SandboxServer:
    """A sandbox on a port; as a context manager it runs for the length of the block.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        knobs: behaviour to start with.
        faults: lines in the language of `reconciler.sandbox.faults`.
        state_file: where the state is kept; None keeps it in memory only.
        sandbox: a ready sandbox to serve instead; the three above are then not used.

    Raises:
        OSError: the port can't be had, or the state file can't be read.
        ValueError: a fault can't be understood, or the state file is damaged.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        knobs: Knobs | None = None,
        faults: Iterable[str] = (),
        state_file: str | Path | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        path = None if state_file is None else Path(state_file)
        self.sandbox = sandbox or Sandbox(knobs, faults=faults, state_file=path)
        self._listener = _listening(host, port)
        self._host = host
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """The port that the server has got."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Where clients find the server, without a slash at the end."""
        host = _ANY.get(self._host, self._host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that point a client at this server."""
        return environment(self.url)

    def start(self) -> None:
        """Begin to answer, in the background."""
        tasks = [("accept", self._accept)]
        if self.sandbox.state_file is not None:
            tasks.append(("state", self._keep_state))
        for name, task in tasks:
            thread = threading.Thread(target=task, name=f"sandbox-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Stop, close all connections, and write the state file.

        Raises:
            OSError: the state file can't be written.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        self.sandbox.dirty.set()  # wakes the writer of the state file
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        with self._lock:
            for sock in self._connections:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self.sandbox.close()

    def __enter__(self) -> SandboxServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                if self._closing.wait(0.05):
                    return
                continue
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self._connections.add(sock)
        try:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._converse(Connection(sock))
        finally:
            with self._lock:
                self._connections.discard(sock)
            sock.close()

    def _converse(self, connection: Connection) -> None:
        while not self._closing.is_set():
            try:
                request = connection.read()
            except BadRequestError as error:
                connection.keep_alive = False
                connection.write(Request("GET", "/"), Answer(error.status))
                return
            if request is None or not connection.write(request, self._answered(request)):
                return

    def _answered(self, request: Request) -> Answer:
        try:
            return self.sandbox.handle(request)
        except Exception:  # noqa: BLE001 - one bad request must not end the server
            _log.exception("the sandbox failed at %s %s", request.method, request.path)
            return Answer(500)

    def _keep_state(self) -> None:
        while not self._closing.is_set():
            self.sandbox.dirty.wait(1.0)
            if self._closing.wait(_WRITE_BEHIND):
                return
            try:
                self.sandbox.save()
            except OSError as error:
                self.sandbox.dirty.set()
                _log.warning("can't write %s: %s", self.sandbox.state_file, error)
                self._closing.wait(1.0)


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
