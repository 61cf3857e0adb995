"""Practice systems: where the objects of a kind are made, changed and lost without anybody's harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.sandbox import SandboxServer


@dataclass(frozen=True)
class Place:
    """A practice system, as a spec and its clients come to it.

    Attributes:
        providers: what a spec says under `providers:`, by name.
        environment: what clients read from the environment.
        break_off: makes every read fail from now on; None if it can't.
    """

    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    break_off: Callable[[], None] | None = None


_SERVED: Final = ("databricks", "connect")

# opens a new, empty system in a folder that is taken away afterwards
Sandbox = Callable[[Path], AbstractContextManager[Place]]


@contextmanager
def own_place(folder: Path, provider_type: str) -> Iterator[Place]:
    """The systems that this tool knows: both APIs, and folders.

    Args:
        provider_type: of the kind that is tried: what is in folders can't be broken off.
    """
    with SandboxServer() as server:
        url = "https://workbench.example.org"
        workbench = {"type": "workbench", "url": url, "config_dir": str(folder)}
        is_served = provider_type in _SERVED
        yield Place(
            {**{name: {"type": name} for name in _SERVED}, "workbench": workbench},
            dict(server.env),
            server.close if is_served else None,
        )
