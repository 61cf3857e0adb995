"""The sandbox in process: behind the `responses` library, for tests that need no socket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from reconciler.sandbox.core import Sandbox
from reconciler.sandbox.messages import Request

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
Reply = tuple[int, Mapping[str, str], bytes]


class RequestsMock(Protocol):
    """As much of `responses.RequestsMock` as is needed here."""

    def add_callback(
        self, method: str, url: Any, callback: Callable[[Any], Any], content_type: str | None
    ) -> object:
        """Answer requests to a URL through a function."""


def mount(
    mock: RequestsMock,
    sandbox: Sandbox,
    url: str = "http://sandbox.test",
    *,
    lost: type[Exception] = ConnectionResetError,
    timed_out: type[Exception] = TimeoutError,
) -> None:
    """Answer every request below `url` from a sandbox.

    Args:
        mock: an active `responses.RequestsMock`.
        sandbox: what answers.
        url: scheme and authority; Connect servers are told apart by the path behind it.
        lost: raised where an answer gets lost; pass `requests.ConnectionError`.
        timed_out: raised for a hang without an end; pass `requests.ReadTimeout`.
    """

    def answer(prepared: Any) -> Reply | Exception:
        request = Request.at(prepared.method, prepared.url, prepared.headers, _bytes(prepared.body))
        reply = sandbox.handle(request)
        if reply.mishap == "timeout":
            return timed_out(f"{request.method} {request.path}: no answer in time")
        if reply.mishap:
            # a body that is cut off surfaces in requests as a connection error, too
            return lost(f"{request.method} {request.path}: the connection broke")
        return reply.status, dict(reply.headers), reply.body

    everything = re.compile(re.escape(url.rstrip("/")) + r"(/.*)?$")
    for method in METHODS:
        mock.add_callback(method, everything, callback=answer, content_type=None)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)
