"""Which files of the given paths are stacks, and which YAML files beside them are none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from reconciler.errors import Location, Problem, Severity, SpecError, UsageError
from reconciler.specs.problems import Refusal
from reconciler.specs.yaml_nodes import Block
from reconciler.specs.yaml_reader import read

_MARKS = re.compile(rb"""^["']?(stack|version)["']?[ \t]*:""", re.MULTILINE)
_KEYS: Final = ("stack", "version")
# files that are whole and can't be meant as a stack; what else can't be read is for loading to say
_OTHER: Final = frozenset({"type", "documents", "empty"})


@dataclass(frozen=True)
class NotAStack:
    """A YAML file in a folder of stacks that isn't one: fine if one imports it, else a problem."""

    path: Path
    problem: Problem


@dataclass(frozen=True)
class SpecFiles:
    """What paths hold."""

    stacks: tuple[Path, ...]
    others: tuple[NotAStack, ...]


def find(paths: Sequence[Path | str]) -> list[Path]:
    """The stacks that paths mean; see `search`."""
    return list(search(paths).stacks)


def search(paths: Sequence[Path | str], *, recursive: bool = False) -> SpecFiles:
    """The stacks that paths mean: files as they are, and of a folder the YAML files that hold a stack.

    Args:
        recursive: the folders below as well, but for those whose name begins with a dot.

    Raises:
        UsageError: a path leads nowhere, or a folder holds no stack.
        SpecError: it holds none, and a file whose key is nearly `stack` or `version`.
    """
    stacks: dict[Path, Path] = {}
    others: dict[Path, NotAStack] = {}
    for given in map(Path, paths):
        if not given.exists():
            raise UsageError(f"there is no file or folder {given}", hint="name a spec", code="not-found")
        if not given.is_dir():
            stacks.setdefault(given.resolve(), given)
            continue
        found = [(path, _stray(path)) for path in _yaml(given, recursive=recursive)]
        stacks_here = [path for path, other in found if other is None]
        others_here = [other for _, other in found if other is not None]
        if not stacks_here:
            raise _nothing(given, others_here, recursive=recursive)
        for path in stacks_here:
            stacks.setdefault(path.resolve(), path)
        for other in others_here:
            others.setdefault(other.path.resolve(), other)
    return SpecFiles(
        tuple(stacks.values()), tuple(other for path, other in others.items() if path not in stacks)
    )


def _nothing(folder: Path, others: Sequence[NotAStack], *, recursive: bool) -> UsageError | SpecError:
    misspelt = [other.problem for other in others if other.problem.severity is Severity.ERROR]
    if misspelt:
        return SpecError(misspelt)
    hint = "a stack is a .yaml file with `stack:`"
    if not recursive and any(_yaml(folder, recursive=True)):
        hint += "; --recursive looks into the folders below"
    return UsageError(f"{folder} holds no stack", hint=hint, code="no-stack")


def _yaml(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """The YAML files of a folder, and of those below; each folder once, whatever links there are."""
    waiting, seen = [folder], set()
    while waiting:
        here = waiting.pop()
        if here.resolve() in seen:
            continue
        seen.add(here.resolve())
        entries = sorted(path for path in here.iterdir() if not path.name.startswith("."))
        yield from (path for path in entries if path.suffix in (".yaml", ".yml") and path.is_file())
        if recursive:
            readable = [path for path in entries if path.is_dir() and os.access(path, os.R_OK | os.X_OK)]
            waiting.extend(reversed(readable))


def _stray(path: Path) -> NotAStack | None:
    """What is wrong with a YAML file that isn't a stack; None for one that is, or that can't be read."""
    keys: dict[str, Location] = {}
    try:
        with path.open("rb") as stream:
            if _MARKS.search(stream.read(1024 * 1024)):
                return None
        root: Block = read(str(path))
        keys = {key: root.place(key) for key in root.items}
    except OSError:
        return None
    except Refusal as refusal:
        if refusal.code not in _OTHER:
            return None
    if not keys.keys().isdisjoint(_KEYS):
        return None
    message, hint = "this is no stack, and none imports it: nobody manages what it says", ""
    for key, at in keys.items():
        if close := _nearly(key):
            message = f"this is no stack: it has no {close}"
            return NotAStack(
                path, _problem(Severity.ERROR, message, at, f"did you mean {close} by {key[:60]}?")
            )
    hint = "import it, give it `version: 1` and `stack:`, or keep it elsewhere"
    return NotAStack(path, _problem(Severity.WARNING, message, Location(str(path), 1, 1), hint))


def _problem(severity: Severity, message: str, at: Location, hint: str) -> Problem:
    return Problem(severity, "not-a-stack", message, "", at, hint)


def _nearly(key: str) -> str:
    """`stack` or `version`, if a key is one of them misspelt and no word of its own, as apiVersion is."""
    close = get_close_matches(key.lower(), _KEYS, n=1, cutoff=0.75)
    return close[0] if close and abs(len(close[0]) - len(key)) <= 2 else ""
