"""What becomes of each wanted object: kept, made, replaced or rotated, and on whose account. Pure.

The one question that crosses objects is decided here: who must get a credential that isn't at hand, so
that a new secret has to be issued, or an app to be replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from reconciler.model import (
    Address,
    CredentialState,
    Delivery,
    Entry,
    Live,
    Ref,
    Resource,
    SecretInput,
    Unknown,
)
from reconciler.model.values import seconds
from reconciler.planning.compare import at_path, same_leaf
from reconciler.planning.matching import How, Match
from reconciler.planning.situation import Situation, in_order, resolve, secret_fields
from reconciler.planning.times import parse_time
from reconciler.planning.workspaces import workspace_trouble
from reconciler.secrets import Fingerprint


class Fate(str, Enum):
    """What becomes of one wanted object."""

    KEEP = "keep"
    MAKE = "make"
    REPLACE = "replace"
    ROTATE = "rotate"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Verdict:
    """The fate of one address with its reason.

    Attributes:
        immutable: the attributes that the API can't change and that differ.
        unused: its secret never reached anyone, so that renewing it hurts nobody.
        code: of the problem, when blocked.
    """

    fate: Fate
    reason: str = ""
    immutable: tuple[str, ...] = ()
    unused: bool = False
    code: str = ""

    @property
    def is_new(self) -> bool:
        """Whether its remote id will be another one."""
        return self.fate in (Fate.MAKE, Fate.REPLACE, Fate.ROTATE)


@dataclass(frozen=True)
class Handover:
    """A secret field of an integration that is to be delivered, and why.

    Attributes:
        needs: the credential's address, when the value has to come from there; None for the user's own.
        drifted: because someone else modified the integration.
    """

    path: str
    reason: str
    needs: Address | None = None
    drifted: bool = False


@dataclass(frozen=True)
class Fates:
    """The verdicts of a stack, the handovers they ask for, and the values of references.

    Attributes:
        unverified: integrations whose secret can't be vouched for → why.
    """

    verdicts: Mapping[Address, Verdict]
    handovers: Mapping[Address, tuple[Handover, ...]]
    known: Mapping[tuple[Address, str], str]
    unverified: Mapping[Address, str]


def decide(situation: Situation) -> Fates:
    """The fate of every wanted object."""
    verdicts: dict[Address, Verdict] = {}
    known: dict[tuple[Address, str], str] = {}
    for resource in in_order(situation.stack):
        verdict = _verdict(situation, resource, verdicts, known)
        verdicts[resource.address] = verdict
        known.update(_known_of(situation, resource.address, verdict))
    handovers, unverified = _all_handovers(situation, verdicts, known)
    wanted: dict[Address, list[Address]] = {}
    for address, needs in handovers.items():
        for handover in needs:
            if handover.needs is not None:
                wanted.setdefault(handover.needs, []).append(address)
    for source, receivers in wanted.items():
        verdicts[source] = _reissued(situation, source, receivers, verdicts)
    _block_dependents(situation, verdicts)
    # what is renewed on demand has dependents that didn't ask: they get the new one as well
    known = _known(situation, verdicts)
    handovers, unverified = _all_handovers(situation, verdicts, known)
    return Fates(verdicts, handovers, known, unverified)


def _verdict(
    situation: Situation,
    resource: Resource,
    verdicts: Mapping[Address, Verdict],
    known: Mapping[tuple[Address, str], str],
) -> Verdict:
    address = resource.address
    match = situation.matches[address]
    if match.trouble:
        return Verdict(Fate.BLOCKED, match.trouble, code=match.code)
    stopped = next((d for d in resource.depends_on if _is_blocked(verdicts, d)), None)
    if stopped is not None:
        return Verdict(Fate.BLOCKED, f"depends on {stopped}, which is blocked", code="depends-on-blocked")
    if address.part:
        return _secret_verdict(situation, resource, match, verdicts)
    trouble = workspace_trouble(situation, resource)
    if trouble:
        return Verdict(Fate.BLOCKED, trouble[1], code=trouble[0])
    if match.live is None:
        reason = "it was deleted outside of this stack" if match.vanished else "it doesn't exist yet"
        return Verdict(Fate.MAKE, reason)
    if address in situation.forced:
        return Verdict(Fate.REPLACE, "asked for on the command line")
    frozen = _immutable_differences(situation, resource, match.live, known)
    if frozen:
        listed = ", ".join(frozen)
        return Verdict(Fate.REPLACE, f"{listed} can't be changed in place", immutable=frozen)
    return Verdict(Fate.KEEP)


def _secret_verdict(
    situation: Situation, resource: Resource, match: Match, verdicts: Mapping[Address, Verdict]
) -> Verdict:
    address = resource.address
    parent = address.parent
    if parent is not None and verdicts[parent].is_new:
        return Verdict(Fate.MAKE, f"{parent} is new")
    if match.live is None:
        if match.unsure and address not in situation.forced:
            return Verdict(Fate.KEEP, "several live secrets, and it isn't known which one is in use")
        gone = "the secret on record is gone or expired" if match.vanished else "it has no secret yet"
        return _capped(situation, address, Verdict(Fate.MAKE, gone))
    if address in situation.forced or (parent is not None and parent in situation.forced):
        return _capped(situation, address, Verdict(Fate.ROTATE, "asked for on the command line"))
    due = _due(situation, resource, match.live)
    return _capped(situation, address, Verdict(Fate.ROTATE, due)) if due else Verdict(Fate.KEEP)


def _due(situation: Situation, resource: Resource, live: Live) -> str:
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
    inside = sorted(live.id for live in situation.snapshot.within(provider, address.kind_name, match.live.id))
    if len(inside) < SECRET_CAP:
        return verdict
    return Verdict(
        Fate.BLOCKED,
        f"{parent} has {len(inside)} secrets already, the most it may have, and needs one more: "
        f"delete one that is no longer used ({', '.join(inside)})",
        code="secret-cap",
    )


def _immutable_differences(
    situation: Situation, resource: Resource, live: Live, known: Mapping[tuple[Address, str], str]
) -> tuple[str, ...]:
    fields = situation.fields(resource.address)
    found = []
    for path in sorted(fields.immutable):
        wanted = at_path(resource.attributes, path)
        if wanted is None or (path == fields.name and not resource.named):
            continue
        if any(path == skip or path.startswith(f"{skip}.") for skip in resource.lifecycle.ignore):
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


def _is_blocked(verdicts: Mapping[Address, Verdict], address: Address) -> bool:
    return address in verdicts and verdicts[address].fate is Fate.BLOCKED


def _block_dependents(situation: Situation, verdicts: dict[Address, Verdict]) -> None:
    for resource in in_order(situation.stack):
        stopped = next((d for d in resource.depends_on if _is_blocked(verdicts, d)), None)
        if stopped is not None and not _is_blocked(verdicts, resource.address):
            verdicts[resource.address] = Verdict(
                Fate.BLOCKED, f"depends on {stopped}, which is blocked", code="depends-on-blocked"
            )


# --- who must get which credential -----------------------------------------------------------------------


def _all_handovers(
    situation: Situation,
    verdicts: Mapping[Address, Verdict],
    known: Mapping[tuple[Address, str], str],
) -> tuple[dict[Address, tuple[Handover, ...]], dict[Address, str]]:
    handovers: dict[Address, tuple[Handover, ...]] = {}
    unverified: dict[Address, str] = {}
    for resource in situation.stack.resources.values():
        if _is_blocked(verdicts, resource.address):
            continue
        secrets = secret_fields(resource)
        if not secrets:
            continue
        judge = _Judge(situation, resource, verdicts, known)
        found = [judge.handover(path, value) for path, value in secrets.items()]
        handovers[resource.address] = tuple(h for h in found if h is not None)
        if judge.unverified and not handovers[resource.address]:
            unverified[resource.address] = judge.unverified
    return handovers, unverified


class _Judge:
    """Whether the secret fields of one integration have to be delivered."""

    def __init__(
        self,
        situation: Situation,
        resource: Resource,
        verdicts: Mapping[Address, Verdict],
        known: Mapping[tuple[Address, str], str],
    ) -> None:
        self.situation = situation
        self.resource = resource
        self.verdicts = verdicts
        self.known = known
        self.match = situation.matches[resource.address]
        self.entry = self.match.entry if self.match.how is How.LEDGER else None
        self.is_new = verdicts[resource.address].is_new
        self.unverified = ""

    @property
    def was_touched(self) -> bool:
        """Whether someone else modified the integration since our last write."""
        live, entry = self.match.live, self.entry
        return bool(live and entry and entry.updated_at and live.updated_at != entry.updated_at)

    def handover(self, path: str, value: Ref | SecretInput) -> Handover | None:
        if any(path == skip or path.startswith(f"{skip}.") for skip in self.resource.lifecycle.ignore):
            return Handover(path, "it is new", _source(value)) if self.is_new else None
        delivery = self.entry.deliveries.get(path) if self.entry else None
        if isinstance(value, SecretInput):
            return self._own(path, value, delivery)
        return self._issued(path, value, delivery)

    def _own(self, path: str, value: SecretInput, delivery: Delivery | None) -> Handover | None:
        if self.is_new:
            return Handover(path, "it is new")
        if value.secret is None:
            return None  # plans need no keys: counts as unchanged
        if delivery is None or not delivery.mark:
            return Handover(path, "it was never delivered by this stack")
        if not Fingerprint(delivery.salt, delivery.mark).matches(value.secret):
            return Handover(path, "last delivered value differs")
        if self.was_touched:
            return Handover(path, "someone else modified the integration", drifted=True)
        return None

    def _issued(self, path: str, ref: Ref, delivery: Delivery | None) -> Handover | None:
        source = ref.source
        verdict = self.verdicts.get(source)
        if self.is_new:
            return Handover(path, "it is new", source)
        if verdict is not None and verdict.is_new:
            return Handover(path, f"{source} gets a new one", source)
        if self.entry is None:
            return None if self._is_paired(ref) else Handover(path, "it has another client_id", source)
        if delivery is None:
            return Handover(path, "it was never delivered by this stack", source)
        if delivery.source is not None and delivery.credential != self._on_record(source):
            return Handover(path, "last delivered value differs", source)
        if delivery.source is None:
            return Handover(path, "it came from elsewhere so far", source)
        if self.was_touched:
            self.unverified = (
                "someone else modified it since our last write, and its secret can't be read back"
            )
        return None

    def _is_paired(self, ref: Ref) -> bool:
        """Whether an adopted integration refers to the very object that its spec names (secrets on trust)."""
        live = self.match.live
        wanted = self.known.get((ref.address, "client_id"))
        return (
            live is not None and wanted is not None and wanted == at_path(live.attributes, "config.client_id")
        )

    def _on_record(self, source: Address) -> str:
        live = self.situation.matches[source].live if source in self.situation.matches else None
        return live.id if live else ""


def _source(value: Ref | SecretInput) -> Address | None:
    return value.source if isinstance(value, Ref) else None


def _reissued(
    situation: Situation,
    source: Address,
    receivers: Iterable[Address],
    verdicts: Mapping[Address, Verdict],
) -> Verdict:
    """The verdict of a credential's owner, now that somebody needs its value."""
    verdict = verdicts[source]
    if verdict.is_new or verdict.fate is Fate.BLOCKED or _is_at_hand(situation, source):
        return verdict
    names = " and ".join(str(receiver) for receiver in sorted(receivers))
    entry = situation.entries.get(source)
    unused = _never_used(entry)
    reason = (
        "secret of an interrupted run is lost"
        if unused
        else f"its secret isn't at hand any more, and {names} must get it"
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


def _never_used(entry: Entry | None) -> bool:
    return bool(entry and entry.credential and entry.credential.state is CredentialState.FRESH)


def _is_at_hand(situation: Situation, source: Address) -> bool:
    """Whether the value is known without asking for a new one: the user gave it with `adopt:`."""
    owner = source.parent or source
    resource = situation.stack.resources.get(owner)
    adopt = resource.lifecycle.adopt if resource else None
    return bool(adopt and adopt.client_secret)
