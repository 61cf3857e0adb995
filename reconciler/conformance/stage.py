"""A stage: a practice system, a stack with a ledger in memory, and runs of this tool on them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from reconciler import specs
from reconciler.applying import ApplyContext, Executor
from reconciler.conformance.cases import Case
from reconciler.conformance.meddling import KilledError, Meddled, Meddling
from reconciler.conformance.places import Place
from reconciler.ledger import Journal, current_runner
from reconciler.matching import Pairing, servers_beside
from reconciler.model import (
    Action,
    Address,
    Change,
    Ledger,
    Live,
    Outcome,
    Plan,
    ProviderSpec,
    Snapshot,
    Stack,
    Status,
)
from reconciler.observing import ReadOptions, observe
from reconciler.planning import Options, make_destroy_plan, make_plan
from reconciler.providers import Pace, connect

KEY = "example"
_NEW = Ledger("conformance", "00000000-0000-4000-8000-000000000000")


class BrokenError(Exception):
    """A promise isn't kept; says how it shows."""


class NotAskedError(Exception):
    """A promise can't be tried here; says why."""


class Stage:
    """One practice system, and somebody who keeps one object of a kind there.

    Attributes:
        wanted: what the spec says of it.
        ledger: what is remembered.
        calls: the writes of the last run, as kind and method.
        said: all that was shown or kept so far; no secret may be in it.
    """

    def __init__(self, case: Case, place: Place, folder: Path) -> None:
        self.case, self.place, self.folder = case, place, folder
        self.address = Address(case.name, KEY)
        self.wanted: Mapping[str, Any] = case.examples[0]
        self.beside: Mapping[str, Mapping[str, Any]] = {}
        self.ledger = _NEW
        self.calls: list[tuple[str, str]] = []
        self.said: list[str] = []
        self._runner = current_runner()
        self._runs = 0
        self._stacks: dict[str, Stack] = {}

    @contextmanager
    def again(self) -> Iterator[Stage]:
        """Another stage like this one, empty."""
        with opened(self.case) as fresh:
            yield fresh

    @property
    def addresses(self) -> tuple[str, str]:
        """The object's address, as a prefix of its parts', too."""
        return str(self.address), f"{self.address}."

    # --- the stack --------------------------------------------------------------------------------------

    def stack(self) -> Stack:
        """What the spec comes to, every approval given.

        Raises:
            SpecError: it isn't valid.
        """
        text = json.dumps(
            {
                "version": 1,
                "stack": _NEW.stack,
                "providers": self.place.providers,
                self.case.name: {KEY: self.wanted},
                **self.beside,
            }
        )
        if text not in self._stacks:
            file = self.folder / "stack.yaml"
            file.write_text(text, "utf-8")
            environment = {**self.place.environment, **self.case.variables}
            found = specs.load(file, self.case.kinds, environment=environment)
            self._stacks[text] = replace(found, approve=tuple(found.resources))
        return self._stacks[text]

    # --- runs ---------------------------------------------------------------------------------------------

    @contextmanager
    def clients(self, stack: Stack) -> Iterator[dict[str, Any]]:
        """A client for each provider that the stack needs, and where its credentials may be used."""
        needed = {each.provider for each in stack.resources.values()} | self.ledger.providers
        needed |= servers_beside(stack, self.ledger, self.case.kinds)
        made: dict[str, Any] = {}
        try:
            for name in sorted(needed):
                made[name] = self._client(stack.providers[name], stack)
            yield made
        finally:
            for api in made.values():
                api.http.close()

    def _client(self, spec: ProviderSpec, stack: Stack) -> Any:
        """A client of this tool, or of the kind that is tried."""
        for kind in self.case.kinds.values():
            if kind.provider_schema is not None and kind.provider_type == spec.type:
                return kind.connect(spec, self.place.environment, stack)
        wire = self.place.wire
        return connect(spec, self.place.environment, stack=stack, pace=Pace(sleep=_at_once), wire=wire)

    def _looked(self, stack: Stack, ledger: Ledger, apis: Mapping[str, Any]) -> Pairing:
        now = datetime.now(timezone.utc)
        return observe(stack, ledger, apis, self.case.kinds, ReadOptions(now, lag_bound=0.0, sleep=_at_once))

    def _planned(self, stack: Stack, apis: Mapping[str, Any], **options: Any) -> tuple[Plan, Snapshot]:
        pairing = self._looked(stack, self.ledger, apis)
        is_end = options.pop("is_end", False)
        dead = frozenset(self._dead(number) for number in range(self._runs + 1))
        asked = Options(now=datetime.now(timezone.utc), dead=dead, **options)
        maker = make_destroy_plan if is_end else make_plan
        plan = maker(stack, self.ledger, pairing, self.case.kinds, asked)
        self.said.extend((repr(plan), repr(pairing.snapshot)))
        return plan, pairing.snapshot

    def _dead(self, number: int) -> Any:
        return replace(self._runner, start=f"conformance {number}")

    def plan(self, **options: Any) -> Plan:
        """What is to be done now."""
        stack = self.stack()
        with self.clients(stack) as apis:
            return self._planned(stack, apis, **options)[0]

    def pending(self, **options: Any) -> dict[str, Action]:
        """Address → what is to happen there, of the object itself and its parts."""
        return {str(change.address): change.action for change in self.plan(**options).pending}

    def apply(self, meddling: Meddling | None = None, **options: Any) -> tuple[Outcome, ...]:
        """One run; nothing comes back from one that was killed."""
        meddling = meddling or Meddling()
        stack = self.stack()
        with self.clients(stack) as apis:
            plan, snapshot = self._planned(stack, apis, **options)
            self._runs += 1
            journal = Journal.stateless(self.ledger, meddling.check)
            kinds: Any = {name: Meddled(kind, meddling) for name, kind in self.case.kinds.items()}
            work = ApplyContext(
                plan=plan,
                snapshot=snapshot,
                apis=apis,
                kinds=kinds,
                runner=self._dead(self._runs),
                memory=lambda: journal.ledger,
                pause=_at_once,
            )
            try:
                outcomes = Executor(work, journal, parallelism=1).run()
            except KilledError:
                outcomes = ()
            self.ledger, self.calls = journal.ledger, meddling.calls
        self.said.extend((repr(outcomes), repr(self.ledger), *work.notes.values()))
        return outcomes

    def applied(self, **options: Any) -> None:
        """One run that has to succeed.

        Raises:
            BrokenError: it doesn't.
        """
        for outcome in self.apply(**options):
            if outcome.status is not Status.DONE:
                raise BrokenError(f"{outcome.address}: {outcome.action.value} fails: {outcome.error}")

    # --- what is there ------------------------------------------------------------------------------------

    def lives(self) -> dict[tuple[str, str], Live]:
        """All objects of the kind and its parts that lists show, by kind and id.

        They are looked at without a ledger, which would have some read by id, and others hidden.
        """
        stack = self.stack()
        with self.clients(stack) as apis:
            snapshot = self._looked(stack, _NEW, apis).snapshot
        return {
            (kind, live.id): live
            for (_, kind), lives in snapshot.objects.items()
            if kind in self.case.names
            for live in lives.values()
        }

    @property
    def live_id(self) -> str:
        """The id that the ledger knows of the object; "" if it knows none."""
        entry = self.ledger.entries.get(self.address)
        return entry.id if entry else ""

    def live(self) -> Live:
        """The object as a list shows it.

        Raises:
            BrokenError: no list shows it.
        """
        found = self.lives().get((self.case.name, self.live_id))
        if found is None:
            raise BrokenError(f"observe doesn't list {self.live_id!r}, which create answered")
        return found

    @contextmanager
    def api(self) -> Iterator[Any]:
        """A client of somebody who knows nothing of this stack's runs."""
        stack = self.stack()
        with self.clients(stack) as apis:
            yield apis[stack.resources[self.address].provider]


@contextmanager
def opened(case: Case) -> Iterator[Stage]:
    """An empty stage for a kind."""
    with case.place() as (place, folder):
        yield Stage(case, place, folder)


def changes_at(plan: Plan, stage: Stage) -> list[Change]:
    """The changes of a plan at the object and its parts."""
    whole, inside = stage.addresses
    return [
        change
        for change in plan.pending
        if str(change.address) == whole or str(change.address).startswith(inside)
    ]


def _at_once(seconds: float) -> None:
    """Nobody waits here."""
