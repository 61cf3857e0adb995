"""What becomes of each wanted object: kept, made, replaced or rotated, and on whose account. Pure.

The one question that crosses objects is decided here: who must get a credential that isn't at hand, so
that a new secret has to be issued, or an app to be replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from reconciler.errors import Severity
from reconciler.matching.canonical import at_path, same_leaf
from reconciler.matching.matches import Match
from reconciler.model import Address, Live, Origin, Resource, Settles, Unknown
from reconciler.model.times import parse_time
from reconciler.model.values import seconds
from reconciler.planning.context import Situation, is_at_hand, resolve
from reconciler.planning.decision_types import Fate, Fates, Verdict, is_blocked
from reconciler.planning.deliveries import all_handovers
from reconciler.planning.missing_secrets import (
    HANDOFF_MISSING,
    SECRET_NEEDED,
    absence,
    missing_handoff,
    secret_needed,
)
from reconciler.planning.named_keys import named_trouble
from reconciler.planning.orphans import never_used, to_clear
from reconciler.planning.templates import template_trouble


def decide(situation: Situation) -> Fates:
    """The fate of every wanted object."""
    verdicts: dict[Address, Verdict] = {}
    known: dict[tuple[Address, str], str] = {}
    for resource in situation.in_order:
        verdict = _unless_unmet(resource, _verdict(situation, resource, verdicts, known))
        verdicts[resource.address] = verdict
        known.update(_known_of(situation, resource.address, verdict))
    handovers = all_handovers(situation, verdicts, known).handovers
    wanted: dict[Address, list[Address]] = {}
    for address, needs in handovers.items():
        for handover in needs:
            if handover.needs is not None:
                wanted.setdefault(handover.needs, []).append(address)
    for source, receivers in wanted.items():
        asking = secret_needed(situation, source, receivers, verdicts)
        if asking:
            verdicts.update(asking)
        else:
            reissued = _reissued(situation, source, receivers, verdicts)
            verdicts[source] = _unless_unmet(situation.stack.resources[source], reissued)
    _write_missing(situation, verdicts)
    _block_dependents(situation, verdicts)
    # what is renewed on demand has dependents that didn't ask: they get the new one as well
    return all_handovers(situation, verdicts, _known(situation, verdicts))


def _verdict(
    situation: Situation,
    resource: Resource,
    verdicts: Mapping[Address, Verdict],
    known: Mapping[tuple[Address, str], str],
) -> Verdict:
    address = resource.address
    match = situation.matches[address]
    obstacle = _obstacle(situation, resource, match, verdicts)
    if obstacle is not None:
        return obstacle
    if address.part:
        return _secret_verdict(situation, resource, match, verdicts)
    if match.live is None:
        return missing_handoff(situation, resource, match) or _made(match)
    if address in situation.forced:
        return Verdict(Fate.REPLACE, "asked for on the command line")
    frozen = _immutable_differences(situation, resource, match.live, known)
    if frozen:
        return Verdict(Fate.REPLACE, f"{', '.join(frozen)} can't be changed in place", immutable=frozen)
    return Verdict(Fate.KEEP)


def _unless_unmet(resource: Resource, verdict: Verdict) -> Verdict:
    """The verdict, unless the object has to be made and an ignored field of it isn't fit for that."""
    wrong = next((p for p in resource.unmet if p.severity is Severity.ERROR), None)
    if wrong is None or not verdict.is_new:
        return verdict
    return Verdict(Fate.BLOCKED, f"{verdict.reason}, and {wrong.text}", code=wrong.code)


def _obstacle(
    situation: Situation, resource: Resource, match: Match, verdicts: Mapping[Address, Verdict]
) -> Verdict | None:
    if match.trouble:
        return Verdict(Fate.BLOCKED, match.trouble, code=match.code)
    stopped = next((d for d in resource.depends_on if is_blocked(verdicts, d)), None)
    if stopped is not None:
        return Verdict(Fate.BLOCKED, f"depends on {stopped}, which is blocked", code="depends-on-blocked")
    trouble = (
        named_trouble(situation, resource)
        or template_trouble(situation, resource)
        or _named_trouble(situation, resource)
    )
    return Verdict(Fate.BLOCKED, trouble[1], code=trouble[0]) if trouble else None


def _named_trouble(situation: Situation, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if what stands under the resource's name can't be read."""
    field = situation.fields(resource.address).name
    refusal = situation.snapshot.blocked.get((resource.provider, f"{field} {resource.attributes.get(field)}"))
    return ("unreadable", refusal) if refusal else None


LOST = "secret of an interrupted create is lost"


def _made(match: Match) -> Verdict:
    settles = match.recovered.settles if match.recovered else Settles.NOTHING
    if settles is Settles.LOST:
        return Verdict(Fate.REPLACE, LOST, unused=True)
    if settles is Settles.GIVEN_UP:
        return Verdict(Fate.MAKE, "an interrupted create of it took no effect")
    gone = "it was deleted outside of this stack" if match.vanished else "it doesn't exist yet"
    return Verdict(Fate.MAKE, gone)


def _secret_verdict(
    situation: Situation, resource: Resource, match: Match, verdicts: Mapping[Address, Verdict]
) -> Verdict:
    address = resource.address
    parent = address.parent
    left = situation.recovery.intents.get(address)
    lost = LOST if left is not None and left.settles is Settles.LOST else ""
    if parent is not None and verdicts[parent].is_new:
        return Verdict(Fate.MAKE, f"{parent} is new")
    if match.live is None:
        if match.unsure and address not in situation.forced:
            return Verdict(Fate.KEEP, "several live secrets, and it isn't known which one is in use")
        gone = "the secret on record is gone or expired" if match.vanished else "it has no secret yet"
        return _capped(situation, address, Verdict(Fate.MAKE, lost or gone))
    if address in situation.forced or (parent is not None and parent in situation.forced):
        return _capped(situation, address, Verdict(Fate.ROTATE, "asked for on the command line"))
    due = ends_soon(situation, resource, match.live)
    return _capped(situation, address, Verdict(Fate.ROTATE, due)) if due else Verdict(Fate.KEEP)


def ends_soon(situation: Situation, resource: Resource, live: Live) -> str:
    """Why time makes a rotation due; "" if it doesn't."""
    before = resource.attributes.get("rotate_before")
    ends = parse_time(live.expires_at)
    if not before or ends is None:
        return ""
    left = ends - situation.now
    if left > timedelta(seconds=seconds(str(before))):
        return ""
    return f"it expires {ends:%Y-%m-%d}, within rotate_before: {before}"


SECRET_CAP = 5  # per service principal; account API


def _capped(situation: Situation, address: Address, verdict: Verdict) -> Verdict:
    """The verdict, unless the service principal has no free slot for one more secret."""
    parent = address.parent
    match = situation.matches.get(parent) if parent else None
    if match is None or match.live is None:
        return verdict
    provider = situation.stack.resources[address].provider
    inside = sorted(
        live.id
        for live in situation.snapshot.within(provider, address.kind_name, match.live.id)
        if live.id not in to_clear(situation, address)
    )
    if len(inside) < SECRET_CAP:
        return verdict
    return Verdict(
        Fate.BLOCKED,
        f"{parent} has {len(inside)} secrets already, the most it may have, and needs one more: "
        f"delete one that is no longer used: {_listed(situation, address, inside)}",
        code="secret-cap",
    )


def _listed(situation: Situation, address: Address, ids: Sequence[str]) -> str:
    """Secrets with what is known of each: whose it is decides who may revoke it."""
    entry = situation.entries.get(address)
    formers = entry.formers if entry else ()
    origins = {former.id: former.origin for former in formers} | ({entry.id: entry.origin} if entry else {})
    words = {
        live_id: " (adopted)" if origin is not Origin.CREATED else " (ours, superseded)"
        for live_id, origin in origins.items()
    }
    if entry is not None and entry.origin is Origin.CREATED:
        words[entry.id] = " (ours, in use)"
    return ", ".join(live_id + words.get(live_id, " (not ours)") for live_id in ids)


def _immutable_differences(
    situation: Situation, resource: Resource, live: Live, known: Mapping[tuple[Address, str], str]
) -> tuple[str, ...]:
    fields = situation.fields(resource.address)
    found = []
    for path in sorted(fields.immutable):
        wanted = at_path(resource.attributes, path)
        if wanted is None or (path == fields.name and not resource.named):
            continue
        if resource.lifecycle.ignores(path):
            continue
        wanted = resolve(wanted, known)
        if isinstance(wanted, Unknown) or not same_leaf(path, wanted, at_path(live.attributes, path), fields):
            found.append(path)
    return tuple(found)


def _known(situation: Situation, verdicts: Mapping[Address, Verdict]) -> dict[tuple[Address, str], str]:
    """The values of references to objects that stay: (address, attribute) → value."""
    known: dict[tuple[Address, str], str] = {}
    for address, verdict in verdicts.items():
        known.update(_known_of(situation, address, verdict))
    return known


def _known_of(situation: Situation, address: Address, verdict: Verdict) -> dict[tuple[Address, str], str]:
    live = situation.matches[address].live
    if live is None or verdict.is_new:
        return {}
    return {(address, "id"): live.id} | {(address, name): text for name, text in live.computed.items()}


def _write_missing(situation: Situation, verdicts: dict[Address, Verdict]) -> None:
    """A handoff that is merely missing is written as soon as a credential of it is a new one anyway."""
    for address, verdict in list(verdicts.items()):
        if verdict.code == HANDOFF_MISSING and verdict.fate is Fate.KEEP:
            sources = {ref.source for ref in situation.stack.resources[address].refs if ref.is_secret}
            if any(source in verdicts and verdicts[source].is_new for source in sources):
                verdicts[address] = _made(situation.matches[address])


def _block_dependents(situation: Situation, verdicts: dict[Address, Verdict]) -> None:
    for resource in situation.in_order:
        # who needs a secret that nobody has was blocked already; the others get on without it
        stopped = next(
            (d for d in resource.depends_on if is_blocked(verdicts, d) and verdicts[d].code != SECRET_NEEDED),
            None,
        )
        if stopped is not None and not is_blocked(verdicts, resource.address):
            verdicts[resource.address] = Verdict(
                Fate.BLOCKED, f"depends on {stopped}, which is blocked", code="depends-on-blocked"
            )


def _reissued(
    situation: Situation,
    source: Address,
    receivers: Iterable[Address],
    verdicts: Mapping[Address, Verdict],
) -> Verdict:
    """The verdict of a credential's owner, now that somebody needs its value."""
    verdict = verdicts[source]
    if verdict.is_new or verdict.fate is Fate.BLOCKED or is_at_hand(situation, source):
        return verdict
    names = " and ".join(str(receiver) for receiver in sorted(receivers))
    entry = situation.entries.get(source)
    unused = never_used(situation, source, entry)
    reason = (
        "secret of an interrupted run is lost"
        if unused
        else f"its secret {absence(entry)}, and {names} must get it"
    )
    if source.part:
        fate = Fate.ROTATE if situation.matches[source].live is not None else Fate.MAKE
        return replace(_capped(situation, source, Verdict(fate, reason)), unused=unused)
    if situation.is_stateless:
        return Verdict(
            Fate.BLOCKED,
            f"{reason}: the app would have to be replaced, and without a ledger nothing is ever deleted",
            code="needs-ledger",
        )
    return Verdict(Fate.REPLACE, reason, unused=unused)
