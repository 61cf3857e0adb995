"""A ledger that is being edited: what the edits of one write are carried out on."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from reconciler.model import Address, Deleted, Entry, Ledger

_MOMENT = attrgetter("at")


class LedgerDraft:
    """A ledger that is being edited: one copy per write, however many edits the write holds."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.entries = dict(ledger.entries)
        self.intents = dict(ledger.pending.intents)
        self.given_up = list(ledger.pending.given_up)
        # by their time: a clock that was wrong may have put them on record in another order
        self.deleted = sorted(ledger.pending.deleted, key=_MOMENT)
        self.approvals = dict(ledger.approvals)
        self.remotes = dict(ledger.remotes)
        self._held: set[str] | None = None

    def frozen(self) -> Ledger:
        """The ledger that the draft became."""
        pending = replace(
            self._ledger.pending,
            intents=self.intents,
            given_up=tuple(self.given_up),
            deleted=tuple(self.deleted),
        )
        return replace(
            self._ledger,
            entries=self.entries,
            pending=pending,
            approvals=self.approvals,
            remotes=self.remotes,
        )

    def change(self, address: Address, edit: Callable[[Entry], Entry | None]) -> None:
        """Changes one entry, or drops it where the answer is None; an address without one stays without."""
        entry = self.entries.get(address)
        if entry is not None:
            self.put(address, edit(entry))

    def put(self, address: Address, entry: Entry | None) -> None:
        """Sets one entry, or drops it."""
        if entry is None:
            self.entries.pop(address, None)
        else:
            self.entries[address] = entry
            if self._held is not None:
                self._held |= _held_by(entry)

    def bury(self, ghost: Deleted, horizon: str) -> None:
        """Notes what was deleted, and forgets what was before the horizon."""
        del self.deleted[: bisect_left(self.deleted, horizon, key=_MOMENT)]
        insort(self.deleted, ghost, key=_MOMENT)

    def is_held(self, credential: str) -> bool:
        """Whether a receiver holds a credential; one that is switched over in this write still counts."""
        if self._held is None:
            self._held = set().union(*map(_held_by, self.entries.values()))
        return credential in self._held


LedgerEdit = Callable[[LedgerDraft], None]


def _held_by(entry: Entry) -> set[str]:
    return {delivery.credential for delivery in entry.deliveries.values()}
