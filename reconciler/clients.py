"""What every client of a remote system is to the rest, for systems that need little: a folder, say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TypeVar

from reconciler.errors import Problem
from reconciler.model import PrincipalRef, WorkspaceRef

Result = TypeVar("Result")


class Transport:
    """What a run needs of a client's transport.

    Attributes:
        gate: to be called just before every write; raises to stop it (the lease check).
        before_read: to be called before a read; raises once nothing new is to begin.
        stopped: whether nothing new is to begin.
        calls: how many requests were sent.
        reads: what stacks share, for clients that remember what was read.
    """

    def __init__(self) -> None:
        self.gate: Callable[[], None] | None = None
        self.before_read: Callable[[], None] | None = None
        self.stopped: Callable[[], bool] = lambda: False
        self.calls = 0
        self.reads: object = None

    @property
    def system(self) -> object:
        """What is one for all clients of a system; each is its own, unless it says otherwise."""
        return self

    @property
    def date(self) -> str:
        """The system's time, RFC 3339; the own clock's where it tells none."""
        return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def once(self, key: object, read: Callable[[], Result]) -> Result:
        """What a read says; a client that several stacks share may remember it."""
        return read()

    def close(self) -> None:
        """Nothing is open."""


class Client:
    """One remote system; a kind's calls are given it as `api`.

    Args:
        provider: its name in the spec.
        address: of the system, for people.

    Attributes:
        http: its transport.
        troubles: subject → what is wrong with that alone: its address is blocked, all else goes on.
        is_elsewhere: the system is on another machine: what is there is unknown here, and not looked at.
    """

    is_elsewhere = False

    def __init__(self, provider: str, address: str = "") -> None:
        self.provider = provider
        self.address = address
        self.http = Transport()
        self.troubles: dict[str, str] = {}

    def is_same(self, other: object) -> bool:
        """Whether another client asks the same system as the same identity, so that stacks may share one."""
        return False

    def named(self, provider: str) -> Client:
        """The same client under the name that a stack gives it."""
        return self

    def preflight(self) -> Sequence[Problem]:
        """What is to be said before anything is done: a licence that ends, a version that is too old."""
        return ()

    def identity(self) -> str:
        """Who we are there, as `Live.created_by` tells it; "" if nobody says."""
        return ""

    def workspaces(self) -> tuple[WorkspaceRef, ...]:
        """The workspaces of an account; none elsewhere."""
        return ()

    def principals(
        self, names: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[PrincipalRef, ...]]:
        """What names of principals stand for; nothing elsewhere."""
        return {}

    def pass_gate(self) -> None:
        """To be called just before every write.

        Raises:
            FencedError: another runner took over: nothing may be written.
        """
        if self.http.gate is not None:
            self.http.gate()
