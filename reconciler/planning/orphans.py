"""What interrupted runs left at an address: what may be removed, and what nobody ever had. Pure."""

from __future__ import annotations

from reconciler.matching.canonical import at_path
from reconciler.model import Address, CredentialState, Entry, Origin
from reconciler.planning.context import PlanningContext


def never_used(context: PlanningContext, source: Address, entry: Entry | None) -> bool:
    """Whether nobody holds the credential so far.

    A runner that isn't proven dead may deliver it still: then it isn't cleared but quarantined (rule 14).
    """
    credential = entry.credential if entry else None
    if entry is None or credential is None or entry.origin is not Origin.CREATED:
        return False  # whoever made it may use it
    if credential.state is CredentialState.FRESH:
        return True
    if credential.state is not CredentialState.SENDING:
        return False
    return entry.id not in context.held and not any(
        _may_have_arrived(context, source, entry, Address.parse(to), at) for to, at in credential.to.items()
    )


def _may_have_arrived(context: PlanningContext, source: Address, entry: Entry, to: Address, at: str) -> bool:
    match = context.matches.get(to)
    live = match.live if match else None
    if match is None or live is None:
        return False
    if not source.part:
        shown = context.fields(to).shows_referred
        return bool(shown and at_path(live.attributes, shown) == entry.computed.get("client_id"))
    return live.updated_at != at


def to_clear(context: PlanningContext, address: Address) -> tuple[str, ...]:
    """Ids that an interrupted run left at an address, and that nobody uses: they go first."""
    return context.leftovers.get(address, ())


def parent_of(context: PlanningContext, address: Address) -> str:
    """Remote id of the object that the leftovers of an address live in; "" for those that are whole."""
    intent = context.open_intents.get(address)
    return intent.parent if intent else ""
