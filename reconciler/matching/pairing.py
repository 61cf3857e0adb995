"""Which live object is whose, as one answer: asked while the systems are read, and handed on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.kinds import Registry
from reconciler.matching.matches import Match, match_inner, match_outer, moved_entries
from reconciler.matching.recovery import IsOthers, Recovery, recover
from reconciler.matching.rivals import Rivals
from reconciler.model import Address, Entry, Ledger, Snapshot, Stack


@dataclass(frozen=True)
class Pairing:
    """What is live, and whose it is: planning and verifying work from it, and don't ask again.

    Attributes:
        entries: the ledger's, as the spec's `moved:` renames them.
        matches: every resource of the stack with its live object.
        recovery: what interrupted runs left behind.
    """

    snapshot: Snapshot
    entries: Mapping[Address, Entry]
    matches: Mapping[Address, Match]
    recovery: Recovery


def pair_outer(
    stack: Stack, ledger: Ledger, snapshot: Snapshot, kinds: Registry, now: datetime, rivals: Rivals
) -> Mapping[Address, Match]:
    """The matches of what lives in no other object: enough to know where to look for all the rest."""
    recovery = recover(ledger, snapshot, kinds, now, others=_others(stack, rivals))
    return match_outer(stack, ledger, snapshot, kinds, recovery, rivals)


def _others(stack: Stack, rivals: Rivals) -> IsOthers:
    systems = {name: spec.system for name, spec in stack.providers.items()}

    def is_others(provider: str, kind: str, live_id: str) -> bool:
        return rivals.owned.get((systems.get(provider, ""), kind, live_id), stack.name) != stack.name

    return is_others


def pair(
    stack: Stack,
    ledger: Ledger,
    snapshot: Snapshot,
    kinds: Registry,
    now: datetime,
    rivals: Rivals | None = None,
    outer: Mapping[Address, Match] | None = None,
) -> Pairing:
    """Which live object is whose.

    Args:
        rivals: what other stacks own and wish for.
        outer: what `pair_outer` said of this snapshot, as far as that had been read.
    """
    rivals = rivals or Rivals()
    recovery = recover(ledger, snapshot, kinds, now, others=_others(stack, rivals))
    if outer is None or ledger.pending.intents or ledger.pending.given_up:
        # what lives inside an object tells what became of its create
        outer = match_outer(stack, ledger, snapshot, kinds, recovery, rivals)
    matches = match_inner(stack, ledger, snapshot, kinds, recovery, rivals, outer)
    return Pairing(snapshot, moved_entries(ledger.entries, stack.moved), matches, recovery)
