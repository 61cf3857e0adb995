"""The reads of one snapshot: bulk lists, what they don't show, and what an interrupted run left open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from reconciler.kinds import Kind, Registry, Scope
from reconciler.matching import Match, Rivals, assumed_secrets, moved_entries, pair_outer, unsettled
from reconciler.model import Address, Entry, Ledger, Live, Lives, PrincipalRef, Resource, Snapshot, Stack
from reconciler.model.times import parse_time
from reconciler.observing.rights import unknown_principals, wanted_apart
from reconciler.observing.scopes import ReadRequest, is_inside, names_in, parents_of, scope_of, workspaces_in

YOUNG = timedelta(minutes=10)  # how long a list may hide what was just made
GHOST = timedelta(hours=1)  # how long a list may still show what we deleted

Result = TypeVar("Result")
Key = TypeVar("Key")


class Observer:
    """The reads of one snapshot."""

    def __init__(
        self,
        stack: Stack,
        ledger: Ledger,
        apis: Mapping[str, Any],
        kinds: Registry,
        pool: ThreadPoolExecutor,
        now: datetime,
        rivals: Callable[[], Rivals],
    ) -> None:
        self.stack = stack
        self.ledger = ledger
        self.apis = apis
        self.kinds = kinds
        self.pool = pool
        self.now = now
        self.scopes: dict[str, Scope] = {}
        self.nested = {kind.name for kind in kinds.values() if is_inside(kind)}
        self.everyday: datetime | None = None
        self.rivals = Rivals()
        self.outer: Mapping[Address, Match] | None = None
        self._ask_rivals = rivals

    def side_by_side(self, calls: Iterable[Callable[[], Result]]) -> list[Result]:
        """All results; the first error counts once every call has ended."""
        calls = list(calls)
        if len(calls) < 2:
            return [call() for call in calls]
        futures = [self.pool.submit(call) for call in calls]
        return [future.result() for future in futures]

    def lists(self, wanted: Mapping[str, ReadRequest]) -> Snapshot:
        """The bulk lists of both systems, with their preflight checks."""
        preflights = self.side_by_side_async({name: self.apis[name].preflight for name in wanted})
        here = [name for name in wanted if not getattr(self.apis[name], "is_elsewhere", False)]
        keys = [(name, kind) for name in here for kind in sorted(wanted[name].kinds - self.nested)]
        lists = self.side_by_side_async({key: partial(self._listed, *key) for key in keys})
        asked = [name for name, one in wanted.items() if one.hosts]
        told = self.side_by_side_async({name: self.apis[name].workspaces for name in asked})
        templates = self._templates(wanted)
        principals = self._principals(wanted)
        hosts = {name: spaces() for name, spaces in told.items()}
        scopes = {
            name: scope_of(name, one, self.stack, self.kinds, hosts.get(name, ()), principals.get(name, {}))
            for name, one in wanted.items()
        }
        self.scopes = scopes
        seen = self.side_by_side(partial(self._completing, *key) for key in keys)
        found = {key: _as(complete, lists[key]()) for key, complete in zip(keys, seen, strict=True)}
        problems = tuple(problem for future in preflights.values() for problem in future())
        return Snapshot(
            objects=found,
            workspaces=hosts,
            principals=principals,
            templates=templates(),
            identities={name: self.apis[name].identity() for name in wanted},
            dates={name: self.apis[name].http.date for name in wanted},
            blocked={
                (name, subject): words
                for name in wanted
                for subject, words in self.apis[name].troubles.items()
            },
            problems=problems,
        )

    def _principals(
        self, wanted: Mapping[str, ReadRequest]
    ) -> dict[str, Mapping[tuple[str, str], tuple[PrincipalRef, ...]]]:
        """What the names of principals in the spec stand for: each is looked up once."""
        asked = {name: sorted(one.principals) for name, one in wanted.items() if one.principals}
        found = self.side_by_side(partial(self.apis[name].principals, names) for name, names in asked.items())
        return dict(zip(asked, found, strict=True))

    def _templates(
        self, wanted: Mapping[str, ReadRequest]
    ) -> Callable[[], dict[str, Mapping[str, Mapping[str, bool] | None]]]:
        """Waits for what the servers say of templates that nobody can judge offline."""
        asked = {name: one.templates for name, one in wanted.items() if one.templates}
        told = self.side_by_side_async({name: self.apis[name].templates for name in asked})
        return lambda: {
            name: {template: known.get(template) for template in asked[name]}
            for name, answer in told.items()
            if (known := answer()) is not None
        }

    def side_by_side_async(
        self, calls: Mapping[Key, Callable[[], Result]]
    ) -> dict[Key, Callable[[], Result]]:
        """Starts the calls; each value waits for its result."""
        return {name: self.pool.submit(call).result for name, call in calls.items()}

    def _listed(self, name: str, kind: str) -> Lives:
        return self.kinds[kind].listed(self.apis[name], names_in(name, self.stack, self.kinds))

    def _completing(self, name: str, kind: str) -> Callable[[Live], Live] | None:
        return self.kinds[kind].completing(self.apis[name], self.scopes[name])

    def _list(self, name: str, kind: str, scope: Scope) -> Callable[[], Sequence[Live]]:
        return lambda: self.kinds[kind].observe(self.apis[name], scope)

    # --- what a list doesn't show ----------------------------------------------------------------------

    def with_missing(self, snapshot: Snapshot) -> Snapshot:
        """Reads by id what the ledger owns and a list doesn't show: lists can lag."""
        missing = [
            (entry.provider, address.kind_name, entry.id)
            for address, entry in self.ledger.entries.items()
            if entry.id
            and address.kind_name not in self.nested
            and (entry.provider, address.kind_name) in snapshot.objects
            and entry.id not in snapshot.of(entry.provider, address.kind_name)
        ]
        found = self.side_by_side(self._read(*one) for one in missing)
        shown: dict[tuple[str, str], list[Live]] = {}
        for (name, kind, _), live in zip(missing, found, strict=True):
            if live is not None:
                shown.setdefault((name, kind), []).append(live)
        objects = dict(snapshot.objects)
        hidden = set(snapshot.hidden)
        seen = self.side_by_side(partial(self._completing, *key) for key in shown)
        for (key, lives), complete in zip(shown.items(), seen, strict=True):
            objects[key] = snapshot.of(*key).but(more=map(complete, lives) if complete else lives)
            hidden.update((*key, live.id) for live in lives)
        return replace(snapshot, objects=objects, hidden=frozenset(hidden))

    def _read(self, name: str, kind: str, live_id: str) -> Callable[[], Live | None]:
        return lambda: self.kinds[kind].read(self.apis[name], live_id)

    # --- what only some objects are asked for -----------------------------------------------------------

    def with_rights(self, snapshot: Snapshot) -> Snapshot:
        """What stands apart, where it is managed; and who is on access lists, as far as that is unknown."""
        if not any(self._asks_apart(address, each) for address, each in self.stack.resources.items()):
            return snapshot
        matches = self.outer or {}
        snapshot = self._with_apart(snapshot, wanted_apart(self.stack, snapshot, self.kinds, matches))
        self.outer = {
            address: self._seen_again(match, address, snapshot) for address, match in matches.items()
        }
        asked = unknown_principals(self.stack, snapshot, self.kinds, self.outer)
        found = self.side_by_side(partial(self.apis[name].called, sorted(ids)) for name, ids in asked.items())
        return replace(snapshot, strangers=dict(zip(asked, found, strict=True)))

    def _asks_apart(self, address: Address, resource: Resource) -> bool:
        fields = self.kinds[address.kind_name].fields
        return bool((fields.apart | {fields.access}) & set(resource.attributes))

    def _with_apart(self, snapshot: Snapshot, asked: Sequence[tuple[str, str, str, Live]]) -> Snapshot:
        found = self.side_by_side(
            partial(self.kinds[kind].shows, self.apis[name], live, attribute)
            for name, kind, attribute, live in asked
        )
        shown: dict[tuple[str, str], dict[str, Live]] = {}
        for (name, kind, attribute, live), told in zip(asked, found, strict=True):
            lives = shown.setdefault((name, kind), {})
            seen = lives.get(live.id, live)
            if told is not None:
                lives[live.id] = replace(seen, attributes={**seen.attributes, attribute: told})
        objects = dict(snapshot.objects)
        for key, lives in shown.items():
            objects[key] = snapshot.of(*key).but(more=lives.values())
        return replace(snapshot, objects=objects, blocked={**snapshot.blocked, **self._troubles(snapshot)})

    def _seen_again(self, match: Match, address: Address, snapshot: Snapshot) -> Match:
        """The match with what its object showed since."""
        if match.live is None:
            return match
        lives = snapshot.of(self.stack.resources[address].provider, address.kind_name)
        return replace(match, live=lives.get(match.live.id, match.live))

    def _troubles(self, snapshot: Snapshot) -> dict[tuple[str, str], str]:
        names = {name for name, _ in snapshot.objects}
        return {
            (name, subject): words for name in names for subject, words in self.apis[name].troubles.items()
        }

    # --- what lives inside other objects, only of those where it is managed -----------------------------

    def with_nested(self, snapshot: Snapshot) -> Snapshot:
        """The objects that are listed by parent: a call for each, unless the ledger is sure of them."""
        self.rivals = self._ask_rivals()
        self.outer = pair_outer(self.stack, self.ledger, snapshot, self.kinds, self.now, self.rivals)
        assumed = self._assumed(snapshot)
        spared = {(name, kind, live.parent) for name, kind, live in assumed}
        asked = self._parents(snapshot, self.nested, spared)
        found = self.side_by_side(
            self._list(name, kind, Scope(parents=parents)) for (name, kind), parents in asked.items()
        )
        objects = {**snapshot.objects, **dict(zip(asked, map(Lives, found), strict=True))}
        for key in {(name, kind) for name, kind, _ in assumed}:
            sure = [live for name, kind, live in assumed if (name, kind) == key]
            objects[key] = Lives([*objects.get(key, {}).values(), *sure])
        trusted = frozenset((name, live.id) for name, _, live in assumed)
        return replace(snapshot, objects=objects, assumed=trusted)

    def _assumed(self, snapshot: Snapshot) -> list[tuple[str, str, Live]]:
        """Provider, kind and object, for those that the ledger is sure of; none if all is to be seen."""
        if self.everyday is None:
            return []
        entries = moved_entries(self.ledger.entries, self.stack.moved)
        found = assumed_secrets(self.stack, self.ledger, snapshot, entries, self.kinds, self.everyday)
        return [(entries[address].provider, address.kind_name, live) for address, live in found.items()]

    def _parents(
        self, snapshot: Snapshot, wanted: Collection[str], spared: Collection[tuple[str, str, str]] = ()
    ) -> dict[tuple[str, str], list[str]]:
        """(provider, kind) → remote ids of the parents to ask about."""
        if not wanted:
            return {}
        asked: dict[tuple[str, str], list[str]] = {}
        for name in sorted(wanted):
            parents = parents_of(self.kinds[name], self.stack, self.ledger, snapshot, self.outer or {})
            for provider, ids in sorted(parents.items()):
                kept = sorted(live_id for live_id in ids if (provider, name, live_id) not in spared)
                if kept:
                    asked[(provider, name)] = kept
        return asked

    # --- what an interrupted run left open ---------------------------------------------------------------

    def with_patience(
        self, snapshot: Snapshot, now: datetime, moments: Sequence[float], sleep: Callable[[float], None]
    ) -> Snapshot:
        """Lists again what a lagging list may hide, for as long as the lag bound says (crash-safety, §6)."""
        waited = 0.0
        for moment in moments[1:]:
            unsure = self._unsure(snapshot, now)
            if not unsure:
                return snapshot
            sleep(moment - waited)
            waited = moment
            snapshot = self._again(snapshot, unsure)
        return snapshot

    def _unsure(self, snapshot: Snapshot, now: datetime) -> set[tuple[str, str]]:
        """(provider, kind) of open intents without a candidate, and of young secrets that don't show."""
        found = {
            (intent.provider, address.kind_name)
            for address, intent in unsettled(self.ledger, snapshot, self.kinds, now)
            if (intent.provider, address.kind_name) in snapshot.objects
        }
        for address, entry in self.ledger.entries.items():
            key = (entry.provider, address.kind_name)
            recorded = parse_time(entry.recorded_at)
            if recorded is None or now - recorded >= YOUNG or not entry.id or key not in snapshot.objects:
                continue
            kind = self.kinds[address.kind_name]
            if _is_hidden(kind, snapshot.objects[key].get(entry.id), entry):
                found.add(key)
        return found

    def _again(self, snapshot: Snapshot, unsure: set[tuple[str, str]]) -> Snapshot:
        """One more list of each; what any list has shown counts as there."""
        keys = sorted(unsure)
        parents = self._parents(snapshot, self.nested & {kind for _, kind in keys})
        found = self.side_by_side(
            self._list(name, kind, replace(self.scopes[name], parents=parents.get((name, kind), ())))
            for name, kind in keys
        )
        objects = dict(snapshot.objects)
        seen = self.side_by_side(partial(self._completing, *key) for key in keys)
        for key, lives, complete in zip(keys, found, seen, strict=True):
            objects[key] = snapshot.of(*key).but(more=map(complete, lives) if complete else lives)
        again = without_ghosts(replace(snapshot, objects=objects), self.ledger, self.now)
        # what shows up late may hold something
        return self.with_nested(again) if any(kind not in self.nested for _, kind in keys) else again


def _is_hidden(kind: Kind[Any], live: Live | None, entry: Entry) -> bool:
    """Whether a list may not show yet what we made: what lives inside another, or an assignment."""
    if live is None:
        return is_inside(kind)  # all others have been read by their ids
    there = workspaces_in(kind, live.attributes)
    return any(key not in there for key in workspaces_in(kind, entry.applied))


def _as(complete: Callable[[Live], Live] | None, lives: Lives) -> Lives:
    return lives.but(seen=complete) if complete else lives


def without_ghosts(snapshot: Snapshot, ledger: Ledger, now: datetime) -> Snapshot:
    """The snapshot without what we deleted within the hour and a lagging list still shows."""
    gone: dict[tuple[str, str], set[str]] = {}
    for deleted in ledger.pending.deleted:
        moment = datetime.fromisoformat(deleted.at.replace("Z", "+00:00"))
        if now - moment < GHOST:
            gone.setdefault((deleted.provider, deleted.kind), set()).add(deleted.id)
    if not gone:
        return snapshot
    return replace(
        snapshot,
        objects={
            key: snapshot.of(*key).but(gone=gone[key]) if key in gone else lives
            for key, lives in snapshot.objects.items()
        },
    )
