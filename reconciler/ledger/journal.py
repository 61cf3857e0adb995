"""The journal: edits of the ledger, gathered into few writes, each durable before anybody goes on."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from types import TracebackType

from reconciler.errors import FencedError, LedgerError, ReconcileError
from reconciler.ledger.codec import Encoder, write_id
from reconciler.ledger.store import ABSENT, MemoryStore, Store, UncertainWriteError
from reconciler.model import Ledger

Edit = Callable[[Ledger], Ledger]

GATHER = 0.05  # seconds, at most, that an edit waits for others to share its write
RECENT = 0.25  # seconds for which a thread that wrote is expected to write again


@dataclass(frozen=True)
class _Queued:
    """An edit on its way.

    Attributes:
        thread: who handed it in.
        is_patient: nobody stands still for it, so it may wait for company.
    """

    edit: Edit
    thread: int
    is_patient: bool
    done: Future[Ledger] = field(default_factory=Future)


class Journal:
    """The one writer of a ledger while this runner holds the lease; safe to use from many threads.

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
        self._queue: list[_Queued] = []
        self._seen: dict[int, float] = {}
        self._changed = threading.Condition()
        self._ending = False
        self._closed: ReconcileError | None = None
        self._writer: threading.Thread | None = None

    @classmethod
    def stateless(cls, ledger: Ledger) -> Journal:
        """A journal whose commits change memory only."""
        return cls(MemoryStore(), ledger, ABSENT)

    @property
    def ledger(self) -> Ledger:
        """The ledger as it was last written."""
        return self._ledger

    @property
    def closed(self) -> bool:
        """Whether it takes no more edits: somebody took over, or it can't be told what was written."""
        return self._closed is not None or self._ending

    # --- for those who write ---------------------------------------------------------------------------

    def commit(self, edit: Edit) -> Ledger:
        """Returns once a write that holds this edit is durable.

        Raises:
            FencedError: somebody else wrote the ledger: this run is over.
            LedgerError: it couldn't be written; the edit isn't part of the ledger.
            Exception: what the edit itself raises; others in the same write are spared.
        """
        return self._enqueue(edit, is_patient=False).result()

    def commit_many(self, edits: Iterable[Edit]) -> Ledger:
        """The same for several edits in one write: all of them, in order, or none."""
        return self.commit(_in_order(edits))

    def submit(self, edit: Edit) -> Future[Ledger]:
        """Hands an edit in without waiting; it is written within 50 ms or so, along with others.

        Returns:
            What `commit` would return or raise.
        """
        return self._enqueue(edit, is_patient=True)

    def claim(self) -> Ledger:
        """Puts our epoch into the ledger, if it isn't there: from then on a former runner's writes fail."""
        return self.commit(lambda ledger: ledger)

    def close(self) -> None:
        """Writes what is queued, and takes no more."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._writer is not None:
            self._writer.join()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _enqueue(self, edit: Edit, *, is_patient: bool) -> Future[Ledger]:
        queued = _Queued(edit, threading.get_ident(), is_patient)
        with self._changed:
            if self.closed:
                queued.done.set_exception(self._refusal())
                return queued.done
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="reconcile-journal", daemon=True)
                self._writer.start()
            self._queue.append(queued)
            self._seen[queued.thread] = time.monotonic()
            self._changed.notify_all()
        return queued.done

    def _refusal(self) -> Exception:
        """Why an edit isn't taken."""
        return _fresh(self._closed or LedgerError("the journal of this run is closed"))

    # --- the writer's thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while batch := self._next_batch():
            live = [queued for queued in batch if queued.done.set_running_or_notify_cancel()]
            self._write(live)

    def _next_batch(self) -> list[_Queued]:
        """The edits of the next write; none when the journal is closed and all is written."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ending)
            deadline = time.monotonic() + GATHER
            while not self._ending and self._expects_company():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            batch, self._queue = self._queue, []
            return batch

    def _expects_company(self) -> bool:
        """Whether it is worth a moment: nobody stands still, or others wrote lately who aren't here yet."""
        if all(queued.is_patient for queued in self._queue):
            return True
        horizon = time.monotonic() - RECENT
        self._seen = {thread: at for thread, at in self._seen.items() if at > horizon}
        return bool(self._seen.keys() - {queued.thread for queued in self._queue})

    def _write(self, batch: list[_Queued]) -> None:
        ledger, taken = self._edited(batch)
        if not taken:
            return
        try:
            self._ensure_durable(ledger)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._fail(taken, error)
        else:
            for queued in taken:
                queued.done.set_result(self._ledger)

    def _edited(self, batch: list[_Queued]) -> tuple[Ledger, list[_Queued]]:
        """The ledger after a batch, and whose edits it holds; an edit that raises is left out."""
        ledger = self._ledger
        taken = []
        for queued in batch:
            try:
                ledger = queued.edit(ledger)
            except Exception as error:  # noqa: BLE001, PERF203 - it is raised where the edit came from
                queued.done.set_exception(error)
            else:
                taken.append(queued)
        return ledger, taken

    def _ensure_durable(self, ledger: Ledger) -> None:
        if self._closed is not None:
            raise self._refusal()
        if self._differs(ledger):
            self._make_durable(self._stamped(ledger))

    def _differs(self, ledger: Ledger) -> bool:
        return ledger is not self._ledger or bool(self._epoch and ledger.epoch != self._epoch)

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

    def _fail(self, taken: list[_Queued], error: Exception) -> None:
        try:
            if isinstance(error, FencedError) and self._closed is None:
                self._closed = error
                # before anybody goes on: no remote write may follow
                if self._on_fenced is not None:
                    self._on_fenced(error.message)
        finally:
            for queued in taken:
                queued.done.set_exception(_fresh(error))


def _fresh(error: Exception) -> Exception:
    """The same error as one of its own: several threads raise it, and each adds its traceback."""
    if isinstance(error, ReconcileError):
        return type(error)(error.message, hint=error.hint, address=error.address, code=error.code)
    return error


def _in_order(edits: Iterable[Edit]) -> Edit:
    found = tuple(edits)

    def edit(ledger: Ledger) -> Ledger:
        for one in found:
            ledger = one(ledger)
        return ledger

    return edit
