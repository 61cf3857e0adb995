"""Every kind of this tool keeps every promise, through the examples of its schema."""

from __future__ import annotations

import pytest

from reconciler.conformance import PROMISES, Case, Verdict, conform
from reconciler.providers import KINDS

WHOLE = [name for name, kind in KINDS.items() if not kind.owner]


@pytest.mark.parametrize("promise", [promise.name for promise in PROMISES])
@pytest.mark.parametrize("kind", WHOLE)
def test_every_kind_keeps_every_promise(kind, promise):
    (finding,) = conform(Case(KINDS[kind], KINDS), [promise])
    assert finding.verdict is not Verdict.BROKEN, finding.words


@pytest.mark.parametrize("promise", [promise.name for promise in PROMISES])
def test_every_promise_is_asked_of_some_kind(promise):
    assert [name for name in WHOLE if not _why_not(name, promise)]


def _why_not(name, promise):
    (found,) = [each for each in PROMISES if each.name == promise]
    return found.applies(Case(KINDS[name], KINDS))
