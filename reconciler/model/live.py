"""What the remote systems say now, already in the spec's shape."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reconciler.errors import Problem
from reconciler.model.values import canonical


@dataclass(frozen=True, slots=True)
class Live:
    """One live object.

    Attributes:
        id: the remote id that updates and deletes take.
        name: its natural key; "" where the kind has none (secrets).
        attributes: in the spec's shape; never a secret.
        computed: what others may refer to (`client_id`, `id`).
        parent: remote id of the object that it lives in (a secret's service principal).
        created_at, created_by, updated_at: evidence, as the API spells them; "" where it says nothing.
        by_other: its creator's name is somebody else's; False also means "who knows".
        creator: that name, where `created_by` holds a number.
        expires_at: when a secret ends; "" for never.
        active: False for a deactivated service principal.
    """

    id: str
    name: str
    attributes: Mapping[str, Any]
    computed: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    created_at: str = ""
    created_by: str = ""
    updated_at: str = ""
    expires_at: str = ""
    active: bool = True
    by_other: bool = False
    creator: str = ""

    @property
    def digest(self) -> str:
        """`sha256:…` over all that a plan looks at: when it moves, the plan is stale."""
        # what else the API computes (how much content uses it, say) moves without harm
        client_id = self.computed.get("client_id")
        text = canonical([self.id, self.name, self.attributes, client_id, self.updated_at])
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


Words = Callable[[Live], Iterable[str]]  # by what an object is looked up


class Lives(Mapping[str, Live]):
    """The live objects of one kind by id; frozen: all stacks of a run share one list and its indexes."""

    def __init__(self, lives: Iterable[Live] = ()) -> None:
        self._by_id = {live.id: live for live in lives}
        self._indexes: dict[Words, Mapping[str, Sequence[Live]]] = {}

    def __getitem__(self, live_id: str) -> Live:
        return self._by_id[live_id]

    def __contains__(self, live_id: object) -> bool:
        return live_id in self._by_id

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def by(self, words: Words, word: str) -> Sequence[Live]:
        """The objects that go by a word; the list is gone through once for all that is asked this way.

        Args:
            words: one function for all who ask: a method of a kind, or a function of a module.
        """
        index = self._indexes.get(words)
        if index is None:
            made: dict[str, list[Live]] = {}
            for live in self.values():
                for one in words(live):
                    made.setdefault(one, []).append(live)
            index = self._indexes[words] = made
        return index.get(word, ())

    def but(
        self,
        *,
        gone: Iterable[str] = (),
        more: Iterable[Live] = (),
        seen: Callable[[Live], Live] | None = None,
    ) -> Lives:
        """The same list as one stack sees it; nothing is copied.

        Args:
            gone: ids that it doesn't have.
            more: objects that it has besides, or in the place of those with their ids.
            seen: what it makes of an object that is looked at; names and ids stay.
        """
        return _Seen(self, frozenset(gone), Lives(more), seen)


class _Seen(Lives):
    """A list with a few differences, which live here and not in a copy of it."""

    def __init__(
        self, base: Lives, gone: frozenset[str], more: Lives, seen: Callable[[Live], Live] | None
    ) -> None:
        super().__init__()
        self._base, self._gone, self._more, self._see = base, gone, more, seen

    def __getitem__(self, live_id: str) -> Live:
        if live_id in self._more:
            return self._more[live_id]
        if live_id in self._gone:
            raise KeyError(live_id)
        return self._seen(self._base[live_id])

    def __contains__(self, live_id: object) -> bool:
        return live_id in self._more or (live_id in self._base and live_id not in self._gone)

    def _seen(self, live: Live) -> Live:
        if self._see is None:
            return live
        if live.id not in self._by_id:
            self._by_id[live.id] = self._see(live)
        return self._by_id[live.id]

    def __iter__(self) -> Iterator[str]:
        yield from (one for one in self._base if one not in self._gone and one not in self._more)
        yield from self._more

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def by(self, words: Words, word: str) -> Sequence[Live]:
        """As of the list, with the differences."""
        found = [
            self._seen(live)
            for live in self._base.by(words, word)
            if live.id not in self._gone and live.id not in self._more
        ]
        return [*found, *self._more.by(words, word)]


def _name(live: Live) -> tuple[str]:
    return (live.name,)


def _parent(live: Live) -> tuple[str]:
    return (live.parent,)


@dataclass(frozen=True)
class PrincipalRef:
    """A group, user or service principal that a look-up found: its remote id and the name that it goes by."""

    id: str
    name: str


@dataclass(frozen=True)
class WorkspaceRef:
    """A Databricks workspace: its numeric id and deployment host."""

    id: str
    host: str


def bare_host(value: object) -> str:
    """A workspace's host without scheme, path and case."""
    text = str(value or "").strip().lower()
    return (text.partition("://")[2] if "://" in text else text).partition("/")[0]


@dataclass(frozen=True)
class Snapshot:
    """All that a stack needs to know of the remote systems, read in bulk at one time.

    Attributes:
        objects: (provider, kind name) → remote id → Live. A pair that was not looked at is absent:
            absent is unknown, an empty mapping is "nothing exists".
        workspaces: provider → its workspaces (only where the spec names one by host).
        principals: provider → (sort, name) → what a look-up of the name found; more than its bearers, if the
            server isn't exact about case.
        strangers: provider → (sort, id) → who that is, None for one that is gone; only of those that an
            access list shows and the spec doesn't name.
        templates: provider → template → the keys that its `config` may have, with whether each is secret,
            None for one that the server hasn't got; only those that can't be judged offline, and only
            where the server tells.
        identities: provider → who we are there, as `created_by` may show it; "" if unknown.
        dates: provider → the server's `Date` of the first list, RFC 3339; own clock if it has none.
        blocked: remote trouble with one resource's surroundings, by (provider, subject), e.g.
            ("databricks", "workspace 42") → what is wrong.
        hidden: (provider, kind name, id) of objects that lists don't show and a read by id still does.
        assumed: (provider, id) of secrets that weren't looked at: as the ledger has them.
        problems: warnings met while looking.
    """

    objects: Mapping[tuple[str, str], Mapping[str, Live]]
    workspaces: Mapping[str, tuple[WorkspaceRef, ...]] = field(default_factory=dict)
    principals: Mapping[str, Mapping[tuple[str, str], tuple[PrincipalRef, ...]]] = field(default_factory=dict)
    strangers: Mapping[str, Mapping[tuple[str, str], PrincipalRef | None]] = field(default_factory=dict)
    templates: Mapping[str, Mapping[str, Mapping[str, bool] | None]] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    blocked: Mapping[tuple[str, str], str] = field(default_factory=dict)
    hidden: frozenset[tuple[str, str, str]] = frozenset()
    assumed: frozenset[tuple[str, str]] = frozenset()
    problems: tuple[Problem, ...] = ()

    def __post_init__(self) -> None:
        lists = {
            key: one if isinstance(one, Lives) else Lives(one.values()) for key, one in self.objects.items()
        }
        object.__setattr__(self, "objects", lists)

    @cached_property
    def hosts(self) -> Mapping[str, Mapping[str, str]]:
        """Provider → host of a workspace → its id."""
        return {name: {one.host: one.id for one in some} for name, some in self.workspaces.items()}

    def of(self, provider: str, kind_name: str) -> Lives:
        """The live objects of a kind by id; empty when none was looked at."""
        found = self.objects.get((provider, kind_name))
        return found if isinstance(found, Lives) else _NOTHING

    def within(self, provider: str, kind_name: str, parent: str) -> Sequence[Live]:
        """The live objects of a kind that live inside one parent."""
        return self.of(provider, kind_name).by(_parent, parent)

    def named(self, provider: str, kind_name: str, name: str) -> Sequence[Live]:
        """The live objects of a kind that have one name."""
        return self.of(provider, kind_name).by(_name, name)


_NOTHING = Lives()
