"""What needs a person's approval before it is applied, and which of it the spec approves. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.errors import Problem, Severity
from reconciler.matching.matches import How
from reconciler.matching.users import is_owner, unseen
from reconciler.model import Action, Address, Change, Origin
from reconciler.planning.access_lists import OPEN, is_restricted
from reconciler.planning.context import PlanningContext
from reconciler.planning.decision_types import Decisions
from reconciler.planning.decisions import ends_soon
from reconciler.planning.secret_ownership import stays

VANISHED_AT_ONCE = 3  # so many gone objects of a kind look like an accident, or like a wrong account


def with_approvals(
    context: PlanningContext, decided: Decisions, changes: Sequence[Change]
) -> tuple[list[Change], list[Problem]]:
    """The changes with what each needs, and warnings about entries of `approve:` that do nothing."""
    past_guard = _guard(context, changes)
    vanished = _vanished(context, changes)
    marked = []
    for change in changes:
        is_guarded = change.action is Action.DELETE and not change.address.part
        otherwise = vanished.get(change.address, "") or (past_guard if is_guarded else "")
        is_asked = change.is_pending or otherwise  # who does nothing needs nobody's yes
        marked.append(with_approval(context, decided, change, otherwise) if is_asked else change)
    return marked, _leftovers(context, marked)


def with_approval(
    context: PlanningContext, decided: Decisions, change: Change, otherwise: str = ""
) -> Change:
    """A change with all that it needs an approval for, by itself and otherwise."""
    reasons = (_why(context, decided, change), _why_opened(context, change), otherwise)
    why, address = "; ".join(filter(None, reasons)), change.address
    is_listed = address in context.listed and str(address) not in context.ledger.approvals
    return replace(change, approval=why, approved=is_listed) if why else change


def _why(context: PlanningContext, decided: Decisions, change: Change) -> str:
    match = context.matches.get(change.address)
    if change.action is Action.REPLACE:
        decision = decided.decisions[change.address]
        words = "a replace makes a new object with a new identity"
        points_here = context.kinds[change.address.kind_name].points_here
        if points_here:
            words = f"{words}; {points_here}{_contents(context, change)}"
        return "" if decision.unused else words
    if _is_further_secret(context, change):
        return "this stack didn't make its owner, which was found by its name and gets a further secret"
    if change.action is Action.DELETE:
        return _why_deleted(context, change)
    if change.action is Action.ADOPT and match is not None and match.doubt:
        return match.doubt
    if (
        change.action is Action.ADOPT
        and match is not None
        and match.how is How.NAME
        and len(change.fields) > 1
    ):
        return "it was found by its name only, and would be changed"
    return ""


def _why_opened(context: PlanningContext, change: Change) -> str:
    fields = context.fields(change.address)
    is_opened = any(f.path == fields.access and f.after == OPEN for f in change.fields if fields.access)
    if not is_opened or not _was_restricted(context, change, fields.access):
        return ""
    return "it opens what was restricted: all publishers may use it then"


def _was_restricted(context: PlanningContext, change: Change, access: str) -> bool:
    """Whether not everybody may use it now, or might before it went."""
    entry = context.entries.get(change.address)
    if change.live is not None or entry is None:
        return is_restricted(context.fields(change.address), change.live)
    return isinstance(entry.applied.get(access), Mapping) or any(f.carries.get(access) for f in entry.formers)


def _is_further_secret(context: PlanningContext, change: Change) -> bool:
    """Whether a principal found by its name gets one more secret, and nobody asked for just that.

    A rotation is one, too, where what it supersedes stays since this stack didn't issue it; but not one that
    is due, or was asked for, of a principal on record.
    """
    address, parent = change.address, change.address.parent
    owner = context.matches.get(parent) if parent else None
    if owner is None or owner.live is None or parent is None or _origin(context, parent) is not Origin.FOUND:
        return False
    if change.action is not Action.ROTATE:
        return change.action is Action.CREATE
    resource, live = context.stack.resources[address], context.matches[address].live
    if live is None or not stays(context, address, live.id):
        return False
    is_wanted = bool({address, parent} & context.forced or ends_soon(context, resource, live))
    return owner.how is How.NAME or not is_wanted


def _origin(context: PlanningContext, address: Address) -> Origin:
    """How an object came, or will have come with this plan."""
    match, entry = context.matches[address], context.entries.get(address)
    if entry is not None and match.live is not None and entry.id == match.live.id:
        return entry.origin
    return Origin.FOUND if match.how is How.NAME else Origin.ADOPTED


def _why_deleted(context: PlanningContext, change: Change) -> str:
    owned = context.entries.get(change.address)
    if owned is None or not owned.id or change.id != owned.id:
        counted = context.fields(change.address).users
        # the change may show what is on record beside the orphan
        orphan = context.snapshot.of(change.provider, change.address.kind_name).get(change.id or "")
        if not counted or orphan is None or orphan.computed.get(counted) == "0":
            return ""
        if owned is not None and owned.id:
            return "content still points at what is superseded: its successor gets that first"
        return "it is left by an interrupted run, and content may use it"
    if points_here := context.kinds[change.address.kind_name].points_here:
        return f"{points_here}{_contents(context, change)}"
    if owned.origin is not Origin.CREATED and not change.address.part:
        return f"this stack didn't make it: it was {owned.origin.value}"
    unknown = unseen(context.stack, context.snapshot, context.kinds)
    if unknown and is_owner(context.kinds, change.address):
        return f"who else uses it isn't known: {', '.join(unknown)} couldn't be looked at"
    return ""


def _contents(context: PlanningContext, change: Change) -> str:
    counted = context.fields(change.address).users
    count = change.live.computed.get(counted) if change.live else None
    return f" (it has {count} now)" if count else ""


def _guard(context: PlanningContext, changes: Sequence[Change]) -> str:
    """The words if more is deleted than `guard:` allows; secrets don't count."""
    guard = context.stack.guard
    deletes = sum(
        1
        for change in changes
        if change.action is Action.DELETE and not change.address.part and not _is_leftover(context, change)
    )
    if not deletes:
        return ""
    owned = sum(1 for address, entry in context.entries.items() if entry.id and not address.part)
    if guard.max_deletes is not None and deletes > guard.max_deletes:
        return f"{deletes} deletes are more than guard: max_deletes {guard.max_deletes}"
    if owned >= guard.floor and deletes * 100 > guard.max_delete_percent * owned:
        return f"{deletes} deletes of {owned} owned are more than guard: {guard.max_delete_percent} %"
    return ""


def _is_leftover(context: PlanningContext, change: Change) -> bool:
    entry = context.entries.get(change.address)
    return entry is not None and change.id != entry.id


def _vanished(context: PlanningContext, changes: Sequence[Change]) -> Mapping[Address, str]:
    gone = [
        change.address
        for change in changes
        if change.action is Action.CREATE
        and not change.address.part
        and context.matches[change.address].vanished
    ]
    counts = Counter(address.kind for address in gone)
    return {
        address: f"{counts[address.kind]} {address.kind} of this stack are gone at once: "
        f"making them again would be wrong if this is the wrong account, or an outage"
        for address in gone
        if counts[address.kind] >= VANISHED_AT_ONCE
    }


def _leftovers(context: PlanningContext, changes: Sequence[Change]) -> list[Problem]:
    needed = {change.address for change in changes if change.approval}
    found = []
    for address in context.stack.approve:
        if str(address) in context.ledger.approvals:
            code, words = "approval-used", "has been used: an entry of approve: works once"
        elif address not in needed:
            code, words = "approval-unneeded", "is under approve:, and nothing of it needs an approval"
        else:
            continue
        found.append(
            Problem(
                Severity.WARNING, code, f"{address} {words}", str(address), hint="take it out of approve:"
            )
        )
    return found
