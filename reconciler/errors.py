"""Every error that a person can meet, as one tree.

ReconcileError                    exit 1
├── UsageError                    a command line that can't be carried out
├── SpecError                     what is wrong with a spec, all of it at once
├── CredentialError               a credential of the tool itself is missing or refused
├── PlanError                     a plan can't be made, or a plan file is damaged
├── RemoteError                   a call to a remote system failed
│   ├── UnreachableError          the request never arrived
│   ├── LostAnswerError           the request may have taken effect: nobody knows
│   └── AnswerError               the remote system answered, and it wasn't a yes
│       ├── InvalidRequestError   400, 422
│       ├── UnauthorizedError     401
│       ├── ForbiddenError        403
│       ├── UnlicensedError       402
│       ├── NotFoundError         404
│       ├── ConflictError         409
│       ├── ThrottledError        429, and SCIM's 500 that means it
│       ├── RedirectedError       3xx on a write, or to another origin
│       ├── UnreadableError       HTML or damaged JSON where JSON belongs
│       └── ServerError           5xx
├── LedgerError                   the ledger is damaged, foreign, or can't be written
├── InternalError                 a broken promise of our own code
├── ApprovalError                 exit 3: needs a yes or an approval
├── StaleError                    exit 4: the plan no longer fits
└── LockedError                   exit 4: somebody else is at work on the stack
    └── FencedError               somebody took over while we worked
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How bad a problem is; only errors stop a run."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, order=True, slots=True)
class Location:
    """A place in a file, lines and columns counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One complaint, with its place; shown to people and, as JSON, under `findings`."""

    severity: Severity
    code: str
    message: str
    address: str = ""
    at: Location | None = None
    hint: str = ""

    @property
    def text(self) -> str:
        """The message and, if there is one, what to do next."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ReconcileError(Exception):
    """What went wrong, where, and what to do next; `code` is stable, the words are not."""

    code = "error"
    exit_code = 1
    stack = ""  # whose run it stopped; "" where that isn't one stack's

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        address: str = "",
        at: Location | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.address = address
        self.at = at
        if code is not None:
            self.code = code

    @property
    def problems(self) -> tuple[Problem, ...]:
        """This error as problems: most errors are one."""
        return (Problem(Severity.ERROR, self.code, self.message, self.address, self.at, self.hint),)


class UsageError(ReconcileError):
    """A command line that can't be carried out."""

    code = "usage"


class SpecError(ReconcileError):
    """Everything that is wrong with a spec."""

    code = "spec"

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = sum(problem.severity is Severity.ERROR for problem in problems)
        super().__init__(f"the spec has {count} error{'' if count == 1 else 's'}")
        self._problems = tuple(problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All complaints, warnings included."""
        return self._problems


class CredentialError(ReconcileError):
    """A credential of the tool itself is missing or refused."""

    code = "credential"


class PlanError(ReconcileError):
    """A plan can't be made, or a plan file is damaged."""

    code = "plan"


class RemoteError(ReconcileError):
    """A call to a remote system failed; built from method, path and status, never from bodies sent.

    Args:
        message: what happened, for people.
        provider: the provider's name in the spec.
        method, path: of the request, without query.
        status: HTTP status, or None when there was no answer.
        remote_code: the remote system's own error code.
        request_id: what its support asks for.
    """

    code = "remote"

    def __init__(  # noqa: PLR0913 - one argument per fact that the message is built from
        self,
        message: str,
        *,
        provider: str = "",
        method: str = "",
        path: str = "",
        status: int | None = None,
        remote_code: str = "",
        request_id: str = "",
        hint: str = "",
        address: str = "",
    ) -> None:
        super().__init__(message, hint=hint, address=address)
        self.provider = provider
        self.method = method
        self.path = path
        self.status = status
        self.remote_code = remote_code
        self.request_id = request_id


class UnreachableError(RemoteError):
    """The request never arrived, so it took no effect."""

    code = "unreachable"


class LostAnswerError(RemoteError):
    """The request may have taken effect: the answer never came, or can't be read."""

    code = "lost-answer"


class AnswerError(RemoteError):
    """The remote system answered, and it wasn't a yes."""

    code = "refused"


class InvalidRequestError(AnswerError):
    """400, 422: the request doesn't please the API."""

    code = "invalid-request"


class UnauthorizedError(AnswerError):
    """401: the credential isn't accepted."""

    code = "unauthorized"


class UnlicensedError(AnswerError):
    """402: Connect's licence lacks the feature."""

    code = "unlicensed"


class ForbiddenError(AnswerError):
    """403: the identity may not do this."""

    code = "forbidden"


class NotFoundError(AnswerError):
    """404: there is no such object."""

    code = "not-found"


class ConflictError(AnswerError):
    """409: it exists already, or somebody else changed it."""

    code = "conflict"


class ThrottledError(AnswerError):
    """429 and its disguises; the request was not accepted."""

    code = "throttled"


class RedirectedError(AnswerError):
    """A redirect that must not be followed."""

    code = "redirected"


class UnreadableError(AnswerError):
    """A page of HTML or damaged JSON in the place of JSON."""

    code = "unreadable"


class ServerError(AnswerError):
    """5xx: the remote system failed."""

    code = "server-error"


class LedgerError(ReconcileError):
    """The ledger is damaged, belongs elsewhere, or can't be written."""

    code = "ledger"


class InternalError(ReconcileError):
    """A promise of our own code is broken; please report it."""

    code = "internal"


class ApprovalError(ReconcileError):
    """Refused: needs a yes or an approval. Nothing was changed."""

    code = "approval-needed"
    exit_code = 3


class StaleError(ReconcileError):
    """Refused: the plan no longer fits what it would touch. Nothing was changed."""

    code = "stale"
    exit_code = 4


class LockedError(ReconcileError):
    """Refused: somebody else is at work on this stack."""

    code = "locked"
    exit_code = 4


class StoppedError(ReconcileError):
    """A pause or a read that ended because the command is to end."""

    code = "stopped"
    exit_code = 130

    def __init__(self) -> None:
        super().__init__("stopped", hint="run it again to go on")


class FencedError(LockedError):
    """Another runner took the stack over while we worked; not one more call is made."""

    code = "fenced"
