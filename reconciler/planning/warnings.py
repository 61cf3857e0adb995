"""What a person should know beside the changes of a plan: nothing here stops anybody. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.errors import Problem, Severity
from reconciler.model import Action, Address, Change
from reconciler.model.values import seconds
from reconciler.planning.needing import HANDOFF_MISSING
from reconciler.planning.removing import kept_alive
from reconciler.planning.situation import Situation
from reconciler.planning.times import parse_time
from reconciler.planning.using import is_owner, unseen
from reconciler.planning.verdicts import Fates


def warnings_of(situation: Situation, fates: Fates, changes: Iterable[Change]) -> list[Problem]:
    """All warnings of a plan, in the order of their subjects."""
    planned = list(changes)
    found = [*_secrets(situation, fates, {change.address for change in planned})]
    found += _unseen(situation, planned)
    for address, words in kept_alive(situation, planned):
        hint = (
            "switch it over, or delete it: the next apply removes what is superseded; "
            f"`reconcile ledger forget {address}` gives up an address that left the spec"
        )
        found.append(Problem(Severity.WARNING, "still-in-use", words, str(address), hint=hint))
    for address, words in situation.recovery.troubles.items():
        hint = "delete it by hand if nobody wants it, or take it over with lifecycle: {adopt: ID}"
        found.append(Problem(Severity.WARNING, "stray-unresolved", words, str(address), hint=hint))
    if situation.ledger.is_new and not situation.is_stateless and situation.stack.ledger_url:
        words = "the configured ledger doesn't exist yet; it will be made by the first apply"
        found.append(Problem(Severity.WARNING, "ledger-new", words))
    return found


def _unseen(situation: Situation, changes: Iterable[Change]) -> Iterator[Problem]:
    """Servers whose integrations nobody could look at, where something goes that they may use."""
    servers = unseen(situation.stack, situation.snapshot)
    going = [
        change
        for change in changes
        if is_owner(change.address) and change.action in (Action.DELETE, Action.REPLACE)
    ]
    for change in going if servers else ():
        words = f"{', '.join(servers)} couldn't be looked at: an integration there may use it"
        hint = "give that provider a credential, or make sure by hand that nobody uses it"
        yield Problem(Severity.WARNING, "users-unknown", words, str(change.address), hint=hint)


def _secrets(situation: Situation, fates: Fates, kept: set[Address]) -> Iterator[Problem]:
    for address, words in fates.unverified.items():
        if address in kept:
            yield _warning(situation, address, "secret-unverified", words, "reconcile rotate")
    for address, verdict in fates.verdicts.items():
        if verdict.code == HANDOFF_MISSING and address in kept:
            hint = (
                "fetch the file from where it was written, or issue its credentials anew (`reconcile rotate`)"
            )
            at = situation.stack.resources[address].at
            yield Problem(Severity.WARNING, verdict.code, verdict.reason, str(address), at, hint)
    for address, match in situation.matches.items():
        if match.unsure and address in kept:
            words = (
                f"{address.parent} has several live secrets ({', '.join(match.unsure)}), "
                f"and it isn't known which one is in use"
            )
            yield _warning(situation, address, "secret-unknown", words, "reconcile rotate")
        if match.live is not None and _outlives(situation, address):
            words = "the live secret outlives the wanted lifetime; the next rotation shortens it"
            yield _warning(situation, address, "secret-overlong", words, "reconcile rotate")


def _warning(situation: Situation, address: Address, code: str, words: str, command: str) -> Problem:
    owner = address.parent or address
    resource = situation.stack.resources[address]
    rotated = owner if address.part else next(iter(resource.depends_on), owner)
    hint = f"`{command} {rotated}` makes sure of it"
    return Problem(Severity.WARNING, code, words, str(address), resource.at, hint)


def _outlives(situation: Situation, address: Address) -> bool:
    live = situation.matches[address].live
    lifetime = situation.stack.resources[address].attributes.get("lifetime")
    if not address.part or live is None or not lifetime:
        return False
    made, ends = parse_time(live.created_at), parse_time(live.expires_at)
    if made is None:
        return False
    return ends is None or (ends - made).total_seconds() > seconds(str(lifetime)) + 1
