"""A ledger in an object store: replaced by conditional writes, its lease and its backup beside it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone

from reconciler.errors import LedgerError
from reconciler.ledger.buckets import PATIENCE, PAUSES, Bucket
from reconciler.ledger.store import ABSENT, LeaseObject, UncertainWriteError, may_be_ledger, moved_on
from reconciler.ledger.store_errors import StoreError, StoreFailure, unsafe

LARGEST = 64 * 2**20  # bytes; a ledger of ten thousand resources has a tenth of it
MOST = 1000  # neighbours
_READERS = 8
_ENDED = b'{"ended": '
_NO_VERSION = '"00000000000000000000000000000000"'


class ObjectRegister:
    """An object that is replaced by compare-and-swap.

    A write that got no clear answer is asked again under the same condition. If the first attempt had taken
    effect after all, the condition fails; what is there then tells our own write from somebody else's, since
    no two writes of a ledger or a lease have the same content.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key

    @property
    def where(self) -> str:
        """The object's URL."""
        return f"{self._bucket.url}/{self._key}"

    def read(self) -> tuple[bytes | None, str]:
        """The content, None if there is none, and its version."""
        return self._bucket.get(self._key) or (None, ABSENT)

    def write(self, content: bytes, expected: str) -> str:
        """Replaces the object; see Register.write for errors."""
        end = time.monotonic() + PATIENCE
        is_lost = False
        for pause in (*PAUSES, None):
            try:
                return self._bucket.put(self._key, content, expected)
            except StoreError as error:
                trouble = error
            is_lost |= trouble.outcome is StoreFailure.LOST
            if trouble.outcome is StoreFailure.MOVED:
                found = self._found(content, expected)
                if found:
                    return found
            elif not trouble.may_pass:
                break
            if pause is None or time.monotonic() + pause > end:
                break
            time.sleep(pause)
        raise self._failed(trouble, is_lost)

    def _found(self, content: bytes, expected: str) -> str:
        """After a condition that failed: the version of our own write; "" if nobody wrote at all, since two
        conditional writes at the same moment may both be told to come again.

        Raises:
            FencedError: somebody else wrote.
            UncertainWriteError: it can't be told.
        """
        try:
            there, version = ObjectRegister.read(self)
        except LedgerError as error:
            raise UncertainWriteError(error.message, hint=error.hint) from None
        if there == content:
            return version
        if version == expected:
            return ""
        raise moved_on(self.where)

    def _failed(self, trouble: StoreError, is_lost: bool) -> LedgerError:
        told = trouble.told(self.where, "written")
        return UncertainWriteError(told.message, hint=told.hint) if is_lost else told


class LeaseRegister(ObjectRegister):
    """The lease beside a ledger.

    No store but S3 deletes under a condition, and obstore does it nowhere. So a lease is ended by writing a
    note in its place, under the same condition as every other write; that takes no right to delete, either.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        super().__init__(bucket, key)
        self._note = ABSENT  # the version of the note that was seen last
        self._is_tried = False

    def read(self) -> tuple[bytes | None, str]:
        """The lease, None if there is none or it was ended."""
        content, version = super().read()
        if content is None or not content.startswith(_ENDED):
            return content, version
        self._note = version
        return None, ABSENT

    def write(self, content: bytes, expected: str) -> str:
        """Replaces the lease; see Register.write for errors, and `ledger-unsafe`."""
        version = super().write(content, expected or self._note)
        if not self._is_tried:
            self._try_conditions(content, version)
            self._is_tried = True
        return version

    def delete(self, expected: str) -> None:
        """Ends the lease; see LeaseObject.delete for errors."""
        if expected != ABSENT:
            self._note = super().write(_ended(), expected)
        elif self.read()[0] is not None:
            raise moved_on(self.where)

    def _try_conditions(self, content: bytes, version: str) -> None:
        """Makes sure, once per run, that the store minds conditions: some that speak S3 don't, and take
        everybody's write. What is put on trial is what is there already.
        """
        if self._bucket.scheme != "s3":
            return
        try:
            for wrong in (ABSENT, _NO_VERSION):
                self._expect_refusal(content, wrong)
        except LedgerError:
            with suppress(StoreError):
                self._bucket.put(self._key, _ended(), version)
            raise

    def _expect_refusal(self, content: bytes, wrong: str) -> None:
        try:
            self._bucket.put(self._key, content, wrong)
        except StoreError as error:
            if error.outcome is not StoreFailure.MOVED:
                raise error.told(self.where, "written") from None
        else:
            raise unsafe().told(self.where, "written")


class ObjectStore(ObjectRegister):
    """A ledger's object, with its lease, its backup and its siblings in the same folder.

    The backup is what this run found, put aside once, before its first write: a second request for each of
    dozens of writes would be dear, and the state before a run is the one that people want back. Without it
    (no right to write it, say) the run goes on; a bucket with versions keeps more than any backup.

    Args:
        bucket: where it is kept.
        key: the ledger's; `<name>.json` has its lease in `<name>.lock.json`, its backup in
            `<name>.json.backup`.
        owns_folder: see Store.
    """

    def __init__(self, bucket: Bucket, key: str, *, owns_folder: bool = False) -> None:
        super().__init__(bucket, key)
        self.owns_folder = owns_folder
        self.lease: LeaseObject = LeaseRegister(bucket, key.removesuffix(".json") + ".lock.json")
        self._aside: tuple[bytes, str] | None = None
        self._has_written = False

    @property
    def folder(self) -> str:
        """The URL of its folder."""
        return self.where.rpartition("/")[0]

    @property
    def backup(self) -> str:
        """The backup's URL; "" if there is none."""
        return self.backup_of(self.where)

    def backup_of(self, place: str) -> str:
        """The URL of a sibling's backup; "" if there is none."""
        kept = place + ".backup"
        return kept if self._bucket.has(kept.removeprefix(f"{self._bucket.url}/")) else ""

    def read(self) -> tuple[bytes | None, str]:
        """The content, None if there is none, and its version."""
        content, version = super().read()
        if not self._has_written:
            self._aside = None if content is None else (content, version)
        return content, version

    def write(self, content: bytes, expected: str) -> str:
        """Replaces the ledger; see Register.write for errors."""
        aside, self._aside, self._has_written = self._aside, None, True
        if aside and aside[1] == expected:
            with suppress(StoreError):
                self._bucket.overwrite(self._key + ".backup", aside[0])
        return super().write(content, expected)

    def siblings(self) -> Mapping[str, bytes]:
        """The other JSON objects of the folder, leases left out, by URL."""
        folder = self._key.rpartition("/")[0]
        sizes = {
            key: size
            for key, size in self._bucket.list(folder).items()
            if key != self._key and may_be_ledger(key) and self._is_readable(key, size)
        }
        if len(sizes) > MOST:
            raise _too_much(f"{self._bucket.url}/{folder}", f"it holds more than {MOST} JSON objects")
        with ThreadPoolExecutor(_READERS) as pool:
            found = dict(zip(sizes, pool.map(self._bucket.get, sizes), strict=True))
        return {f"{self._bucket.url}/{key}": one[0] for key, one in found.items() if one is not None}

    def _is_readable(self, key: str, size: int) -> bool:
        """Whether it has the size of a ledger.

        Raises:
            LedgerError: it hasn't, and stands in a folder of ledgers.
        """
        if size > LARGEST and self.owns_folder:
            raise _too_much(f"{self._bucket.url}/{key}", f"it has {size:,} bytes")
        return size <= LARGEST


def _too_much(place: str, why: str) -> LedgerError:
    return LedgerError(
        f"{place} is too much to be read as ledgers: {why}",
        hint="give the ledgers a folder of their own",
        code="ledger-read",
    )


def _ended() -> bytes:
    """The note that takes an ended lease's place; no two are the same."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _ENDED + f'"{now}", "id": "{secrets.token_hex(8)}"}}\n'.encode()
