"""The folder of Workbench's configuration: files in it read and written, each at once or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.clients import Client
from reconciler.errors import ConflictError, UnreachableError
from reconciler.providers.workbench._ini import Ini, IniError
from reconciler.secrets.whole_files import put_whole

_MOST = 1_000_000  # bytes of a file; a configuration has a thousandth of that


class ConfigDir(Client):
    """One Workbench server's folder.

    Args:
        folder: "" where the spec names none.

    Attributes:
        is_elsewhere: the folder isn't on this machine: nothing can be said of what is in it.
    """

    def __init__(self, provider: str, address: str, folder: str) -> None:
        super().__init__(provider, address)
        self.folder = Path(folder)
        self.is_elsewhere = not folder or not self.folder.is_dir()

    def content(self, name: str) -> tuple[Ini, str] | None:
        """What a file says, and its mode, such as `0600`; None if there is no such file.

        Raises:
            UnreachableError: it can't be read.
            ConflictError: it is no file of settings: nobody here touches it.
        """
        path = self.folder / name
        try:
            if path.is_symlink() or (path.exists() and not path.is_file()):
                raise self._foreign(name, "it is no plain file")
            with path.open("rb") as stream:
                raw = stream.read(_MOST + 1)
                mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreachable(name, "read", error) from None
        if len(raw) > _MOST:
            raise self._foreign(name, "it is too large for a configuration")
        try:
            return Ini.of(raw.decode("utf-8", "surrogateescape")), f"{mode:04o}"
        except IniError as error:
            raise self._foreign(name, f"it isn't INI: {error}") from None

    def change(self, name: str, edit: Callable[[Ini], Ini], mode: str | None) -> None:
        """Changes a file, durably, with its owner and group as they were.

        Args:
            mode: of the file from now on; None to leave it as it is.

        Raises:
            UnreachableError: it can't be written, and stays as it was.
            ConflictError: see `content`.
        """
        self.pass_gate()
        path = self.folder / name
        try:
            with _alone(self.folder):
                found = self.content(name)
                before, old_mode = found if found is not None else (Ini(), "0600")
                after = edit(before)
                if found is not None and after == before and mode in (None, old_mode):
                    return
                content = after.text.encode("utf-8", "surrogateescape")
                put_whole(path, content, prepare=_as_before(path, int(mode or old_mode, 8)))
        except OSError as error:
            raise self._unreachable(name, "written", error) from None

    def _foreign(self, name: str, words: str) -> ConflictError:
        return ConflictError(
            f"the file {name} isn't touched: {words}",
            provider=self.provider,
            path=name,
            hint="put it right by hand, or choose another file",
        )

    def _unreachable(self, name: str, verb: str, error: OSError) -> UnreachableError:
        words = f"the file {name} in {self.folder} can't be {verb}: {error.strerror}"
        return UnreachableError(words, provider=self.provider, path=name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One of us at a time: what another stack writes into the same file mustn't get lost."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _as_before(path: Path, mode: int) -> Callable[[Path], None]:
    """Gives a new file owner and group of the one that it replaces, and then the mode."""

    def prepare(beside: Path) -> None:
        if sys.platform == "win32":
            return
        if path.exists():
            old, new = path.stat(), beside.stat()
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                os.chown(beside, old.st_uid, old.st_gid)
        beside.chmod(mode)

    return prepare
