"""A ledger in a file: written beside and renamed into place, the version before it kept as a backup."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from reconciler.errors import LedgerError
from reconciler.ledger.file_lock import exclusive
from reconciler.ledger.store import ABSENT, LeaseObject, may_be_ledger, moved_on, version_of, version_of_parts
from reconciler.secrets.whole_files import sync_folder

_PART = 1 << 20  # bytes
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_LOCKLESS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


class FileRegister:
    """A file that is replaced by compare-and-swap: a lock, a comparison, a rename.

    Args:
        path: the file.
        guard: the file whose lock is held meanwhile.
        backup: where the version before goes; None to keep none.
    """

    def __init__(self, path: Path, guard: Path, backup: Path | None = None) -> None:
        self._path = path
        self._guard = guard
        self._backup = backup
        # one name is enough: it is only touched under the lock, and what a killed run left is overwritten
        self._beside = path.with_name(f".{path.name}.tmp")

    def read(self) -> tuple[bytes | None, str]:
        """The content, None if there is no file, and its version."""
        with _explained(self._path, "read"):
            content = _content(self._path)
        return content, version_of(content)

    def write(self, content: bytes, expected: str) -> str:
        """Replaces the file, mode 0600, synced; see Register.write for errors."""
        with _explained(self._path, "written"):
            _make_folder(self._path.parent)
            with exclusive(self._guard):
                self._check(expected)
                self._write_beside(content)
                if self._backup is not None and expected:
                    _keep(self._path, self._backup)
                self._beside.replace(self._path)
                sync_folder(self._path.parent)
        return version_of(content)

    def delete(self, expected: str) -> None:
        """Removes the file; see LeaseObject.delete for errors."""
        with _explained(self._path, "removed"), exclusive(self._guard):
            self._check(expected)
            self._path.unlink(missing_ok=True)

    def _check(self, expected: str) -> None:
        if _version(self._path) != expected:
            raise moved_on(str(self._path))

    def _write_beside(self, content: bytes) -> None:
        self._beside.unlink(missing_ok=True)
        handle = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._beside.unlink()
            raise


class FileStore(FileRegister):
    """A ledger's file, with its lease and its siblings in the same folder.

    Args:
        path: the ledger; `<name>.json` has its lease in `<name>.lock.json` and its backup in
            `<name>.json.backup`. A link is followed, so that the file it names is the one replaced.
        owns_folder: see Store.
    """

    def __init__(self, path: Path, *, owns_folder: bool = False) -> None:
        real = Path(os.path.realpath(path))
        stem = real.name.removesuffix(".json")
        guard = real.with_name(f".{stem}.guard")
        super().__init__(real, guard, real.with_name(real.name + ".backup"))
        self.owns_folder = owns_folder
        self.lease: LeaseObject = FileRegister(real.with_name(f"{stem}.lock.json"), guard)

    @property
    def where(self) -> str:
        """The ledger's path."""
        return str(self._path)

    @property
    def folder(self) -> str:
        """The path of its folder."""
        return str(self._path.parent)

    @property
    def backup(self) -> str:
        """The backup's path; "" if there is none."""
        return self.backup_of(self.where)

    def backup_of(self, place: str) -> str:
        """The path of a sibling's backup; "" if there is none."""
        kept = Path(place + ".backup")
        return str(kept) if kept.is_file() else ""

    def siblings(self) -> Mapping[str, bytes]:
        """The other JSON files of the folder, leases and recorded plans left out, by path."""
        folder = self._path.parent
        with _explained(folder, "read"):
            paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
            contents = {
                str(path): _content(path)
                for path in paths
                if path != self._path and may_be_ledger(path.name) and path.is_file()
            }
        return {place: content for place, content in contents.items() if content is not None}


@contextlib.contextmanager
def _explained(path: Path, done: str) -> Iterator[None]:
    """Turns an OSError into words about what to do; the file is as it was."""
    try:
        yield
    except OSError as error:
        code = "ledger-read" if done == "read" else "ledger-write"
        reason = error.strerror or type(error).__name__
        raise LedgerError(
            f"{path} can't be {done}: {reason}", hint=_advice(error.errno, path), code=code
        ) from error


def _advice(number: int | None, path: Path) -> str:
    if number in _FULL:
        return f"make room in {path.parent}, then run it again; the version before is untouched"
    if number in _FORBIDDEN:
        return f"give this user the right to write in {path.parent}, or set `ledger:` to another place"
    if number == errno.EISDIR:
        return "a ledger URL that names a folder ends in `/`"
    if number in _LOCKLESS:
        return f"the file system of {path.parent} has no locks: set `ledger:` to another place"
    return f"look after {path.parent}, then run it again; the version before is untouched"


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _version(path: Path) -> str:
    """The version of a file, which is never held as a whole: what takes its place is as large."""
    try:
        with path.open("rb") as file:
            return version_of_parts(iter(partial(file.read, _PART), b""))
    except FileNotFoundError:
        return ABSENT


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def _keep(path: Path, backup: Path) -> None:
    """Makes the backup the file that is there now; a link costs nothing, a copy works everywhere."""
    beside = backup.with_name(f".{backup.name}.tmp")
    beside.unlink(missing_ok=True)
    try:
        beside.hardlink_to(path)
    except OSError:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as target, path.open("rb") as source:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
    # a file that somebody opened to others: its copy isn't
    beside.chmod(0o600)
    beside.replace(backup)
    # renaming one name of a file over another of the same file does nothing and leaves both
    beside.unlink(missing_ok=True)
