"""Plans, outcomes, problems, drift, proofs and ledgers as text, JSON, Markdown or HTML; prints nothing.

`FORMATS` is the door: a format is one value that knows how to show each of them. Whoever adds another
format adds a `Format` to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from reconciler.errors import Problem, ReconcileError
from reconciler.model import Change, Outcome, Plan, Verification
from reconciler.model.audit import Audit
from reconciler.model.rehearsal import Rehearsal
from reconciler.rendering.drift import drift_json, drift_text
from reconciler.rendering.json_documents import dumps, error_json, plan_json, result_json, validation_json
from reconciler.rendering.ledger import ledger_json, ledger_text
from reconciler.rendering.outputs import LedgerView
from reconciler.rendering.problems import error_text, problems_text
from reconciler.rendering.progress import Progress
from reconciler.rendering.terminal import Look, Palette, clean
from reconciler.rendering.text import outcomes_text, plan_text
from reconciler.rendering.verification import verification_json, verification_text


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that is imported when it is first called: most runs show one format only."""

    def call(*args: Any, **options: Any) -> Any:
        return getattr(import_module(f"reconciler.rendering.{module}"), name)(*args, **options)

    return call


audit_html = _later("html", "audit_html")
drift_html = _later("html", "drift_html")
errors_html = _later("html", "errors_html")
joined_html = _later("html", "joined_html")
ledger_html = _later("html", "ledger_html")
outcomes_html = _later("html", "outcomes_html")
plan_html = _later("html", "plan_html")
problems_html = _later("html", "problems_html")
verification_html = _later("html", "verification_html")
audit_markdown = _later("markdown", "audit_markdown")
drift_markdown = _later("markdown", "drift_markdown")
errors_markdown = _later("markdown", "errors_markdown")
ledger_markdown = _later("markdown", "ledger_markdown")
outcomes_markdown = _later("markdown", "outcomes_markdown")
plan_markdown = _later("markdown", "plan_markdown")
problems_markdown = _later("markdown", "problems_markdown")
verification_markdown = _later("markdown", "verification_markdown")
audit_sarif = _later("sarif", "audit_sarif")
audit_json = _later("audit", "audit_json")
audit_text = _later("audit", "audit_text")
rehearsal_html = _later("rehearsal", "rehearsal_html")
rehearsal_json = _later("rehearsal", "rehearsal_json")
rehearsal_markdown = _later("rehearsal", "rehearsal_markdown")
rehearsal_text = _later("rehearsal", "rehearsal_text")


@dataclass(frozen=True)
class Format:
    """How each thing is shown; every function returns text that ends with a newline, or "".

    Attributes:
        join: makes one document of several results; None where they simply follow one another.
    """

    plan: Callable[[Plan, Look], str]
    outcomes: Callable[[Plan, Sequence[Outcome], Look], str]
    problems: Callable[[Sequence[Problem], Look], str]
    errors: Callable[[Sequence[ReconcileError], Look], str]
    drift: Callable[[str, Sequence[Change], Sequence[Problem], Look], str]
    ledger: Callable[[LedgerView, Look], str]
    verification: Callable[[str, Sequence[Verification], Look], str]
    join: Callable[[Sequence[str]], str] | None = None


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
    verification=lambda stack, found, look: verification_text(
        stack, found, palette=look.palette, width=look.width
    ),
)

_JSON = Format(
    plan=lambda plan, look: dumps(plan_json(plan, verbose=look.verbose)) + "\n",
    outcomes=lambda plan, outcomes, look: dumps(result_json(plan, outcomes)) + "\n",
    problems=lambda problems, look: dumps(validation_json(problems)) + "\n",
    errors=lambda errors, look: dumps(error_json(errors)) + "\n",
    drift=lambda stack, changes, problems, look: dumps(drift_json(stack, changes, problems)) + "\n",
    ledger=lambda ledger, look: dumps(ledger_json(ledger)) + "\n",
    verification=lambda stack, found, look: dumps(verification_json(stack, found)) + "\n",
)

_MARKDOWN = Format(
    plan=lambda plan, look: plan_markdown(plan, verbose=look.verbose),
    outcomes=lambda plan, outcomes, look: outcomes_markdown(plan, outcomes),
    problems=lambda problems, look: problems_markdown(problems),
    errors=lambda errors, look: errors_markdown(errors),
    drift=lambda stack, changes, problems, look: drift_markdown(stack, changes, problems),
    ledger=lambda ledger, look: ledger_markdown(ledger),
    verification=lambda stack, found, look: verification_markdown(stack, found),
)

_HTML = Format(
    plan=lambda plan, look: plan_html(plan),
    outcomes=lambda plan, outcomes, look: outcomes_html(plan, outcomes),
    problems=lambda problems, look: problems_html(problems),
    errors=lambda errors, look: errors_html(errors),
    drift=lambda stack, changes, problems, look: drift_html(stack, changes, problems),
    ledger=lambda ledger, look: ledger_html(ledger),
    verification=lambda stack, found, look: verification_html(stack, found),
    join=joined_html,
)


def _for_any_output(form: Format, escapes: str) -> Format:
    """The format in ASCII where the output can't encode more.

    Args:
        escapes: how letters beyond it are written: an error handler's name.
    """

    def fit(text: str, look: Look) -> str:
        return _fit(text, look, escapes)

    return Format(
        plan=lambda plan, look: fit(form.plan(plan, look), look),
        outcomes=lambda plan, outcomes, look: fit(form.outcomes(plan, outcomes, look), look),
        problems=lambda problems, look: fit(form.problems(problems, look), look),
        errors=lambda errors, look: fit(form.errors(errors, look), look),
        drift=lambda stack, changes, problems, look: fit(form.drift(stack, changes, problems, look), look),
        ledger=lambda ledger, look: fit(form.ledger(ledger, look), look),
        verification=lambda stack, found, look: fit(form.verification(stack, found, look), look),
        join=form.join,
    )


def _fit(text: str, look: Look, escapes: str) -> str:
    return text if look.palette.unicode else text.encode("ascii", escapes).decode("ascii")


AUDIT_FORMATS: Mapping[str, Callable[[Audit, Look], str]] = {
    "text": lambda audit, look: audit_text(
        audit, palette=look.palette, width=look.width, verbose=look.verbose
    ),
    "json": lambda audit, look: dumps(audit_json(audit)) + "\n",
    "markdown": lambda audit, look: _fit(audit_markdown(audit), look, "backslashreplace"),
    "html": lambda audit, look: _fit(audit_html(audit), look, "xmlcharrefreplace"),
    "sarif": lambda audit, look: dumps(audit_sarif(audit)) + "\n",
}

REHEARSAL_FORMATS: Mapping[str, Callable[[Rehearsal, Look], str]] = {
    "text": rehearsal_text,
    "json": lambda rehearsal, look: dumps(rehearsal_json(rehearsal)) + "\n",
    "markdown": lambda rehearsal, look: _fit(rehearsal_markdown(rehearsal), look, "backslashreplace"),
    "html": lambda rehearsal, look: _fit(rehearsal_html(rehearsal), look, "xmlcharrefreplace"),
}

FORMATS: Mapping[str, Format] = {
    "text": _TEXT,
    "json": _JSON,
    "markdown": _for_any_output(_MARKDOWN, "backslashreplace"),
    "html": _for_any_output(_HTML, "xmlcharrefreplace"),
}

__all__ = [
    "AUDIT_FORMATS",
    "FORMATS",
    "REHEARSAL_FORMATS",
    "Format",
    "Look",
    "Palette",
    "Progress",
    "clean",
    "drift_html",
    "drift_json",
    "drift_markdown",
    "drift_text",
    "dumps",
    "error_json",
    "error_text",
    "errors_html",
    "errors_markdown",
    "ledger_html",
    "ledger_json",
    "ledger_markdown",
    "ledger_text",
    "outcomes_html",
    "outcomes_markdown",
    "outcomes_text",
    "plan_html",
    "plan_json",
    "plan_markdown",
    "plan_text",
    "problems_html",
    "problems_markdown",
    "problems_text",
    "result_json",
    "validation_json",
    "verification_html",
    "verification_json",
    "verification_markdown",
    "verification_text",
]
