"""What became of the creates that an interrupted run left open: found, lost, or without effect. Pure.

The decision table of the crash-safety protocol (docs/crash-safety.md, §4 and §5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property

from reconciler.kinds import Evidence, Fields, Registry, parts_of
from reconciler.matching.canonical import at_path, same_leaf
from reconciler.model import (
    Address,
    Entry,
    Intent,
    IntentResolution,
    Ledger,
    Live,
    Snapshot,
    Tombstone,
)
from reconciler.model.times import parse_time

SKEW = timedelta(seconds=5)
# how long after a tombstone an app may still be the late effect of its create: later ones are asked about
LATE_AFTER_DEATH = timedelta(seconds=35)
LATE_OTHERWISE = timedelta(minutes=15)


@dataclass(frozen=True)
class Recovered:
    """What one open intent turned out to be.

    Attributes:
        settles: GIVEN_UP, LOST or FOUND; NOTHING where a person has to decide (`trouble`).
        live: what was found.
        orphans: ids of what can't be used and has to go.
        doubtful: a tombstone matches as well: the object may hold another credential than recorded (rule 7).
        trouble: why nobody can tell.
    """

    address: Address
    intent: Intent
    settles: IntentResolution
    live: Live | None = None
    orphans: tuple[str, ...] = ()
    doubtful: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class Recovery:
    """Everything that interrupted runs left behind.

    Attributes:
        intents: by address.
        late: orphans of given-up intents that have shown up since, by address.
        troubles: late arrivals that only a person can judge, by address.
    """

    intents: Mapping[Address, Recovered]
    late: Mapping[Address, tuple[str, ...]]
    troubles: Mapping[Address, str]


# (provider, kind name, remote id) → whether another stack's ledger has it
IsOthers = Callable[[str, str, str], bool]


def recover(
    ledger: Ledger, snapshot: Snapshot, kinds: Registry, now: datetime, *, others: IsOthers | None = None
) -> Recovery:
    """Judges every open intent and every tombstone by what is live.

    Args:
        others: tells what other stacks have on record: that can't be what ours left behind.
    """
    resolver = _IntentResolver(ledger, snapshot, kinds, now, others)
    intents = {a: resolver.recovered(a, intent) for a, intent in ledger.pending.intents.items()}
    late: dict[Address, tuple[str, ...]] = {}
    troubles: dict[Address, str] = {}
    spoken_for = {r.live.id for r in intents.values() if r.live is not None}
    for tombstone in ledger.pending.given_up:
        for live in resolver.candidates(tombstone.address, tombstone.intent):
            if live.id in spoken_for:
                continue
            reason = resolver.untouchable(tombstone, live)
            if reason:
                troubles[tombstone.address] = reason
            else:
                late[tombstone.address] = (*late.get(tombstone.address, ()), live.id)
    return Recovery(intents, late, troubles)


def unsettled(
    ledger: Ledger, snapshot: Snapshot, kinds: Registry, now: datetime
) -> list[tuple[Address, Intent]]:
    """The open intents of which more listing may tell more: no candidate shows, or a twin is to be feared.

    An app is looked for to the end of the lag bound: a twin may still be hidden.
    """
    resolver = _IntentResolver(ledger, snapshot, kinds, now)
    return [
        (address, intent)
        for address, intent in ledger.pending.intents.items()
        if resolver.may_have_twin(address) or not intent.at or not resolver.candidates(address, intent)
    ]


class _IntentResolver:
    """The evidence of what is ours (§5)."""

    def __init__(
        self,
        ledger: Ledger,
        snapshot: Snapshot,
        kinds: Registry,
        now: datetime,
        others: IsOthers | None = None,
    ) -> None:
        self.ledger = ledger
        self.is_others = others or (lambda *_: False)
        self.snapshot = snapshot
        self.kinds = kinds
        self.now = now
        # thousands of intents may be open, and all but a few live objects are on record
        self.unknown = cache(self._unknown)
        self.our_names = cache(self._our_names)

    @cached_property
    def known(self) -> set[tuple[str, str, str]]:
        """Provider, kind and id of all that is on record."""
        return _known_ids(self.ledger.entries)

    def recovered(self, address: Address, intent: Intent) -> Recovered:
        found = self.candidates(address, intent)
        if not found:
            return Recovered(address, intent, IntentResolution.GIVEN_UP)
        if address.part:
            return Recovered(
                address, intent, IntentResolution.LOST, orphans=tuple(sorted(live.id for live in found))
            )
        if len(found) > 1 or self._is_unproven(intent, found[0]):
            return Recovered(address, intent, IntentResolution.NOTHING, trouble=_unresolved(found))
        live = found[0]
        if self._holds_parts(intent, live):
            words = f"{live.id} may be what an interrupted create made, but something lives in it already"
            return Recovered(address, intent, IntentResolution.NOTHING, trouble=words)
        if self.kinds[address.kind_name].has_credential(live.attributes):
            return Recovered(address, intent, IntentResolution.LOST, live, (live.id,))
        return Recovered(
            address, intent, IntentResolution.FOUND, live, doubtful=self._is_doubtful(address, live)
        )

    def candidates(self, address: Address, intent: Intent) -> list[Live]:
        """What a create may have made, sorted by id."""
        if not address.part and not intent.sent:
            return []
        name = intent.sent.get(self.kinds[intent.kind].fields.name)
        lives = self.unknown(intent.provider, address.kind_name, intent.parent, name)
        is_tagged = self.kinds[intent.kind].evidence is Evidence.LIFETIME
        fits = self._is_tagged if is_tagged else self._has_identity
        return sorted(
            (live for live in lives if self._is_new(intent, live) and fits(intent, live)),
            key=lambda live: live.id,
        )

    def may_have_twin(self, address: Address) -> bool:
        """Whether a second candidate may still hide in a lagging list."""
        return self.kinds[address.kind_name].evidence is Evidence.CREATOR

    def untouchable(self, tombstone: Tombstone, live: Live) -> str:
        """Why a late arrival may not be removed without asking; "" if it may (rule 6)."""
        kind = self.kinds[tombstone.address.kind_name]
        if kind.fields.users and live.computed.get(kind.fields.users) != "0":
            return f"the {kind.noun} {live.id} is left by an interrupted run, and {kind.points_here}"
        if kind.evidence is Evidence.CREATOR and not self._is_timely(tombstone, live):
            words = "looks like a late create of ours, but may not be"
            return f"the {kind.noun} {live.id} ({live.name!r}) {words}"
        if kind.evidence is Evidence.NAME:
            # its name is all the evidence there is, and an orphan without secrets harms nobody
            return f"the {kind.noun} {live.id} ({live.name!r}) may be ours, made late, or somebody's"
        return ""

    def _is_timely(self, tombstone: Tombstone, live: Live) -> bool:
        """Whether it was made by us, and no later than a create that was given up can take effect."""
        made, given_up = parse_time(live.created_at), parse_time(tombstone.given_up)
        window = LATE_AFTER_DEATH if tombstone.proven_dead else LATE_OTHERWISE
        if made is None or given_up is None or made > given_up + window:
            return False
        return not self._is_unproven(tombstone.intent, live)

    # --- evidence ---------------------------------------------------------------------------------------

    def _unknown(self, provider: str, kind_name: str, parent: str, name: str | None) -> list[Live]:
        """The live objects that aren't on record, of a parent or of a name where it is known."""
        lives: Iterable[Live] = self.snapshot.of(provider, kind_name).values()
        if parent:
            lives = self.snapshot.within(provider, kind_name, parent)
        elif name and isinstance(name, str):  # of one that a variable gave, only a mark is known
            lives = self.snapshot.named(provider, kind_name, name)
        return [
            live
            for live in lives
            if (provider, kind_name, live.id) not in self.known
            and not self.is_others(provider, kind_name, live.id)
        ]

    def _is_new(self, intent: Intent, live: Live) -> bool:
        if live.id in intent.before:
            return False
        made, began = parse_time(live.created_at), parse_time(intent.at)
        return made is None or began is None or made >= began - SKEW

    def _is_tagged(self, intent: Intent, live: Live) -> bool:
        """A secret's exact lifetime is its label."""
        made, ends = parse_time(live.created_at), parse_time(live.expires_at)
        if made is None or ends is None or not intent.tag:
            return False
        return abs((ends - made).total_seconds() - intent.tag) <= 1

    def _has_identity(self, intent: Intent, live: Live) -> bool:
        fields: Fields = self.kinds[intent.kind].fields
        there = live.attributes
        return self._may_be_ours(intent, live) and all(
            same_leaf(path, sent, at_path(there, path), fields) for path, sent in intent.sent.items()
        )

    def _may_be_ours(self, intent: Intent, live: Live) -> bool:
        """Whether its creator is us, as far as anybody knows."""
        ours = self.our_names(intent.provider)
        if live.created_by in ours:
            return True  # the number decides where it is known
        if live.by_other:
            return False  # also while nothing of ours has been seen yet, and our number isn't known
        return not live.created_by or not ours

    def _our_names(self, provider: str) -> set[str]:
        names = {
            entry.created_by
            for entry in self.ledger.entries.values()
            if entry.provider == provider and entry.created_by and entry.origin.value == "created"
        }
        identity = self.snapshot.identities.get(provider)
        return names | ({identity} if identity else set())

    def _clashes(self, intent: Intent, live: Live) -> bool:
        """Whether the number says that it is ours, and the name that it isn't.

        What stands beside our number on the apps that we made is a name of ours, whatever it looks like.
        """
        if not live.by_other or live.created_by not in self.our_names(intent.provider):
            return False
        return all(
            live.creator != self.snapshot.of(entry.provider, address.kind_name)[entry.id].creator
            for address, entry in self.ledger.entries.items()
            if entry.provider == intent.provider
            and entry.origin.value == "created"
            and entry.id in self.snapshot.of(entry.provider, address.kind_name)
        )

    def _is_unproven(self, intent: Intent, live: Live) -> bool:
        """An object for which neither its creator nor its time of birth speaks, or that has two creators.

        Taking a foreign app for ours would delete it; what follows for the other kinds is harmless (§5).
        """
        if self.kinds[intent.kind].evidence is not Evidence.CREATOR:
            return False
        ours = self.our_names(intent.provider)
        by_us = bool(live.created_by) and live.created_by in ours
        made, began = parse_time(live.created_at), parse_time(intent.at)
        timely = made is not None and began is not None and made >= began - SKEW
        return (not by_us and not timely) or self._clashes(intent, live)

    def _is_doubtful(self, address: Address, live: Live) -> bool:
        return any(
            tombstone.address == address and live in self.candidates(tombstone.address, tombstone.intent)
            for tombstone in self.ledger.pending.given_up
        )

    def _holds_parts(self, intent: Intent, live: Live) -> bool:
        """Whether something lives in it that no create of its own put there."""
        return any(
            self.snapshot.within(intent.provider, part.name, live.id)
            for part in parts_of(self.kinds, intent.kind)
        )


def _known_ids(entries: Mapping[Address, Entry]) -> set[tuple[str, str, str]]:
    found = set()
    for address, entry in entries.items():
        found.add((entry.provider, address.kind_name, entry.id))
        found.update((entry.provider, address.kind_name, former.id) for former in entry.formers)
    return found


def _unresolved(found: list[Live]) -> str:
    listed = ", ".join(
        f"{live.id} (made {live.created_at or 'at an unknown time'} by {live.created_by or 'nobody known'})"
        for live in found
    )
    return (
        f"an interrupted create may have made any of {listed}; "
        f"say which is meant with lifecycle: {{adopt: ID}}, or delete by hand what is not wanted"
    )
