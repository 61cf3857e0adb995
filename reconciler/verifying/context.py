"""What the checks look at: wanted, live and remembered, paired by address. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from reconciler.kinds import Registry
from reconciler.matching import Match
from reconciler.model import (
    Address,
    Entry,
    Live,
    Ref,
    Resource,
    Snapshot,
    Sourced,
    Stack,
    WorkspaceRef,
)

APPLY = "run `reconcile apply`"
FULL = "run `reconcile apply --refresh full`"  # an everyday one takes the secrets on record for granted


@dataclass(frozen=True)
class VerifyContext:
    """Everything that a check can know without asking anybody.

    Attributes:
        entries: the ledger's, as the spec's `moved:` renames them.
        workspaces: Databricks provider → its workspaces; one that didn't tell is absent.
    """

    stack: Stack
    entries: Mapping[Address, Entry]
    snapshot: Snapshot
    kinds: Registry
    matches: Mapping[Address, Match]
    now: datetime
    workspaces: Mapping[str, tuple[WorkspaceRef, ...]] = field(default_factory=dict)

    @cached_property
    def receivers(self) -> Mapping[Address, Sequence[Address]]:
        """A credential → the integrations that get it, sorted."""
        found: dict[Address, list[Address]] = {}
        for address in sorted(self.stack.resources):
            if (source := source_of(self.stack.resources[address], "client_secret")) is not None:
                found.setdefault(source, []).append(address)
        return found

    def live(self, address: Address) -> Live | None:
        """The live object of an address."""
        match = self.matches.get(address)
        return match.live if match else None

    def owner(self, client_id: str) -> tuple[str, Live] | None:
        """Kind and object, in any account, to which receivers refer by a client id."""
        for provider, kind in self.snapshot.objects if client_id else ():
            if self.kinds[kind].fields.referred_by:
                for live in self.snapshot.of(provider, kind).by(self.kinds[kind].referred, client_id):
                    return kind, live
        return None


def stated(value: Any) -> Any:
    """A value as written in the spec, without its wrapper; None for what isn't known before apply."""
    if isinstance(value, Sourced):
        return value.value
    return value if isinstance(value, (str, bool, int)) else None


def source_of(resource: Resource, key: str) -> Address | None:
    """The resource that a key of an integration's config refers to."""
    value = (resource.attributes.get("config") or {}).get(key)
    return value.source if isinstance(value, Ref) else None
