"""Problems and errors as text for people: what, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.errors import Problem, ReconcileError, Severity
from reconciler.rendering.terminal import PLAIN, Look, wrapped


def problems_text(problems: Iterable[Problem], look: Look = PLAIN) -> str:
    """Every problem, in the order of its place: `error[code] file:line:col address: message`, then help."""
    blocks = ["\n".join(_problem_lines(problem, look)) for problem in sorted_problems(problems)]
    return "\n".join(blocks) + "\n" if blocks else ""


def sorted_problems(problems: Iterable[Problem]) -> list[Problem]:
    """By place, then by address, code and words; what has no place comes last."""
    return sorted(problems, key=_rank)


def _rank(problem: Problem) -> tuple[bool, str, int, int, str, str, str]:
    at = problem.at
    words = (problem.address, problem.code, problem.message)
    return (False, at.file, at.line, at.column, *words) if at else (True, "", 0, 0, *words)


def _problem_lines(problem: Problem, look: Look) -> list[str]:
    palette, width = look.palette, look.width
    paint = palette.bad if problem.severity is Severity.ERROR else palette.careful
    place = " ".join(palette.clean(part) for part in (problem.at, problem.address) if part)
    head = paint(f"{problem.severity.value}[{palette.clean(problem.code)}]")
    message = palette.clean(problem.message)
    lines = [f"{head} {place}: {message}" if place else f"{head} {message}"]
    if problem.hint:
        hint = palette.clean(problem.hint)
        first, *rest = wrapped(hint, width - 8) if width > 32 else [hint]
        lines += [f"  {palette.strong('help:')} {first}", *("        " + line for line in rest)]
    return lines


def errors_text(errors: Iterable[ReconcileError], look: Look = PLAIN) -> str:
    """Errors with all their problems, and, of a remote system's, the request id that its support asks for."""
    return "".join(_error_text(error, replace(look, width=0)) for error in errors)  # what is pasted is whole


def _error_text(error: ReconcileError, look: Look) -> str:
    text = problems_text(error.problems, look)
    request_id = getattr(error, "request_id", "")
    return text + f"  request id: {look.palette.clean(request_id)}\n" if request_id else text
