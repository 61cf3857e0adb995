"""Plans, outcomes, problems, drift, proofs and ledgers as text, JSON, Markdown or HTML; prints nothing.

`FORMATS` is the door: a format is one value that knows how to show each of them. Whoever adds another
format adds a `Format` to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from reconciler.errors import Problem, ReconcileError
from reconciler.model import Plan
from reconciler.model.audit import Audit
from reconciler.model.rehearsal import Rehearsal
from reconciler.rendering.drift import drift_json, drift_text
from reconciler.rendering.json_documents import (
    ascii_only,
    dumps,
    errors_json,
    outcomes_json,
    plan_json,
    problems_json,
)
from reconciler.rendering.ledger import ledger_json, ledger_text
from reconciler.rendering.problems import errors_text, problems_text
from reconciler.rendering.progress import Progress
from reconciler.rendering.terminal import Look, Palette, clean
from reconciler.rendering.text import outcomes_text, plan_text
from reconciler.rendering.things import Applied, Drift, LedgerView, Proofs
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

Renderer = Callable[[Any, Look], Any]


@dataclass(frozen=True)
class Format:
    """How each thing is shown; every renderer returns text that ends with a newline, or "".

    Attributes:
        join: makes one document of several results; None where they simply follow one another.
    """

    plan: Callable[[Plan, Look], str]
    outcomes: Callable[[Applied, Look], str]
    problems: Callable[[Sequence[Problem], Look], str]
    errors: Callable[[Sequence[ReconcileError], Look], str]
    drift: Callable[[Drift, Look], str]
    ledger: Callable[[LedgerView, Look], str]
    verification: Callable[[Proofs, Look], str]
    audit: Callable[[Audit, Look], str]
    rehearsal: Callable[[Rehearsal, Look], str]
    join: Callable[[Sequence[str]], str] | None = None

    @classmethod
    def of(cls, wrap: Callable[[Renderer], Renderer], **renderers: Renderer) -> Format:
        """A format, each of whose renderers is wrapped."""
        wrapped: Any = {name: wrap(renderer) for name, renderer in renderers.items()}
        return cls(**wrapped)


def _document(renderer: Renderer) -> Renderer:
    """A renderer of text from one of a document for programs."""
    return lambda thing, look: dumps(renderer(thing, look)) + "\n"


def _for_any_output(escapes: str) -> Callable[[Renderer], Renderer]:
    """Makes a renderer use ASCII where the output can't encode more.

    Args:
        escapes: how letters beyond it are written: an error handler's name.
    """

    def wrap(renderer: Renderer) -> Renderer:
        def call(thing: Any, look: Look) -> str:
            text: str = renderer(thing, look)
            return text if look.palette.unicode else text.encode("ascii", escapes).decode("ascii")

        return call

    return wrap


FORMATS: Mapping[str, Format] = {
    "text": Format(
        plan=plan_text,
        outcomes=outcomes_text,
        problems=problems_text,
        errors=errors_text,
        drift=drift_text,
        ledger=ledger_text,
        verification=verification_text,
        audit=audit_text,
        rehearsal=rehearsal_text,
    ),
    "json": Format.of(
        _document,
        plan=plan_json,
        outcomes=outcomes_json,
        problems=problems_json,
        errors=errors_json,
        drift=drift_json,
        ledger=ledger_json,
        verification=verification_json,
        audit=audit_json,
        rehearsal=rehearsal_json,
    ),
    "markdown": Format.of(
        _for_any_output("backslashreplace"),
        plan=plan_markdown,
        outcomes=outcomes_markdown,
        problems=problems_markdown,
        errors=errors_markdown,
        drift=drift_markdown,
        ledger=ledger_markdown,
        verification=verification_markdown,
        audit=audit_markdown,
        rehearsal=rehearsal_markdown,
    ),
    "html": replace(
        Format.of(
            _for_any_output("xmlcharrefreplace"),
            plan=plan_html,
            outcomes=outcomes_html,
            problems=problems_html,
            errors=errors_html,
            drift=drift_html,
            ledger=ledger_html,
            verification=verification_html,
            audit=audit_html,
            rehearsal=rehearsal_html,
        ),
        join=joined_html,
    ),
}

AUDIT_FORMATS: Mapping[str, Callable[[Audit, Look], str]] = {
    **{name: form.audit for name, form in FORMATS.items()},
    "sarif": _document(audit_sarif),
}

__all__ = [
    "AUDIT_FORMATS",
    "FORMATS",
    "Applied",
    "Drift",
    "Format",
    "LedgerView",
    "Look",
    "Palette",
    "Progress",
    "Proofs",
    "Renderer",
    "ascii_only",
    "clean",
    "drift_html",
    "drift_json",
    "drift_markdown",
    "drift_text",
    "dumps",
    "errors_html",
    "errors_json",
    "errors_markdown",
    "errors_text",
    "ledger_html",
    "ledger_json",
    "ledger_markdown",
    "ledger_text",
    "outcomes_html",
    "outcomes_json",
    "outcomes_markdown",
    "outcomes_text",
    "plan_html",
    "plan_json",
    "plan_markdown",
    "plan_text",
    "problems_html",
    "problems_json",
    "problems_markdown",
    "problems_text",
    "verification_html",
    "verification_json",
    "verification_markdown",
    "verification_text",
]
