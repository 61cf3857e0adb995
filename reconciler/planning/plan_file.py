"""A plan as a file: what people see of it, and all that applying it needs, without any secret.

Applying makes the plan anew from the saved wishes and compares: whatever it would do at the addresses of the
saved one has to come out just as it was saved, or the plan is stale. Values from the environment and secrets
from handoffs are saved as expressions with a fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import PlanError, StaleError
from reconciler.model import Action, Address, Change, Lifecycle, Plan, Stack, canonical
from reconciler.planning.plan_encoding import Reread, Unpacker, packed, spelled
from reconciler.planning.planner import Options

FORMAT = "reconcile.plan/1"
Visible = Callable[[Plan], Mapping[str, Any]]  # the part of a plan file that people and programs look at

# of a change: why, not what; its lifecycle shows in what is done, and may hold a reference to a secret
_WORDS = frozenset({"reason", "approval", "approved", "lifecycle"})
_MOMENT = ("created",)  # of a plan file: covered by no digest
_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Saved:
    """A plan read back from its file.

    Attributes:
        changes: address → what was to happen there, as `change_mark` has it.
    """

    stack: Stack
    digest: str
    lineage: str
    changes: Mapping[str, str]
    targets: tuple[Address, ...]
    replaces: tuple[Address, ...]
    destroys: bool
    needs_approval: bool


def change_mark(change: Change) -> str:
    """One text per change: equal marks mean that the same is done to the same live object."""
    bare = replace(change, lifecycle=Lifecycle())
    return _digest(spelled({name: value for name, value in packed(bare).items() if name not in _WORDS}))


def encode(plan: Plan) -> str:
    """What a plan file holds besides its visible part, as JSON; goes under the key `definition`."""
    told = _with_neighbours(plan.changes)
    definition = packed(replace(plan, changes=told, unchanged=plan.summary[Action.NO_OP.value]))
    for name in _MOMENT:
        del definition[name]
    text = spelled(definition)  # once: it is the largest text that there is, and not held twice
    digest, text = _digest(text), text[:-1]
    return f'{text},"digest":"{digest}"}}'


def _with_neighbours(changes: Sequence[Change]) -> tuple[Change, ...]:
    """What changes, and the unchanged that it hangs together with: reviewers see both ends of a line."""
    moving = {change.address for change in changes if change.action is not Action.NO_OP}
    near = {target for change in changes if change.address in moving for target in change.depends_on}
    near |= {c.address for c in changes if not moving.isdisjoint(c.depends_on)} | moving
    # a secret shows inside its principal
    near |= {address.parent for address in near if address.parent}
    return tuple(change for change in changes if change.address in near)


def seen(document: Any, visible: Visible) -> Plan:
    """The plan that a file holds, for looking at: nothing is read anew.

    Args:
        visible: what the file shows of a plan.

    Raises:
        PlanError: it isn't a plan file, is damaged, or was written by a newer version.
    """
    return _checked(document, visible)


def decode(document: Any, visible: Visible, reread: Reread) -> Saved:
    """The plan that a file holds.

    Args:
        document: the file's JSON.
        visible: what the file shows of a plan.
        reread: values of `${env…}` and `${file…}` expressions are taken anew.

    Raises:
        PlanError: it isn't a plan file, is damaged, or was written by a newer version.
        StaleError: a value from the environment is another one now.
    """
    plan = _checked(document, visible)
    try:
        stack = Unpacker(reread).value(document["definition"]["stack"])
    except _DAMAGE as error:
        raise _damaged() from error
    return Saved(
        stack=stack,
        digest=plan.digest,
        lineage=plan.lineage,
        changes={str(change.address): change_mark(change) for change in plan.pending},
        targets=plan.targets,
        replaces=plan.replaces,
        destroys=plan.destroys,
        needs_approval=plan.needs_approval,
    )


def _checked(document: Any, visible: Visible) -> Plan:
    """The plan of a file, once all that it shows and all that applying it uses are found to be one."""
    if not isinstance(document, Mapping) or not str(document.get("format", "")).startswith("reconcile.plan/"):
        raise PlanError("this is no plan file", code="plan-file", hint="`reconcile plan -o FILE` writes one")
    if document["format"] != FORMAT:
        raise PlanError(
            f"the plan file has the format {document['format']}, written by version "
            f"{document.get('tool_version', '?')}",
            code="plan-file",
            hint="apply it with that version",
        )
    try:
        definition = dict(document["definition"])
        digest = definition.pop("digest")
        plan: Plan = Unpacker(None).value({**definition, **{name: str(document[name]) for name in _MOMENT}})
        shown = {name: value for name, value in document.items() if name != "definition"}
        is_whole = (
            digest == _digest(spelled(definition))
            and isinstance(plan, Plan)
            and isinstance(plan.stack, Stack)
        )
        if is_whole and _lasting(shown) == _lasting(visible(plan)):
            return plan
    except _DAMAGE as error:
        raise _damaged() from error
    raise _damaged()


def _lasting(shown: Mapping[str, Any]) -> str:
    """The visible part without its times, as one text: JSON's 1 isn't 1.0, nor true."""
    return canonical({name: value for name, value in shown.items() if name not in _MOMENT})


def _damaged() -> PlanError:
    return PlanError(
        "the plan file is damaged: its digest doesn't match its content",
        code="plan-file",
        hint="make it again with `reconcile plan -o FILE`",
    )


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def with_options(options: Options, saved: Saved) -> Options:
    """The options that a saved plan was made with: whoever applies it is taken to have the keys."""
    return replace(options, targets=saved.targets, replaces=saved.replaces, opened=None)


def check_fresh(saved: Saved, plan: Plan) -> Plan:
    """The plan made anew, restricted to what was saved.

    Raises:
        StaleError: something that it would touch has moved, or the ledger is another one.
    """
    if saved.lineage != plan.lineage:
        raise StaleError(
            "the plan was made with another ledger",
            hint="run `reconcile plan` again",
        )
    now = {str(change.address): change for change in plan.changes}
    moved = sorted(
        address
        for address, mark in saved.changes.items()
        if address not in now or change_mark(now[address]) != mark
    )
    if moved:
        raise StaleError(
            f"the plan is stale: {', '.join(moved)} moved since it was made",
            address=moved[0],
            hint="run `reconcile plan` again, look at it, and apply that",
        )
    kept = tuple(c for c in plan.changes if str(c.address) in saved.changes or not c.is_pending)
    return replace(plan, changes=kept)
