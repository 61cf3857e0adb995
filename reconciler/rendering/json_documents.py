"""Plans, outcomes, problems and errors as JSON: documents for programs, one to a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.errors import Problem, ReconcileError
from reconciler.model import Action, Change, FieldChange, Plan
from reconciler.rendering.problems import sorted_problems
from reconciler.rendering.terminal import PLAIN, Look
from reconciler.rendering.text import counted
from reconciler.rendering.things import Applied

Document = dict[str, Any]


def dumps(document: Mapping[str, Any]) -> str:
    """A document on one line, without a newline at its end.

    Everything beyond ASCII is escaped, DEL too: JSON ends up on terminals, and names may be hostile.
    """
    return ascii_only(json.dumps(document, separators=(",", ":"), ensure_ascii=True, default=str))


def ascii_only(text: str) -> str:
    """JSON in ASCII, without the one sign of it that steers a terminal and that JSON lets pass."""
    return text.replace("\x7f", "\\u007f")


def plan_json(plan: Plan, look: Look = PLAIN) -> Document:
    """The visible part of a plan (`reconcile.plan/1`)."""
    listed = [change for change in plan.changes if look.verbose or change.action is not Action.NO_OP]
    return {
        "format": "reconcile.plan/1",
        "tool_version": plan.tool_version,
        "stack": plan.stack.name,
        "created": plan.created,
        "spec_digest": plan.stack.digest,
        "ledger": {"lineage": plan.lineage, "serial": plan.serial},
        "digest": plan.digest,
        "needs_approval": plan.needs_approval,
        "summary": dict(plan.summary),
        "changes": [change_json(change) for change in listed],
        "findings": [finding_json(problem) for problem in sorted_problems(plan.problems)],
    }


def change_json(change: Change) -> Document:
    """One change of a plan."""
    return {
        "address": str(change.address),
        "action": change.action.value,
        "provider": change.provider,
        "id": change.id,
        "name": change.name,
        "depends_on": [str(address) for address in change.depends_on],
        "reason": change.reason,
        "live_digest": change.digest_of_live,
        "fields": [_field(field) for field in change.fields],
    }


def _field(field: FieldChange) -> Document:
    return {
        "path": field.path,
        "before": plain(field.before),
        "after": plain(field.after),
        "cause": field.cause.value,
        **({"called": field.called} if field.called else {}),
    }


def plain(value: Any) -> Any:
    """A value as plain JSON: special leaves (references, secrets, unknowns) by their text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def finding_json(problem: Problem) -> Document:
    """One finding of a plan."""
    return {
        "severity": problem.severity.value,
        "code": problem.code,
        "message": problem.text,
        "at": _place(problem),
    }


def _place(problem: Problem) -> str | None:
    return str(problem.at) if problem.at else None


def outcomes_json(applied: Applied, _: Look = PLAIN) -> Document:
    """What came of applying a plan (`reconcile.result/1`).

    `summary` counts by action what was done, then what failed and what was skipped; `blocked` and `no_op`
    are the plan's own counts.
    """
    return {
        "format": "reconcile.result/1",
        "stack": applied.plan.stack.name,
        "summary": dict(counted(applied.plan, applied.outcomes)),
        "results": [
            {
                "address": str(outcome.address),
                "action": outcome.action.value,
                "status": outcome.status.value,
                "id": outcome.id,
                "error": outcome.error or None,
                "seconds": round(outcome.seconds, 3),
                **({"note": outcome.note} if outcome.note else {}),
            }
            for outcome in applied.outcomes
        ],
    }


def problems_json(problems: Iterable[Problem], _: Look = PLAIN) -> Document:
    """What is wrong with a spec (`reconcile.validation/1`)."""
    return {
        "format": "reconcile.validation/1",
        "findings": [
            {
                "severity": problem.severity.value,
                "code": problem.code,
                "address": problem.address or None,
                "message": problem.text,
                "at": _place(problem),
            }
            for problem in sorted_problems(problems)
        ],
    }


def errors_json(errors: Sequence[ReconcileError], _: Look = PLAIN) -> Document:
    """What stopped a command (`reconcile.error/1`): every problem of every error."""
    return {
        "format": "reconcile.error/1",
        "stack": next((error.stack for error in errors if error.stack), None),
        "errors": [
            {
                "code": problem.code,
                "message": problem.text,
                "address": problem.address or None,
                "at": _place(problem),
            }
            for error in errors
            for problem in sorted_problems(error.problems)
        ],
    }
