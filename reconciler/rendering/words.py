"""The words that pages and comments share: kinds, actions, and what a plan asks of its reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model import Action, Address, Change, Outcome, Plan
from reconciler.providers import KINDS
from reconciler.rendering.terminal import SYMBOLS, clean, symbol
from reconciler.rendering.text import counted, nothing_text


def kind_words(address: Address) -> str:
    """What sort of object an address is of, in the singular; cleaned."""
    kind = KINDS.get(address.kind_name)
    if kind is None or kind.part:
        return clean(address.part or address.kind).replace("_", " ")
    return kind.noun


def action_words(action: Action) -> str:
    """The action as a word."""
    return "unchanged" if action is Action.NO_OP else action.value


def sign(change: Change) -> str:
    """The symbol of a change, where a blank would be too little."""
    return symbol(change).strip() or "·"


def outcome_sign(outcome: Outcome, changes: Mapping[Address, Change]) -> str:
    """The symbol of what was done: its change's, if that is what was planned."""
    change = changes.get(outcome.address)
    return (
        sign(change) if change and change.action is outcome.action else SYMBOLS[outcome.action].strip() or "·"
    )


def title_words(plan: Plan) -> str:
    """What a plan is, without its stack's name."""
    return "Plan to destroy stack" if plan.destroys else "Plan for stack"


def nothing_words(plan: Plan) -> str:
    """What a plan without changes says; "" for one with changes."""
    if any(change.action is not Action.NO_OP for change in plan.changes):
        return ""
    return nothing_text(plan)


def counted_words(count: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sum_words(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """How many changes ended in which way; "" if there was nothing to do."""
    counts = counted(plan, outcomes).items()
    return ", ".join(f"{count:,} {'unchanged' if key == 'no_op' else key}" for key, count in counts if count)


def waiting_words(count: int) -> str:
    """How many changes need approval."""
    return "1 change needs approval" if count == 1 else f"{count:,} changes need approval"
