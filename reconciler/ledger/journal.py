"""The journal: the one writer of a ledger, each edit durable before anybody goes on."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

from reconciler.errors import FencedError, LedgerError, ReconcileError
from reconciler.ledger.codec import Encoder, write_id
from reconciler.ledger.store import ABSENT, MemoryStore, Store, UncertainWriteError
from reconciler.model import Ledger

Edit = Callable[[Ledger], Ledger]


class Journal:
    """The one writer of a ledger while this runner holds the lease. Commits come one at a time.

    Args:
        store: where the ledger is kept.
        ledger, version: what was read there under the lease.
        epoch: of our lease: written with every write; "" leaves the ledger's own.
        on_fenced: told, once, why nothing more may be written.

    Attributes:
        writes: how many were made.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        version: str,
        *,
        epoch: str = "",
        on_fenced: Callable[[str], None] | None = None,
    ) -> None:
        self.writes = 0
        self._store = store
        self._ledger = ledger
        self._version = version
        self._epoch = epoch
        self._on_fenced = on_fenced
        self._encoder = Encoder()
        self._turn = threading.Lock()
        self._closed: ReconcileError | None = None

    @classmethod
    def stateless(cls, ledger: Ledger, before_write: Callable[[], None] = lambda: None) -> Journal:
        """A journal whose commits change memory only.

        Args:
            before_write: called before each; what it raises ends the run with the ledger as it is.
        """
        return cls(MemoryStore(before_write), ledger, ABSENT)

    @property
    def ledger(self) -> Ledger:
        """The ledger as it was last written."""
        return self._ledger

    @property
    def version(self) -> str:
        """Of what was last written, or read."""
        return self._version

    @property
    def closed(self) -> bool:
        """Whether it takes no more edits: somebody took over, or it can't be told what was written."""
        return self._closed is not None

    def commit(self, edit: Edit) -> Ledger:
        """Returns once a write that holds this edit is durable; an edit that changes nothing is no write.

        Raises:
            FencedError: somebody else wrote the ledger: this run is over.
            LedgerError: it couldn't be written; the edit isn't part of the ledger.
            Exception: what the edit itself raises.
        """
        with self._turn:
            if self._closed is not None:
                raise _fresh(self._closed)
            edited = edit(self._ledger)
            if edited is not self._ledger or (self._epoch and edited.epoch != self._epoch):
                try:
                    self._make_durable(self._stamped(edited))
                except FencedError as error:
                    self._closed = error
                    # before anybody goes on: no remote write may follow
                    if self._on_fenced is not None:
                        self._on_fenced(error.message)
                    raise
            return self._ledger

    def claim(self) -> Ledger:
        """Puts our epoch into the ledger, if it isn't there: from then on a former runner's writes fail."""
        return self.commit(lambda ledger: ledger)

    def close(self) -> None:
        """Takes no more."""
        with self._turn:
            self._closed = self._closed or LedgerError("the journal of this run is closed")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stamped(self, ledger: Ledger) -> Ledger:
        return replace(
            ledger,
            lineage=self._ledger.lineage or str(uuid.uuid4()),
            serial=self._ledger.serial + 1,
            epoch=self._epoch or ledger.epoch,
            is_new=False,
        )

    def _make_durable(self, ledger: Ledger) -> None:
        mark = secrets.token_hex(8)
        content = self._encoder.encode(ledger, mark=mark)
        try:
            version = self._store.write(content, self._version)
        except FencedError:
            raise
        except UncertainWriteError as error:
            if not self._look_back(mark, error):
                raise
        except LedgerError as error:
            if self._look_back(mark, error):
                # it is in place, but may not outlive a power loss: count it as failed, and write on
                self._ledger = replace(ledger, entries=self._ledger.entries, pending=self._ledger.pending)
            raise
        else:
            self._version = version
        self._ledger = ledger
        self.writes += 1

    def _look_back(self, mark: str, error: LedgerError) -> bool:
        """After a write that failed: whether it is there nevertheless, by its write id.

        Raises:
            FencedError: somebody else's is there.
        """
        try:
            content, version = self._store.read()
        except LedgerError:
            # not known what is there, so nothing can be put in its place
            self._closed = error
            return False
        if version == self._version:
            return False
        if write_id(content) != mark:
            raise FencedError(
                f"{self._store.where} was changed by somebody else while this run was at work",
                hint="nothing more is done; run `reconcile plan` to see how things stand",
            ) from error
        self._version = version
        return True


def _fresh(error: ReconcileError) -> ReconcileError:
    """The same error as one of its own: it is raised again and again, and each adds its traceback."""
    return type(error)(error.message, hint=error.hint, address=error.address, code=error.code)
