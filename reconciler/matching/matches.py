"""Which live object belongs to which address: by ledger id, by `lifecycle.adopt`, by name. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from reconciler.kinds import Fields, Registry
from reconciler.matching.adoption import by_client_id, by_id, conflict, other_id, same_id, was_used
from reconciler.matching.canonical import at_path, same_leaf
from reconciler.matching.recovery import Recovered, Recovery
from reconciler.matching.rivals import Rivals, application_id, by_word, called_by, plain
from reconciler.matching.users import client_of, users_of
from reconciler.model import (
    Address,
    Entry,
    IntentResolution,
    Ledger,
    Live,
    Move,
    Ref,
    Resource,
    Snapshot,
    Stack,
)


class How(str, Enum):
    """What tied a live object to an address."""

    LEDGER = "ledger"
    ADOPT = "lifecycle.adopt"
    NAME = "name"
    ONLY = "the only one"
    INTENT = "intent"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Match:
    """The live object of an address, if it has one.

    Attributes:
        vanished: the ledger owns an object that is gone.
        trouble: why nothing can be said of this address; its code in `code`.
        unsure: ids of several live secrets, of which any may be the one in use.
        recovered: what an interrupted create of this address turned out to be.
        doubt: why a person has to say that this is the object that is meant; "" if that is plain.
        adopt_used: an earlier object of this address is the one that `lifecycle.adopt` names.
    """

    address: Address
    live: Live | None
    how: How
    entry: Entry | None = None
    vanished: bool = False
    trouble: str = ""
    code: str = ""
    unsure: tuple[str, ...] = ()
    recovered: Recovered | None = None
    doubt: str = ""
    adopt_used: bool = False


def _words(live: Live) -> Iterator[str]:
    """What an object is matched by where no id is known: its name, or its application id (Azure)."""
    yield live.name
    if "application_id" in live.attributes:
        yield application_id(live.attributes["application_id"])


def moved_entries(entries: Mapping[Address, Entry], moves: Iterable[Move]) -> Mapping[Address, Entry]:
    """The entries as the spec's `moved:` renames them; a part moves with its parent."""
    renamed = {move.source: move.target for move in moves if move.source != move.target}
    if not renamed:
        return entries

    def new(address: Address) -> Address:
        parent = address.parent
        moved = renamed.get(address)
        if moved is None and parent in renamed:
            moved = renamed[parent].inside(address.part)
        # a move whose target is taken was made by an earlier apply
        return address if moved is None or moved in entries else moved

    return {new(address): _renamed(entry, new) for address, entry in entries.items()}


def _renamed(entry: Entry, new: Callable[[Address], Address]) -> Entry:
    return replace(
        entry,
        depends_on=tuple(sorted(new(address) for address in entry.depends_on)),
        deliveries={
            path: replace(delivery, source=new(delivery.source) if delivery.source else None)
            for path, delivery in entry.deliveries.items()
        },
    )


def match_outer(
    stack: Stack,
    ledger: Ledger,
    snapshot: Snapshot,
    kinds: Registry,
    recovery: Recovery,
    rivals: Rivals,
) -> dict[Address, Match]:
    """Each resource that lives in no other with its live object; trouble with one is that one's alone."""
    matcher = _Matcher(stack, ledger, snapshot, kinds, recovery, rivals)
    found = {r.address: matcher.match(r) for r in stack.resources.values() if not _is_inside(kinds, r)}
    _refuse_shared(found)
    return found


def match_inner(
    stack: Stack,
    ledger: Ledger,
    snapshot: Snapshot,
    kinds: Registry,
    recovery: Recovery,
    rivals: Rivals,
    outer: Mapping[Address, Match],
) -> dict[Address, Match]:
    """Those, and each resource that lives inside one of them."""
    matcher = _Matcher(stack, ledger, snapshot, kinds, recovery, rivals)
    inside = [r for r in stack.resources.values() if _is_inside(kinds, r)]
    found = dict(outer)
    for resource in inside:
        if not resource.address.part:
            found[resource.address] = matcher.match(_placed(resource, found, kinds))
    _refuse_shared(found)
    for resource in inside:
        if resource.address.part:
            parent = resource.address.parent
            found[resource.address] = matcher.match_part(resource, found.get(parent) if parent else None)
    return found


def _is_inside(kinds: Registry, resource: Resource) -> bool:
    return bool(resource.address.part or kinds[resource.address.kind_name].fields.parent)


def _placed(resource: Resource, found: Mapping[Address, Match], kinds: Registry) -> Resource:
    """A resource with the id of the object that it lives in, so that only what lives there matches it."""
    name = kinds[resource.address.kind_name].fields.parent
    if not name:
        return resource
    owner = resource.attributes.get(name, "")
    if isinstance(owner, Ref):
        match = found.get(owner.address)
        owner = match.live.id if match and match.live else "none so far"
    return replace(resource, attributes={**resource.attributes, name: owner})


class _Matcher:
    """Matching with its indexes: one pass over the live objects, whatever their number."""

    def __init__(
        self,
        stack: Stack,
        ledger: Ledger,
        snapshot: Snapshot,
        kinds: Registry,
        recovery: Recovery,
        rivals: Rivals,
    ) -> None:
        self.stack = stack
        self.ledger = ledger
        self.snapshot = snapshot
        self.kinds = kinds
        self.rivals = rivals
        self.entries = moved_entries(ledger.entries, stack.moved)
        self.recovery = recovery
        self.intents = recovery.intents

    @cached_property
    def taken(self) -> set[tuple[str, str, str]]:
        """Provider, kind and id of what a name can't match any more."""
        return _taken(self.entries, self.stack) | _left(self.recovery, self.ledger)

    def match(self, resource: Resource) -> Match:
        address, kind = resource.address, resource.address.kind_name
        entry = self.entries.get(address)
        objects = self.snapshot.of(resource.provider, kind)
        left = self.intents.get(address)
        if left is not None and left.trouble:
            return self._trouble(resource, "create-unresolved", left.trouble)
        if left is not None and left.settles is IntentResolution.FOUND:
            return Match(address, left.live, How.INTENT, entry, recovered=left)
        adopt = resource.lifecycle.adopt
        is_used = adopt is not None and was_used(adopt.id, address, entry, self.ledger)
        if entry and entry.id:
            if adopt and not is_used and not same_id(adopt.id, entry.id):
                return self._trouble(resource, *conflict(adopt.id, entry))
            live = objects.get(entry.id)
            return Match(address, live, How.LEDGER, entry, vanished=live is None, adopt_used=is_used)
        if adopt and not is_used:
            live = by_id(objects, adopt.id)
            if live is not None:
                return self._unless_claimed(resource, Match(address, live, How.ADOPT, entry))
        if left is not None:
            return Match(address, None, How.NONE, entry, recovered=left)
        match = self._by_name(resource, entry)
        return self._instead(resource, match) if adopt and not is_used else match

    def _instead(self, resource: Resource, match: Match) -> Match:
        """What is taken over in the place of an `adopt` id that isn't live: nothing without approval."""
        wanted = resource.lifecycle.adopt.id if resource.lifecycle.adopt else ""
        objects = self.snapshot.of(resource.provider, resource.address.kind_name)
        if meant := by_client_id(objects, wanted):
            noun = self.kinds[resource.address.kind_name].noun
            return self._trouble(resource, "adopt-missing", other_id(wanted, meant, noun))
        if match.live is None or match.trouble:
            return self._trouble(
                resource,
                "adopt-missing",
                f"lifecycle.adopt names {wanted}, and {resource.provider} has no such object",
            )
        word = called_by(resource)
        return replace(match, doubt=f"lifecycle.adopt names {wanted}, which isn't there; this has its {word}")

    def match_part(self, resource: Resource, parent: Match | None) -> Match:
        """A secret: the one on record; of an adopted principal, the only one that it has."""
        address = resource.address
        entry = self.entries.get(address)
        if parent is None or parent.trouble:
            return Match(address, None, How.NONE, entry)
        if parent.live is None:
            return Match(address, None, How.NONE, entry, vanished=bool(entry and entry.id))
        objects = self.snapshot.of(resource.provider, address.kind_name)
        left = self.intents.get(address)
        orphans = left.orphans if left else ()
        there = self.snapshot.within(resource.provider, address.kind_name, parent.live.id)
        inside = [live for live in there if live.id not in orphans]
        if entry and entry.id:
            live = objects.get(entry.id)
            return Match(address, live, How.LEDGER, entry, vanished=live is None)
        if entry is None and address not in self.intents and len(inside) == 1:
            return Match(address, inside[0], How.ONLY)
        if entry is None and address not in self.intents and len(inside) > 1:
            return Match(address, None, How.NONE, unsure=tuple(sorted(live.id for live in inside)))
        return Match(address, None, How.NONE, entry)

    def _by_name(self, resource: Resource, entry: Entry | None) -> Match:
        address, fields = resource.address, self.kinds[resource.address.kind_name].fields
        candidates = [
            live
            for live in self._named(resource, fields)
            if (resource.provider, resource.address.kind_name, live.id) not in self.taken
            and _fits(resource, live, fields)
        ]
        if not candidates:
            return Match(resource.address, None, How.NONE, entry)
        if len(candidates) > 1:
            listed = "; ".join(
                self._described(address, live) for live in sorted(candidates, key=lambda c: c.id)
            )
            return self._trouble(
                resource,
                "ambiguous-name",
                f"{len(candidates)} live objects are named {candidates[0].name!r}: {listed}; "
                f"say which one is meant with lifecycle: {{adopt: ID}}",
            )
        return self._unless_claimed(resource, Match(resource.address, candidates[0], How.NAME, entry))

    def _described(self, address: Address, live: Live) -> str:
        """A candidate with what tells it from the others."""
        client_id = client_of(self.kinds, address, live.computed)
        users = users_of(client_id, self.snapshot, self.kinds)
        used = " and ".join(user.words for user in users) or "no integration that was looked at"
        made = f"made {live.created_at or 'at an unknown time'} by {live.created_by or 'nobody known'}"
        return f"{live.id} ({made}, used by {used})" if client_id else f"{live.id} ({made})"

    def _named(self, resource: Resource, fields: Fields) -> Sequence[Live]:
        lives = self.snapshot.of(resource.provider, resource.address.kind_name)
        return lives.by(_words, by_word(resource, fields.name))

    def _unless_claimed(self, resource: Resource, match: Match) -> Match:
        live = match.live
        if live is None:
            return match
        system = self.stack.providers[resource.provider].system
        owner = self.rivals.owned.get((system, resource.address.kind_name, live.id))
        if self.kinds[resource.address.kind_name].fields.sealed_to:
            owner = live.created_by or None  # a file says itself whose it is
        if owner is None and (rival := self._rival(resource, system, live)):
            return self._trouble(
                resource,
                "claimed-elsewhere",
                f"{live.id} ({live.name!r}) is taken over by the stack {rival!r} of this run; "
                f"take it out of one of them, or give this resource another name",
            )
        if owner is None or owner == self.stack.name:
            return match
        return self._trouble(
            resource,
            "claimed-elsewhere",
            f"{live.id} ({live.name!r}) belongs to the stack {owner!r}; "
            f"forget it there first, or give this resource another name",
        )

    def _rival(self, resource: Resource, system: str, live: Live) -> str:
        """The stack of this run that takes an object over before this one gets to it; "" if none does."""
        kind, fields = resource.address.kind_name, self.kinds[resource.address.kind_name].fields
        objects = self.snapshot.of(resource.provider, kind)
        words = [live.id.casefold(), live.name]
        if "application_id" in live.attributes:
            words.append(application_id(live.attributes["application_id"]))
        for stack, wish in self.rivals.before(self.stack.name, system, kind, words):
            adopt = wish.lifecycle.adopt
            meant = by_id(objects, adopt.id) if adopt else None
            if meant is not None:
                found = [meant]
            else:
                named = self._named(replace(wish, provider=resource.provider), fields)
                found = [one for one in named if _fits(wish, one, fields)]
            if [one.id for one in found] == [live.id]:
                return stack
        return ""

    def _trouble(self, resource: Resource, code: str, words: str) -> Match:
        entry = self.entries.get(resource.address)
        return Match(resource.address, None, How.NONE, entry, trouble=words, code=code)


def _taken(entries: Mapping[Address, Entry], stack: Stack) -> set[tuple[str, str, str]]:
    """Ids that a name can't match any more: on record, on their way out, or named by an `adopt:`."""
    taken = set()
    for address, entry in entries.items():
        taken.add((entry.provider, address.kind_name, entry.id))
        taken.update((entry.provider, address.kind_name, former.id) for former in entry.formers)
    for resource in stack.resources.values():
        if resource.lifecycle.adopt:
            ids = {resource.lifecycle.adopt.id, resource.lifecycle.adopt.id.casefold()}
            taken.update((resource.provider, resource.address.kind_name, live_id) for live_id in ids)
    return taken


def _left(recovery: Recovery, ledger: Ledger) -> set[tuple[str, str, str]]:
    """Ids that an interrupted run left behind: never matched by name (crash-safety, rule 4)."""
    found: set[tuple[str, str, str]] = set()
    for address, one in recovery.intents.items():
        ids = {*one.orphans, *({one.live.id} if one.live else ())}
        found.update((one.intent.provider, address.kind_name, live_id) for live_id in ids)
    for tombstone in ledger.pending.given_up:
        ids = set(recovery.late.get(tombstone.address, ()))
        found.update((tombstone.intent.provider, tombstone.address.kind_name, live_id) for live_id in ids)
    return found


def _fits(resource: Resource, live: Live, fields: Fields) -> bool:
    """Whether a live object of that name can be the resource: same immutable attributes, and alive."""
    if not live.active and resource.attributes.get("application_id") is None:
        return False  # leftovers of a tool that deactivates instead of deleting
    for path in fields.immutable - {fields.name}:
        if resource.lifecycle.ignores(path):
            continue
        wanted = plain(at_path(resource.attributes, path))
        if wanted is not None and not same_leaf(path, wanted, at_path(live.attributes, path), fields):
            return False
    return True


def _refuse_shared(found: dict[Address, Match]) -> None:
    """Two addresses that would adopt the same object by name: neither does."""
    if not any(match.how in (How.NAME, How.ADOPT) for match in found.values()):
        return
    claimants: dict[tuple[str, str], list[Address]] = defaultdict(list)
    for address, match in found.items():
        if match.live is not None:
            claimants[(address.kind_name, match.live.id)].append(address)
    for (_, live_id), addresses in claimants.items():
        unsure = [a for a in addresses if found[a].how in (How.NAME, How.ADOPT)]
        if len(addresses) < 2 or not unsure:
            continue
        names = " and ".join(str(address) for address in addresses)
        for address in unsure:
            match = found[address]
            found[address] = Match(
                address,
                None,
                How.NONE,
                match.entry,
                code="ambiguous-name",
                trouble=f"{names} would both take over {live_id}; "
                f"give them different names, or say which: lifecycle: {{adopt: {live_id}}}",
            )
