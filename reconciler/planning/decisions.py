"""What becomes of each wanted object: kept, made, replaced or rotated, and on whose account. Pure.

The one question that crosses objects is decided here: who must get a credential that isn't at hand, so
that a new secret has to be issued, or an app to be replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from reconciler.errors import Severity
from reconciler.matching.canonical import at_path, same_leaf
from reconciler.matching.matches import Match
from reconciler.model import Action, Address, IntentResolution, Live, Origin, Resource, Unknown
from reconciler.model.times import parse_time
from reconciler.model.values import seconds
from reconciler.planning.access_lists import access_trouble, unsupported
from reconciler.planning.context import Known, PlanningContext, is_at_hand, resolve
from reconciler.planning.decision_types import Decision, Decisions, is_blocked
from reconciler.planning.deliveries import planned_deliveries_of
from reconciler.planning.elsewhere import settle, unseen
from reconciler.planning.missing_secrets import (
    HANDOFF_MISSING,
    SECRET_NEEDED,
    absence,
    missing_handoff,
    secret_needed,
)
from reconciler.planning.named_keys import CONTENT_MISSING, list_troubles, workspace_trouble
from reconciler.planning.orphans import never_used, to_clear
from reconciler.planning.templates import template_trouble

_STAYS = Decision(Action.NO_OP)


def decide(context: PlanningContext) -> Decisions:
    """What becomes of every wanted object."""
    decisions: dict[Address, Decision] = {}
    known = _known_by(context, decisions)
    for resource in context.in_order:
        decisions[resource.address] = _unless_unmet(resource, _verdict(context, resource, decisions, known))
    first, before = planned_deliveries_of(context, decisions, known), dict(decisions)
    wanted: dict[Address, list[Address]] = {}
    for address, needs in first.planned_deliveries.items():
        for planned_delivery in needs:
            if planned_delivery.needs is not None:
                wanted.setdefault(planned_delivery.needs, []).append(address)
    for source, receivers in wanted.items():
        asking = secret_needed(context, source, receivers, decisions)
        if asking:
            decisions.update(asking)
        else:
            reissued = _reissued(context, source, receivers, decisions)
            decisions[source] = _unless_unmet(context.stack.resources[source], reissued)
    _write_missing(context, decisions)
    settle(context, decisions)
    _block_dependents(context, decisions)
    if decisions == before:
        return first
    # what is renewed on demand has dependents that didn't ask: they get the new one as well
    return planned_deliveries_of(context, decisions, known)


def _verdict(
    context: PlanningContext,
    resource: Resource,
    decisions: Mapping[Address, Decision],
    known: Known,
) -> Decision:
    address = resource.address
    match = context.matches[address]
    obstacle = _obstacle(context, resource, match, decisions)
    if obstacle is not None:
        return obstacle
    if address.part:
        return _secret_verdict(context, resource, match, decisions)
    if match.live is None:
        made = unseen(context, resource) or missing_handoff(context, resource, match) or _made(match)
        return _unless_unnamed(context, resource, made)
    if address in context.forced:
        asked = Decision(Action.REPLACE, "asked for on the command line")
        return _unless_unnamed(context, resource, asked)
    frozen = _immutable_differences(context, resource, match.live, known)
    if frozen:
        words = f"{', '.join(frozen)} can't be changed in place"
        return _unless_unnamed(context, resource, Decision(Action.REPLACE, words, immutable=frozen))
    for code, words in list_troubles(context, resource).values():
        if code == CONTENT_MISSING:  # other lists are held up alone
            return Decision(Action.BLOCKED, words, code=code)
    return _STAYS


def _unless_unnamed(context: PlanningContext, resource: Resource, decision: Decision) -> Decision:
    """The decision, unless the object would be made without all that the spec says of who may use it."""
    troubles = [*list_troubles(context, resource, anew=True).values()]
    trouble = next(iter(troubles), None) or access_trouble(context, resource, None)
    return Decision(Action.BLOCKED, trouble[1], code=trouble[0]) if trouble and decision.is_new else decision


def _unless_unmet(resource: Resource, decision: Decision) -> Decision:
    """The decision, unless the object has to be made and an ignored field of it isn't fit for that."""
    wrong = next((p for p in resource.unmet if p.severity is Severity.ERROR), None)
    if wrong is None or not decision.is_new:
        return decision
    return Decision(Action.BLOCKED, f"{decision.reason}, and {wrong.text}", code=wrong.code)


def _obstacle(
    context: PlanningContext, resource: Resource, match: Match, decisions: Mapping[Address, Decision]
) -> Decision | None:
    if match.trouble:
        return Decision(Action.BLOCKED, match.trouble, code=match.code)
    stopped = next((d for d in resource.depends_on if is_blocked(decisions, d)), None)
    if stopped is not None:
        return Decision(Action.BLOCKED, f"depends on {stopped}, which is blocked", code="depends-on-blocked")
    trouble = (
        workspace_trouble(context, resource)
        or unsupported(context, resource)
        or template_trouble(context, resource)
        or _named_trouble(context, resource)
    )
    return Decision(Action.BLOCKED, trouble[1], code=trouble[0]) if trouble else None


def _named_trouble(context: PlanningContext, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if what stands under the resource's name can't be read."""
    if not context.snapshot.blocked:
        return None
    field = context.fields(resource.address).name
    refusal = context.snapshot.blocked.get((resource.provider, f"{field} {resource.attributes.get(field)}"))
    return ("unreadable", refusal) if refusal else None


LOST = "secret of an interrupted create is lost"


def _made(match: Match) -> Decision:
    settles = match.recovered.settles if match.recovered else IntentResolution.NOTHING
    if settles is IntentResolution.LOST:
        return Decision(Action.REPLACE, LOST, unused=True)
    if settles is IntentResolution.GIVEN_UP:
        return Decision(Action.CREATE, "an interrupted create of it took no effect")
    gone = "it was deleted outside of this stack" if match.vanished else "it doesn't exist yet"
    return Decision(Action.CREATE, gone)


def _secret_verdict(
    context: PlanningContext, resource: Resource, match: Match, decisions: Mapping[Address, Decision]
) -> Decision:
    address = resource.address
    parent = address.parent
    left = context.recovery.intents.get(address)
    lost = LOST if left is not None and left.settles is IntentResolution.LOST else ""
    if parent is not None and decisions[parent].is_new:
        return Decision(Action.CREATE, f"{parent} is new")
    if match.live is None:
        if match.unsure and address not in context.forced:
            return Decision(Action.NO_OP, "several live secrets, and it isn't known which one is in use")
        gone = "the secret on record is gone or expired" if match.vanished else "it has no secret yet"
        return _capped(context, address, Decision(Action.CREATE, lost or gone))
    if address in context.forced or (parent is not None and parent in context.forced):
        return _capped(context, address, Decision(Action.ROTATE, "asked for on the command line"))
    due = ends_soon(context, resource, match.live)
    return _capped(context, address, Decision(Action.ROTATE, due)) if due else _STAYS


def ends_soon(context: PlanningContext, resource: Resource, live: Live) -> str:
    """Why time makes a rotation due; "" if it doesn't."""
    before = resource.attributes.get("rotate_before")
    ends = parse_time(live.expires_at)
    if not before or ends is None:
        return ""
    left = ends - context.now
    if left > timedelta(seconds=seconds(str(before))):
        return ""
    return f"it expires {ends:%Y-%m-%d}, within rotate_before: {before}"


SECRET_CAP = 5  # per service principal; account API


def _capped(context: PlanningContext, address: Address, decision: Decision) -> Decision:
    """The decision, unless the service principal has no free slot for one more secret."""
    parent = address.parent
    match = context.matches.get(parent) if parent else None
    if match is None or match.live is None:
        return decision
    provider = context.stack.resources[address].provider
    inside = sorted(
        live.id
        for live in context.snapshot.within(provider, address.kind_name, match.live.id)
        if live.id not in to_clear(context, address)
    )
    if len(inside) < SECRET_CAP:
        return decision
    return Decision(
        Action.BLOCKED,
        f"{parent} has {len(inside)} secrets already, the most it may have, and needs one more: "
        f"delete one that is no longer used: {_listed(context, address, inside)}",
        code="secret-cap",
    )


def _listed(context: PlanningContext, address: Address, ids: Sequence[str]) -> str:
    """Secrets with what is known of each: whose it is decides who may revoke it."""
    entry = context.entries.get(address)
    formers = entry.formers if entry else ()
    origins = {former.id: former.origin for former in formers} | ({entry.id: entry.origin} if entry else {})
    words = {
        live_id: " (adopted)" if origin is not Origin.CREATED else " (ours, superseded)"
        for live_id, origin in origins.items()
    }
    if entry is not None and entry.origin is Origin.CREATED:
        words[entry.id] = " (ours, in use)"
    return ", ".join(live_id + words.get(live_id, " (not ours)") for live_id in ids)


def _immutable_differences(
    context: PlanningContext, resource: Resource, live: Live, known: Known
) -> tuple[str, ...]:
    fields = context.fields(resource.address)
    found = []
    for path in sorted(fields.immutable):
        wanted = at_path(resource.attributes, path)
        if wanted is None or (path == fields.name and not resource.named):
            continue
        if resource.lifecycle.ignores(path):
            continue
        wanted = resolve(wanted, known)
        if isinstance(wanted, Unknown) or not same_leaf(path, wanted, at_path(live.attributes, path), fields):
            found.append(path)
    return tuple(found)


def _known_by(context: PlanningContext, decisions: Mapping[Address, Decision]) -> Known:
    """What is known of objects that stay, as far as that is decided."""

    def known(address: Address, attribute: str) -> str | None:
        decision = decisions.get(address)
        live = context.matches[address].live if decision is not None and not decision.is_new else None
        if live is None:
            return None
        return live.computed.get(attribute, live.id if attribute == "id" else None)

    return known


def _write_missing(context: PlanningContext, decisions: dict[Address, Decision]) -> None:
    """A handoff that is merely missing is written as soon as a credential of it is a new one anyway."""
    for address, decision in list(decisions.items()):
        if decision.code == HANDOFF_MISSING and decision.action is Action.NO_OP:
            sources = {ref.source for ref in context.stack.resources[address].refs if ref.is_secret}
            if any(source in decisions and decisions[source].is_new for source in sources):
                decisions[address] = _made(context.matches[address])


def _block_dependents(context: PlanningContext, decisions: dict[Address, Decision]) -> None:
    is_any = any(decision.action is Action.BLOCKED for decision in decisions.values())
    for resource in context.in_order if is_any else ():
        # who needs a secret that nobody has was blocked already; the others get on without it
        stopped = next(
            (
                d
                for d in resource.depends_on
                if is_blocked(decisions, d) and decisions[d].code != SECRET_NEEDED
            ),
            None,
        )
        if stopped is not None and not is_blocked(decisions, resource.address):
            decisions[resource.address] = Decision(
                Action.BLOCKED, f"depends on {stopped}, which is blocked", code="depends-on-blocked"
            )


def _reissued(
    context: PlanningContext,
    source: Address,
    receivers: Iterable[Address],
    decisions: Mapping[Address, Decision],
) -> Decision:
    """The decision of a credential's owner, now that somebody needs its value."""
    decision = decisions[source]
    if decision.is_new or decision.action is Action.BLOCKED or is_at_hand(context, source):
        return decision
    names = " and ".join(str(receiver) for receiver in sorted(receivers))
    entry = context.entries.get(source)
    unused = never_used(context, source, entry)
    reason = (
        "secret of an interrupted run is lost"
        if unused
        else f"its secret {absence(entry)}, and {names} must get it"
    )
    if source.part:
        action = Action.ROTATE if context.matches[source].live is not None else Action.CREATE
        return replace(_capped(context, source, Decision(action, reason)), unused=unused)
    if context.is_stateless:
        return Decision(
            Action.BLOCKED,
            f"{reason}: the app would have to be replaced, and without a ledger nothing is ever deleted",
            code="needs-ledger",
        )
    return Decision(Action.REPLACE, reason, unused=unused)
