"""What the remote systems say now, already in the spec's shape."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reconciler.errors import Problem
from reconciler.model.values import canonical


@dataclass(frozen=True)
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
    templates: Mapping[str, Mapping[str, Mapping[str, bool] | None]] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    blocked: Mapping[tuple[str, str], str] = field(default_factory=dict)
    hidden: frozenset[tuple[str, str, str]] = frozenset()
    assumed: frozenset[tuple[str, str]] = frozenset()
    problems: tuple[Problem, ...] = ()

    def of(self, provider: str, kind_name: str) -> Mapping[str, Live]:
        """The live objects of a kind by id; empty when none was looked at."""
        return self.objects.get((provider, kind_name), {})

    def within(self, provider: str, kind_name: str, parent: str) -> Sequence[Live]:
        """The live objects of a kind that live inside one parent."""
        return self._by_parent.get((provider, kind_name, parent), ())

    def named(self, provider: str, kind_name: str, name: str) -> Sequence[Live]:
        """The live objects of a kind that have one name."""
        return self._by_name.get((provider, kind_name, name), ())

    @cached_property
    def _by_parent(self) -> Mapping[tuple[str, str, str], Sequence[Live]]:
        return self._indexed(lambda live: live.parent)

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str, str], Sequence[Live]]:
        return self._indexed(lambda live: live.name)

    def _indexed(self, key: Callable[[Live], str]) -> Mapping[tuple[str, str, str], Sequence[Live]]:
        found: dict[tuple[str, str, str], list[Live]] = {}
        for (provider, kind_name), lives in self.objects.items():
            for live in lives.values():
                found.setdefault((provider, kind_name, key(live)), []).append(live)
        return found
