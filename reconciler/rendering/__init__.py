"""Plans, outcomes, problems, drift, proofs and ledgers as text, JSON, Markdown or HTML; prints nothing.

`FORMATS` is the door: a format is one value that knows how to show each of them. Whoever adds another
format adds a `Format` to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of
from importlib import import_module
from typing import Any, Final

from reconciler.errors import Problem, ReconcileError
from reconciler.model import Plan
from reconciler.model.audit import Audit
from reconciler.model.rehearsal import Rehearsal
from reconciler.rendering.json_documents import ascii_only, dumps, plan_json
from reconciler.rendering.problems import errors_text, problems_text
from reconciler.rendering.progress import Progress
from reconciler.rendering.terminal import Look, Palette, clean
from reconciler.rendering.things import Applied, Drift, LedgerView, Proofs

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
    "dumps",
    "errors_text",
    "plan_json",
    "problems_text",
]

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


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that is imported when it is first called: most runs show one format only."""

    def call(*args: Any) -> Any:
        return getattr(import_module(f"reconciler.rendering.{module}"), name)(*args)

    return call


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


def _as_it_is(renderer: Renderer) -> Renderer:
    return renderer


def _format(name: str, usual: str, wrap: Callable[[Renderer], Renderer], **elsewhere: str) -> Format:
    """A format whose renderers are called `plan_NAME`, `outcomes_NAME`, …

    Args:
        usual: the module that they are in, but for those that are `elsewhere`.
    """
    things = (field.name for field in fields_of(Format) if field.name != "join")
    renderers: Any = {it: wrap(_later(elsewhere.get(it, usual), f"{it}_{name}")) for it in things}
    return Format(**renderers)


# these have a module of their own, with their text and their document
_OWN: Final = {thing: thing for thing in ("drift", "ledger", "verification", "audit", "rehearsal")}
FORMATS: Mapping[str, Format] = {
    "text": _format("text", "text", _as_it_is, problems="problems", errors="problems", **_OWN),
    "json": _format("json", "json_documents", _document, **_OWN),
    "markdown": _format("markdown", "markdown", _for_any_output("backslashreplace"), rehearsal="rehearsal"),
    "html": replace(
        _format("html", "html", _for_any_output("xmlcharrefreplace"), rehearsal="rehearsal"),
        join=_later("html", "joined_html"),
    ),
}
AUDIT_FORMATS: Mapping[str, Callable[[Audit, Look], str]] = {
    **{name: form.audit for name, form in FORMATS.items()},
    "sarif": _document(_later("sarif", "audit_sarif")),
}
