"""Practice systems: where the objects of a kind are made, changed and lost without anybody's harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.sandbox import Request, environment
from reconciler.sandbox import Sandbox as SandboxState


@dataclass(frozen=True)
class Place:
    """A practice system, as a spec and its clients come to it.

    Attributes:
        providers: what a spec says under `providers:`, by name.
        environment: what clients read from the environment.
        break_off: makes every read fail from now on; None if it can't.
        wire: answers in the place of the network, for the kinds of this tool; None for the network.
    """

    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    break_off: Callable[[], None] | None = None
    wire: Callable[..., Any] | None = None


_SERVED: Final = ("databricks", "connect")
_URL: Final = "http://localhost"

# opens a new, empty system in a folder that is taken away afterwards
Sandbox = Callable[[Path], AbstractContextManager[Place]]


@contextmanager
def own_place(folder: Path, provider_type: str) -> Iterator[Place]:
    """The systems that this tool knows: both APIs, and folders.

    Args:
        provider_type: of the kind that is tried: what is in folders can't be broken off.
    """
    workbench = {"type": "workbench", "url": "https://workbench.example.org", "config_dir": str(folder)}
    with closing(_Wire()) as wire:
        yield Place(
            {**{name: {"type": name} for name in _SERVED}, "workbench": workbench},
            environment(_URL),
            wire.break_off if provider_type in _SERVED else None,
            wire,
        )


class _Wire:
    """A sandbox that answers in this process, until it is broken off."""

    def __init__(self) -> None:
        self._sandbox, self._is_broken = SandboxState(), False
        self.close = self._sandbox.close

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        if self._is_broken:
            raise ConnectionRefusedError
        answer = self._sandbox.handle(Request.at(method, url, headers, body))
        return answer.status, answer.headers, answer.body

    def break_off(self) -> None:
        """Nothing is answered any more."""
        self._is_broken = True
