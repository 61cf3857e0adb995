"""A run: what its stacks share, so that many of them ask the remote systems hardly more than one does."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from functools import cached_property, partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from reconciler.cli.ahead import FAR, Ahead
from reconciler.cli.arguments import is_everyday
from reconciler.cli.interruption import stop_of
from reconciler.cli.wiring import View, WriteAccess, lag_bound, stacks, understood
from reconciler.errors import CredentialError, LedgerError
from reconciler.ledger import Claims, OpenedLedger, open_ledger, owners_in
from reconciler.matching import Rivals, rivals_of, servers_beside
from reconciler.model import Ledger, ProviderSpec, Stack
from reconciler.observing import FEW, ReadOptions, observe
from reconciler.providers import Pace, Reads, connect, kinds_of
from reconciler.secrets import Identities

if TYPE_CHECKING:
    from reconciler.applying import FreshLists

HOLDS = 60.0  # seconds for which what was read holds for a stack that is about to be changed
_READERS = 8  # ledgers read side by side
_LOOKING = 48  # reads that stacks ask for side by side; each client bounds its own requests


class Run:
    """The stacks of one run: one client per remote system and identity, each list read once, ledgers before.

    Args:
        stacks: those that are loaded already; see `load`.
        whole: the run that this one is a part of, with reads of its own.
        clock: seconds, steady.
    """

    def __init__(
        self,
        stacks: Sequence[Stack],
        args: argparse.Namespace,
        *,
        whole: Run | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stacks = stacks
        self._whole = whole
        self._args = args
        self._clock = clock
        self._lock = Lock()
        self._clients: list[Any] = []
        self._plain: list[tuple[ProviderSpec, Any]] = []
        self._known: Mapping[int, OpenedLedger | LedgerError] | None = None
        self._rivals: Rivals | None = None
        self._reads = Reads()
        self._began: float | None = None
        self._is_outdated = False
        self._ahead: Ahead | None = None
        self._threads = ThreadPoolExecutor(_LOOKING, thread_name_prefix="look")

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ahead:
            self._ahead.end()
        self._threads.shutdown()
        for api in self._clients:
            api.http.close()
        # who comes after may need the room
        self._clients, self._plain, self._known = [], [], None
        self._reads, self._ahead = Reads(), None

    def load(self, *, lists: bool = True) -> list[Stack]:
        """The stacks of the command line; meanwhile their systems are asked what doesn't depend on the rest.

        Args:
            lists: whether the run only looks; who changes something lists under the lease.

        Raises:
            SpecError: what is wrong with the files.
        """
        began = self._clock()
        side = getattr(self._args, "side", None)
        self._ahead = Ahead(self.client, self._reads, lists=lists, types=(side,) if side else FAR)
        self._stacks = found = stacks(self._args, self._ahead)
        if self._ahead.has_listed:
            self._began = began
        return found

    @cached_property
    def lists(self) -> FreshLists:
        """What is looked at again before a deletion, for all stacks."""
        from reconciler.applying import FreshLists  # a plan needs nothing of that room

        return FreshLists(several=len(self._stacks) > 1)

    # --- what is on record -----------------------------------------------------------------------------

    def opened(self, stack: Stack) -> OpenedLedger:
        """A stack's ledger as it was before this run looked at anything.

        Raises:
            LedgerError: it is damaged, or belongs to another stack or another remote system.
        """
        with self._lock:
            found = self._ledgers()[id(stack)]
        if isinstance(found, LedgerError):
            raise found
        return found

    def _ledgers(self) -> Mapping[int, OpenedLedger | LedgerError]:
        """All ledgers, by stack: read before the first list, so that a list shows what they speak of."""
        if self._known is None:
            with ThreadPoolExecutor(_READERS if len(self._stacks) > 1 else 1) as pool:
                found = pool.map(self._opened, self._stacks)
                self._known = dict(zip(map(id, self._stacks), found, strict=True))
        return self._known

    def _opened(self, stack: Stack) -> OpenedLedger | LedgerError:
        try:
            content = self._ahead.content() if self._ahead else None
            return open_ledger(stack, environment=os.environ, content=content)
        except LedgerError as error:
            return error

    @property
    def rivals(self) -> Rivals:
        """What the stacks own and wish for; one whose ledger can't be read says so itself, and has none."""
        if self._whole is not None:
            return self._whole.rivals
        with self._lock:
            if self._rivals is None:
                several = self._stacks if len(self._stacks) > 1 else ()
                members = [(stack, self._ledgers()[id(stack)]) for stack in several]
                kinds = [kind for stack in several for kind in kinds_of(stack).values()]
                names = {kind.name: kind.fields.name for kind in kinds}
                readable = [(stack, one.ledger) for stack, one in members if isinstance(one, OpenedLedger)]
                self._rivals = rivals_of(readable, names)
            return self._rivals

    def _decoded(self, opened: OpenedLedger) -> Mapping[str, Ledger]:
        """The ledgers that this run has read, by version."""
        with self._lock:
            known = [one for one in (self._known or {}).values() if isinstance(one, OpenedLedger)]
        return {one.version: one.ledger for one in (*known, opened)}

    def _is_everyday(self, opened: OpenedLedger) -> bool:
        """Whether secrets are taken for granted: as the command line says, unless the run has just a few."""
        if not is_everyday(self._args):
            return False
        with self._lock:
            known = self._ledgers().values() if len(self._stacks) > 1 else (opened,)
        entries = (one.ledger.entries for one in known if isinstance(one, OpenedLedger))
        parts = (address for each in entries for address in each if address.part)
        return any(True for _ in islice(parts, FEW, None))

    # --- what is live ----------------------------------------------------------------------------------

    def outdate(self) -> None:
        """Says that something was changed: whoever surveys the whole reads it anew."""
        self._is_outdated = True

    def settle(self) -> None:
        """Before a survey, and its lists: lets the ledgers be read again if something was changed."""
        with self._lock:
            if self._is_outdated:
                self._known = self._rivals = None

    def _reads_for(self, stack: Stack, holding: WriteAccess | None) -> Reads:
        """What was read already, if it holds for the stack; else a new beginning, for those after it, too.

        Under its lease a stack may use what was read before only if nobody wrote its ledger since before that
        began, and if it isn't old (docs/crash-safety.md, section 7).
        """
        with self._lock:
            if holding is None:
                self._ledgers()
                holds = self._began is not None
            else:
                before = self._ledgers()[id(stack)] if len(self._stacks) > 1 else None
                holds = isinstance(before, OpenedLedger) and before.version == holding.journal.version
                holds = holds and self._began is not None and self._clock() - self._began <= HOLDS
            if not holds:
                self._begin_reads()
            return self._reads

    def _begin_reads(self) -> None:
        """From now on all is read anew; what was asked while the specs were read isn't old yet."""
        if self._began is not None:
            self._reads = Reads()
        self._began = self._clock()

    @contextmanager
    def clients(
        self, stack: Stack, opened: OpenedLedger, holding: WriteAccess | None = None
    ) -> Iterator[dict[str, Any]]:
        """A client per provider that the spec's resources need, or the ledger remembers; as fast as asked.

        Args:
            holding: the lease that they write under.
        """
        needed = {resource.provider for resource in stack.resources.values()} | opened.ledger.providers
        specs = {name: spec for name, spec in sorted(stack.providers.items()) if name in needed}
        made = {name: self.client(spec, stack) for name, spec in specs.items()}
        for name in sorted(servers_beside(stack, opened.ledger, kinds_of(stack)) - set(made)):
            # one that only lends its address needs no credential, and can't be looked at then
            with suppress(CredentialError):
                made[name] = self.client(stack.providers[name], stack)
        reads = self._reads_for(stack, holding)
        for api in made.values():
            api.http.reads = reads
            api.http.gate = holding.lease.gate if holding else None  # crash-safety, rule 16
        yield made

    def surveyed(self, providers: Mapping[str, ProviderSpec]) -> dict[str, Any]:
        """A client for each provider, to look at the whole of it.

        Raises:
            CredentialError: address or credential is missing.
        """
        made = {name: self.client(spec) for name, spec in providers.items()}
        with self._lock:
            if self._began is None or self._is_outdated:
                self._begin_reads()
            for api in made.values():
                api.http.reads = self._reads
        return made

    def client(self, spec: ProviderSpec, stack: Stack | None = None) -> Any:
        """The client of a provider, under its name in one stack.

        Raises:
            CredentialError: address or credential is missing, ambiguous, or belongs elsewhere.
        """
        stop = stop_of(self._args)
        made = self._first(spec, stack).named(spec.name)
        made.http.stopped, made.http.before_read = stop.event.is_set, stop.check
        return made

    def _first(self, spec: ProviderSpec, stack: Stack | None) -> Any:
        """The client that all have who mean the same system as the same identity."""
        # what says where a system is and no more means the same in every stack
        plain = None if spec.settings else replace(spec, name="", at=None, places={})
        with self._lock:
            known = next((api for one, api in self._plain if one == plain), None)
        if known is not None:
            return known
        pace = Pace(
            parallelism=getattr(self._args, "parallelism", Pace.parallelism),
            rate=getattr(self._args, "max_rps", None),
            sleep=stop_of(self._args).sleep,
        )
        made: Any = connect(spec, os.environ, stack=stack, pace=pace)
        with self._lock:
            first = next((one for one in self._clients if one.is_same(made)), made)
            if first is made:
                self._clients.append(made)
            if plain is not None and spec.type in FAR:
                self._plain.append((plain, first))
        return first

    def look(
        self,
        stack: Stack,
        opened: OpenedLedger,
        apis: Mapping[str, Any],
        identities: Identities | None = None,
        *,
        everyday: bool | None = None,
        takes_over: bool = True,
    ) -> View:
        """Reads what is live.

        Args:
            takes_over: whether what nobody has is to be told from what another stack has: for a plan.
            everyday: take secrets that the ledger is sure of for granted; None as the command line says.

        Raises:
            RemoteError, CredentialError: nothing can be said.
        """
        kinds = kinds_of(stack)
        opened = understood(opened, kinds)
        now = datetime.now(timezone.utc)
        options = ReadOptions(
            now,
            lag_bound(os.environ),
            self._is_everyday(opened) if everyday is None else everyday,
            partial(self.rivals_of, opened, apis) if takes_over else Rivals,
            stop_of(self._args).sleep,
        )
        pairing = observe(stack, opened.ledger, apis, kinds, options, self._threads)
        return View(stack, opened, apis, pairing, now, identities)

    def rivals_of(self, opened: OpenedLedger, apis: Mapping[str, Any]) -> Rivals:
        """What other stacks own and wish for, with what the ledgers beside a stack's own say.

        Asked once the lists are there: what a list shows is on somebody's record by then.

        Raises:
            LedgerError: a ledger beside can't be read, or is damaged: who knows what it owns.
        """
        stack, store = opened.stack, opened.store
        objects = {(one.provider, address.kind_name) for address, one in stack.resources.items()}
        objects |= {(entry.provider, address.kind_name) for address, entry in opened.ledger.entries.items()}
        looked = frozenset((apis[name].http.system, kind) for name, kind in objects if name in apis)
        reads = next((api.http.reads for api in apis.values() if api.http.reads is not None), Reads())
        owners = reads.once(
            ("claims", store.folder, store.owns_folder, looked),
            lambda: owners_in(store, self._decoded(opened), its_own=len(self._stacks) > 1),
        )
        return replace(self.rivals, owned=Claims(owners, stack.name, self.rivals.owned))
