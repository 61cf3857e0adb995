"""Carries a plan out: graph order, a bounded pool, the ledger written before and after each create.

One thread coordinates: it alone asks the steps for their next call and writes the ledger, so that the
edits of everything that is ready at one time become one durable write. The pool only makes calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from graphlib import TopologicalSorter
from threading import Event
from typing import Protocol

from reconciler.applying import ledger_edits
from reconciler.applying.call_pool import Answer, CallPool, Running
from reconciler.applying.context import ApplyContext
from reconciler.applying.ledger_draft import LedgerEdit
from reconciler.applying.remote_call import NotSentError
from reconciler.applying.steps import calls_of
from reconciler.applying.superseded import superseded
from reconciler.errors import FencedError, ReconcileError
from reconciler.model import Action, Address, Change, Entry, IntentResolution, Ledger, Outcome, Status
from reconciler.planning import Phase, Step, steps

TOMBSTONE = timedelta(hours=24)  # how long a given-up intent is remembered (rule 6)
GATHER = 0.05  # seconds that answers are gathered for one write, while other calls are under way
PATIENCE = 4.0  # times as long as the last write took, while nobody waits: a large ledger is written less


class LedgerWriter(Protocol):
    """What the executor needs of the ledger."""

    @property
    def ledger(self) -> Ledger:
        """The ledger as it is durable now."""

    def commit(self, edit: Callable[[Ledger], Ledger]) -> Ledger:
        """Makes an edit durable; FencedError if somebody else took over."""


class Watcher(Protocol):
    """Who wants to see how an apply goes on."""

    def started(self, address: Address, action: Action) -> None:
        """A change has begun."""

    def finished(self, outcome: Outcome) -> None:
        """A change has ended."""


@dataclass
class _Progress:
    """What has become of the steps so far."""

    status: dict[Step, Status] = field(default_factory=dict)
    errors: dict[Step, str] = field(default_factory=dict)
    seconds: dict[Address, float] = field(default_factory=dict)
    reported: dict[Address, Outcome] = field(default_factory=dict)


class Executor:
    """One apply of one plan.

    Args:
        context: what the steps share.
        journal: where the ledger is written.
        parallelism: calls under way at one time.
        stop: set it and nothing new is begun: calls under way finish, and the ledger is written.
    """

    def __init__(
        self,
        context: ApplyContext,
        journal: LedgerWriter,
        *,
        parallelism: int = 8,
        watcher: Watcher | None = None,
        stop: Event | None = None,
    ) -> None:
        self.context = context
        self.journal = journal
        self.watcher = watcher
        self.stop = stop or Event()
        self.changes = context.plan.by_address
        remembered = {address: entry.depends_on for address, entry in journal.ledger.entries.items()}
        self.graph = steps(context.plan.changes, remembered)
        self.users: dict[Address, set[Step]] = {}
        for step in self.graph:
            self.users.setdefault(step.address, set()).add(step)
        self.progress = _Progress()
        self.failure: ReconcileError | None = None
        self.took = 0.0  # seconds, the last write
        self.sorter: TopologicalSorter[Step] = TopologicalSorter(self.graph)
        self.pool = CallPool(parallelism)
        self.edits: list[LedgerEdit] = []  # to be written next
        self.ready: list[Running] = []  # to be sent as soon as that is durable

    def run(self) -> tuple[Outcome, ...]:
        """Carries the plan out and says how each change ended, in the plan's order.

        Raises:
            FencedError: another runner took over; not one more call was made.
            LedgerError: the ledger couldn't be written; nothing was sent without its intent on record.
        """
        self._begin()
        self.sorter.prepare()
        with self.pool:
            self._walk()
        if self.failure is not None:
            raise self.failure
        return tuple(
            self._with_rest(change, self.progress.reported.get(change.address) or self._outcome(change))
            for change in self.context.plan.changes
            if change.action is not Action.NO_OP
        )

    # --- the beginning ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Writes what changes in the ledger alone; nothing at all if nothing does."""
        settled = [
            ledger_edits.settled_before(
                change, proven_dead=self._is_proven_dead(change.address), now=self.context.now
            )
            for change in self.context.plan.changes
            if change.settles in (IntentResolution.GIVEN_UP, IntentResolution.LOST, IntentResolution.FOUND)
        ]
        edit = ledger_edits.as_one(
            [
                self.context.custody.look,
                ledger_edits.begun(self.context.plan, self._refreshed()),
                *settled,
                *(ledger_edits.condemned(c, c.spares) for c in self.context.plan.changes if c.spares),
                ledger_edits.without_old_tombstones(self.context.before(TOMBSTONE)),
                *self._arrivals(),
            ]
        )
        if edit(self.journal.ledger) != self.journal.ledger:
            self.journal.commit(edit)

    def _is_proven_dead(self, address: Address) -> bool:
        intent = self.journal.ledger.pending.intents.get(address)
        return intent is not None and intent.runner in self.context.dead

    def _arrivals(self) -> Iterator[LedgerEdit]:
        """Deliveries of an interrupted run that turned out to have arrived."""
        for change in self.context.plan.changes:
            if (
                change.settles is IntentResolution.DELIVERED
                and change.address in self.context.plan.stack.resources
            ):
                resource = self.context.resource(change.address)
                sources = [ref.source for ref in resource.refs if ref.is_secret]
                yield ledger_edits.arrived(sources, str(change.address), confirmed=True)

    def _refreshed(self) -> Mapping[Address, Entry]:
        """What the spec says now of objects that need no call: their lifecycle, their dependencies."""
        found = {}
        for change in self.context.plan.changes:
            if change.action is not Action.NO_OP or change.address not in self.context.plan.stack.resources:
                continue
            if change.left or change.live is None:
                continue  # live isn't as the spec says, or can't be seen from here
            entry = self.context.entry(change.address)
            if entry is not None and entry.id:
                entry = self.context.custody.looked_into(entry)
                found[change.address] = self.context.refreshed(entry, change)
        return found

    # --- the walk ---------------------------------------------------------------------------------------

    def _walk(self) -> None:
        written = time.monotonic()
        while True:
            self._open_ready()
            # while others wait for their turn, nobody waits for this write
            gather = max(GATHER, PATIENCE * self.took) if self.pool.is_full else GATHER
            due = written + gather - time.monotonic()
            if self.failure is None and (self.ready or self.edits) and (not self.pool or due <= 0):
                if self._write():
                    written = time.monotonic()
                    self.pool.send(self.ready)
                self.edits, self.ready = [], []
                continue
            if not self.pool:
                return
            landed = self.pool.land(max(0.0, due) if self.ready or self.edits else None)
            if self.stop.is_set() or self.failure is not None:
                self._recall()
            for running, answer in landed:
                self._landed(running, answer)

    def _open_ready(self) -> None:
        """Begins every step whose predecessors are done."""
        while self.sorter.is_active():
            opened = self.sorter.get_ready()
            if not opened:
                return
            for step in opened:
                if self.stop.is_set() or self.failure is not None:
                    self._end(step, Status.SKIPPED, "stopped before it began")
                    continue
                reason = self._obstacle(step)
                if reason:
                    self._end(step, Status.SKIPPED, reason)
                    continue
                change = self.changes[step.address]
                if self.watcher and step.address not in self.progress.seconds:
                    self.watcher.started(step.address, change.action)
                self.progress.seconds.setdefault(step.address, 0.0)
                running = Running(step, calls_of(self.context, change, step))
                self._advance(running)

    def _obstacle(self, step: Step) -> str:
        for before in self.graph[step]:
            if self.progress.status.get(before) is not Status.DONE:
                if step.phase is Phase.REMOVE and before.address == step.address:
                    return "it stays: its successor wasn't made"
                if step.phase is Phase.REMOVE:
                    return f"it stays: {before.address} wasn't switched over"
                return f"depends on {before.address}, which wasn't done"
        return ""

    def _advance(self, running: Running) -> None:
        """Asks a step for its next call; what needs no call is recorded and passed over."""
        try:
            for call in running.calls:
                if call.before is not None:
                    self.edits.append(call.before)
                if call.run is not None:
                    running.call = call
                    self.ready.append(running)
                    return
        except ReconcileError as error:
            self._end(running.step, Status.FAILED, _words(error))
            return
        self._end(running.step, Status.DONE, "")

    def _landed(self, running: Running, answer: Answer | None) -> None:
        """Takes an answer, or the error in its place."""
        call = running.call
        if call is None:
            return
        if answer is None:
            self._end(running.step, Status.SKIPPED, "stopped before it was sent")
            return
        found, error, took = answer
        self.progress.seconds[running.step.address] += took
        change = self.changes[running.step.address]
        self.context.lists.ended(self.context.apis[change.provider], change)
        if error is None:
            edit = call.after(found)
        elif isinstance(error, FencedError):
            self.failure = self.failure or error
            edit = None
        else:
            edit = call.failed(error)
        if edit is not None:
            self.edits.append(edit)
        if error is not None:
            self._end(running.step, Status.FAILED, _words(error))
        elif self.stop.is_set():
            self._finish_stopped(running)
        else:
            self._advance(running)

    def _finish_stopped(self, running: Running) -> None:
        try:
            rest = next((call for call in running.calls if call.run is not None), None)
        except ReconcileError as error:
            self._end(running.step, Status.FAILED, _words(error))
            return
        if rest is None:
            self._end(running.step, Status.DONE, "")
        else:
            self._end(running.step, Status.FAILED, "stopped half-way; run it again to finish")

    def _recall(self) -> None:
        for running in self.pool.recall():
            edit = running.call.failed(NotSentError("not sent")) if running.call else None
            if edit is not None:
                self.edits.append(edit)

    # --- the ledger -------------------------------------------------------------------------------------

    def _write(self) -> bool:
        """Makes the edits durable; a failure ends the run, since nothing may be sent without its record."""
        if not self.edits:
            return True
        began = time.monotonic()
        try:
            self.journal.commit(ledger_edits.as_one(self.edits))
            self.took = time.monotonic() - began
        except ReconcileError as error:
            self.failure = self.failure or error
            return False
        return True

    # --- outcomes ---------------------------------------------------------------------------------------

    def _end(self, step: Step, status: Status, error: str) -> None:
        self.progress.status[step] = status
        if error:
            self.progress.errors[step] = error
        self.sorter.done(step)
        siblings = self.users[step.address]
        if all(other in self.progress.status for other in siblings):
            outcome = self._outcome(self.changes[step.address])
            self.progress.reported[step.address] = outcome
            if self.watcher:
                self.watcher.finished(outcome)

    def _outcome(self, change: Change) -> Outcome:
        own = sorted(self.users.get(change.address, ()))
        statuses = [self.progress.status.get(step, Status.SKIPPED) for step in own]
        errors = [self.progress.errors[step] for step in own if step in self.progress.errors]
        status = _worst(statuses)
        error = "; ".join(errors)
        if change.action is Action.BLOCKED:
            status, error = Status.SKIPPED, change.reason
        elif change.held and status is Status.DONE:
            status = Status.FAILED
            error = "; ".join(f"{name} stays as it is: {words}" for name, (_, words) in change.held.items())
        return Outcome(
            change.address,
            change.action,
            status,
            self.context.computed.get(change.address, {}).get("id") or change.id,
            error,
            round(self.progress.seconds.get(change.address, 0.0), 3),
            self.context.notes.get(change.address, ""),
        )

    def _with_rest(self, change: Change, outcome: Outcome) -> Outcome:
        """With what stays alive beside it; a destroy that leaves something isn't done."""
        rest = superseded(self.context, change) if outcome.status is Status.DONE else ""
        if rest and self.context.plan.destroys:
            return replace(outcome, status=Status.SKIPPED, error=rest)
        return replace(outcome, note="; ".join(words for words in (outcome.note, rest) if words))


def _words(error: Exception) -> str:
    hint = getattr(error, "hint", "")
    return f"{error}; {hint}" if hint else str(error)


def _worst(statuses: list[Status]) -> Status:
    for status in (Status.FAILED, Status.SKIPPED):
        if status in statuses:
            return status
    return Status.DONE
