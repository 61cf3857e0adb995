"""What lies on another machine: it is as the ledger says, and what has to be written there waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.matching.canonical import at_path, leaves, same_leaf
from reconciler.matching.matches import How
from reconciler.model import Action, Address, Entry, Ref, Resource, Text
from reconciler.model.values import is_unknown
from reconciler.planning.context import PlanningContext, is_kept, is_secret, secret_fields
from reconciler.planning.decision_types import Decision


def is_elsewhere(context: PlanningContext, provider: str, kind_name: str) -> bool:
    """Whether objects of a kind couldn't be looked at, as their system isn't on this machine."""
    kind = context.kinds[kind_name]
    return bool(kind.elsewhere) and (provider, kind_name) not in context.snapshot.objects


def unseen(context: PlanningContext, resource: Resource) -> Decision | None:
    """The decision of what can't be seen from here; None for what can."""
    kind = context.kinds[resource.address.kind_name]
    if not is_elsewhere(context, resource.provider, kind.name):
        return None
    match = context.matches[resource.address]
    where = f"what {resource.provider} has is on another machine"
    if match.entry is None or match.how is not How.LEDGER:
        return Decision(Action.BLOCKED, f"{where}, where it has to be made", code=kind.elsewhere)
    if paths := _edited(context, resource, match.entry):
        words = f"{where}, where {', '.join(paths)} has to be written"
        return Decision(Action.BLOCKED, words, code=kind.elsewhere)
    return Decision(Action.NO_OP, f"{where}: it is taken to be as the ledger says", code=kind.elsewhere)


def settle(context: PlanningContext, decisions: dict[Address, Decision]) -> None:
    """What has to be delivered there waits in its sealed copy; where none is kept, it isn't issued."""
    for address, decision in list(decisions.items()):
        code = context.kinds[address.kind_name].elsewhere if decision.code else ""
        if decision.action is not Action.NO_OP or not code or decision.code != code:
            continue
        resource = context.stack.resources[address]
        for source in sorted(_waiting(context, resource, decisions)):
            is_new = decisions[source].is_new
            if context.stack.recipients if is_new else is_kept(context, source):
                words = (
                    f"a new credential of {source} waits for an apply where {resource.provider} has its files"
                )
                decisions[address] = Decision(Action.NO_OP, words, code=code)
                continue
            words = f"{address} has to get it, and is on another machine; no copy is kept to deliver it there"
            if is_new:
                decisions[source] = Decision(Action.BLOCKED, words, code=code)
            else:
                decisions[address] = Decision(Action.BLOCKED, f"the secret of {source}: {words}", code=code)


def _edited(context: PlanningContext, resource: Resource, entry: Entry) -> list[str]:
    """The fields that aren't as they were last written; what others' objects give is `_waiting`."""
    fields = context.fields(resource.address)
    found = []
    for path, wanted in leaves(resource.attributes):
        is_theirs = is_secret(wanted) or is_unknown(wanted) or isinstance(wanted, (Ref, Text))
        if is_theirs or resource.lifecycle.ignores(path) or (path == fields.name and not resource.named):
            continue
        if not same_leaf(path, wanted, at_path(entry.applied, path), fields):
            found.append(path)
    for name in sorted(fields.complete):
        ours, kept = entry.applied.get(name) or {}, resource.attributes.get(name) or {}
        found += [f"{name}.{key}" for key in sorted(set(ours) - set(kept))]
    return found


def _waiting(
    context: PlanningContext, resource: Resource, decisions: Mapping[Address, Decision]
) -> set[Address]:
    """The credentials that it has to get, and didn't yet."""
    entry = context.matches[resource.address].entry
    found = set()
    for path, value in secret_fields(resource).items():
        source = getattr(value, "source", None)
        if not isinstance(source, Address) or source not in decisions:
            continue
        delivery = entry.deliveries.get(path) if entry else None
        on_record = context.entries.get(source)
        is_old = delivery is None or on_record is None or delivery.credential != on_record.id
        if decisions[source].is_new or is_old:
            found.add(source)
    return found
