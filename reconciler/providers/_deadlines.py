"""One deadline per request, over all that is waited for: a byte now and then doesn't put it off.

A socket's own timeout begins anew with each byte. Here every read waits for what is left, and no longer.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

IDLE_SECONDS = 20.0
steady = time.monotonic

_current = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Whatever this thread requests inside the block, by a session with a `DeadlineAdapter`, ends in time."""
    before = getattr(_current, "end", None)
    _current.end = time.monotonic() + seconds
    try:
        yield
    finally:
        _current.end = before


class _Timely(io.RawIOBase):
    """What arrives on a socket until the deadline of the thread."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._end: float | None = getattr(_current, "end", None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            idle = self._sock.gettimeout()
            self._sock.settimeout(left if idle is None else min(idle, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose first line, headers and body are all read in time."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timely(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Fresh(HTTPConnectionPool):
    """Hands out no connection that was idle for long: it may be dead without anybody's knowing, and a create
    that meets a dead one counts as lost."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = steady()
        super()._put_conn(conn)

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn = super()._get_conn(timeout)
        if steady() - getattr(conn, "idle_since", math.inf) > IDLE_SECONDS:
            conn.close()  # it opens again when it is used
        return conn


class _Pool(_Fresh):
    ConnectionCls = _Connection


class _SecurePool(_Fresh, HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class DeadlineAdapter(HTTPAdapter):
    """Connections that keep the deadline of the thread, through proxies, too."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As the library does it, with these connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """As the library does it, with these connections; SOCKS has its own."""
        manager = super().proxy_manager_for(*args, **options)
        if isinstance(manager, urllib3.ProxyManager):
            manager.pool_classes_by_scheme = _POOLS
        return manager
