"""What a watch may put right by itself: drift, of the kinds that the spec allows, and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.model import Action, Cause, Change, Plan

LATER = ("(known after apply)", "(sensitive)")


def healable(plan: Plan, kinds: Collection[str]) -> Plan:
    """The plan restricted to what heals drift: no edit of the spec, no delete, nothing that needs approval.

    Something that vanished is made again only together with all that has to learn of its successor.
    """
    pending = {change.address: change for change in plan.changes if change.is_pending}
    kept = {
        address
        for address, change in pending.items()
        if address.kind in kinds
        and change.action in (Action.UPDATE, Action.CREATE)
        and not change.approval
        and not change.removes
    }
    while True:
        wrong = {address for address in kept if not _is_drift(pending[address], kept)}
        wrong |= {
            needed
            for address, change in pending.items()
            if address not in kept
            for needed in change.depends_on
            if needed in kept and pending[needed].action is Action.CREATE
        }
        wrong |= {
            address
            for address in kept
            if any(needed in pending and needed not in kept for needed in pending[address].depends_on)
        }
        if not wrong & kept:
            break
        kept -= wrong
    return replace(plan, changes=tuple(c for c in plan.changes if c.address in kept or not c.is_pending))


def _is_drift(change: Change, kept: Collection[object]) -> bool:
    """Whether somebody else made every difference, or a healed object that it refers to."""
    follows = any(needed in kept for needed in change.depends_on)
    return all(field.cause is Cause.DRIFT or (follows and field.after in LATER) for field in change.fields)
