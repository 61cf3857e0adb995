"""Opening a ledger: which store, what is in it, and whether it belongs to this stack. Reads only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from reconciler.errors import LedgerError
from reconciler.ledger.buckets import SCHEMES, Bucket, place_of
from reconciler.ledger.codec import decode, is_ledger
from reconciler.ledger.file_store import FileStore
from reconciler.ledger.store import ABSENT, MemoryStore, Store, version_of
from reconciler.model import Address, Ledger, Stack, mark_of

STATELESS = "none"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_DRIVE = re.compile(r"/[A-Za-z]:")


def open_store(url: str | None, *, stack: str, folder: Path, environment: Mapping[str, str]) -> Store:
    """The store that a ledger URL names. This is the one place where a kind of store is added.

    Args:
        url: `file://…`, a path, `s3://…`, `gs://…`, `az://…`, or None for `.reconcile/<stack>.json`; one that
            ends in `/` is a folder that holds `<stack>.json`.
        stack: the stack's name.
        folder: the spec's folder, from which relative paths count.
        environment: where a store's own credentials and endpoints come from; files need none.

    Raises:
        LedgerError: `ledger-url`: no store is known for it; `ledger-credential`: a store can't be used with
            what the environment says.
    """
    if url is None:
        return FileStore(folder / ".reconcile" / f"{stack}.json", owns_folder=True)
    scheme = _SCHEME.match(url)
    if scheme and scheme[1] in SCHEMES:
        from reconciler.ledger.object_store import ObjectStore  # most ledgers are files

        kind, bucket, key = place_of(url, stack)
        return ObjectStore(Bucket(kind, bucket, environment), key, owns_folder=url.endswith("/"))
    if scheme and scheme[1].lower() != "file":
        raise LedgerError(
            f"no ledger can be kept at {scheme[0]} addresses",
            hint="supported are file://, s3://, gs:// and az:// URLs, paths, and `ledger: none`",
            code="ledger-url",
        )
    text = _path_text(url[scheme.end() :]) if scheme else url
    if not text.strip():
        raise LedgerError(f"the ledger's URL {url!r} names no file", code="ledger-url")
    is_folder = text.endswith("/")
    path = folder / Path(text).expanduser()
    return FileStore(path / f"{stack}.json" if is_folder else path, owns_folder=is_folder)


def _path_text(rest: str) -> str:
    """The path in a file URL; a host other than localhost counts as the first step of a relative path."""
    text = unquote(rest.removeprefix("localhost") if rest.startswith("localhost/") else rest)
    return text[1:] if _DRIVE.match(text) else text


@dataclass(frozen=True)
class OpenedLedger:
    """A ledger as it was read, and where to write it.

    Attributes:
        ledger: what it says; a new one (`is_new`) has no lineage until its first write gives it one, so that
            a plan that was made without a ledger still fits as long as nobody wrote one.
        moving: a provider that may have another address than the ledger says.
        version: of what was read, for the compare-and-swap.
    """

    stack: Stack
    store: Store
    ledger: Ledger
    version: str
    moving: str = ""

    def reread(self) -> OpenedLedger:
        """What is there now, checked in the same way; this very one, if nobody wrote meanwhile."""
        content = Content(self.store, *self.store.read())
        return self if content.version == self.version else _understood(self.stack, content, self.moving)


@dataclass(frozen=True)
class Content:
    """What is in a ledger's store, before anybody has understood it."""

    store: Store
    found: bytes | None
    version: str


def read_content(stack: Stack, *, environment: Mapping[str, str]) -> Content:
    """What is in the store of a stack's ledger; its resources don't matter for that.

    Raises:
        LedgerError: see `open_store`, and `ledger-read`.
    """
    store = _store_of(stack, environment)
    return Content(store, *store.read())


def open_ledger(
    stack: Stack, *, environment: Mapping[str, str], moving: str = "", content: Content | None = None
) -> OpenedLedger:
    """Reads a stack's ledger. Takes no lease, writes nothing.

    Args:
        environment: see open_store.
        moving: a provider that may have another address than the ledger says.
        content: what was read of it already; None to read it.

    Raises:
        LedgerError: it can't be read (`ledger-read`), is damaged (`ledger-damaged`) or newer than this tool
            (`ledger-newer`), belongs to another stack, account or server (`ledger-foreign`), or owns objects
            of a provider that left the spec (`provider-gone`).
    """
    return _understood(stack, content or read_content(stack, environment=environment), moving)


Owned = tuple[str, str, str]  # mark of the provider's identity, kind name, remote id
Owners = Mapping[Owned, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Claims(Mapping[Owned, str]):
    """What other stacks' ledgers own → the name of the stack that does; one index for all of a folder.

    A copy of a stack's own ledger takes nothing away from it.

    Attributes:
        more: what else is known of, where no ledger beside says anything.
    """

    owners: Owners
    stack: str
    more: Mapping[Owned, str] = field(default_factory=dict)

    def __getitem__(self, key: Owned) -> str:
        others = (name for name in reversed(self.owners.get(key, ())) if name != self.stack)
        owner = next(others, None)
        return self.more[key] if owner is None else owner

    def __iter__(self) -> Iterator[Owned]:
        here = {key for key, names in self.owners.items() if set(names) - {self.stack}}
        return iter(here | set(self.more))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def claims(stack: Stack, *, environment: Mapping[str, str] | None = None) -> Claims:
    """What the other stacks' ledgers in the same folder own.

    Raises:
        LedgerError: one of them can't be read, or is damaged: who knows what it owns.
    """
    return Claims(owners_in(_store_of(stack, environment or {}), its_own=False), stack.name)


def owners_in(store: Store, known: Mapping[str, Ledger] | None = None, *, its_own: bool = True) -> Owners:
    """What the ledgers in the folder of a store own.

    Args:
        known: version → ledger, of those that were read before: what hasn't changed isn't read again.
        its_own: whether the store's own ledger is asked, too: it takes nothing away from its stack.

    Raises:
        LedgerError: one of them can't be read, or is damaged: who knows what it owns.
    """
    found: dict[Owned, tuple[str, ...]] = {}
    with ThreadPoolExecutor(1) as pool:  # a store that is far away takes its time for each
        reading = pool.submit(store.read) if its_own else None
        contents = dict(store.siblings())
    own = reading.result()[0] if reading else None
    if own is not None:
        contents = {store.where: own, **contents}
    for place, content in contents.items():
        ledger = (known or {}).get(version_of(content))
        if ledger is None and is_ledger(content, strict=store.owns_folder):
            ledger = _decoded(store, content, place)
        if ledger is not None:
            for key in _owned(ledger):
                found[key] = (*found.get(key, ()), ledger.stack)
    return found


def recorded_plan_path(stack: Stack) -> Path:
    """Where `plan` leaves its plan for a bare `apply`: always a local file beside the spec."""
    return _folder(stack) / ".reconcile" / f"{stack.name}.plan.json"


def _store_of(stack: Stack, environment: Mapping[str, str]) -> Store:
    if stack.ledger_url == STATELESS:
        return MemoryStore()
    return open_store(stack.ledger_url, stack=stack.name, folder=_folder(stack), environment=environment)


def _folder(stack: Stack) -> Path:
    return Path(stack.file).parent


def _understood(stack: Stack, content: Content, moving: str) -> OpenedLedger:
    store = content.store
    if content.found is None:
        return OpenedLedger(stack, store, Ledger(stack.name, "", is_new=True), ABSENT, moving)
    ledger = _decoded(store, content.found, store.where)
    _check_stack(stack, ledger, store.where)
    _check_remotes(stack, ledger, store.where, moving)
    _check_providers(stack, ledger, store.where)
    return OpenedLedger(stack, store, ledger, content.version, moving)


def _decoded(store: Store, content: bytes, place: str) -> Ledger:
    try:
        return decode(content, where=place)
    except LedgerError as error:
        if error.code != "ledger-damaged":
            raise
    # asked only now: a store that is far away takes its time for the answer
    return decode(content, where=place, backup=store.backup_of(place))


def _check_stack(stack: Stack, ledger: Ledger, where: str) -> None:
    if ledger.stack != stack.name:
        raise LedgerError(
            f"the ledger {where} belongs to the stack {ledger.stack!r}, and this spec is {stack.name!r}",
            hint="give each stack a ledger of its own, or `stack:` its old name",
            code="ledger-foreign",
        )


def _check_remotes(stack: Stack, ledger: Ledger, where: str, moving: str) -> None:
    # who owns nothing there may go elsewhere
    kept = {provider for _, provider in _held(ledger)}
    kept |= {tombstone.intent.provider for tombstone in ledger.pending.given_up}
    for name, recorded in sorted(ledger.remotes.items()):
        if name == moving or name not in kept:
            continue
        provider = stack.providers.get(name)
        # an address that isn't set says nothing; those who need it complain in their own words
        if provider is not None and provider.identity and not provider.is_on_record_as(recorded):
            there = provider.told_record(recorded)
            raise LedgerError(
                f"the ledger {where} is about {there} as provider {name!r}, and the spec now names"
                f" {provider.shown_identity}",
                hint="point the provider back, give the other system a stack of its own, or, if it is the"
                f" same at a new address: `reconcile ledger move-provider {name}`",
                code="ledger-foreign",
                at=provider.at,
            )


def _check_providers(stack: Stack, ledger: Ledger, where: str) -> None:
    kept: dict[str, set[Address]] = defaultdict(set)
    for address, provider in _held(ledger):
        if provider not in stack.providers and not _is_forgotten(address, stack):
            kept[provider].add(address)
    for provider, addresses in sorted(kept.items()):
        listed = ", ".join(map(str, sorted(addresses)))
        raise LedgerError(
            f"the provider {provider!r} left the spec, and the ledger {where} still has objects there:"
            f" {listed}",
            hint=f"put the provider back{_new_name(stack, ledger, provider)}, or list them under `forget:`",
            address=str(min(addresses)),
            code="provider-gone",
        )


def _held(ledger: Ledger) -> Iterator[tuple[Address, str]]:
    """Whatever may be alive, with its provider; an interrupted create counts."""
    yield from ((address, entry.provider) for address, entry in ledger.entries.items())
    yield from ((address, intent.provider) for address, intent in ledger.pending.intents.items())


def _is_forgotten(address: Address, stack: Stack) -> bool:
    return address in stack.forget or address.parent in stack.forget


def _new_name(stack: Stack, ledger: Ledger, gone: str) -> str:
    recorded = ledger.remotes.get(gone, "")
    names = [name for name, each in stack.providers.items() if recorded and each.is_on_record_as(recorded)]
    return f" (it is called {names[0]!r} now: give it its old name)" if names else ""


def _owned(ledger: Ledger) -> Iterator[tuple[str, str, str]]:
    for address, entry in ledger.entries.items():
        mark = mark_of(ledger.remotes.get(entry.provider, ""))
        if mark:
            ids = [entry.id, *(former.id for former in entry.formers)]
            yield from ((mark, address.kind_name, live_id) for live_id in ids if live_id)
