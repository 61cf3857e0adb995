"""Asks the remote systems, in bulk and side by side, for all that a stack needs to know: the snapshot.

A list that fails or breaks off stops here: it is never read as "nothing exists".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol, TypeVar

from reconciler.errors import Problem
from reconciler.kinds import Registry, Scope
from reconciler.model import Address, Entry, Ledger, Live, Resource, Snapshot, Sourced, Stack, WorkspaceRef
from reconciler.planning import (
    INTEGRATIONS,
    assumed_secrets,
    is_owner,
    match_all,
    moved_entries,
    parse_time,
    recover,
    unsettled,
)
from reconciler.specs.schema import templates as known_templates

SECRETS = "service_principals.client_secret"
PRINCIPALS = "service_principals"
FEW = 8  # service principals whose secrets even an everyday plan lists: a look that costs next to nothing
AT_ONCE = 8  # lists side by side; each client bounds its own requests
LAG_BOUND = 5.0  # seconds that a list may hide what was just made
LAG = (0.0, 0.05, 0.15, 0.3, 0.6, 1.0)  # of the bound: when a list is repeated, at most
YOUNG = timedelta(minutes=10)  # how long a list may hide what was just made
GHOST = timedelta(hours=1)  # how long a list may still show what we deleted

Result = TypeVar("Result")


class Api(Protocol):
    """What observing needs of a provider's client."""

    @property
    def troubles(self) -> Mapping[str, str]:
        """Subject (`workspace 42`) → what is wrong with it alone."""

    def preflight(self) -> Sequence[Problem]:
        """Whether the remote system is the right one and lets us in."""

    def identity(self) -> str:
        """Who we are there; "" if unknown."""

    def workspaces(self) -> tuple[WorkspaceRef, ...]:
        """Its workspaces."""


@dataclass
class _Wanted:
    """What one provider is asked for."""

    kinds: set[str] = field(default_factory=set)
    workspaces: set[str] = field(default_factory=set)
    hosts: bool = False
    templates: set[str] = field(default_factory=set)


def observe(
    stack: Stack,
    ledger: Ledger,
    apis: Mapping[str, Any],
    kinds: Registry,
    *,
    now: datetime | None = None,
    lag_bound: float = LAG_BOUND,
    everyday: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """The live objects of every kind that the spec or the ledger names.

    Args:
        apis: provider → its client.
        now: for telling ghosts; the own clock if left out.
        everyday: take secrets that the ledger is sure of for granted, which spares a call per principal.
        lag_bound: seconds that a list may hide what was just made.
        sleep: waits that many seconds, where an interrupted run left something open.

    Raises:
        RemoteError, CredentialError: a read failed; nothing can be said.
    """
    now = now or datetime.now(timezone.utc)
    wanted = _wanted(stack, ledger, apis)
    with ThreadPoolExecutor(max_workers=AT_ONCE + 2 * len(wanted)) as pool:
        observer = _Observer(stack, ledger, apis, kinds, pool, now)
        observer.everyday = now if everyday else None
        snapshot = _without_ghosts(observer.lists(wanted), ledger, now)
        snapshot = observer.with_missing(snapshot, skip=SECRETS)
        snapshot = _without_ghosts(observer.with_secrets(snapshot), ledger, now)
        snapshot = observer.with_patience(snapshot, now, [part * lag_bound for part in LAG], sleep)
        return _without_ghosts(snapshot, ledger, now)


def _wanted(stack: Stack, ledger: Ledger, apis: Collection[str]) -> dict[str, _Wanted]:
    found = {name: _Wanted() for name in stack.providers}
    for resource in stack.resources.values():
        one = found[resource.provider]
        one.kinds.add(resource.address.kind_name)
        if (template := _unfamiliar(resource)) is not None:
            one.templates.add(template)
        keys = [str(key) for key in resource.attributes.get("workspaces") or {}]
        one.workspaces.update(key for key in keys if key.isdigit())
        one.hosts |= not all(key.isdigit() for key in keys)
    for provider, address, workspaces in _remembered(ledger):
        if provider in found:
            found[provider].kinds.add(address.kind_name)
            found[provider].workspaces.update(workspaces)
    if any(is_owner(address) for address in {*stack.resources, *ledger.entries}):
        # whoever uses an app or a principal keeps it alive, on whatever server
        for name, spec in stack.providers.items():
            if spec.type == "connect" and name in apis:
                found[name].kinds.add(INTEGRATIONS)
    return {name: one for name, one in found.items() if one.kinds}


def _unfamiliar(resource: Resource) -> str | None:
    """The template of an integration, if the schema doesn't know it: only its server can judge it."""
    if resource.address.kind != INTEGRATIONS:
        return None
    template = resource.attributes.get("template")
    name = template.value if isinstance(template, Sourced) else template
    return name if isinstance(name, str) and name and name not in known_templates() else None


def _remembered(ledger: Ledger) -> Iterator[tuple[str, Address, Iterable[str]]]:
    """Provider, address and workspaces of all that the ledger owns, or may have made."""
    for address, entry in ledger.entries.items():
        yield entry.provider, address, entry.applied.get("workspaces") or {}
    for address, intent in ledger.pending.intents.items():
        yield intent.provider, address, ()
    for stone in ledger.pending.given_up:
        yield stone.intent.provider, stone.address, ()


class _Observer:
    """The reads of one snapshot."""

    def __init__(
        self,
        stack: Stack,
        ledger: Ledger,
        apis: Mapping[str, Any],
        kinds: Registry,
        pool: ThreadPoolExecutor,
        now: datetime,
    ) -> None:
        self.stack = stack
        self.ledger = ledger
        self.apis = apis
        self.kinds = kinds
        self.pool = pool
        self.now = now
        self.scopes: dict[str, Scope] = {}
        self.everyday: datetime | None = None

    def side_by_side(self, calls: Iterable[Callable[[], Result]]) -> list[Result]:
        """All results; the first error counts once every call has ended."""
        futures = [self.pool.submit(call) for call in calls]
        return [future.result() for future in futures]

    def lists(self, wanted: Mapping[str, _Wanted]) -> Snapshot:
        """The bulk lists of both systems, with their preflight checks."""
        preflights = self.side_by_side_async({name: self.apis[name].preflight for name in wanted})
        hosts = dict(
            zip(
                [name for name, one in wanted.items() if one.hosts],
                self.side_by_side(self.apis[name].workspaces for name, one in wanted.items() if one.hosts),
                strict=True,
            )
        )
        scopes = {name: self._scope(one, name, hosts.get(name, ())) for name, one in wanted.items()}
        self.scopes = scopes
        keys = [(name, kind) for name, one in wanted.items() for kind in sorted(one.kinds - {SECRETS})]
        found = self.side_by_side(self._list(name, kind, scopes[name]) for name, kind in keys)
        problems = tuple(problem for future in preflights.values() for problem in future())
        return Snapshot(
            objects={key: _by_id(lives) for key, lives in zip(keys, found, strict=True)},
            workspaces=hosts,
            templates=self._templates(wanted),
            identities={name: self.apis[name].identity() for name in wanted},
            dates={name: self.apis[name].http.date for name in wanted},
            blocked={
                (name, subject): words
                for name in wanted
                for subject, words in self.apis[name].troubles.items()
            },
            problems=problems,
        )

    def _templates(self, wanted: Mapping[str, _Wanted]) -> dict[str, Mapping[str, frozenset[str] | None]]:
        """What the servers say of templates that nobody can judge offline."""
        asked = {name: one.templates for name, one in wanted.items() if one.templates}
        told = self.side_by_side(self.apis[name].templates for name in asked)
        return {
            name: {template: known.get(template) for template in asked[name]}
            for name, known in zip(asked, told, strict=True)
            if known is not None
        }

    def side_by_side_async(
        self, calls: Mapping[str, Callable[[], Result]]
    ) -> dict[str, Callable[[], Result]]:
        """Starts the calls; each value waits for its result."""
        return {name: self.pool.submit(call).result for name, call in calls.items()}

    def _scope(self, one: _Wanted, name: str, workspaces: tuple[WorkspaceRef, ...]) -> Scope:
        hosts = {workspace.host: workspace.id for workspace in workspaces}
        named = {
            hosts[str(key).lower()]
            for resource in self.stack.resources.values()
            if resource.provider == name
            for key in resource.attributes.get("workspaces") or {}
            if str(key).lower() in hosts
        }
        return Scope(workspaces=sorted(one.workspaces | named), named=self._names(name))

    def _names(self, provider: str) -> list[str]:
        """The natural keys that the spec gives to what it wants of a provider."""
        resources = [each for each in self.stack.resources.values() if each.provider == provider]
        names = [each.attributes.get(self.kinds[each.address.kind_name].fields.name) for each in resources]
        return sorted({name for name in names if isinstance(name, str)})

    def _list(self, name: str, kind: str, scope: Scope) -> Callable[[], Sequence[Live]]:
        return lambda: self.kinds[kind].observe(self.apis[name], scope)

    # --- what a list doesn't show ----------------------------------------------------------------------

    def with_missing(self, snapshot: Snapshot, *, skip: str) -> Snapshot:
        """Reads by id what the ledger owns and a list doesn't show: lists can lag."""
        missing = [
            (entry.provider, address.kind_name, entry.id)
            for address, entry in self.ledger.entries.items()
            if entry.id
            and address.kind_name != skip
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
        completed = self.side_by_side(self._completed(*key, lives) for key, lives in shown.items())
        for (name, kind), lives in zip(shown, completed, strict=True):
            objects[(name, kind)] = {**objects[(name, kind)], **_by_id(lives)}
            hidden.update((name, kind, live.id) for live in lives)
        return replace(snapshot, objects=objects, hidden=frozenset(hidden))

    def _completed(self, name: str, kind: str, lives: Sequence[Live]) -> Callable[[], Sequence[Live]]:
        return lambda: self.kinds[kind].completed(self.apis[name], lives, self.scopes[name])

    def _read(self, name: str, kind: str, live_id: str) -> Callable[[], Live | None]:
        return lambda: self.kinds[kind].read(self.apis[name], live_id)

    # --- secrets, only of principals whose secret is managed --------------------------------------------

    def with_secrets(self, snapshot: Snapshot) -> Snapshot:
        assumed = self._assumed(snapshot)
        parents = self._parents(snapshot, skip={(name, live.parent) for name, live in assumed})
        kind = self.kinds[SECRETS]
        found = self.side_by_side(
            (lambda name=name, ids=ids: kind.observe(self.apis[name], Scope(parents=ids)))  # type: ignore[misc]
            for name, ids in parents.items()
        )
        objects = dict(snapshot.objects)
        for name, lives in zip(parents, found, strict=True):
            objects[(name, SECRETS)] = _by_id(lives)
        for name, live in assumed:
            objects[(name, SECRETS)] = {**objects.get((name, SECRETS), {}), live.id: live}
        trusted = frozenset((name, live.id) for name, live in assumed)
        return replace(snapshot, objects=objects, assumed=trusted)

    def _assumed(self, snapshot: Snapshot) -> list[tuple[str, Live]]:
        """Provider and secret, for those that the ledger is sure of; none where everything is to be seen."""
        if self.everyday is None:
            return []
        entries = moved_entries(self.ledger.entries, self.stack.moved)
        if sum(1 for address in entries if address.part) <= FEW:
            return []
        found = assumed_secrets(self.stack, self.ledger, snapshot, entries, self.everyday)
        return [(entries[address].provider, live) for address, live in found.items()]

    def _parents(self, snapshot: Snapshot, skip: Collection[tuple[str, str]] = ()) -> dict[str, list[str]]:
        """Provider → remote ids of the live principals whose secrets matter."""
        ids: dict[str, set[str]] = {}
        recovery = recover(self.ledger, snapshot, self.kinds, self.now)
        matches = match_all(self.stack, self.ledger, snapshot, self.kinds, recovery)
        for address, resource in self.stack.resources.items():
            parent = matches[address.parent].live if address.parent in matches else None
            if address.part and address.parent and parent is not None:
                ids.setdefault(resource.provider, set()).add(parent.id)
        for address, entry in moved_entries(self.ledger.entries, self.stack.moved).items():
            if address.part and entry.parent in snapshot.of(entry.provider, PRINCIPALS):
                ids.setdefault(entry.provider, set()).add(entry.parent)
        for intent in self._secret_intents():
            if intent.parent in snapshot.of(intent.provider, PRINCIPALS):
                ids.setdefault(intent.provider, set()).add(intent.parent)
        wanted = {name: sorted(i for i in found if (name, i) not in skip) for name, found in ids.items()}
        return {name: parents for name, parents in sorted(wanted.items()) if parents}

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
            if _is_hidden(snapshot.objects[key].get(entry.id), entry):
                found.add(key)
        return found

    def _again(self, snapshot: Snapshot, unsure: set[tuple[str, str]]) -> Snapshot:
        """One more list of each; what any list has shown counts as there."""
        keys = sorted(unsure)
        parents = self._parents(snapshot) if any(kind == SECRETS for _, kind in keys) else {}
        found = self.side_by_side(
            self._list(name, kind, replace(self.scopes[name], parents=parents.get(name, ())))
            for name, kind in keys
        )
        objects = dict(snapshot.objects)
        for key, lives in zip(keys, found, strict=True):
            objects[key] = {**objects.get(key, {}), **_by_id(lives)}
        again = replace(snapshot, objects=objects)
        # a principal that shows up late may have secrets
        return self.with_secrets(again) if any(kind == PRINCIPALS for _, kind in keys) else again

    def _secret_intents(self) -> Iterable[Any]:
        pending = self.ledger.pending
        yield from (intent for address, intent in pending.intents.items() if address.part)
        yield from (stone.intent for stone in pending.given_up if stone.address.part)


def _is_hidden(live: Live | None, entry: Entry) -> bool:
    """Whether a list may not show yet what we made: a secret, or a workspace's assignment."""
    if live is None:
        return bool(entry.parent)  # all others have been read by their ids
    there = live.attributes.get("workspaces") or {}
    return any(key not in there for key in entry.applied.get("workspaces") or {})


def _by_id(lives: Iterable[Live]) -> dict[str, Live]:
    return {live.id: live for live in lives}


def _without_ghosts(snapshot: Snapshot, ledger: Ledger, now: datetime) -> Snapshot:
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
            key: {i: live for i, live in lives.items() if i not in gone.get(key, ())}
            for key, lives in snapshot.objects.items()
        },
    )
