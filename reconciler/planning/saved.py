"""A plan as a file: what people see of it, and all that applying it needs, without any secret.

Applying makes the plan anew from the saved wishes and compares: whatever it would touch has to come out
just as it was saved, or the plan is stale. Values from the environment and secrets from handoffs are saved as
expressions with a fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import Location, PlanError, Problem, Severity, StaleError
from reconciler.model import (
    Action,
    Address,
    Cause,
    Change,
    FieldChange,
    Lifecycle,
    Plan,
    Stack,
    canonical,
)
from reconciler.planning.making import Options
from reconciler.planning.packing import Reread, Unpacker, packed

FORMAT = "reconcile.plan/1"


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
    """One text per change: equal marks mean the same action on the same live object."""
    shown = [[f.path, f.before, f.after] for f in change.fields]
    text = canonical(
        [str(change.address), change.action.value, change.id, shown, change.live_digest, change.removes]
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def encode(plan: Plan) -> dict[str, Any]:
    """What a plan file holds besides its visible part; goes under the key `definition`."""
    definition = {
        "stack": packed(plan.stack),
        "marks": {str(c.address): change_mark(c) for c in plan.changes if c.is_pending},
        "targets": [str(address) for address in plan.targets],
        "replaces": [str(address) for address in plan.replaces],
        "destroys": plan.destroys,
        "more": {str(c.address): _more(c) for c in plan.changes if c.action is not Action.NO_OP},
    }
    return {**definition, "digest": _digest(definition)}


def _more(change: Change) -> dict[str, Any]:
    """What showing a change needs besides its visible part."""
    return {
        "approval": change.approval,
        "approved": change.approved,
        "removes": list(change.removes),
        "clears": list(change.clears),
        "lifecycle": packed(change.lifecycle),
    }


def seen(document: Any) -> Plan:
    """The plan that a file holds, for looking at: nothing is read anew.

    Raises:
        PlanError: it isn't a plan file, is damaged, or was written by a newer version.
    """
    return _shown(document, _checked(document))


def _shown(document: Mapping[str, Any], definition: Mapping[str, Any]) -> Plan:
    """The plan of a file; a file of another shape raises what its reading raises."""
    unpacker = Unpacker(None)
    return Plan(
        stack=unpacker.value(definition["stack"]),
        tool_version=document["tool_version"],
        created=document["created"],
        lineage=document["ledger"]["lineage"],
        serial=document["ledger"]["serial"],
        changes=tuple(
            _change(c, definition["more"].get(c["address"]), unpacker) for c in document["changes"]
        ),
        problems=tuple(_problem(finding) for finding in document["findings"]),
        destroys=bool(definition["destroys"]),
        targets=tuple(Address.parse(text) for text in definition["targets"]),
        replaces=tuple(Address.parse(text) for text in definition["replaces"]),
        unchanged=int(document["summary"]["no_op"]),
    )


def _change(shown: Mapping[str, Any], more: Mapping[str, Any] | None, unpacker: Unpacker) -> Change:
    more = more or {}
    return Change(
        address=Address.parse(shown["address"]),
        action=Action(shown["action"]),
        provider=shown["provider"],
        id=shown["id"],
        name=shown["name"],
        reason=shown["reason"],
        fields=tuple(
            FieldChange(f["path"], f["before"], f["after"], Cause(f["cause"])) for f in shown["fields"]
        ),
        depends_on=tuple(Address.parse(text) for text in shown["depends_on"]),
        live_digest=shown["live_digest"],
        approval=more.get("approval", ""),
        approved=bool(more.get("approved")),
        lifecycle=unpacker.value(more["lifecycle"]) if "lifecycle" in more else Lifecycle(),
        removes=tuple(more.get("removes", ())),
        clears=tuple(more.get("clears", ())),
    )


def _problem(finding: Mapping[str, Any]) -> Problem:
    file, line, column = (finding["at"] or "::").rsplit(":", 2)
    at = Location(file, int(line), int(column)) if file else None
    return Problem(Severity(finding["severity"]), finding["code"], finding["message"], at=at)


def decode(document: Any, reread: Reread) -> Saved:
    """The plan that a file holds.

    Args:
        document: the file's JSON.
        reread: values of `${env…}` and `${file…}` expressions are taken anew.

    Raises:
        PlanError: it isn't a plan file, is damaged, or was written by a newer version.
        StaleError: a value from the environment is another one now.
    """
    definition = _checked(document)
    try:
        return _saved(document, definition, reread)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged() from error


def _checked(document: Any) -> dict[str, Any]:
    """The part of a plan file that applying needs, once its digests have been found to match."""
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
        if digest == _digest(definition) and document["digest"] == _shown(document, definition).digest:
            return definition
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged() from error
    raise _damaged()


def _saved(document: Mapping[str, Any], definition: Mapping[str, Any], reread: Reread) -> Saved:
    stack = Unpacker(reread).value(definition["stack"])
    if not isinstance(stack, Stack):
        raise _damaged()
    return Saved(
        stack=stack,
        digest=document["digest"],
        lineage=document["ledger"]["lineage"],
        changes=definition["marks"],
        targets=tuple(Address.parse(text) for text in definition["targets"]),
        replaces=tuple(Address.parse(text) for text in definition["replaces"]),
        destroys=bool(definition["destroys"]),
        needs_approval=bool(document["needs_approval"]),
    )


def _damaged() -> PlanError:
    return PlanError(
        "the plan file is damaged: its digest doesn't match its content",
        code="plan-file",
        hint="make it again with `reconcile plan -o FILE`",
    )


def _digest(definition: Mapping[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(canonical(definition).encode()).hexdigest()


def with_options(options: Options, saved: Saved) -> Options:
    """The options that a saved plan was made with."""
    return replace(options, targets=saved.targets, replaces=saved.replaces)


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
