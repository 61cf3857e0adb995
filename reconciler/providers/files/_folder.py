"""The folder of a spec: reading, writing and removing files in it, each at once or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from reconciler.errors import InvalidRequestError, Problem, UnreachableError
from reconciler.model import WorkspaceRef
from reconciler.secrets import checked
from reconciler.secrets.handoff_files import MAX_BYTES, path_within

Result = TypeVar("Result")

_MODE = 0o644  # what is secret in there is sealed, and git keeps no other modes


class Disk:
    """What a run needs of any client's transport, for one that has none.

    Attributes:
        gate: called just before every write; raises to stop it (the lease check).
        before_read, stopped, calls: as of other clients; nothing is ever sent.
    """

    def __init__(self) -> None:
        self.gate: Callable[[], None] | None = None
        self.before_read: Callable[[], None] | None = None
        self.stopped: Callable[[], bool] = lambda: False
        self.calls = 0

    @property
    def date(self) -> str:
        """The own clock's time, RFC 3339."""
        return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def once(self, key: object, read: Callable[[], Result]) -> Result:
        """What a read says: a folder is a stack's own."""
        return read()

    def close(self) -> None:
        """Nothing is open."""


class SpecFolder:
    """The folder that a spec lies in.

    Args:
        folder: where names are relative to.
        stack: the stack's name: what is written says whose it is.

    Attributes:
        troubles: `file NAME` → what is wrong with that file alone.
    """

    def __init__(self, provider: str, folder: Path, stack: str) -> None:
        self.provider = provider
        self.folder = folder
        self.stack = stack
        self.http = Disk()
        self.troubles: dict[str, str] = {}

    def preflight(self) -> Sequence[Problem]:
        """There is nobody to ask."""
        return ()

    def identity(self) -> str:
        """The stack: by its name in a file one knows whose that is."""
        return self.stack

    def workspaces(self) -> tuple[WorkspaceRef, ...]:
        """None."""
        return ()

    def content(self, name: str) -> bytes | None:
        """What a file holds, at most a byte more than a handoff may have; None if there is no such file.

        Raises:
            UnreachableError: it can't be read.
        """
        path = self._path(name)
        try:
            with path.open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreachable(name, "read", error) from None

    def write(self, name: str, text: str, *, is_new: bool) -> None:
        """Puts a whole file in its place, durably; folders on the way are made.

        Args:
            is_new: refuse to write over anything.

        Raises:
            InvalidRequestError: there is a file already.
            UnreachableError: it can't be written, and stays as it was.
        """
        path = self._path(name)
        self._pass_gate()
        if is_new and self._is_there(path, name):
            raise InvalidRequestError(
                f"there is a file {name} already, and it isn't this stack's",
                provider=self.provider,
                path=name,
                hint="move it away, or choose another file",
            )
        try:
            self._put(path, name, text)
        except OSError as error:
            raise self._unreachable(name, "written", error) from None

    def remove(self, name: str) -> None:
        """Removes a file; one that is gone already is done.

        Raises:
            UnreachableError: it can't be removed.
        """
        path = self._path(name)
        self._pass_gate()
        try:
            self._take_away(path, name)
        except OSError as error:
            raise self._unreachable(name, "removed", error) from None

    def draft(
        self, drafts: dict[str, bytes | None], carry: Callable[[str, Callable[[], None]], None]
    ) -> SpecFolder:
        """The folder as it would be, see `DraftFolder`."""
        return DraftFolder(self, drafts, carry)

    def _put(self, path: Path, name: str, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, checked(text))

    def _take_away(self, path: Path, name: str) -> None:
        path.unlink(missing_ok=True)

    def _is_there(self, path: Path, name: str) -> bool:
        return path.exists()

    def _pass_gate(self) -> None:
        if self.http.gate is not None:
            self.http.gate()

    def _path(self, name: str) -> Path:
        path = path_within(self.folder, name)
        if path is None:
            raise InvalidRequestError(
                f"the file {name} lies outside the spec's folder", provider=self.provider, path=name
            )
        return path

    def _unreachable(self, name: str, verb: str, error: OSError) -> UnreachableError:
        words = f"the file {name} can't be {verb}: {error.strerror}"
        return UnreachableError(words, provider=self.provider, path=name)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(_MODE)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class DraftFolder(SpecFolder):
    """The same folder, in which nothing is written: what would be is kept in memory.

    Args:
        real: the folder.
        drafts: name → what it would hold then; None where it would be gone.
        carry: carries a write out, told what it is.
    """

    def __init__(
        self,
        real: SpecFolder,
        drafts: dict[str, bytes | None],
        carry: Callable[[str, Callable[[], None]], None],
    ) -> None:
        super().__init__(real.provider, real.folder, real.stack)
        self._drafts = drafts
        self._carry = carry

    def content(self, name: str) -> bytes | None:
        """What a file would hold."""
        return self._drafts[name] if name in self._drafts else super().content(name)

    def _put(self, path: Path, name: str, text: str) -> None:
        self._carry("write a file", lambda: self._drafts.update({name: checked(text).encode()}))

    def _take_away(self, path: Path, name: str) -> None:
        self._carry("remove a file", lambda: self._drafts.update({name: None}))

    def _is_there(self, path: Path, name: str) -> bool:
        return self.content(name) is not None
