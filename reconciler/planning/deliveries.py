"""Which integrations and handoffs must get which credential, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.matching.canonical import at_path, leaves, same_leaf
from reconciler.matching.matches import How
from reconciler.matching.recovery import Recovered
from reconciler.model import Action, Address, Credential, Delivery, Ref, Resource, SecretInput
from reconciler.planning.context import Known, PlanningContext, is_in_reach, is_kept, secret_fields
from reconciler.planning.decision_types import Decision, Decisions, PlannedDelivery, is_blocked
from reconciler.secrets import SENSITIVE, Fingerprint


def planned_deliveries_of(
    context: PlanningContext,
    decisions: Mapping[Address, Decision],
    known: Known,
) -> Decisions:
    """What every integration and handoff must get, given the decisions about credentials."""
    planned_deliveries: dict[Address, tuple[PlannedDelivery, ...]] = {}
    unverified: dict[Address, str] = {}
    delivered: dict[Address, tuple[str, ...]] = {}
    for resource in context.stack.resources.values():
        decision = decisions[resource.address]
        is_left = bool(decision.code) and decision.action is Action.NO_OP  # it isn't here to be written
        if is_blocked(decisions, resource.address) or is_left:
            continue
        secrets = secret_fields(resource)
        if not secrets:
            continue
        receiver = _ReceiverDeliveries(context, resource, decisions, known)
        found = [receiver.planned_delivery(path, value) for path, value in secrets.items()]
        planned_deliveries[resource.address] = tuple(h for h in found if h is not None)
        if receiver.unverified and not planned_deliveries[resource.address]:
            unverified[resource.address] = receiver.unverified
        if receiver.delivered:
            delivered[resource.address] = tuple(receiver.delivered)
    return Decisions(decisions, planned_deliveries, known, unverified, delivered)


class _ReceiverDeliveries:
    """Whether the secret fields of one receiver, an integration or a handoff, have to be delivered."""

    def __init__(
        self,
        context: PlanningContext,
        resource: Resource,
        decisions: Mapping[Address, Decision],
        known: Known,
    ) -> None:
        self.context = context
        self.resource = resource
        self.decisions = decisions
        self.known = known
        self.match = context.matches[resource.address]
        self.entry = self.match.entry if self.match.how is How.LEDGER else None
        self.is_new = decisions[resource.address].is_new
        self.fields = context.fields(resource.address)
        self.noun = context.kinds[resource.address.kind_name].noun
        self.touched = f"someone else modified the {self.noun}"
        self.unverified = ""
        self.delivered: list[str] = []

    @property
    def was_touched(self) -> bool:
        """Whether someone else modified the receiver since our last write."""
        live, entry = self.match.live, self.entry
        return bool(live and entry and entry.updated_at and live.updated_at != entry.updated_at)

    def planned_delivery(self, path: str, value: Ref | SecretInput) -> PlannedDelivery | None:
        if self.resource.lifecycle.ignores(path):
            return PlannedDelivery(path, "it is new", _source(value)) if self.is_new else None
        delivery = self.entry.deliveries.get(path) if self.entry else None
        broken = "" if self.is_new else self._broken_seal(path)
        if broken:
            return PlannedDelivery(
                path, broken, _source(value), drifted=delivery is not None and self.was_touched
            )
        if isinstance(value, SecretInput):
            return self._own(path, value, delivery)
        return self._issued(path, value, delivery)

    def _own(self, path: str, value: SecretInput, delivery: Delivery | None) -> PlannedDelivery | None:
        if self.is_new:
            return PlannedDelivery(path, "it is new")
        if value.secret is None and not value.mark:
            return None  # plans need no keys: counts as unchanged
        if delivery is None or not delivery.mark:
            return PlannedDelivery(path, "it was never delivered by this stack")
        if not _is_same(value, delivery):
            return PlannedDelivery(path, "last delivered value differs")
        if self.was_touched:
            return PlannedDelivery(path, self.touched, drifted=True)
        return None

    def _broken_seal(self, path: str) -> str:
        """Why a receiver that shows what it holds needs a value anew, whatever was delivered; else ""."""
        live, keys = self.match.live, self.fields.sealed_to
        if live is None or not keys:
            return ""
        if not same_leaf(keys, self.resource.attributes.get(keys), live.attributes.get(keys), self.fields):
            return "it is sealed to other keys"
        held = at_path(live.attributes, path)
        return "" if held == SENSITIVE else f"the {self.noun} doesn't hold it sealed"

    def _issued(self, path: str, ref: Ref, delivery: Delivery | None) -> PlannedDelivery | None:
        source = ref.source
        decision = self.decisions.get(source)
        if self.is_new:
            return PlannedDelivery(path, "it is new", source)
        if decision is not None and decision.is_new:
            return PlannedDelivery(path, f"{source} gets a new one", source)
        if self.match.recovered is not None and self.match.how is How.INTENT:
            return self._found(path, source, self.match.recovered)
        if self.entry is None:
            return None if self._is_paired(ref) else PlannedDelivery(path, "it has another client_id", source)
        return self._remembered(path, ref, delivery)

    def _remembered(self, path: str, ref: Ref, delivery: Delivery | None) -> PlannedDelivery | None:
        """By what the ledger says was delivered last."""
        source = ref.source
        if delivery is None:
            return PlannedDelivery(path, "it was never delivered by this stack", source)
        if delivery.source is None:
            return PlannedDelivery(path, "it came from elsewhere so far", source)
        if delivery.credential != self._on_record(source):
            return self._superseded(path, ref)
        if self._may_hold_a_former(source):
            return PlannedDelivery(
                path, "a run that was taken over may have delivered a superseded secret", source
            )
        if self.was_touched and is_in_reach(self.context, source):
            return PlannedDelivery(path, self.touched, source, drifted=True)
        if self.was_touched:
            self.unverified = (
                "someone else modified it since our last write, and its secret can't be read back"
            )
            if is_kept(self.context, source):
                self.unverified += "; an apply that has the private key, or the file, delivers it again"
        return None

    def _found(self, path: str, source: Address, recovered: Recovered) -> PlannedDelivery | None:
        """An integration that an interrupted create made: it holds what its intent says."""
        if recovered.doubtful:
            return PlannedDelivery(path, "it isn't known which credential it was made with", source)
        if recovered.intent.credential != self._on_record(source) and not self._was_sent(source):
            return PlannedDelivery(path, "it was made with an earlier credential", source)
        return None

    def _superseded(self, path: str, ref: Ref) -> PlannedDelivery | None:
        """Another one is on record by now; but an interrupted delivery of it may have arrived."""
        source = ref.source
        credential = self._credential(source)
        receiver = str(self.resource.address)
        if credential is None or receiver not in credential.to:
            return PlannedDelivery(path, "last delivered value differs", source)
        live = self.match.live
        if not source.part:
            # an app's client id tells: id and secret always go in one PATCH
            if self._is_paired(ref):
                self.delivered.append(path)
                return None
            return PlannedDelivery(path, "takes up an interrupted switch", source)
        if live is not None and live.updated_at == credential.to[receiver]:
            return PlannedDelivery(path, "takes up an interrupted rotation", source)
        return PlannedDelivery(path, "not known which secret it has", source)

    def _was_sent(self, source: Address) -> bool:
        """Whether the credential on record was on its way here: an intent names only one of several."""
        credential = self._credential(source)
        return credential is not None and str(self.resource.address) in credential.to

    def _credential(self, source: Address) -> Credential | None:
        entry = self.context.entries.get(source)
        return entry.credential if entry else None

    def _may_hold_a_former(self, source: Address) -> bool:
        """Whether a runner that we couldn't prove dead may have delivered a predecessor since."""
        live, entry = self.match.live, self.context.entries.get(source)
        if live is None or entry is None:
            return False
        now = at_path(live.attributes, self.fields.shows_referred) if self.fields.shows_referred else None
        for former in entry.formers:
            if not source.part and now is not None and former.computed.get("client_id") == now:
                return True
            sent = former.credential.to if former.credential else {}
            if source.part and str(self.resource.address) in sent and self.was_touched:
                return True
        return False

    def _is_paired(self, ref: Ref) -> bool:
        """Whether an adopted receiver refers to the very object that its spec names (secrets on trust)."""
        live = self.match.live
        wanted = self.known(ref.address, "client_id")
        if live is None or wanted is None:
            return False
        beside = Ref(ref.address, "client_id")
        paths = [path for path, value in leaves(self.resource.attributes) if value == beside]
        shown = [self.fields.shows_referred] if self.fields.shows_referred else []
        return any(at_path(live.attributes, path) == wanted for path in (*shown, *paths))

    def _on_record(self, source: Address) -> str:
        live = self.context.matches[source].live if source in self.context.matches else None
        return live.id if live else ""


def _is_same(value: SecretInput, delivery: Delivery) -> bool:
    """Whether a value is what was delivered; what a handoff brings is known by its fingerprint alone."""
    if value.mark:
        return (value.salt, value.mark) == (delivery.salt, delivery.mark)
    return Fingerprint(delivery.salt, delivery.mark).matches(value.secret)


def _source(value: Ref | SecretInput) -> Address | None:
    return value.source if isinstance(value, Ref) else None
