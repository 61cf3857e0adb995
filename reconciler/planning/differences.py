"""The fields of one change: what is new, and how live differs from what is wanted, with causes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from reconciler.kinds import Fields
from reconciler.matching.canonical import leaves, unlike
from reconciler.matching.matches import Match
from reconciler.model import (
    Address,
    Cause,
    Entry,
    FieldChange,
    Live,
    Ref,
    Resource,
    SecretInput,
    Sourced,
    Text,
    Unknown,
)
from reconciler.planning.access_lists import access_change, held_lists, in_words, wanted_access
from reconciler.planning.comparison import field_changes
from reconciler.planning.context import Known, PlanningContext, is_secret, nothing_known, resolve, shown
from reconciler.planning.decision_types import PlannedDelivery
from reconciler.planning.named_keys import by_id, called, gone
from reconciler.secrets import SENSITIVE

KNOWN_LATER = "(known after apply)"


@dataclass(frozen=True)
class Differences:
    """One resource beside its live object.

    Attributes:
        fields: how its attributes behave.
        match: the live object, what an interrupted create left included.
        known: the values of references, as far as they are known.
        planned_deliveries: the secrets that go to it.
    """

    context: PlanningContext
    resource: Resource
    fields: Fields
    match: Match
    known: Known
    planned_deliveries: tuple[PlannedDelivery, ...] = ()

    @property
    def address(self) -> Address:
        """Where the resource stands."""
        return self.resource.address

    @property
    def entry(self) -> Entry | None:
        """What is on record."""
        return self.match.entry

    def made(self) -> tuple[FieldChange, ...]:
        """All that a create sends, as fields from nothing."""
        cause = Cause.DRIFT if self.match.vanished else Cause.SPEC
        found = [
            FieldChange(
                path,
                None,
                SENSITIVE if is_secret(value) else self._display(value),
                cause,
                self._called(path, value),
            )
            for path, value in self._flat()
        ]
        if self.address.part:  # a secret has nothing of its own but itself
            found.append(FieldChange(self.address.part, None, SENSITIVE, cause))
        return tuple(found)

    def renewed(self) -> tuple[FieldChange, ...]:
        """What everybody who refers to it will notice."""
        live = self.match.live
        told = {"id", self.fields.referred_by}
        names = ["id"] if self.address.part else sorted(self.fields.computed & told)
        before = {"id": live.id, **live.computed} if live else {}
        return tuple(FieldChange(name, before.get(name), KNOWN_LATER) for name in names)

    def _flat(self) -> list[tuple[str, Any]]:
        """The attributes as dotted paths; the parent of a part is not one of them."""
        keep = []
        attributes = dict(self._named_by_id())
        if self.fields.access in attributes:
            snapshot, provider = self.context.snapshot, self.resource.provider
            wanted = wanted_access(snapshot, self.resource, self.fields)
            names = wanted if isinstance(wanted, Mapping) else {}
            attributes[self.fields.access] = in_words(snapshot, provider, self.fields, wanted, names)
        for path, value in leaves(attributes):
            if self.address.part and path not in self.fields.local:
                continue
            keep.append((path, value))
        return keep

    def _called(self, path: str, value: Any) -> str:
        """What people call the key of an additive attribute."""
        name, _, key = path.partition(".")
        return called(self.fields, name, key, value) if name in self.fields.additive and key else ""

    def _display(self, value: Any) -> Any:
        return shown(resolve(value, self.known))

    @cached_property
    def held(self) -> Mapping[str, tuple[str, str]]:
        """Attribute → why its list can't be written now."""
        return {} if self.address.part else held_lists(self.context, self.resource, self.match.live)

    def all(self) -> tuple[FieldChange, ...]:
        """How the live object differs from the wanted one, secrets by what was delivered last."""
        live = self.match.live
        if live is None or self.address.part:
            return ()
        applied = self.entry.applied if self.entry else None
        compared = {
            path: resolve(value, self.known)
            for path, value in unlike(self.resource.attributes, live.attributes)
            if self._is_compared(path, value)
        }
        plain = field_changes(compared, live.attributes, applied, self.fields)
        return (
            *(FieldChange(f.path, shown(f.before), _after(f.after), f.cause) for f in plain),
            *self._additive(live, applied),
            *self._access(),
            *self._excess(live, applied),
            *(
                FieldChange(h.path, SENSITIVE, SENSITIVE, Cause.DRIFT if h.drifted else Cause.SPEC)
                for h in self.planned_deliveries
            ),
        )

    def _is_compared(self, path: str, value: Any) -> bool:
        if is_secret(value) or value in (None, {}) or path in self.fields.local:
            return False  # a mapping that says nothing manages nothing
        if path == self.fields.name and not self.resource.named:
            return False
        root = path.partition(".")[0]
        if root in self.fields.additive or root == self.fields.access:
            return False
        return not self.resource.lifecycle.ignores(path)

    def _access(self) -> list[FieldChange]:
        """The list of who may use it, written whole."""
        if self.fields.access not in self.resource.attributes or self.fields.access in self.held:
            return []
        found = access_change(self.context, self.resource, self.match)
        return [found] if found else []

    def changed_anew(self) -> tuple[FieldChange, ...]:
        """What changes where a new object takes the place of the live one: it is in no group, say, yet."""
        live = self.match.live
        if live is None:
            return self.all()
        bare = replace(live, attributes=without(live.attributes, self.fields.additive))
        others = [f for f in self.all() if f.path.partition(".")[0] not in self.fields.additive]
        return (*others, *self._additive(bare, None))

    def _additive(self, live: Live, applied: Mapping[str, Any] | None) -> list[FieldChange]:
        """Keys of mappings of which only those of the spec, and those that we added, are ours."""
        found = []
        names = self.fields.additive & self.resource.attributes.keys()
        wanted_all = self._named_by_id() if names else {}  # few have any
        for name in sorted(names):
            if name in self.held or name in self.resource.lifecycle.ignore:
                continue
            wanted = wanted_all[name] or {}
            there = live.attributes.get(name) or {}
            ours = (applied or {}).get(name) or {}
            before = self.entry.there.get(name, ()) if self.entry else ()  # not ours to take back
            lost = self._gone(name)  # what can't be told any more is left as it is
            for key in sorted({*wanted, *ours} - set(lost)):
                path = f"{name}.{key}"
                if self.resource.lifecycle.ignores(path):
                    continue
                if key in wanted and wanted[key] != there.get(key):
                    cause = Cause.DRIFT if ours.get(key) == wanted[key] else Cause.SPEC
                    told = called(self.fields, name, key, wanted[key])
                    found.append(FieldChange(path, there.get(key), shown(wanted[key]), cause, told))
                elif key not in wanted and key in there and key not in before:
                    told = called(self.fields, name, key, ours.get(key))
                    found.append(FieldChange(path, there[key], None, called=told))
        return found

    def _excess(self, live: Live, applied: Mapping[str, Any] | None) -> list[FieldChange]:
        """Keys that a mapping holds and the spec, which says all of it, doesn't."""
        found = []
        for name in sorted(self.fields.complete - self.resource.lifecycle.ignore):
            wanted = self.resource.attributes.get(name) or {}
            ours = (applied or {}).get(name) or {}
            there = live.attributes.get(name) or {}
            for key in sorted(set(there) - set(wanted)):
                path = f"{name}.{key}"
                if path not in self.resource.lifecycle.ignore:
                    is_ours = key in ours or bool(self.entry and path in self.entry.deliveries)
                    found.append(FieldChange(path, there[key], None, Cause.SPEC if is_ours else Cause.DRIFT))
        return found

    def _named_by_id(self) -> Mapping[str, Any]:
        """The attributes with the workspaces and groups that the spec names by their ids."""
        return _by_id(self.context, self.resource, self.known)

    def _gone(self, attribute: str) -> Mapping[str, str]:
        """Principals that the spec names and that are gone."""
        named = self.resource.attributes.get(attribute) or {}
        snapshot, provider = self.context.snapshot, self.resource.provider
        return gone(snapshot, provider, self.fields, attribute, named, self.entry)


def ignored_edits(context: PlanningContext, resource: Resource, live: Live) -> list[str]:
    """The ignored fields whose value, as far as it is known, isn't the live one; sorted."""
    if not resource.lifecycle.ignore:
        return []
    fields = context.fields(resource.address)
    attributes = _by_id(context, resource)
    compared = {
        path: value
        for path, value in leaves(attributes)
        if resource.lifecycle.ignores(path) and path not in fields.local and _is_plain(value)
        if not fields.access or path.split(".")[0] != fields.access
    }
    return [field.path for field in field_changes(compared, live.attributes, None, fields)]


def _by_id(context: PlanningContext, resource: Resource, known: Known = nothing_known) -> Mapping[str, Any]:
    fields = context.fields(resource.address)
    return {
        name: by_id(context.snapshot, resource.provider, fields, name, resolve(value, known))
        if name in fields.additive and isinstance(value, Mapping)
        else value
        for name, value in resource.attributes.items()
    }


def without(attributes: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Attributes without some of them."""
    return {name: value for name, value in attributes.items() if name not in names}


def _is_plain(value: Any) -> bool:
    """Whether a value can be compared: no secret, nothing known later, no variable that isn't set."""
    items = value if isinstance(value, list) else [value]
    return value is not None and not any(
        isinstance(item, (Ref, Text, SecretInput)) or (isinstance(item, Sourced) and not item.value)
        for item in items
    )


def _after(value: Any) -> Any:
    return KNOWN_LATER if isinstance(value, Unknown) else shown(value)
