"""The complaints about a spec, gathered while it is read: each once, and all of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from reconciler.errors import Location, Problem, Severity


class Refusal(Exception):  # noqa: N818 - it says no; the error that people see is SpecError
    """A file that isn't read any further."""

    def __init__(self, code: str, message: str, at: Location, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at
        self.hint = hint


class Problems:
    """A growing list of problems; saying the same thing twice counts once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str, Location | None], Problem] = {}
        self._unmet: dict[str, dict[Problem, None]] = {}

    def error(
        self, code: str, message: str, at: Location | None, *, address: str = "", hint: str = ""
    ) -> None:
        """Adds what stops a run."""
        self.add(Problem(Severity.ERROR, code, message, address, at, hint))

    def warning(
        self, code: str, message: str, at: Location | None, *, address: str = "", hint: str = ""
    ) -> None:
        """Adds what doesn't stop a run."""
        self.add(Problem(Severity.WARNING, code, message, address, at, hint))

    def add(self, problem: Problem) -> None:
        """Adds a problem unless it is there already."""
        self._found.setdefault((problem.code, problem.address, problem.message, problem.at), problem)

    def defer(self, problem: Problem) -> None:
        """Keeps what is wrong with an ignored field: nothing, unless its object has to be made."""
        self._unmet.setdefault(problem.address, {})[problem] = None

    @property
    def unmet(self) -> Mapping[str, tuple[Problem, ...]]:
        """What was kept so, by the address of its resource."""
        return {address: tuple(sorted(kept, key=_place)) for address, kept in self._unmet.items()}

    def extend(self, problems: Iterable[Problem]) -> None:
        """Adds several problems."""
        for problem in problems:
            self.add(problem)

    def has(self, code: str, at: Location) -> bool:
        """Whether something of that sort is said about a place already."""
        return any(problem.code == code and problem.at == at for problem in self._found.values())

    @property
    def found(self) -> tuple[Problem, ...]:
        """All problems in the order of their places."""
        return tuple(sorted(self._found.values(), key=_place))

    @property
    def has_errors(self) -> bool:
        """Whether anything stops the run."""
        return any(problem.severity is Severity.ERROR for problem in self._found.values())


def meant(word: str, choices: Iterable[str]) -> str:
    """The choice that a misspelt word most likely means, or ""."""
    by_form = {choice.lower(): choice for choice in sorted(choices)}
    close = difflib.get_close_matches(word.lower(), by_form, n=1, cutoff=0.6)
    return by_form[close[0]] if close else ""


def suggestion(word: str, choices: Iterable[str], otherwise: str = "") -> str:
    """`did you mean …?`, or what to say if nothing comes close."""
    close = meant(word, choices)
    return f"did you mean {close}?" if close else otherwise


def listing(words: Iterable[str]) -> str:
    """Words with commas between, sorted."""
    return ", ".join(sorted(words))


def short(text: str) -> str:
    """As much of a text as fits into a sentence."""
    return text if len(text) <= 60 else text[:59] + "…"


def _place(problem: Problem) -> tuple[str, int, int, str]:
    at = problem.at or Location("", 0, 0)
    return at.file, at.line, at.column, problem.code
