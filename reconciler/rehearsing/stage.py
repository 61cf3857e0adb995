"""A stage: copies of the systems, a ledger in memory, and runs of this tool against them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from reconciler.applying import ApplyContext, Executor, Watcher
from reconciler.kinds import Registry
from reconciler.ledger import Journal, current_runner
from reconciler.matching import Rivals
from reconciler.model import Ledger, Outcome, Plan, Runner, Snapshot, Stack
from reconciler.observing import ReadOptions, observe
from reconciler.planning import Options, make_plan
from reconciler.providers import Pace, connect
from reconciler.rehearsing.copying import Copy
from reconciler.rehearsing.striking import Strike
from reconciler.sandbox import Request, Sandbox
from reconciler.secrets import Identities


@dataclass(frozen=True)
class Script:
    """What every run needs to know.

    Attributes:
        folders: provider → the client of the spec's own folder.
        options: of the plans; `dead` is filled in.
        rivals: what other stacks own and wish for.
        identities: private keys that sealed copies are opened with.
    """

    stack: Stack
    ledger: Ledger
    kinds: Registry
    copies: Mapping[str, Copy]
    folders: Mapping[str, Any]
    options: Options
    rivals: Rivals
    identities: Identities


class Stage:
    """Copies with a ledger, in which one run follows another."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.ledger = script.ledger
        self.boxes = _opened(script.copies)
        self.drafts: dict[str, dict[str, bytes | None]] = {name: {} for name in script.folders}
        self._runs = 0

    def plan(self) -> Plan:
        """What is to be done now."""
        with self._clients(Strike()) as apis:
            return self._planned(apis)[0]

    def apply(
        self,
        strike: Strike,
        *,
        parallelism: int = 1,
        sleep: Callable[[float], None] | None = None,
        watcher: Watcher | None = None,
    ) -> tuple[Plan, tuple[Outcome, ...], float]:
        """One run: the plan, how its changes ended in the plan's order, and the seconds that it took.

        Args:
            strike: the trouble that it meets; it counts calls.
            sleep: waits for as long as the real systems take; None for no time at all.

        Raises:
            KilledError: the process ended; what was durable by then is the ledger.
        """
        journal = Journal.stateless(self.ledger, strike.check)
        with self._clients(strike, sleep) as apis:
            plan, snapshot = self._planned(apis)
            self._runs += 1
            work = ApplyContext(
                plan=plan,
                snapshot=snapshot,
                apis=apis,
                kinds=self.script.kinds,
                runner=self._runner(self._runs),
                memory=lambda: journal.ledger,
                dead=self._dead,
                pause=sleep or _at_once,
                identities=self.script.identities,
                opened=self.script.options.opened or frozenset(),
            )
            strike.is_on = True
            began = time.monotonic()
            try:
                outcomes = Executor(work, journal, parallelism=parallelism, watcher=watcher).run()
            finally:
                self.ledger = journal.ledger
            return plan, outcomes, time.monotonic() - began

    @property
    def _dead(self) -> frozenset[Runner]:
        return self.script.options.dead | {self._runner(number) for number in range(self._runs + 1)}

    def _runner(self, number: int) -> Runner:
        """A process that never was, another one for each run."""
        return replace(current_runner(), start=f"rehearsal {number}")

    def _planned(self, apis: Mapping[str, Any]) -> tuple[Plan, Snapshot]:
        stack, kinds = self.script.stack, self.script.kinds
        now = datetime.now(timezone.utc)
        reading = ReadOptions(now, lag_bound=0.0, rivals=lambda: self.script.rivals, sleep=_at_once)
        pairing = observe(stack, self.ledger, apis, kinds, reading)
        options = replace(self.script.options, now=now, dead=self._dead)
        if self._runs:
            options = replace(options, replaces=())  # was asked for once
        return make_plan(stack, self.ledger, pairing, kinds, options), pairing.snapshot

    @contextmanager
    def _clients(
        self, strike: Strike, sleep: Callable[[float], None] | None = None
    ) -> Iterator[dict[str, Any]]:
        """A client of each copy, whose every call is counted."""
        made: dict[str, Any] = {}
        for name, copy in self.script.copies.items():
            wire = _Wire(name, self.boxes[name], strike, copy.latency, sleep)
            made[name] = connect(copy.spec, copy.environment, pace=Pace(sleep=sleep or _at_once), wire=wire)
        for name, folder in self.script.folders.items():
            made[name] = folder.draft(
                self.drafts[name], lambda call, act, name=name: strike.write(name, call, act)
            )
        try:
            yield made
        finally:
            for api in made.values():
                api.http.close()


def _opened(copies: Mapping[str, Copy]) -> dict[str, Sandbox]:
    """A sandbox of each; Connect servers verify credentials by the accounts that there are."""
    accounts = {name: copy.opened() for name, copy in copies.items() if copy.is_account}
    servers = {name: copy for name, copy in copies.items() if not copy.is_account}
    boxes = {name: (copy if accounts else copy.without_accounts()).opened() for name, copy in servers.items()}
    for server in boxes.values():
        for account in accounts.values():
            server.trust(account)
    return accounts | boxes


@dataclass(frozen=True)
class _Wire:
    """Answers a client's requests from a sandbox, as slowly as the real system."""

    provider: str
    box: Sandbox
    strike: Strike
    latency: float
    sleep: Callable[[float], None] | None

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        request = Request.at(method, url, headers, body)
        if self.sleep and self.strike.is_on:
            self.sleep(self.latency)
        call = self.box.change(request)
        if call:
            answer = self.strike.write(self.provider, call, lambda: self.box.handle(request))
        else:
            answer = self.strike.read(self.provider, lambda: self.box.handle(request))
        return answer.status, answer.headers, answer.body


def _at_once(seconds: float) -> None:
    """Nobody waits here."""
