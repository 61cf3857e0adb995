"""A trial: every promise asked of a kind, each on a stage of its own, and what came of it."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from reconciler.conformance.cases import Case
from reconciler.conformance.promises import PROMISES, Promise
from reconciler.conformance.stage import BrokenError, NotAskedError, opened
from reconciler.errors import ReconcileError


class Verdict(str, Enum):
    """What came of one promise."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Finding:
    """What came of one promise of one kind.

    Attributes:
        words: how it shows that a promise is broken, or why it isn't asked.
    """

    kind: str
    promise: Promise
    verdict: Verdict
    words: str = ""


def conform(case: Case, only: Collection[str] = ()) -> tuple[Finding, ...]:
    """What came of each promise; where one that all others stand on is broken, they aren't asked.

    Args:
        only: names of promises; all if there are none.
    """
    found: list[Finding] = []
    ground = ""
    for promise in PROMISES:
        if only and promise.name not in only:
            continue
        why = f"{ground} is broken" if ground else promise.applies(case)
        if why:
            found.append(Finding(case.name, promise, Verdict.NOT_ASKED, why))
            continue
        finding = _tried(case, promise)
        found.append(finding)
        if finding.verdict is Verdict.BROKEN and promise.is_ground:
            ground = promise.name
    return tuple(found)


def _tried(case: Case, promise: Promise) -> Finding:
    try:
        with opened(case) as stage:
            promise.story(stage)
    except NotAskedError as error:
        return Finding(case.name, promise, Verdict.NOT_ASKED, str(error))
    except BrokenError as error:
        words = str(error)
    except ReconcileError as error:
        words = f"{error.message} ({error.hint})" if error.hint else error.message
    except Exception as error:  # noqa: BLE001 - a kind that is put to the test may fail in any way
        words = f"{type(error).__name__}: {error}, at {_origin(error)}"
    else:
        return Finding(case.name, promise, Verdict.KEPT)
    return Finding(case.name, promise, Verdict.BROKEN, words)


def _origin(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"
