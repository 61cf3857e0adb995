"""The folder of a spec: reading, writing and removing files in it, each at once or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.clients import Client
from reconciler.errors import InvalidRequestError, UnreachableError
from reconciler.secrets import checked
from reconciler.secrets.handoff_files import MAX_BYTES, path_within
from reconciler.secrets.whole_files import put_whole

_MODE = 0o644  # what is secret in there is sealed, and git keeps no other modes


class SpecFolder(Client):
    """The folder that a spec lies in.

    Args:
        folder: where names are relative to.
        stack: the stack's name: what is written says whose it is.

    Attributes:
        troubles: `file NAME` → what is wrong with that file alone.
    """

    def __init__(self, provider: str, folder: Path, stack: str) -> None:
        super().__init__(provider)
        self.folder = folder
        self.stack = stack

    def identity(self) -> str:
        """The stack: by its name in a file one knows whose that is."""
        return self.stack

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
        self.pass_gate()
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
        self.pass_gate()
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
        put_whole(path, checked(text).encode(), prepare=lambda beside: beside.chmod(_MODE))

    def _take_away(self, path: Path, name: str) -> None:
        path.unlink(missing_ok=True)

    def _is_there(self, path: Path, name: str) -> bool:
        return path.exists()

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
