"""Where a ledger is kept: the small protocol that every store fulfils, and the store in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from reconciler.errors import FencedError, LedgerError

ABSENT = ""  # the version of what isn't there
_OTHERS = (".lock.json", ".plan.json")  # what lives beside ledgers, and isn't one


class UncertainWriteError(LedgerError):
    """A write whose answer was lost: it may have taken effect. Read back and compare."""

    code = "ledger-write"


class Register(Protocol):
    """One object that is replaced as a whole, by compare-and-swap."""

    def read(self) -> tuple[bytes | None, str]:
        """The content, None if there is none, and its version.

        Raises:
            LedgerError: it can't be read.
        """

    def write(self, content: bytes, expected: str) -> str:
        """Replaces the content, durably, if its version is still the expected one; the new version.

        Raises:
            FencedError: somebody else wrote in the meantime; nothing was changed.
            UncertainWriteError: nobody knows whether it was written.
            LedgerError: it can't be written; nothing was changed.
        """


class LeaseObject(Register, Protocol):
    """The object that says who is at work on a stack."""

    def delete(self, expected: str) -> None:
        """Removes it if its version is still the expected one.

        Raises:
            FencedError: somebody else wrote in the meantime; nothing was changed.
            LedgerError: it can't be removed.
        """


class Store(Register, Protocol):
    """Where one ledger lives, with the lease beside it."""

    @property
    def where(self) -> str:
        """The ledger's place, for messages."""

    @property
    def folder(self) -> str:
        """The place of the folder that it shares with its siblings; "" if it has none."""

    @property
    def backup(self) -> str:
        """Where the version before this one is; "" if there is none."""

    def backup_of(self, place: str) -> str:
        """The same for one of the siblings."""

    @property
    def owns_folder(self) -> bool:
        """Whether the folder is for ledgers only, so that everything in it must be readable."""

    @property
    def lease(self) -> LeaseObject:
        """The lease object beside the ledger."""

    def siblings(self) -> Mapping[str, bytes]:
        """What else is in the folder and may be a ledger: its place → its content.

        Raises:
            LedgerError: one can't be read.
        """


def may_be_ledger(name: str) -> bool:
    """Whether a file or object of this name beside a ledger may be another one."""
    return name.endswith(".json") and not name.endswith(_OTHERS)


def version_of(content: bytes | None) -> str:
    """The version of a content: serial and write id are part of it, so no two writes share one."""
    return ABSENT if content is None else version_of_parts([content])


def version_of_parts(parts: Iterable[bytes]) -> str:
    """The same of a content that comes in parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return "sha256:" + digest.hexdigest()


class MemoryRegister:
    """A register, and lease object, that ends with the process."""

    def __init__(self) -> None:
        self._content: bytes | None = None
        self._lock = threading.Lock()

    def read(self) -> tuple[bytes | None, str]:
        """The content and its version."""
        with self._lock:
            return self._content, version_of(self._content)

    def write(self, content: bytes, expected: str) -> str:
        """Replaces the content; FencedError if it moved."""
        with self._lock:
            self._check(expected)
            self._content = content
            return version_of(content)

    def delete(self, expected: str) -> None:
        """Removes the content; FencedError if it moved."""
        with self._lock:
            self._check(expected)
            self._content = None

    def _check(self, expected: str) -> None:
        if version_of(self._content) != expected:
            raise moved_on("the ledger in memory")


class MemoryStore(MemoryRegister):
    """The store of a stateless stack.

    Args:
        before_write: called before each write; may raise to stop it.
    """

    where = "memory"
    folder = ""
    backup = ""
    owns_folder = True

    def __init__(self, before_write: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.lease = MemoryRegister()
        self._before_write = before_write

    def write(self, content: bytes, expected: str) -> str:
        """Replaces what is kept."""
        self._before_write()
        return super().write(content, expected)

    def backup_of(self, place: str) -> str:
        """There is none."""
        return ""

    def siblings(self) -> Mapping[str, bytes]:
        """Nothing."""
        return {}


def moved_on(where: str) -> FencedError:
    """The error of a compare-and-swap that met another version."""
    return FencedError(
        f"{where} was changed by somebody else while this run was at work",
        hint="nothing more is done; run `reconcile plan` to see how things stand",
    )
