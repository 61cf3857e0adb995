"""Plans, outcomes, problems, drift and ledgers as text or JSON; strings only, nothing is printed here.

`FORMATS` is the door: a format is one value that knows how to show each of them. Whoever adds another
format (Markdown, HTML) adds a `Format` to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.errors import Problem, ReconcileError
from reconciler.model import Change, Ledger, Outcome, Plan
from reconciler.rendering.as_json import (
    dumps,
    error_json,
    plan_json,
    result_json,
    validation_json,
)
from reconciler.rendering.drift import drift_json, drift_text
from reconciler.rendering.memory import ledger_json, ledger_text
from reconciler.rendering.problems import error_text, problems_text
from reconciler.rendering.progress import Progress
from reconciler.rendering.terminal import Look, Palette, clean
from reconciler.rendering.text import outcomes_text, plan_text


@dataclass(frozen=True)
class Format:
    """How each thing is shown; every function returns text that ends with a newline, or ""."""

    plan: Callable[[Plan, Look], str]
    outcomes: Callable[[Plan, Sequence[Outcome], Look], str]
    problems: Callable[[Sequence[Problem], Look], str]
    errors: Callable[[Sequence[ReconcileError], Look], str]
    drift: Callable[[str, Sequence[Change], Sequence[Problem], Look], str]
    ledger: Callable[[Ledger, Look], str]


_TEXT = Format(
    plan=lambda plan, look: plan_text(plan, palette=look.palette, verbose=look.verbose, width=look.width),
    outcomes=lambda plan, outcomes, look: outcomes_text(
        plan, outcomes, palette=look.palette, width=look.width
    ),
    problems=lambda problems, look: problems_text(problems, palette=look.palette, width=look.width),
    errors=lambda errors, look: "".join(error_text(error, palette=look.palette) for error in errors),
    drift=lambda stack, changes, problems, look: drift_text(
        stack, changes, problems, palette=look.palette, width=look.width
    ),
    ledger=lambda ledger, look: ledger_text(ledger, palette=look.palette),
)

_JSON = Format(
    plan=lambda plan, look: dumps(plan_json(plan, verbose=look.verbose)) + "\n",
    outcomes=lambda plan, outcomes, look: dumps(result_json(plan, outcomes)) + "\n",
    problems=lambda problems, look: dumps(validation_json(problems)) + "\n",
    errors=lambda errors, look: dumps(error_json(errors)) + "\n",
    drift=lambda stack, changes, problems, look: dumps(drift_json(stack, changes, problems)) + "\n",
    ledger=lambda ledger, look: dumps(ledger_json(ledger)) + "\n",
)

FORMATS: Mapping[str, Format] = {"text": _TEXT, "json": _JSON}

__all__ = [
    "FORMATS",
    "Format",
    "Look",
    "Palette",
    "Progress",
    "clean",
    "drift_json",
    "drift_text",
    "dumps",
    "error_json",
    "error_text",
    "ledger_json",
    "ledger_text",
    "outcomes_text",
    "plan_json",
    "plan_text",
    "problems_text",
    "result_json",
    "validation_json",
]
