"""What `ledger forget`, `move` and `move-provider` do to a ledger; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from difflib import get_close_matches

from reconciler.errors import LedgerError
from reconciler.model import Address, Entry, Ledger, ProviderSpec, Tombstone

Renaming = Callable[[Address], Address]


def forget(ledger: Ledger, address: Address) -> Ledger:
    """The ledger without an address, its parts, and all that is pending there; the live object stays.

    Raises:
        LedgerError: `unknown-address`.
    """
    _check_known(ledger, address)
    pending = ledger.pending
    return replace(
        ledger,
        entries={a: entry for a, entry in ledger.entries.items() if not _is_of(a, address)},
        pending=replace(
            pending,
            intents={a: intent for a, intent in pending.intents.items() if not _is_of(a, address)},
            given_up=tuple(one for one in pending.given_up if not _is_of(one.address, address)),
        ),
    )


def move(ledger: Ledger, source: Address, target: Address) -> Ledger:
    """The ledger with an address renamed, its parts with it, and everything that refers to them.

    Raises:
        LedgerError: `unknown-address`; or `bad-move`: the target is taken or of another kind, or the source
            is a part.
    """
    _check_known(ledger, source)
    _check_move(ledger, source, target)

    def new(address: Address) -> Address:
        if address == source:
            return target
        return target.inside(address.part) if address.parent == source else address

    pending = ledger.pending
    return replace(
        ledger,
        entries={new(address): _renamed(entry, new) for address, entry in ledger.entries.items()},
        pending=replace(
            pending,
            intents={new(address): intent for address, intent in pending.intents.items()},
            given_up=tuple(_moved(one, new) for one in pending.given_up),
        ),
    )


def within(ledger: Ledger, provider: str) -> Ledger:
    """The part of a ledger that is about one provider."""
    entries = {address: entry for address, entry in ledger.entries.items() if entry.provider == provider}
    return replace(ledger, entries=entries, pending=replace(ledger.pending, intents={}, given_up=()))


def check_move(ledger: Ledger, provider: ProviderSpec) -> None:
    """Whether a provider can be moved at all.

    Raises:
        LedgerError: `bad-move`: the ledger has nothing there, or the spec says no address.
    """
    name = provider.name
    if name not in ledger.remotes:
        raise LedgerError(f"the ledger of {ledger.stack!r} has nothing at {name} to move", code="bad-move")
    if not provider.identity:
        raise LedgerError(f"the provider {name} has no address to move to", code="bad-move", at=provider.at)


def move_provider(ledger: Ledger, provider: ProviderSpec, live: Collection[tuple[str, str]]) -> Ledger:
    """The ledger with the new address of a remote system that shows all that the stack owns there.

    Args:
        live: (kind name, id) of what the system at the new address shows.

    Raises:
        LedgerError: `bad-move`: something isn't there: it is another system.
    """
    check_move(ledger, provider)
    owned = within(ledger, provider.name).entries
    missing = sorted(
        f"{address} ({live_id})"
        for address, entry in owned.items()
        for live_id in (entry.id, *(former.id for former in entry.formers))
        if live_id and (address.kind_name, live_id) not in live
    )
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise LedgerError(
            f"{provider.name} can't be moved: {provider.shown_identity} doesn't show {shown}",
            hint="nothing was changed; a system of its own needs a stack of its own",
            code="bad-move",
            at=provider.at,
        )
    return replace(ledger, remotes={**ledger.remotes, provider.name: provider.record})


def _check_move(ledger: Ledger, source: Address, target: Address) -> None:
    if source.part or target.part:
        raise LedgerError(
            f"{source if source.part else target} is a part and moves with what it belongs to",
            hint=f"move {source.parent or source} to {target.parent or target}",
            address=str(source),
            code="bad-move",
        )
    if source.kind != target.kind:
        raise LedgerError(
            f"{source} can't become {target}: that is another kind", address=str(source), code="bad-move"
        )
    if any(_is_of(address, target) for address in _known(ledger)):
        raise LedgerError(
            f"{source} can't be moved: the ledger has {target} already",
            hint=f"`reconcile ledger forget {target}` first, if it isn't needed",
            address=str(target),
            code="bad-move",
        )


def _check_known(ledger: Ledger, address: Address) -> None:
    known = _known(ledger)
    if any(_is_of(one, address) for one in known):
        return
    close = get_close_matches(str(address), sorted(map(str, known)), n=1)
    raise LedgerError(
        f"the ledger of the stack {ledger.stack!r} doesn't know {address}",
        hint=f"did you mean {close[0]}?" if close else "`reconcile ledger show` lists what it knows",
        address=str(address),
        code="unknown-address",
    )


def _known(ledger: Ledger) -> set[Address]:
    pending = ledger.pending
    return {*ledger.entries, *pending.intents, *(one.address for one in pending.given_up)}


def _is_of(address: Address, whole: Address) -> bool:
    return whole in (address, address.parent)


def _moved(tombstone: Tombstone, new: Renaming) -> Tombstone:
    return replace(tombstone, address=new(tombstone.address))


def _renamed(entry: Entry, new: Renaming) -> Entry:
    """An entry whose references follow; the same object where nothing changes."""
    depends_on = tuple(sorted(new(address) for address in entry.depends_on))
    deliveries = {
        path: replace(delivery, source=new(delivery.source)) if delivery.source else delivery
        for path, delivery in entry.deliveries.items()
    }
    if depends_on == entry.depends_on and deliveries == entry.deliveries:
        return entry
    return replace(entry, depends_on=depends_on, deliveries=deliveries)
