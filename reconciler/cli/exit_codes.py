"""Exit codes over several stacks, and of an apply."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model import Outcome, Status

ORDER = (130, 1, 4, 3, 2, 0)


def worst(codes: Iterable[int]) -> int:
    """The first of 1, 4, 3, 2, 0 that any stack has."""
    found = set(codes)
    return next((code for code in ORDER if code in found), 0)


def code_of(outcomes: Iterable[Outcome]) -> int:
    """1 if anything failed, was skipped or is blocked."""
    return 1 if any(outcome.status is not Status.DONE for outcome in outcomes) else 0
