"""What `lifecycle.adopt` names: a live id in any case, one that the ledger has had, or another sort. Pure."""

from __future__ import annotations

from reconciler.model import Address, Adopt, Entry, Ledger, Live, Lives, Origin


def same_id(left: str, right: str) -> bool:
    """Whether two ids name one object: a GUID has no case, and no other id has letters."""
    return left.casefold() == right.casefold()


def is_of_adopt(address: Address, entry: Entry | None, live: Live, adopt: Adopt) -> bool:
    """Whether a credential is the one whose value `adopt: {client_secret}` tells.

    The app that the id names; of a principal the secret that was there, and none that was issued since.
    """
    if address.part:
        return entry is None or entry.origin is not Origin.CREATED
    return same_id(live.id, adopt.id)


def by_id(objects: Lives, wanted: str) -> Live | None:
    """The live object of an id."""
    return objects.get(wanted) or next(iter(objects.by(_id, wanted.casefold())), None)


def by_client_id(objects: Lives, wanted: str) -> Live | None:
    """The live object that has this as its client id, or application id."""
    return next(iter(objects.by(_client_id, wanted.casefold())), None)


def _id(live: Live) -> tuple[str]:
    return (live.id.casefold(),)


def _client_id(live: Live) -> tuple[str]:
    return (live.computed.get("client_id", "").casefold(),)


def was_used(wanted: str, address: Address, entry: Entry | None, ledger: Ledger) -> bool:
    """Whether the ledger knows an id as one that this address has had: replaced, on its way out, or gone."""
    if entry is None or same_id(wanted, entry.id):
        return False
    known = {former.id for former in entry.formers}
    known |= {ghost.id for ghost in ledger.pending.deleted if ghost.kind == address.kind_name}
    if entry.lifecycle.adopt is not None:
        known.add(entry.lifecycle.adopt.id)  # it was taken over once, and another one came since
    return any(same_id(wanted, live_id) for live_id in known)


def conflict(wanted: str, entry: Entry) -> tuple[str, str]:
    """(code, words) for an `adopt` that names another object than the ledger's own."""
    if same_id(wanted, entry.computed.get("client_id", "")):
        words = f"{wanted} is the client id of what the ledger has here already: write adopt: {entry.id}"
    else:
        words = (
            f"lifecycle.adopt names {wanted}, and the ledger has {entry.id} here: take the adopt: out, "
            f"or give {entry.id} up first (forget:, or `reconcile ledger forget`)"
        )
    return "adopt-conflict", words


def other_id(wanted: str, meant: Live, noun: str) -> str:
    """Words for an `adopt` that gives another sort of id than the one that is asked for."""
    sort = "application id" if noun == "service principal" else "client id"
    return (
        f"{wanted} is the {sort} of the {noun} {meant.id} ({meant.name!r}), and lifecycle.adopt takes its "
        f"id: write lifecycle: {{adopt: {meant.id}}}"
    )
