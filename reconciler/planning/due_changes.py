"""What time made due (`apply --due`): rotations with their deliveries, revocations, clearing up. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.model import Action, Address, Change, CredentialState, IntentResolution
from reconciler.model.times import parse_time
from reconciler.planning.context import PlanningContext
from reconciler.planning.decision_types import Decisions
from reconciler.planning.decisions import ends_soon
from reconciler.planning.guards import with_approval

LEFT = "left for an apply without --due"
ALL = ("*",)


def only_due(context: PlanningContext, decided: Decisions, changes: Iterable[Change]) -> list[Change]:
    """The changes with all that isn't due held back: it stays as it is, on record, too."""
    planned = list(changes)
    due = [change for change in planned if _is_due_secret(context, change)]
    # what waits for a person can't be handed over
    rotated = {one.address for one in due if not with_approval(context, decided, one).needs_approval}
    return [
        change if change.address in rotated else _delivered(context, decided, change, rotated)
        for change in planned
    ]


def without_approvals(changes: Iterable[Change]) -> list[Change]:
    """The changes with those held back that a person would have to approve."""
    return [held(change) if change.needs_approval else change for change in changes]


def held(change: Change) -> Change:
    """A change that isn't made now; what an interrupted run lost is settled nevertheless, as it will go."""
    settles = change.settles if change.settles is IntentResolution.LOST else IntentResolution.NOTHING
    kept = replace(change, action=Action.NO_OP, reason=LEFT, fields=(), removes=(), clears=())
    return replace(kept, settles=settles, approval="", approved=False, code="", left=ALL, held={})


def _is_due_secret(context: PlanningContext, change: Change) -> bool:
    """A secret whose end is near or past, or whose rotation was interrupted."""
    if not change.address.part or change.action not in (Action.ROTATE, Action.CREATE, Action.BLOCKED):
        return False
    entry = context.entries.get(change.address)
    resource = context.stack.resources.get(change.address)
    live = context.matches[change.address].live if resource else None
    if resource is not None and live is not None and ends_soon(context, resource, live):
        return True
    if entry is None:
        return False
    if change.action is Action.CREATE:
        end = parse_time(entry.credential.expires_at) if entry.credential else None
        return end is not None and end <= context.now
    state = entry.credential.state if entry.credential else CredentialState.HELD
    unfinished = state in (CredentialState.FRESH, CredentialState.SENDING) and bool(entry.formers)
    return change.action is Action.ROTATE and unfinished


def _delivered(context: PlanningContext, decided: Decisions, change: Change, rotated: set[Address]) -> Change:
    """A receiver's change, as far as it hands over what is rotated; held back if there is nothing of it."""
    if change.action is Action.NO_OP and not change.left:
        return change
    entry = context.entries.get(change.address)
    due = {
        path
        for path, delivery in (entry.deliveries if entry else {}).items()
        if delivery.source in rotated or _holds_a_former(context, delivery.source, delivery.credential)
    }
    if not due:
        return held(change)
    if change.action is Action.BLOCKED:
        return change
    handed = {
        planned_delivery.path for planned_delivery in decided.planned_deliveries.get(change.address, ())
    } & due
    if change.action is not Action.UPDATE or not handed:
        return held(change)
    if context.fields(change.address).sealed_to:
        return change  # a file is written whole
    fields = tuple(field for field in change.fields if field.path in handed)
    left = tuple(field.path for field in change.fields if field.path not in handed)
    return replace(change, fields=fields, left=left, held={})


def _holds_a_former(context: PlanningContext, source: Address | None, credential: str) -> bool:
    entry = context.entries.get(source) if source else None
    return entry is not None and any(former.id == credential for former in entry.formers)
