"""From a decision to the change that a person reads: action, fields with their causes, reason. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from reconciler.matching.canonical import at_path, leaves
from reconciler.matching.matches import How, Match
from reconciler.model import (
    Action,
    Address,
    Cause,
    Change,
    Entry,
    FieldChange,
    IntentResolution,
    Live,
    Ref,
    Resource,
    SecretInput,
    Sourced,
    Text,
    Unknown,
)
from reconciler.planning.access_lists import (
    access_change,
    held_lists,
    in_words,
    wanted_access,
)
from reconciler.planning.comparison import field_changes
from reconciler.planning.context import PlanningContext, is_secret, resolve, secret_fields, shown
from reconciler.planning.decision_types import Decision, Decisions, PlannedDelivery
from reconciler.planning.named_keys import by_id, called, gone
from reconciler.secrets import SENSITIVE

KNOWN_LATER = "(known after apply)"


def change_of(context: PlanningContext, decided: Decisions, resource: Resource) -> Change:
    """What happens to one wanted object."""
    builder = _Builder(context, decided, resource)
    decision = builder.decision
    if decision.action is Action.BLOCKED:
        return builder.change(Action.BLOCKED, decision.reason, code=decision.code)
    if decision.action is Action.CREATE:
        return builder.change(Action.CREATE, decision.reason, builder.made())
    if decision.action is Action.ROTATE:
        return builder.change(Action.ROTATE, decision.reason, builder.renewed())
    if decision.action is Action.REPLACE:
        return builder.change(Action.REPLACE, decision.reason, builder.renewed() + builder.changed_anew())
    return builder.kept()


class _Builder:
    """The change of one resource, piece by piece."""

    def __init__(self, context: PlanningContext, decided: Decisions, resource: Resource) -> None:
        self.context = context
        self.decided = decided
        self.resource = resource
        self.address: Address = resource.address
        self.match: Match = _with_orphan(context.matches[resource.address])
        self.entry: Entry | None = self.match.entry
        self.decision: Decision = decided.decisions[resource.address]
        self.fields = context.fields(resource.address)
        self.planned_deliveries: tuple[PlannedDelivery, ...] = decided.planned_deliveries.get(
            resource.address, ()
        )

    def change(
        self, action: Action, reason: str, fields: tuple[FieldChange, ...] = (), code: str = ""
    ) -> Change:
        live = self.match.live
        return Change(
            address=self.address,
            action=action,
            provider=self.resource.provider,
            id=live.id if live and action is not Action.CREATE else None,
            name=self.name(live),
            depends_on=self.resource.depends_on,
            reason=reason,
            fields=tuple(sorted(fields, key=lambda field: field.path)),
            live_digest=live.digest if live else "",
            lifecycle=self.resource.lifecycle,
            live=live,
            code=code,
            settles=self.settles(),
            held=self.held if action is not Action.BLOCKED else {},
        )

    def settles(self) -> IntentResolution:
        """What of an interrupted run this change brings to an end."""
        left = self.context.recovery.intents.get(self.address)
        if left is not None:
            return left.settles
        return (
            IntentResolution.DELIVERED if self.address in self.decided.delivered else IntentResolution.NOTHING
        )

    def name(self, live: Live | None) -> str:
        wanted = self.resource.attributes.get(self.fields.name) if self.fields.name else None
        if live is not None and live.name:
            return live.name
        return str(shown(wanted)) if wanted is not None else str(self.address.key)

    # --- what is new ------------------------------------------------------------------------------------

    def made(self) -> tuple[FieldChange, ...]:
        """All that a create sends, as fields from nothing."""
        cause = Cause.DRIFT if self.match.vanished else Cause.SPEC
        found = [
            FieldChange(
                path,
                None,
                SENSITIVE if is_secret(value) else self.display(value),
                cause,
                self.called(path, value),
            )
            for path, value in self.flat()
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

    def flat(self) -> list[tuple[str, Any]]:
        """The attributes as dotted paths; the parent of a part is not one of them."""
        keep = []
        attributes = dict(self.named_by_id())
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

    def called(self, path: str, value: Any) -> str:
        """What people call the key of an additive attribute."""
        name, _, key = path.partition(".")
        return called(self.fields, name, key, value) if name in self.fields.additive and key else ""

    def display(self, value: Any) -> Any:
        return shown(resolve(value, self.decided.known))

    # --- what stays -------------------------------------------------------------------------------------

    def kept(self) -> Change:
        live = self.match.live
        differences = self.differences() if live is not None else ()
        if self.held and not differences and not self.is_adopted:
            (code, words), *_ = self.held.values()
            return self.change(Action.BLOCKED, words, code=code)
        if self.is_adopted and live is not None:
            identity = FieldChange("id", None, live.id)
            reason = _adoption(self.match, differences) + self.trusted(differences)
            return self.change(Action.ADOPT, reason, (identity, *differences))
        if differences:
            return self.change(Action.UPDATE, self.why(differences), differences)
        return self.change(Action.NO_OP, self.decision.reason or "live matches the spec")

    def trusted(self, differences: tuple[FieldChange, ...]) -> str:
        """The secrets that are taken over with it, unseen: nobody can read them."""
        if self.address.part:
            return "; its value is taken on trust"
        changed = {field.path for field in differences}
        paths = sorted(path for path in secret_fields(self.resource) if path not in changed)
        return f"; {', '.join(paths)}: taken on trust" if paths else ""

    @cached_property
    def held(self) -> Mapping[str, tuple[str, str]]:
        """Attribute → why its list can't be written now."""
        return {} if self.address.part else held_lists(self.context, self.resource, self.match.live)

    @property
    def is_adopted(self) -> bool:
        ways = (How.NAME, How.ADOPT, How.ONLY, How.INTENT)
        return self.match.how in ways and not self.context.is_stateless

    def differences(self) -> tuple[FieldChange, ...]:
        """How the live object differs from the wanted one, secrets by what was delivered last."""
        live = self.match.live
        if live is None or self.address.part:
            return ()
        applied = self.entry.applied if self.entry else None
        compared = {
            path: resolve(value, self.decided.known)
            for path, value in leaves(self.resource.attributes)
            if self.is_compared(path, value)
        }
        plain = field_changes(compared, live.attributes, applied, self.fields)
        return (
            *(FieldChange(f.path, shown(f.before), _after(f.after), f.cause) for f in plain),
            *self.additive(live, applied),
            *self.access(),
            *self.excess(live, applied),
            *(
                FieldChange(h.path, SENSITIVE, SENSITIVE, Cause.DRIFT if h.drifted else Cause.SPEC)
                for h in self.planned_deliveries
            ),
        )

    def is_compared(self, path: str, value: Any) -> bool:
        if is_secret(value) or value in (None, {}) or path in self.fields.local:
            return False  # a mapping that says nothing manages nothing
        if path == self.fields.name and not self.resource.named:
            return False
        apart = self.fields.additive | {self.fields.access}
        if any(path == name or path.startswith(f"{name}.") for name in apart if name):
            return False
        return not self.resource.lifecycle.ignores(path)

    def access(self) -> list[FieldChange]:
        """The list of who may use it, written whole."""
        if not self.fields.access or self.fields.access in self.held:
            return []
        found = access_change(self.context, self.resource, self.match)
        return [found] if found else []

    def changed_anew(self) -> tuple[FieldChange, ...]:
        """What changes where a new object takes the place of the live one: it is in no group, say, yet."""
        live = self.match.live
        if live is None:
            return self.differences()
        bare = replace(live, attributes=without(live.attributes, self.fields.additive))
        others = [f for f in self.differences() if f.path.partition(".")[0] not in self.fields.additive]
        return (*others, *self.additive(bare, None))

    def additive(self, live: Live, applied: Mapping[str, Any] | None) -> list[FieldChange]:
        """Keys of mappings of which only those of the spec, and those that we added, are ours."""
        found = []
        wanted_all = self.named_by_id()
        for name in sorted(self.fields.additive & set(wanted_all) - set(self.held)):
            if name in self.resource.lifecycle.ignore:
                continue
            wanted = wanted_all[name] or {}
            there = live.attributes.get(name) or {}
            ours = (applied or {}).get(name) or {}
            before = self.entry.there.get(name, ()) if self.entry else ()  # not ours to take back
            lost = self.gone(name)  # what can't be told any more is left as it is
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

    def excess(self, live: Live, applied: Mapping[str, Any] | None) -> list[FieldChange]:
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

    def named_by_id(self) -> Mapping[str, Any]:
        """The attributes with the workspaces and groups that the spec names by their ids."""
        return _by_id(self.context, self.resource, self.decided.known)

    def gone(self, attribute: str) -> Mapping[str, str]:
        """Principals that the spec names and that are gone."""
        named = self.resource.attributes.get(attribute) or {}
        snapshot, provider = self.context.snapshot, self.resource.provider
        return gone(snapshot, provider, self.fields, attribute, named, self.entry)

    def renewed_source(self, field: FieldChange) -> str:
        """Whose new object changes a field that nobody touched in the spec; "" for any other field."""
        value = at_path(self.resource.attributes, field.path)
        if field.after != KNOWN_LATER or not isinstance(value, Ref):
            return ""
        before = at_path(self.entry.applied, field.path) if self.entry else None
        return str(value.address) if before == field.before else ""

    def why(self, differences: tuple[FieldChange, ...]) -> str:
        reasons = [f"{h.path.rpartition('.')[2]}: {h.reason}" for h in self.planned_deliveries]
        handed = {h.path for h in self.planned_deliveries}
        by_cause: dict[Cause, list[str]] = {}
        for field in differences:
            if field.path in handed:
                continue
            if source := self.renewed_source(field):
                reasons.append(f"{field.path}: {source} gets a new one")
            else:
                path = field.path.partition(".")[0] if field.called else field.path
                by_cause.setdefault(field.cause, []).append(path)
        words = {
            Cause.SPEC: "changed in the spec",
            Cause.DRIFT: "changed outside of this stack",
            Cause.BOTH: "changed both in the spec and outside",
        }
        for cause, paths in by_cause.items():
            reasons.append(f"{', '.join(dict.fromkeys(paths))}: {words[cause]}")
        return "; ".join(reasons)


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


def _by_id(
    context: PlanningContext, resource: Resource, known: Mapping[tuple[Address, str], str] | None = None
) -> Mapping[str, Any]:
    fields = context.fields(resource.address)
    return {
        name: by_id(context.snapshot, resource.provider, fields, name, resolve(value, known or {}))
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


def _with_orphan(match: Match) -> Match:
    """The match, showing the object that an interrupted create made and whose secret is lost."""
    left = match.recovered
    if match.live is None and left is not None and left.settles is IntentResolution.LOST:
        return replace(match, live=left.live)
    return match


def _after(value: Any) -> Any:
    return KNOWN_LATER if isinstance(value, Unknown) else shown(value)


def _adoption(match: Match, differences: tuple[FieldChange, ...]) -> str:
    ways = {
        How.NAME: "exactly one live object has its name",
        How.ADOPT: "lifecycle.adopt names it",
        How.INTENT: "finishes an interrupted create",
        How.ONLY: "it is the only secret that the service principal has",
    }
    also = f", and {', '.join(field.path for field in differences)} will be changed" if differences else ""
    return ways[match.how] + also
