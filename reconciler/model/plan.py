"""The plan: ordered changes as plain data, printed, saved and applied as the same value; and its outcomes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from reconciler.errors import Problem
from reconciler.model.live import Live
from reconciler.model.values import Address, canonical
from reconciler.model.wanted import Lifecycle, ReplaceOrder, Stack


class Action(str, Enum):
    """What happens to an address."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    REPLACE = "replace"
    ROTATE = "rotate"
    DELETE = "delete"
    FORGET = "forget"
    BLOCKED = "blocked"
    NO_OP = "no_op"

    @property
    def makes(self) -> bool:
        """Whether a new remote object comes of it."""
        return self in (Action.CREATE, Action.REPLACE, Action.ROTATE)

    @property
    def supersedes(self) -> bool:
        """Whether a new remote object takes the place of another."""
        return self in (Action.REPLACE, Action.ROTATE)


class Cause(str, Enum):
    """Who made a difference: the user in the YAML, someone else live, or both."""

    SPEC = "spec"
    DRIFT = "drift"
    BOTH = "both"


class IntentResolution(str, Enum):
    """What became of an intent, or of a delivery, that an interrupted run left open."""

    NOTHING = "nothing"  # none was open, or none can be settled
    GIVEN_UP = "given up"  # the create took no effect; it may still arrive, so a tombstone is kept
    LOST = "lost"  # it took effect, and its one-time secret is gone
    FOUND = "found"  # it took effect, and what it made is usable
    DELIVERED = "delivered"  # the credential had arrived


class Status(str, Enum):
    """How one change ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One attribute's way from live to wanted, as shown; secrets are `(sensitive)` on both sides.

    Attributes:
        path: dotted, `config.workspace_host`.
        before: the live value; None for a create or where it has none.
        after: the wanted value; None for a delete or a removal.
        called: what the path's last part is called, where that is an id: `group analysts (2143)`.
    """

    path: str
    before: Any
    after: Any
    cause: Cause = Cause.SPEC
    called: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to happen to one address, and why.

    Attributes:
        id: remote id of the object that is there now; None before creation.
        depends_on: what the spec refers to, sorted.
        live_digest: of the live object, as a plan file says; see `digest_of_live`.
        approval: why it needs approval; "" if it doesn't.
        approved: covered by the spec's `approve:` list (or by the exception that the contract makes).
        lifecycle: as the spec has it, or as last applied for what left the spec.
        removes: remote ids to be removed once nothing uses them any more: the object itself for a delete or
            replace, former objects that an earlier run couldn't remove yet.
        clears: remote ids to be removed before anything is made: orphans of an interrupted run, never used.
        spares: orphans of an interrupted run that stay, as somebody refers to them: they go on record.
        settles: what became of what an interrupted run left open, to be written before anything is sent.
        parent: remote id of the object that what is cleared lives in; "" where that isn't inside another.
        left: paths that differ and are left as they are, `*` for all of them (`apply --due`).
        keeps: seconds that what it supersedes stays alive.
        live: the object that it was planned against; not part of a saved plan.
        code: of the problem that blocks it; "" otherwise.
        held: attribute → (code, words) of the lists that aren't written, though all else is.
    """

    address: Address
    action: Action
    provider: str
    id: str | None
    name: str
    reason: str
    fields: tuple[FieldChange, ...] = ()
    depends_on: tuple[Address, ...] = ()
    live_digest: str = ""
    approval: str = ""
    approved: bool = False
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    removes: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()
    settles: IntentResolution = IntentResolution.NOTHING
    parent: str = ""
    left: tuple[str, ...] = ()
    keeps: int = 0
    live: Live | None = None
    code: str = ""
    held: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def needs_approval(self) -> bool:
        """Whether a person has to approve it still."""
        return bool(self.approval) and not self.approved

    @property
    def digest_of_live(self) -> str:
        """Of the live object that it was planned against; "" if there is none."""
        # worked out for those who ask: few do, of what changes nothing
        return self.live_digest or (self.live.digest if self.live else "")

    @property
    def deletes_first(self) -> bool:
        """Whether a replaced object goes before its successor is made."""
        return self.action is Action.REPLACE and self.lifecycle.replace is ReplaceOrder.DELETE_FIRST

    @property
    def is_pending(self) -> bool:
        """Whether applying does anything at this address (a blocked one waits for a person)."""
        return self.action not in (Action.NO_OP, Action.BLOCKED)


@dataclass(frozen=True)
class Plan:
    """All changes of a stack in the order of their addresses' dependencies.

    Attributes:
        stack: what is wanted, complete: applying needs no spec.
        created: RFC 3339.
        lineage, serial: of the ledger that it was made with; "" and 0 when stateless.
        changes: every address, no-ops included.
        problems: warnings and the reasons of blocked addresses.
        destroys: made by `destroy`.
        targets: only these addresses (and what they depend on) were planned; empty for all.
        replaces: addresses whose replace was asked for on the command line.
        unchanged: how many addresses without a change are not among `changes` (of a plan read from a file).
    """

    stack: Stack
    tool_version: str
    created: str
    lineage: str
    serial: int
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = ()
    destroys: bool = False
    targets: tuple[Address, ...] = ()
    replaces: tuple[Address, ...] = ()
    unchanged: int = 0

    @cached_property
    def by_address(self) -> Mapping[Address, Change]:
        """The changes, to be looked up."""
        return {change.address: change for change in self.changes}

    @cached_property
    def written(self) -> frozenset[tuple[str, str]]:
        """Provider and kind of whatever applying changes."""
        return frozenset((change.provider, change.address.kind_name) for change in self.pending)

    @cached_property
    def digest(self) -> str:
        """`sha256:…` over what would be done, where, and with whose secrets; not over times.

        Same spec, same live, same digest, whoever plans: of a secret only its source counts, never its value.
        """
        told = sorted(
            (change for change in self.changes if change.action is not Action.NO_OP),
            key=lambda change: change.address,
        )
        stack = self.stack
        # where what is made is kept, and for whom
        custody = [stack.ledger_url, stack.recipients, stack.inputs]
        text = canonical([stack.name, self.destroys, custody, [self._told(change) for change in told]])
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def _told(self, change: Change) -> list[Any]:
        provider = self.stack.providers.get(change.provider)
        resource = self.stack.resources.get(change.address)
        return [
            str(change.address),
            change.action.value,
            change.id or "",
            change.name,
            change.reason,
            provider.record if provider else change.provider,
            [[field.path, field.before, field.after, field.cause.value] for field in change.fields],
            [change.removes, change.clears, change.parent, change.lifecycle.replace.value],
            [str(address) for address in change.depends_on],
            resource.secret_sources if resource else [],
        ]

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that applying would make."""
        return tuple(change for change in self.changes if change.is_pending)

    @property
    def needs_approval(self) -> bool:
        """Whether any change has to be approved still."""
        if self.destroys:
            return bool(self.pending)
        return any(change.needs_approval for change in self.changes)

    @property
    def summary(self) -> Mapping[str, int]:
        """Number of changes by action."""
        counts = {action.value: 0 for action in Action}
        for change in self.changes:
            counts[change.action.value] += 1
        counts[Action.NO_OP.value] = max(counts[Action.NO_OP.value], self.unchanged)
        return counts


@dataclass(frozen=True)
class Outcome:
    """How one change ended.

    Attributes:
        id: remote id afterwards; None where there is none.
        error: words for people; "" when done.
        seconds: wall time of its calls.
        note: what else a person should know of it.
    """

    address: Address
    action: Action
    status: Status
    id: str | None = None
    error: str = ""
    seconds: float = 0.0
    note: str = ""
