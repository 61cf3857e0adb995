"""Where the rooms meet: the only module that knows concrete stores, clients and kinds."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from reconciler import __version__, specs
from reconciler.cli.arguments import addresses, variables
from reconciler.cli.console import Console
from reconciler.cli.interruption import Stop
from reconciler.cli.policy_files import rules_of
from reconciler.errors import CredentialError, LedgerError, UsageError
from reconciler.kinds import Registry
from reconciler.ledger import (
    Journal,
    Lease,
    OpenedLedger,
    Waiting,
    is_proven_dead,
    new_lease,
    open_ledger,
    start_journal,
)
from reconciler.matching import Pairing
from reconciler.model import Ledger, Plan, Runner, Snapshot, Stack
from reconciler.observing import LAG_BOUND
from reconciler.planning import Options, check_copies, make_destroy_plan, make_plan
from reconciler.providers import KINDS, kinds_of
from reconciler.secrets import Identities, unseal


def stacks(args: argparse.Namespace, ahead: Callable[[specs.Outline], None] | None = None) -> list[Stack]:
    """The stacks of the command line, all their problems reported together.

    Args:
        ahead: told of each as soon as its remote systems may be asked.

    Raises:
        SpecError: what is wrong with the files.
    """
    return specs.load_all(
        args.specs or ["specs/"],
        KINDS,
        variables=variables(args),
        environment=os.environ,
        recursive=getattr(args, "recursive", False),
        rules=rules_of(args, os.environ),
        ahead=ahead,
    )


def the_stack(args: argparse.Namespace) -> Stack:
    """The one stack of a command that takes an address.

    Raises:
        UsageError: there are several.
    """
    found = stacks(args)
    if len(found) != 1:
        names = ", ".join(stack.file for stack in found)
        raise UsageError(f"which spec? {names}", hint="name the one SPEC that the address belongs to")
    return found[0]


@dataclass(frozen=True)
class View:
    """One stack with its ledger and live state, as read at one time.

    Attributes:
        identities: private keys for sealed copies; None for a plan, which takes it for granted that whoever
            applies has them: same spec, same live, same plan, whoever plans.
    """

    stack: Stack
    opened: OpenedLedger
    apis: Mapping[str, Any]
    pairing: Pairing
    now: datetime
    identities: Identities | None = None

    @property
    def snapshot(self) -> Snapshot:
        """What is live."""
        return self.pairing.snapshot

    def options(self, args: argparse.Namespace) -> Options:
        """What the command line asks of a plan."""
        return Options(
            now=self.now,
            tool_version=__version__,
            targets=addresses(getattr(args, "target", ())),
            replaces=addresses(getattr(args, "replace", ())),
            due=getattr(args, "due", False),
            dead=dead_runners(self.opened.ledger),
            opened=None if self.identities is None else self.openable,
        )

    @cached_property
    def openable(self) -> frozenset[str]:
        """Remote ids of the credentials whose sealed copy can be opened here."""
        identities = self.identities or Identities()
        return frozenset(
            entry.id
            for entry in self.opened.ledger.entries.values()
            if entry.credential
            and entry.credential.sealed
            and unseal(entry.credential.sealed, identities) is not None
        )

    def plan(self, options: Options) -> Plan:
        """The changes that take live to wanted."""
        return make_plan(self.stack, self.opened.ledger, self.pairing, kinds_of(self.stack), options)

    def destroy_plan(self, options: Options) -> Plan:
        """The changes that remove all that the stack owns."""
        kinds = kinds_of(self.stack)
        return make_destroy_plan(self.stack, self.opened.ledger, self.pairing, kinds, options)

    def check_copies(self, plan: Plan) -> None:
        """Whether what a plan hands over can be opened here, wherever it was made.

        Raises:
            CredentialError: a sealed copy can't.
        """
        options = Options(now=self.now, opened=self.openable)
        check_copies(self.stack, self.opened.ledger, self.pairing, kinds_of(self.stack), options, plan)

    def check_writable(self, plan: Plan) -> None:
        """Whether we may change what the plan would change; better said before than half-way.

        Raises:
            CredentialError: a Connect key isn't an administrator's.
        """
        for name in sorted({change.provider for change in plan.pending}):
            # what is forgotten may be of a provider that left the spec
            if getattr(self.apis.get(name), "is_administrator", None) is False:
                raise CredentialError(
                    f"provider {name}: the {self.apis[name].signed_in_as} isn't an administrator's, "
                    f"and only administrators may change integrations",
                    code="not-administrator",
                    hint="use an administrator's key; nothing was changed",
                )


@dataclass(frozen=True)
class WriteAccess:
    """The right to write one stack's ledger and to change what it owns."""

    lease: Lease
    journal: Journal
    opened: OpenedLedger

    @property
    def runner(self) -> Runner:
        """This process, as the ledger names it."""
        return self.lease.runner


@contextmanager
def held(
    stack: Stack, console: Console, *, moving: str = "", stop: Stop | None = None
) -> Iterator[WriteAccess]:
    """The lease and the journal of a stack, from here to the end.

    Args:
        moving: a provider that may have another address than the ledger says.
        stop: ends the waiting for whoever holds it.

    Raises:
        LockedError: somebody else is at work on it.
    """
    opened = open_stack(stack, moving=moving)
    lease = new_lease(opened, sleep=(stop or Stop()).sleep)
    lease.acquire(on_wait=lambda waiting: console.say(_words(waiting)))
    try:
        with start_journal(opened, lease) as journal:
            yield WriteAccess(lease, journal, replace(opened, ledger=journal.ledger))
    finally:
        lease.release()


def _words(waiting: Waiting) -> str:
    who = waiting.holder.text if waiting.holder else "somebody whose lease can't be read"
    if waiting.is_alive:
        return f"waiting for {who}"
    return (
        f"the stack is leased to {who}; watching whether that run is alive "
        f"(its lease lapses in {waiting.lapses_in:.0f} s)"
    )


def understood(opened: OpenedLedger, kinds: Registry) -> OpenedLedger:
    """The ledger as far as this version knows the kinds that it speaks of.

    Raises:
        LedgerError: it owns, or may have made, something of another kind: nobody here can look after that.
    """
    ledger = opened.ledger
    strange = sorted(a for a in {*ledger.entries, *ledger.pending.intents} if a.kind_name not in kinds)
    if strange:
        raise LedgerError(
            "the ledger has objects of a kind that this version doesn't know: "
            + ", ".join(map(str, strange)),
            hint="use the version that made them; what a package brings has to stand in kinds:; "
            f"or `reconcile ledger forget {strange[0]}` leaves it alive",
            address=str(strange[0]),
            code="unknown-kind",
        )
    return replace(opened, ledger=ledger.of_kinds(kinds))


def lag_bound(environment: Mapping[str, str]) -> float:
    """Seconds that a list may hide what was just made: RECONCILE_LAG_BOUND, where 5 isn't right.

    Raises:
        UsageError: it isn't a number of seconds.
    """
    text = environment.get("RECONCILE_LAG_BOUND", "") or str(LAG_BOUND)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 600:
        raise UsageError(f"RECONCILE_LAG_BOUND is {text!r}: expected seconds, 0 to 600")
    return seconds


def dead_runners(ledger: Ledger) -> frozenset[Runner]:
    """The runners of open intents and deliveries that are proven to be gone."""
    named = {intent.runner for intent in ledger.pending.intents.values()}
    for entry in ledger.entries.values():
        credentials = (entry.credential, *(former.credential for former in entry.formers))
        named |= {credential.by for credential in credentials if credential and credential.by}
    return frozenset(runner for runner in named if is_proven_dead(runner))


def open_stack(stack: Stack, *, moving: str = "") -> OpenedLedger:
    """The stack's ledger, for reading.

    Args:
        moving: a provider that may have another address than the ledger says.

    Raises:
        LedgerError: it is damaged, or belongs to another stack or another remote system.
    """
    return open_ledger(stack, environment=os.environ, moving=moving)
