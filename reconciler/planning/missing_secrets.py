"""What is asked about, and not replaced or issued anew, because a secret isn't at hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.matching.matches import How, Match
from reconciler.model import Action, Address, Change, Entry, Origin, Ref, Resource
from reconciler.planning.context import PlanningContext, is_at_hand, is_in_reach, is_kept, secret_fields
from reconciler.planning.decision_types import Decision

SECRET_NEEDED = "secret-needed"  # noqa: S105 - the code of a finding
HANDOFF_MISSING = "handoff-missing"
_HANDING = (Action.CREATE, Action.ADOPT, Action.UPDATE, Action.REPLACE)


def secret_needed(
    context: PlanningContext,
    source: Address,
    receivers: Sequence[Address],
    decisions: Mapping[Address, Decision],
) -> dict[Address, Decision]:
    """Blocked decisions where an app would have to be replaced that this stack only found by its name, or for
    nothing but a new handoff; empty otherwise. What is paired already goes on."""
    decision = decisions[source]
    if source.part or decision.is_new or decision.action is Action.BLOCKED or is_at_hand(context, source):
        return {}
    is_found = _origin(context, source) is Origin.FOUND
    if not is_found and not all(_is_new_handoff(context, r, decisions) for r in receivers):
        return {}
    match = context.matches[source]
    ways_out = _ways_out(source, match.live.id if match.live else "ID", is_found=is_found)
    words = f"it needs the secret of {source}, which {absence(match.entry)}; {ways_out}"
    blocked = {receiver: Decision(Action.BLOCKED, words, code=SECRET_NEEDED) for receiver in receivers}
    if is_found and match.how is How.NAME:
        names = " and ".join(str(receiver) for receiver in sorted(receivers))
        words = f"it was found by its name, and {names} must get its secret; {ways_out}"
        blocked[source] = Decision(Action.BLOCKED, words, code=SECRET_NEEDED)
    return blocked


def _ways_out(source: Address, live_id: str, *, is_found: bool) -> str:
    if not is_found:
        return f"`--replace {source}` makes a new app"
    return (
        f"give its secret, `lifecycle: {{adopt: {{id: {live_id}, client_secret: $"
        f"{{env.NAME}}}}}}`; or take another `name` for a new app; "
        f"or name its id, `lifecycle: {{adopt: {live_id}}}`, and a replace is planned, which needs approval"
    )


def shut_copies(context: PlanningContext, changes: Iterable[Change]) -> list[tuple[Address, Address]]:
    """What a plan hands over and this machine has no private key for: (receiver, whose secret), sorted.

    None of a plan that was made here; one that was made elsewhere takes for granted that there is a key.
    """
    planned = {change.address: change for change in changes if change.is_pending}
    found = []
    for address, change in planned.items():
        resource = context.stack.resources.get(address) if change.action in _HANDING else None
        is_whole = change.action.makes or context.kinds[address.kind_name].is_written_whole
        handed = {field.path for field in change.fields}
        for path, value in secret_fields(resource).items() if resource else ():
            if not isinstance(value, Ref) or not (is_whole or path in handed):
                continue
            is_new = value.source in planned and planned[value.source].action.makes
            if not is_new and is_kept(context, value.source) and not is_at_hand(context, value.source):
                found.append((address, value.source))
    return sorted(found)


def absence(entry: Entry | None) -> str:
    """Whether a secret was at hand once, in words."""
    was_here = entry is not None and entry.credential is not None and bool(entry.credential.mark)
    return "isn't at hand any more" if was_here else "was never at hand here"


def _origin(context: PlanningContext, address: Address) -> Origin | None:
    match = context.matches[address]
    if match.how is How.NAME:
        return Origin.FOUND
    entry = match.entry
    return entry.origin_under(context.stack.resources[address].lifecycle) if entry else None


def _is_new_handoff(
    context: PlanningContext, address: Address, decisions: Mapping[Address, Decision]
) -> bool:
    kind = context.kinds[address.kind_name]
    return kind.is_elsewhere and decisions[address].action is Action.CREATE


def missing_handoff(context: PlanningContext, resource: Resource, match: Match) -> Decision | None:
    """A file that the ledger knows and this machine lacks: written where its values are at hand, and
    otherwise left as it is, since another machine has it."""
    if not context.kinds[resource.address.kind_name].is_elsewhere or not match.vanished:
        return None
    sources = {ref.source for ref in resource.refs if ref.is_secret}
    if all(is_in_reach(context, source) for source in sources):
        return None
    words = "the file isn't on this machine, and its secrets aren't at hand to write it anew"
    return Decision(Action.NO_OP, words, code=HANDOFF_MISSING)
