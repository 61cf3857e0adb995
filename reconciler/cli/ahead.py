"""What is asked of the remote systems while a spec is still being read: what doesn't depend on the rest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from reconciler.errors import ReconcileError, StoppedError
from reconciler.kinds import Kind
from reconciler.ledger import Content, read_content
from reconciler.model import ProviderSpec, Stack
from reconciler.providers import KINDS, Reads
from reconciler.specs import Outline

FAR = ("databricks", "connect")  # types of systems that take their time


class Ahead:
    """Reads that begin once it is known where the remote systems are; nobody has to wait for any of them.

    What they find lies where everybody looks for it: in the sign-in of the client, and among the reads that
    the run shares. What fails is said by whoever needs it.

    Args:
        client: makes the client of a provider.
        reads: where what was read is kept.
        lists: whether to list what a stack that is alone has; not for a command that takes a lease first.
        types: types of the systems that are looked at.

    Attributes:
        has_listed: whether a list was begun.
    """

    def __init__(
        self,
        client: Callable[[ProviderSpec], Any],
        reads: Reads,
        *,
        lists: bool,
        types: Collection[str] = FAR,
    ) -> None:
        self._client = client
        self._types = types
        self._reads = reads
        self._lists = lists
        self._over = threading.Event()
        self._begun: set[tuple[str, str, str]] = set()
        self._content: Future[Content] | None = None
        self.has_listed = False

    def __call__(self, outline: Outline) -> None:
        """Begins with what a stack is going to need."""
        lists: list[Callable[[], object]] = []
        for spec, kinds in _asked(outline, self._types):
            if (spec.type, spec.address, spec.account_id) in self._begun:
                continue  # for another stack
            self._begun.add((spec.type, spec.address, spec.account_id))
            try:
                api = self._made(spec)
            except ReconcileError:
                continue
            for read in api.first_reads():
                self._begin(read)
            lists += [partial(kind.listed, api) for kind in kinds if not kind.fields.parent]
        if self._lists and outline.is_alone and lists:
            self.has_listed = True
            self._content = Future()
            self._begin(partial(self._list, outline.stack, lists, self._content))

    def content(self) -> Content | None:
        """What the ledger held before anything was listed, given away as it is large; None if nothing was.

        Raises:
            LedgerError: it can't be read; nothing is listed then.
        """
        found, self._content = self._content, None
        return found.result() if found else None

    def end(self) -> None:
        """Lets nothing new begin."""
        self._over.set()

    def _list(self, stack: Stack, lists: Sequence[Callable[[], object]], content: Future[Content]) -> None:
        try:  # first, so that a list shows what the ledger speaks of
            content.set_result(read_content(stack, environment=os.environ))
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            content.set_exception(error)
            return
        for read in lists:
            self._begin(read)

    def _begin(self, read: Callable[[], object]) -> None:
        def run() -> None:
            with suppress(Exception):  # kept among the reads, and raised where it is asked for
                if not self._over.is_set():
                    read()

        # no pool: this process may end before its threads do
        try:
            threading.Thread(target=run, name="ahead", daemon=True).start()
        except RuntimeError:  # no further one may be started
            run()

    def _made(self, spec: ProviderSpec) -> Any:
        api = self._client(spec)
        may_read = api.http.before_read

        def check() -> None:
            may_read()
            if self._over.is_set():
                raise StoppedError

        api.http.before_read, api.http.reads = check, self._reads
        return api


def _asked(outline: Outline, types: Collection[str]) -> list[tuple[ProviderSpec, list[Kind[Any]]]]:
    """The providers that are needed for sure, each with its kinds: of two of a type a resource says which."""
    found = []
    for type_ in types:
        specs = [spec for spec in outline.stack.providers.values() if spec.type == type_]
        kinds = [KINDS[name] for name in sorted(outline.kinds & KINDS.keys())]
        held = [kind for kind in kinds if kind.provider_type == type_]
        if len(specs) == 1 and held:
            found.append((specs[0], held))
    return found
