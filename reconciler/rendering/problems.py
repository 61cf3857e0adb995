"""Problems and errors as text for people: what, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.errors import Problem, ReconcileError, Severity
from reconciler.rendering.terminal import Palette, wrapped


def problems_text(problems: Iterable[Problem], *, palette: Palette | None = None, width: int = 0) -> str:
    """Every problem, in the order of its place: `error[code] file:line:col address: message`, then help."""
    palette = palette or Palette()
    blocks = ["\n".join(_problem_lines(problem, palette, width)) for problem in sorted_problems(problems)]
    return "\n".join(blocks) + "\n" if blocks else ""


def sorted_problems(problems: Iterable[Problem]) -> list[Problem]:
    """By place, then by address, code and words; what has no place comes last."""
    return sorted(problems, key=_rank)


def _rank(problem: Problem) -> tuple[bool, str, int, int, str, str, str]:
    at = problem.at
    words = (problem.address, problem.code, problem.message)
    return (False, at.file, at.line, at.column, *words) if at else (True, "", 0, 0, *words)


def _problem_lines(problem: Problem, palette: Palette, width: int) -> list[str]:
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


def error_text(error: ReconcileError, *, palette: Palette | None = None) -> str:
    """An error with all its problems, and, of a remote system's, the request id that its support asks for."""
    text = problems_text(error.problems, palette=palette)
    request_id = getattr(error, "request_id", "")
    return text + f"  request id: {(palette or Palette()).clean(request_id)}\n" if request_id else text
