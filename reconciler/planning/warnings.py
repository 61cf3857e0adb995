"""What a person should know beside the changes of a plan: nothing here stops anybody. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from reconciler.errors import Problem, Severity
from reconciler.kinds import principal_of
from reconciler.matching.rivals import plain
from reconciler.matching.users import is_owner, unseen
from reconciler.model import Action, Address, Change
from reconciler.model.times import parse_time
from reconciler.model.values import seconds
from reconciler.planning.context import PlanningContext
from reconciler.planning.credential_warnings import told
from reconciler.planning.decision_types import Decisions
from reconciler.planning.decisions import SECRET_CAP
from reconciler.planning.differences import ignored_edits
from reconciler.planning.missing_secrets import HANDOFF_MISSING
from reconciler.planning.named_keys import CONTENT, called, gone
from reconciler.planning.retention import USERS_UNKNOWN, kept_alive, owners_in_use, superseded
from reconciler.planning.secret_ownership import left

_WRITING = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.ADOPT)


def warnings_of(context: PlanningContext, decided: Decisions, changes: Iterable[Change]) -> list[Problem]:
    """All warnings of a plan, in the order of their subjects."""
    planned = list(changes)
    pending = [change for change in planned if change.is_pending]
    kept = {change.address for change in planned}
    found = [
        *_secrets(context, decided, kept),
        *_adoptions(context, kept),
        *_inactive(context, planned),
        *_nowhere(context, pending),
        *_on_trust(context),
        *_ignored(context, planned),
        *_gone(context, kept),
        *_elsewhere(context, decided, kept),
        *_taken_up(context, pending),
    ]
    for address, words in left(context, planned):
        hint = "revoke it once nobody uses it, or say client_secret: {adopted: revoke}"
        found.append(Problem(Severity.WARNING, "secret-left", words, str(address), hint=hint))
    concerned = [change for change in planned if change.is_pending or change.address in context.formers]
    in_use = owners_in_use(context, {c.address: c for c in planned}) if concerned else {}
    found += told(context, concerned, in_use)
    found += users_warnings(context, planned)
    for address, words in context.recovery.troubles.items():
        hint = "delete it by hand if nobody wants it, or take it over with lifecycle: {adopt: ID}"
        found.append(Problem(Severity.WARNING, "stray-unresolved", words, str(address), hint=hint))
    if context.ledger.is_new and not context.is_stateless and context.stack.ledger_url:
        words = "the configured ledger doesn't exist yet; it will be made by the first apply"
        found.append(Problem(Severity.WARNING, "ledger-new", words))
    return found


def _elsewhere(context: PlanningContext, decided: Decisions, kept: set[Address]) -> Iterator[Problem]:
    """What lies on another machine, and is taken to be as the ledger says."""
    for address, decision in decided.decisions.items():
        code = context.kinds[address.kind_name].elsewhere if decision.code else ""
        if code and decision.code == code and decision.action is Action.NO_OP and address in kept:
            resource = context.stack.resources[address]
            hint = "plan and apply where its files are"
            yield Problem(Severity.WARNING, code, decision.reason, str(address), resource.at, hint)


def _taken_up(context: PlanningContext, changes: Iterable[Change]) -> Iterator[Problem]:
    """What takes effect only once a person has done something."""
    for change in changes:
        words = context.kinds[change.address.kind_name].takes_up
        is_written = change.action in (Action.DELETE, *_WRITING) and (change.fields or not change.live)
        if words and is_written:
            words = f"once it is applied, {words}"
            yield Problem(Severity.INFO, "restart-needed", words, str(change.address))


def _gone(context: PlanningContext, kept: set[Address]) -> Iterator[Problem]:
    """Principals that the spec names, that were there, and are gone."""
    for address, resource in context.stack.resources.items():
        fields = context.fields(address)
        names = fields.principals.keys() & resource.attributes.keys() if fields.principals else ()
        entry = context.matches[address].entry if names else None
        for attribute in sorted(names) if address in kept else ():
            named = resource.attributes.get(attribute)
            lost = gone(context.snapshot, resource.provider, fields, attribute, named, entry)
            for key, name in sorted(lost.items()):
                sort, _ = principal_of(fields, attribute, key)
                told = called(fields, attribute, key, name)
                words = f"{attribute}: there is no {told} any more; it is left out"
                hint = "take it out of the spec, or write its new name"
                code = "content-gone" if sort == CONTENT else "principal-gone"
                yield Problem(Severity.WARNING, code, words, str(address), resource.at, hint)


def users_warnings(context: PlanningContext, changes: Collection[Change]) -> list[Problem]:
    """Who uses what goes, or would go: those that are known, and the servers where nobody could look."""
    found = list(_unseen(context, changes))
    for address, words in kept_alive(context, changes):
        hint = (
            "switch it over, or delete it: the next apply removes what is superseded; "
            f"`reconcile ledger forget {address}` gives up an address that left the spec"
        )
        found.append(Problem(Severity.WARNING, "still-in-use", words, str(address), hint=hint))
    return found


def _unseen(context: PlanningContext, changes: Iterable[Change]) -> Iterator[Problem]:
    """Servers whose integrations nobody could look at, where something goes that they may use, or waits."""
    servers = unseen(context.stack, context.snapshot, context.kinds)
    going = [
        change
        for change in (changes if servers else ())
        if is_owner(context.kinds, change.address) and change.code != USERS_UNKNOWN
        if change.action in (Action.DELETE, Action.REPLACE) or superseded(context, change)
    ]
    for change in going:
        words = f"{', '.join(servers)} couldn't be looked at: an integration there may use it"
        hint = (
            "give that provider a credential of its own (the environment's goes to the address named there, "
            "and to no other), or make sure by hand that nobody uses it"
        )
        yield Problem(Severity.WARNING, USERS_UNKNOWN, words, str(change.address), hint=hint)


def _adoptions(context: PlanningContext, kept: set[Address]) -> Iterator[Problem]:
    for address, match in context.matches.items():
        adopt = context.stack.resources[address].lifecycle.adopt if match.adopt_used else None
        if adopt is not None and address in kept:
            words = f"lifecycle.adopt names {adopt.id}, which this address has had: another took its place"
            at = context.stack.resources[address].at
            hint = "take the adopt: out, it has done its work"
            yield Problem(Severity.WARNING, "adopt-used", words, str(address), at, hint)


def _inactive(context: PlanningContext, changes: Iterable[Change]) -> Iterator[Problem]:
    """Principals that can't sign in, though nothing says that they shouldn't."""
    for change in changes:
        address, resource = change.address, context.stack.resources.get(change.address)
        kind = context.kinds[address.kind_name]
        if not kind.fields.active or resource is None:
            continue
        if (
            change.live is not None
            and not change.live.active
            and kind.fields.active not in resource.attributes
        ):
            words = f"the {kind.noun} {change.live.id} is deactivated: its credentials don't work"
            hint = "write active: true to bring it back, or active: false if that is wanted"
            yield Problem(Severity.WARNING, "inactive-principal", words, str(address), resource.at, hint)
        if change.action is Action.CREATE:
            name = str(plain(resource.attributes.get(kind.fields.name)))
            namesakes = context.snapshot.named(change.provider, address.kind_name, name)
            twins = sorted(live.id for live in namesakes if not live.active)
            if twins:
                words = f"a deactivated {kind.noun} has this name already: {', '.join(twins)}"
                hint = f"to take it over: lifecycle: {{adopt: {twins[0]}}} with active: true"
                yield Problem(Severity.WARNING, "inactive-twin", words, str(address), resource.at, hint)


def _nowhere(context: PlanningContext, changes: Iterable[Change]) -> Iterator[Problem]:
    """Credentials that are made, shown once, and that nobody gets."""
    if context.stack.recipients:
        return
    resources = context.stack.resources
    for change in changes:
        address, resource = change.address, resources.get(change.address)
        if resource is None or not change.action.makes or address in context.receivers:
            continue
        if not context.fields(address).shows_secret:
            continue
        if address.part or plain(resource.attributes.get("confidential")) is True:
            words = "its secret is shown once, and nobody gets it: no integration, no handoff, no custody"
            hint = "refer to it where it is needed, or keep sealed copies with secrets: {recipients: […]}"
            yield Problem(Severity.WARNING, "credential-nowhere", words, str(address), resource.at, hint)


def _on_trust(context: PlanningContext) -> Iterator[Problem]:
    count = len(context.snapshot.assumed)
    if count:
        those = "1 secret wasn't" if count == 1 else f"{count} secrets weren't"
        words = f"{those} looked at: the ledger is sure of them"
        yield Problem(Severity.INFO, "secrets-on-trust", words, hint="`--refresh full` looks at every one")


def _ignored(context: PlanningContext, changes: Iterable[Change]) -> Iterator[Problem]:
    """Fields that are left as they are: where they differ, and what is amiss where the object is made."""
    for change in changes:
        resource = context.stack.resources.get(change.address)
        if resource is None or change.action is Action.BLOCKED:
            continue
        if change.action in (Action.CREATE, Action.REPLACE):
            yield from (problem for problem in resource.unmet if problem.severity is not Severity.ERROR)
        elif change.live is not None and (paths := ignored_edits(context, resource, change.live)):
            words = f"{', '.join(paths)}: live differs from the spec, and lifecycle.ignore says to leave it"
            hint = "taken out of ignore, the value of the spec is delivered"
            yield Problem(Severity.INFO, "ignored-edit", words, str(change.address), resource.at, hint)


def _secrets(context: PlanningContext, decided: Decisions, kept: set[Address]) -> Iterator[Problem]:
    for address, words in decided.unverified.items():
        if address in kept:
            yield _warning(context, address, "secret-unverified", words, "reconcile rotate")
    for address, decision in decided.decisions.items():
        if decision.code == HANDOFF_MISSING and address in kept:
            hint = (
                "fetch the file from where it was written, or issue its credentials anew (`reconcile rotate`)"
            )
            at = context.stack.resources[address].at
            yield Problem(Severity.WARNING, decision.code, decision.reason, str(address), at, hint)
    for address, match in context.matches.items():
        if match.unsure and address in kept:
            words = (
                f"{address.parent} has several live secrets ({', '.join(match.unsure)}), "
                f"and it isn't known which one is in use"
            )
            found = _warning(context, address, "secret-unknown", words, "reconcile rotate")
            full = (
                f"a principal has room for {SECRET_CAP}: delete one that nobody uses, then `reconcile rotate`"
            )
            yield replace(found, hint=full) if len(match.unsure) >= SECRET_CAP else found
        if match.live is not None and _outlives(context, address):
            words = "the live secret outlives the wanted lifetime; the next rotation shortens it"
            yield _warning(context, address, "secret-overlong", words, "reconcile rotate")


def _warning(context: PlanningContext, address: Address, code: str, words: str, command: str) -> Problem:
    owner = address.parent or address
    resource = context.stack.resources[address]
    rotated = owner if address.part else next(iter(resource.depends_on), owner)
    hint = f"`{command} {rotated}` makes sure of it"
    return Problem(Severity.WARNING, code, words, str(address), resource.at, hint)


def _outlives(context: PlanningContext, address: Address) -> bool:
    live = context.matches[address].live if address.part else None
    lifetime = context.stack.resources[address].attributes.get("lifetime") if live else None
    if live is None or not lifetime:
        return False
    made, ends = parse_time(live.created_at), parse_time(live.expires_at)
    if made is None:
        return False
    return ends is None or (ends - made).total_seconds() > seconds(str(lifetime)) + 1
