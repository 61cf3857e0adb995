"""One remote call with its place in the ledger, and what its error proves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.applying.ledger_draft import LedgerEdit
from reconciler.errors import (
    AnswerError,
    ReconcileError,
    ServerError,
    UnreachableError,
)


class NotSentError(ReconcileError):
    """A call that was taken back before it was sent."""

    code = "not-sent"


@dataclass(frozen=True)
class RemoteCall:
    """One remote call with its place in the ledger.

    Attributes:
        before: made durable before the call is sent.
        run: the call; None where there is nothing to send.
        after: from the answer to what has to be made durable.
        failed: from the error to what has to be made durable; the step ends.
    """

    before: LedgerEdit | None = None
    run: Callable[[], Any] | None = None
    after: Callable[[Any], LedgerEdit | None] = lambda answer: None
    failed: Callable[[Exception], LedgerEdit | None] = lambda error: None


def always(edit: LedgerEdit, answer: object) -> LedgerEdit:
    """The edit, whatever the answer."""
    return edit


def was_refused(error: Exception) -> bool:
    """Whether an error proves that a write took no effect (rule 3)."""
    if isinstance(error, (UnreachableError, NotSentError)):
        return True
    return isinstance(error, AnswerError) and not isinstance(error, ServerError)
