"""What a plan says beforehand of credentials that others use, or that stay behind superseded. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.errors import Problem, Severity
from reconciler.kinds import parts_of
from reconciler.matching.canonical import at_path
from reconciler.matching.rivals import plain
from reconciler.matching.users import client_of, users_of
from reconciler.model import Action, Address, Change, Origin, Ref, Superseded
from reconciler.model.times import parse_time
from reconciler.planning.context import PlanningContext
from reconciler.planning.secret_ownership import stays

_HELD = "until nobody holds it any more"


def told(context: PlanningContext, changes: Collection[Change], in_use: Collection[str]) -> Iterator[Problem]:
    """All of it.

    Args:
        changes: those that do something, and those at whose addresses something is superseded.
        in_use: ids of the apps and principals that somebody refers to still; those are told as such.
    """
    yield from _custody(context, changes)
    yield from _others(context, changes, in_use)
    yield from _superseded(context, changes, in_use)
    yield from _taken_along(context, changes)


def _custody(context: PlanningContext, changes: Collection[Change]) -> Iterator[Problem]:
    """Once per plan: a secret that this tool makes, hands over and can't give to anybody again."""
    if context.stack.recipients:
        return
    made = [change for change in changes if change.action in (Action.CREATE, Action.REPLACE)]
    readable = set(_readable(context)) if made else set()
    for change in made:
        address, resource = change.address, context.stack.resources.get(change.address)
        if resource is None or address.part:
            continue
        if address in readable:
            continue
        kind = context.kinds[address.kind_name]
        if kind.fields.shows_secret and plain(resource.attributes.get("confidential")) is True:
            words = (
                f"no copy of the secret of {address} is kept: a further integration will need a replace "
                f"of the {kind.noun} later"
            )
            hint = "secrets: {recipients: [age1…]} keeps a sealed copy; `reconcile key new` makes the key"
            yield Problem(Severity.INFO, "no-custody", words, str(address), resource.at, hint)
            return


def _readable(context: PlanningContext) -> Iterator[Address]:
    """Whose secrets can be read back from a receiver that the spec has."""
    for address, resource in context.stack.resources.items():
        if holds := context.fields(address).holds:
            value = at_path(resource.attributes, holds)
            if isinstance(value, Ref):
                yield value.source


def _others(
    context: PlanningContext, changes: Collection[Change], in_use: Collection[str]
) -> Iterator[Problem]:
    """Foreign receivers of a credential that is replaced or rotated, or ends: nobody switches them over."""
    ending = [
        change
        for change in changes
        if _ends(change) or (change.action.supersedes and change.id not in in_use)
    ]
    own = {entry.id for entry in context.entries.values()} if ending else set()
    own |= {match.live.id for match in context.matches.values() if match.live} if ending else set()
    for change in ending:
        address = change.address.parent or change.address
        match = context.matches.get(address)
        live = match.live if match else None
        client_id = client_of(context.kinds, address, live.computed if live else None)
        users = users_of(client_id, context.snapshot, context.kinds)
        others = [user for user in users if user.id not in own]
        if others:
            words = (
                f"{' and '.join(user.words for user in others)} uses this credential too, and isn't "
                f"switched over by this stack"
            )
            hint = "tell its owner: it needs another one before this one goes"
            yield Problem(Severity.WARNING, "used-by-others", words, str(change.address), hint=hint)


def _ends(change: Change) -> bool:
    """Whether a credential ends without a successor: a secret goes, a principal is deactivated."""
    if change.action is Action.UPDATE:
        return any(field.path == "active" and field.after is False for field in change.fields)
    return change.action is Action.DELETE and bool(change.address.part)


def _superseded(
    context: PlanningContext, changes: Collection[Change], in_use: Collection[str]
) -> Iterator[Problem]:
    """What stays alive beside its successor for the present, and until when."""
    for change in changes:
        address = change.address
        if change.action in (Action.BLOCKED, Action.FORGET):
            continue
        noun = context.kinds[address.kind_name].noun
        gone = {*change.removes, *change.clears}
        supersedes = change.action.supersedes and change.id not in gone and change.id not in in_use
        if supersedes and change.id and not stays(context, address, change.id):
            wait = f"for {_span(change.keeps)} after the last delivery" if change.keeps else _HELD
            yield _stays(address, f"the {noun} {change.id} stays alive, superseded, {wait}")
        entry = context.entries.get(address)
        lives = context.snapshot.of(change.provider, address.kind_name)
        for former in entry.formers if entry else ():
            is_told = former.id in gone or former.id in in_use
            if former.id in lives and not is_told and not stays(context, address, former.id):
                until = _until(context, former)
                yield _stays(address, f"the superseded {noun} {former.id} stays alive {until}")


def _taken_along(context: PlanningContext, changes: Collection[Change]) -> Iterator[Problem]:
    """Secrets that this stack didn't issue and that go with the principal they are in."""
    for change in changes:
        if change.action is not Action.DELETE or not change.id or change.id not in change.removes:
            continue
        for kind in parts_of(context.kinds, change.address.kind):
            entry = context.entries.get(change.address.inside(kind.part))
            known = [(entry.id, entry.origin), *((f.id, f.origin) for f in entry.formers)] if entry else []
            ours = {live_id for live_id, origin in known if origin is Origin.CREATED}
            inside = context.snapshot.within(change.provider, kind.name, change.id)
            theirs = sorted(live.id for live in inside if live.id not in ours)
            if theirs and not change.address.part:
                words = f"{kind.noun} {' and '.join(theirs)} goes with it, and this stack didn't issue that"
                hint = "make sure that nobody uses it; `on_destroy: deactivate` can be taken back"
                yield Problem(Severity.WARNING, "used-by-others", words, str(change.address), hint=hint)


def _until(context: PlanningContext, former: Superseded) -> str:
    wait = parse_time(former.revoke_after)
    return f"until {former.revoke_after}" if wait and wait > context.now else _HELD


def _span(seconds: int) -> str:
    """As a spec writes it."""
    units = (("d", 86400), ("h", 3600), ("m", 60))
    return next((f"{seconds // size}{unit}" for unit, size in units if seconds % size == 0), f"{seconds}s")


def _stays(address: Address, words: str) -> Problem:
    return Problem(Severity.INFO, "superseded-stays", words, str(address))
