"""What `ledger forget` and `ledger move` do to a ledger; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches

from reconciler.errors import LedgerError
from reconciler.model import Address, Entry, GivenUp, Ledger

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


def _moved(tombstone: GivenUp, new: Renaming) -> GivenUp:
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
