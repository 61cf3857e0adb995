"""The sandbox itself: one request in, one answer out, both APIs behind it."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from pathlib import Path

from reconciler.sandbox import control, store
from reconciler.sandbox.connect.answers import absent, api_error
from reconciler.sandbox.connect.api import ROUTES as CONNECT_ROUTES
from reconciler.sandbox.databricks.account_api import ROUTES as ACCOUNT_ROUTES
from reconciler.sandbox.databricks.answers import standard
from reconciler.sandbox.databricks.integrations_api import ROUTES as INTEGRATION_ROUTES
from reconciler.sandbox.databricks.rights_api import ROUTES as RIGHTS_ROUTES
from reconciler.sandbox.databricks.scim_api import ROUTES as SCIM_ROUTES
from reconciler.sandbox.databricks.signin import ROUTES as SIGNIN_ROUTES
from reconciler.sandbox.faults import Armed, Fault, Faults
from reconciler.sandbox.journal import Entry, Journal
from reconciler.sandbox.messages import RESET, TIMEOUT, Answer, Refusal, Request, html_answer
from reconciler.sandbox.routes import Call, Route, Router
from reconciler.sandbox.spoiling import spoilt
from reconciler.sandbox.world import Knobs, World

_ROUTER = Router(
    (*SIGNIN_ROUTES, *ACCOUNT_ROUTES, *INTEGRATION_ROUTES, *RIGHTS_ROUTES, *SCIM_ROUTES, *CONNECT_ROUTES)
)
_API = "/__api__/"
# faults that change what a list shows, and no answer to a write
_HARMLESS = frozenset({"stale", "shuffle"})
_CONNECT_HEADERS = (
    ("Cache-Control", "no-cache, no-store, must-revalidate"),
    ("Expires", "0"),
    ("Pragma", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
)


@dataclass(frozen=True)
class _Arrival:
    """A request with all that is known of it before it is carried out."""

    request: Request
    server: str
    prefix: str
    route: Route | None
    params: Mapping[str, str]
    entry: Entry


class Sandbox:
    """Both APIs with their state, behind one lock.

    Args:
        knobs: behaviour to start with; `/_sandbox/knobs` changes it later.
        faults: lines in the language of `reconciler.sandbox.faults`.
        state_file: where the state is kept; None keeps it in memory only.
        clock: the time, in seconds since 1970.

    Raises:
        ValueError: a fault can't be understood, or the state file is damaged.
        OSError: the state file can't be read.
    """

    def __init__(
        self,
        knobs: Knobs | None = None,
        *,
        faults: Iterable[str] = (),
        state_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lock = threading.RLock()
        self.world = World(knobs or Knobs(), clock)
        self.state_file = state_file
        self.state = self._first_state()
        self.faults = Faults()
        self.journal = Journal()
        self.dirty = threading.Event()
        for line in faults:
            self.faults.add(line)

    def handle(self, request: Request) -> Answer:
        """Answer a request. Takes as long as latency and faults say; never raises for a bad one."""
        if request.path == "/_sandbox" or request.path.startswith("/_sandbox/"):
            return control.answer(self, request)
        arrival = self._arrived(request)
        status: int | None = None
        try:
            if self.world.knobs.latency_ms:
                time.sleep(self.world.knobs.latency_ms / 1000)
            answer = self._dressed(arrival, self._carried_out(arrival))
            status = answer.status or None
            return answer
        finally:
            self.journal.end(arrival.entry, status)

    def change(self, request: Request) -> str:
        """Method and route of a request that changes something; "" for a read, a token, a look at a login."""
        mark = request.path.find(_API)
        found = _ROUTER.find(request.method, request.path if mark < 0 else request.path[mark:])
        return found[0].label if found is not None and found[0].write else ""

    def trust(self, other: Sandbox) -> None:
        """Connect here verifies credentials by the account of another sandbox, too."""

        def accepts(client_id: str, sha256: str) -> bool:
            with other.lock:
                return other.state.account.accepts(client_id, sha256)

        self.world.accounts = (*self.world.accounts, accepts)

    def reset(self) -> None:
        """Forget everything but seeds, knobs and faults."""
        with self.lock:
            self.state = store.State.fresh(self.world)
            self.dirty.set()

    def save(self) -> None:
        """Write the state file now, if there is one and anything has changed.

        Raises:
            OSError: it can't be written.
        """
        if self.state_file is None or not self.dirty.is_set():
            return
        with self.lock:
            self.dirty.clear()
            text = json.dumps(self.state.dump())
        store.save(self.state_file, text)

    def close(self) -> None:
        """Let go of held requests, drop late effects, write the state file.

        Raises:
            OSError: the state file can't be written.
        """
        self.faults.close()
        self.save()

    def _first_state(self) -> store.State:
        if self.state_file is None:
            return store.State.fresh(self.world)
        return store.load(self.world, self.state_file)

    def _arrived(self, request: Request) -> _Arrival:
        prefix, mark, rest = request.path.partition(_API)
        server, path = ("connect", mark + rest) if mark else ("databricks", request.path)
        found = _ROUTER.find(request.method, path)
        route, params = found if found is not None else (None, {})
        template, write = (route.template, route.write) if route else ("(unknown)", False)
        entry = self.journal.begin(request, template, server, write=write)
        prefix = prefix.rstrip("/") if mark else ""
        return _Arrival(request, server, prefix, route, params, entry)

    def _carried_out(self, arrival: _Arrival) -> Answer:
        request, entry = arrival.request, arrival.entry
        write = entry.write > 0
        armed = self.faults.match(arrival.server, request.method, request.path, write=write)
        if armed is None:
            return self._effect(arrival)
        entry.fault, fault = armed.id, armed.fault
        if fault.do == "late":
            self._later(armed, arrival)
            return RESET
        answer = self._struck_effect(arrival, fault)
        if fault.do == "hang":
            return self._held(armed, arrival, answer)
        self.faults.note_hit(armed)
        if answer is not None and fault.do in _HARMLESS:
            return answer
        if answer is None:
            entry.effect = False if write else None
        return spoilt(fault, answer or Answer(200), request, arrival.server)

    def _struck_effect(self, arrival: _Arrival, fault: Fault) -> Answer | None:
        """The effect that a fault leaves in place before the answer suffers; None without one."""
        if fault.do == "stale":
            return self._effect(arrival, lag=fault.stale)
        if fault.do == "shuffle":
            return self._effect(arrival, shuffled=True)
        return self._effect(arrival) if fault.when == "after" else None

    def _held(self, armed: Armed, arrival: _Arrival, answer: Answer | None) -> Answer:
        entry, gone = arrival.entry, arrival.request.gone
        if gone is None and armed.fault.seconds is None:
            self.faults.note_hit(armed)
            # in process nobody can go away: what comes after a hang is the client's timeout
            entry.effect = entry.effect if answer or not entry.write else False
            return TIMEOUT
        entry.held = armed.fault.when
        held_to_the_end = self.faults.hold(armed, gone or _never)
        entry.held = ""
        if held_to_the_end:
            return answer or self._effect(arrival)
        if answer is None and entry.write:
            entry.effect = False
        return RESET

    def _later(self, armed: Armed, arrival: _Arrival) -> None:
        def come() -> None:
            if not self.faults.closed:
                self._effect(arrival)
            self.faults.note_pending(armed, -1)

        self.faults.note_hit(armed)
        self.faults.note_pending(armed, 1)
        timer = threading.Timer(armed.fault.late or 0.0, come)
        timer.daemon = True
        timer.start()

    def _effect(self, arrival: _Arrival, *, lag: int | None = None, shuffled: bool | None = None) -> Answer:
        route = arrival.route
        if route is None:
            return _unknown(arrival, realistic=self.world.knobs.realistic)
        with self.lock:
            self.world.settle(lag=lag, shuffled=shuffled)
            call = Call(arrival.request, arrival.params, self.state, arrival.prefix)
            servers = len(self.state.servers)
            try:
                answer = route.handler(call)
            except Refusal as refusal:
                answer = route.refuse(refusal)
            if route.write:
                arrival.entry.effect = answer.status < 400
            # a Connect server comes to life with its first request, and has its seed from then on
            if arrival.entry.effect or len(self.state.servers) > servers:
                self.dirty.set()
        return answer

    def _dressed(self, arrival: _Arrival, answer: Answer) -> Answer:
        extra: tuple[tuple[str, str], ...] = (("Date", _date(int(self.world.now()))),)
        if arrival.server == "connect":
            given = arrival.request.headers.get("x-correlation-id")
            extra = (*extra, *_CONNECT_HEADERS, ("X-Correlation-ID", given or str(uuid.uuid4())))
        return replace(answer, headers=(*answer.headers, *extra))


def _unknown(arrival: _Arrival, *, realistic: bool) -> Answer:
    request = arrival.request
    if realistic and arrival.server == "databricks":
        return html_answer(200, "Databricks account console")
    if arrival.server == "connect":
        return api_error(absent("requested endpoint"))
    message = f"No API found for '{request.method} {request.path}'."
    return standard(Refusal(404, "ENDPOINT_NOT_FOUND", message))


_last_date: tuple[int, str] = (0, "")


def _date(moment: int) -> str:
    global _last_date
    if _last_date[0] != moment:
        _last_date = (moment, formatdate(moment, usegmt=True))
    return _last_date[1]


def _never() -> bool:
    return False
