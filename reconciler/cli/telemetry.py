"""Metrics and health of a watch, over HTTP on loopback; the only user of prometheus-client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, make_wsgi_app

from reconciler.errors import UsageError
from reconciler.model import Ledger, Plan
from reconciler.model.audit import Audit
from reconciler.model.times import parse_time
from reconciler.specs.urls import is_loopback

App = Callable[[Mapping[str, Any], Callable[..., Any]], Iterable[bytes]]


LONGEST_ROUND = 900.0  # seconds; with a deadline on each request, no round takes longer


class Telemetry:
    """How things stand, as numbers.

    Args:
        patience: seconds without a round that went well until the watch counts as ill.
        clock: monotonic seconds.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._patience = patience
        self._clock = clock
        self._well_at = clock()
        self._began: float | None = None
        make: dict[str, Any] = {"registry": self.registry}
        self._changes = Gauge(
            "reconcile_changes", "Addresses by what the last plan would do", ["stack", "action"], **make
        )
        self._expiry = Gauge(
            "reconcile_secret_expiry_timestamp_seconds", "When a secret ends", ["stack", "address"], **make
        )
        self._seconds = Gauge("reconcile_round_seconds", "How long the last round took", **make)
        self._last = Gauge("reconcile_last_success_timestamp_seconds", "When a round last went well", **make)
        self._rounds = Counter("reconcile_rounds", "Rounds by how they ended", ["result"], **make)
        self._errors = Counter("reconcile_errors", "Errors by their code", ["stack", "code"], **make)
        self._findings = Gauge(
            "reconcile_findings", "Findings of the last audit by their code", ["code", "severity"], **make
        )
        self._page = b""
        self._healed = Counter(
            "reconcile_heals", "Healing runs by how they ended", ["stack", "result"], **make
        )

    @property
    def is_well(self) -> bool:
        """Whether a round went well lately, and the one under way hasn't been so for too long."""
        now = self._clock()
        began = now if self._began is None else self._began
        return now - self._well_at <= self._patience and now - began <= min(self._patience, LONGEST_ROUND)

    def round_began(self) -> None:
        """Notes when a look at all stacks began."""
        self._began = self._clock()

    def planned(self, plan: Plan, ledger: Ledger) -> None:
        """Shows what a plan would change, and when the credentials of its stack end."""
        for action, count in plan.summary.items():
            self._changes.labels(plan.stack.name, action).set(count)
        for address, entry in ledger.entries.items():
            ends = entry.credential.expires_at if entry.credential else ""
            if ends:
                moment = parse_time(ends)
                self._expiry.labels(plan.stack.name, str(address)).set(moment.timestamp() if moment else 0)

    def audited(self, report: Audit, page: str) -> None:
        """The whole of both systems was judged; the page is what is served."""
        self._findings.clear()
        for finding in report.findings:
            self._findings.labels(finding.code, finding.severity.value).inc()
        self._page = page.encode("utf-8")

    def healed(self, stack: str, *, fine: bool) -> None:
        """Drift was put right, or wasn't."""
        self._healed.labels(stack, "done" if fine else "failed").inc()

    def failed(self, stack: str, code: str) -> None:
        """A stack couldn't be looked at."""
        self._errors.labels(stack, code).inc()

    def round_ended(self, seconds: float, *, fine: bool) -> None:
        """Every stack has been looked at."""
        self._began = None
        self._seconds.set(seconds)
        self._rounds.labels("done" if fine else "failed").inc()
        if fine:
            self._last.set_to_current_time()
            self._well_at = self._clock()

    def app(self) -> App:
        """`/metrics` in Prometheus' text format, `/healthz` as 200 or 503."""
        metrics = make_wsgi_app(self.registry)

        def answer(environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path == "/metrics":
                return metrics(environ, start)  # type: ignore[no-any-return]
            if path == "/" and environ.get("REQUEST_METHOD") in ("GET", "HEAD") and _is_from_here(environ):
                return self._answer_page(start)
            known = path == "/healthz"
            status = "404 Not Found" if not known else "200 OK" if self.is_well else "503 Service Unavailable"
            start(status, [("Content-Type", "text/plain; charset=utf-8")])
            return [b"well\n" if status.startswith("200") else status.encode() + b"\n"]

        return answer

    def _answer_page(self, start: Callable[..., Any]) -> Iterable[bytes]:
        """The estate as the last audit saw it."""
        headers = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
        if not self._page:
            start("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8"), *headers])
            return [b"no audit yet\n"]
        start("200 OK", [("Content-Type", "text/html; charset=utf-8"), *headers])
        return [self._page]


def _is_from_here(environ: Mapping[str, Any]) -> bool:
    """Whether a request to a loopback address names one: another site's page may have been led here."""
    name = urlsplit("//" + str(environ.get("HTTP_HOST") or "")).hostname or ""
    return is_loopback(name) or not is_loopback(str(environ.get("reconcile.address", "")))


class _Quiet(WSGIRequestHandler):
    """A handler that doesn't log each scrape, nor waits for ever for a client that says nothing."""

    timeout = 10

    def get_environ(self) -> dict[str, Any]:
        """What a request is answered from, with the address that it came to."""
        return {**super().get_environ(), "reconcile.address": str(self.connection.getsockname()[0])}

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def serving(telemetry: Telemetry, listen: str, say: Callable[[str], object]) -> Iterator[None]:
    """Serves metrics and health while the block runs; `none` serves nothing.

    Raises:
        UsageError: the address can't be listened on.
    """
    if listen == "none":
        yield
        return
    server = _server(telemetry, listen)
    host, port = server.server_address[:2]
    say(
        f"metrics and health: http://{host!s}:{port}/metrics and /healthz; the estate: http://{host!s}:{port}/"
    )
    thread = threading.Thread(target=server.serve_forever, name="telemetry", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _server(telemetry: Telemetry, listen: str) -> WSGIServer:
    host, _, port = listen.rpartition(":")
    try:
        return make_server(host or "127.0.0.1", int(port), telemetry.app(), handler_class=_Quiet)
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(
            f"--listen {listen}: {getattr(error, 'strerror', None) or error}",
            hint="write HOST:PORT, or none",
        ) from None
