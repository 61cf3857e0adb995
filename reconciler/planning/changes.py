"""From a decision to the change that a person reads: action, fields with their causes, reason. Pure."""

from __future__ import annotations

from dataclasses import replace

from reconciler.matching.canonical import at_path
from reconciler.matching.matches import How, Match
from reconciler.matching.rivals import called_by
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
)
from reconciler.planning.context import PlanningContext, secret_fields, shown
from reconciler.planning.decision_types import Decision, Decisions, PlannedDelivery
from reconciler.planning.differences import KNOWN_LATER, Differences


def change_of(context: PlanningContext, decided: Decisions, resource: Resource) -> Change:
    """What happens to one wanted object."""
    builder = _Builder(context, decided, resource)
    decision = builder.decision
    if decision.action is Action.BLOCKED:
        return builder.change(Action.BLOCKED, decision.reason, code=decision.code)
    if decision.action is Action.CREATE:
        return builder.change(Action.CREATE, decision.reason, builder.differences.made())
    if decision.action is Action.ROTATE:
        return builder.change(Action.ROTATE, decision.reason, builder.differences.renewed())
    if decision.action is Action.REPLACE:
        fields = builder.differences.renewed() + builder.differences.changed_anew()
        return builder.change(Action.REPLACE, decision.reason, fields)
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
        self.differences = Differences(
            context, resource, self.fields, self.match, decided.known, self.planned_deliveries
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
            lifecycle=self.resource.lifecycle,
            live=live,
            code=code,
            settles=self.settles(),
            held=self.differences.held if action is not Action.BLOCKED else {},
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

    def kept(self) -> Change:
        live = self.match.live
        differences = self.differences.all() if live is not None else ()
        if self.differences.held and not differences and not self.is_adopted:
            (code, words), *_ = self.differences.held.values()
            return self.change(Action.BLOCKED, words, code=code)
        if self.is_adopted and live is not None:
            identity = FieldChange("id", None, live.id)
            reason = _adoption(self.resource, self.match, differences) + self.trusted(differences)
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

    @property
    def is_adopted(self) -> bool:
        ways = (How.NAME, How.ADOPT, How.ONLY, How.INTENT)
        return self.match.how in ways and not self.context.is_stateless

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


def _with_orphan(match: Match) -> Match:
    """The match, showing the object that an interrupted create made and whose secret is lost."""
    left = match.recovered
    if match.live is None and left is not None and left.settles is IntentResolution.LOST:
        return replace(match, live=left.live)
    return match


def _adoption(resource: Resource, match: Match, differences: tuple[FieldChange, ...]) -> str:
    ways = {
        How.NAME: f"exactly one live object has its {called_by(resource)}",
        How.ADOPT: "lifecycle.adopt names it",
        How.INTENT: "finishes an interrupted create",
        How.ONLY: "it is the only secret that the service principal has",
    }
    also = f", and {', '.join(field.path for field in differences)} will be changed" if differences else ""
    return ways[match.how] + also
