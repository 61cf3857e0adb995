"""Resources, ledger and pairing in, a plan out. Pure: no clock, no files, no calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from reconciler.errors import CredentialError, PlanError, Problem
from reconciler.kinds import Registry
from reconciler.matching.matches import How
from reconciler.matching.pairing import Pairing
from reconciler.matching.users import client_of, is_owner, unseen
from reconciler.model import (
    Action,
    Address,
    Change,
    CredentialState,
    Entry,
    Ledger,
    Origin,
    Plan,
    ReplaceOrder,
    Runner,
    Stack,
)
from reconciler.model.values import seconds
from reconciler.planning.changes import change_of
from reconciler.planning.context import PlanningContext, in_order
from reconciler.planning.decision_types import Decisions
from reconciler.planning.decisions import decide
from reconciler.planning.deletions import blocked_problems, refuse_protected_replaces, removals, with_formers
from reconciler.planning.due_changes import only_due, without_approvals
from reconciler.planning.guards import with_approvals
from reconciler.planning.missing_secrets import shut_copies
from reconciler.planning.redaction import veil_of
from reconciler.planning.retention import unfinished
from reconciler.planning.secret_ownership import is_shared, stays
from reconciler.planning.templates import with_template_secrets
from reconciler.planning.warnings import users_warnings, warnings_of

A_WEEK = "7d"


@dataclass(frozen=True)
class Options:
    """What the command line asks of a plan.

    Attributes:
        now: the time of planning, with its zone.
        targets: plan only these and what they depend on; empty for all.
        replaces: replace these, whatever the differences.
        opened: remote ids of credentials whose sealed copy can be opened here; None to take that for granted,
            so that whoever plans without a private key plans what its owner will apply.
        due: only what time made due; all else is left as it is.
        dead: runners that are proven to be gone: what they were about to send can't arrive any more.
    """

    now: datetime
    tool_version: str = ""
    targets: tuple[Address, ...] = ()
    replaces: tuple[Address, ...] = ()
    dead: frozenset[Runner] = frozenset()
    opened: frozenset[str] | None = None
    due: bool = False


def make_plan(stack: Stack, ledger: Ledger, pairing: Pairing, kinds: Registry, options: Options) -> Plan:
    """The changes that take live to wanted.

    Raises:
        PlanError: nothing is wanted, a target doesn't exist, or `prevent_destroy` is in the way.
    """
    if not stack.resources:
        raise PlanError(
            f"the stack {stack.name!r} has no resources, and a plan would delete everything it owns",
            code="empty-stack",
            hint="use `reconcile destroy` if that is what you want",
        )
    context = _context(stack, ledger, pairing, kinds, options)
    _check_named(context, options)
    decided = decide(context)
    wanted = {
        resource.address: _with_removal(context, decided, change_of(context, decided, resource))
        for resource in context.in_order
    }
    changes = {**wanted, **{c.address: c for c in removals(context, wanted, spares=options.due)}}
    # what the targets leave out isn't switched over, so it counts as using what it has
    targeted = _targeted(changes, context, options.targets)
    targeted = only_due(context, decided, targeted) if options.due else targeted
    kept = list(with_formers(context, {change.address: change for change in targeted}).values())
    refuse_protected_replaces(kept)
    marked, leftovers = with_approvals(context, decided, kept)
    if options.due:
        marked, leftovers = without_approvals(marked), []
    problems = [
        *stack.problems,
        *pairing.snapshot.problems,
        *warnings_of(context, decided, kept),
        *leftovers,
        *blocked_problems(kept),
    ]
    return _plan(context, options, _in_order(context, marked), problems)


def check_copies(
    stack: Stack, ledger: Ledger, pairing: Pairing, kinds: Registry, options: Options, plan: Plan
) -> None:
    """What a plan takes for granted of whoever applies it.

    Args:
        options: what can be opened here.

    Raises:
        CredentialError: it hands over what only a sealed copy holds, and no private key here opens that.
    """
    shut = shut_copies(_context(stack, ledger, pairing, kinds, options), plan.changes)
    if shut:
        receiver, source = shut[0]
        raise CredentialError(
            f"the secret of {source} is in a sealed copy that no private key here opens, "
            f"and {receiver} must get it",
            code="copy-sealed",
            address=str(receiver),
            hint="set RECONCILE_AGE_KEY or RECONCILE_AGE_KEY_FILE; or `reconcile apply SPEC` plans with "
            "what is at hand here",
        )


def make_destroy_plan(
    stack: Stack, ledger: Ledger, pairing: Pairing, kinds: Registry, options: Options
) -> Plan:
    """The changes that remove all that the stack owns, in reverse order.

    Raises:
        PlanError: `prevent_destroy` is in the way, or the stack keeps no ledger.
    """
    if stack.ledger_url == "none":
        raise PlanError(
            "a stack with `ledger: none` owns nothing, so there is nothing to destroy",
            code="needs-ledger",
        )
    context = _context(replace(stack, resources={}), ledger, replace(pairing, matches={}), kinds, options)
    found = removals(context, {})
    changes = with_formers(context, {c.address: _destroyed(context, c) for c in found})
    # what stays isn't destroyed, and that is no success
    changes = unfinished(context, changes)
    problems = [
        *pairing.snapshot.problems,
        *users_warnings(context, list(changes.values())),
        *blocked_problems(changes.values()),
    ]
    backwards = in_order(changes)[::-1]  # as they go: what refers to others first
    plan = _plan(replace(context, stack=stack), options, backwards, problems)
    return replace(plan, destroys=True)


def _destroyed(context: PlanningContext, change: Change) -> Change:
    """A removal in the words of a destroy, which is approved as a whole: so it says what wasn't made here."""
    entry = context.entries.get(change.address)
    reason = change.reason.replace("it left the spec", "the stack is destroyed")
    is_theirs = entry is not None and entry.origin is not Origin.CREATED and not change.address.part
    if entry is not None and is_theirs and change.action is Action.DELETE:
        reason += f"; this stack didn't make it: it was {entry.origin.value}"
    return replace(change, reason=reason)


def _context(
    stack: Stack, ledger: Ledger, pairing: Pairing, kinds: Registry, options: Options
) -> PlanningContext:
    return PlanningContext(
        stack=with_template_secrets(stack, pairing.snapshot),
        ledger=ledger,
        entries=pairing.entries,
        snapshot=pairing.snapshot,
        kinds=kinds,
        matches=pairing.matches,
        recovery=pairing.recovery,
        now=options.now,
        dead=options.dead,
        opened=options.opened,
        forced=frozenset(options.replaces),
    )


def _plan(
    context: PlanningContext, options: Options, changes: Sequence[Change], problems: Iterable[Problem]
) -> Plan:
    veil = veil_of(context.stack, context.entries)
    return Plan(
        stack=context.stack,
        tool_version=options.tool_version,
        created=options.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lineage="" if context.is_stateless else context.ledger.lineage,
        serial=0 if context.is_stateless else context.ledger.serial,
        changes=tuple(veil.change(change, context.fields(change.address)) for change in changes),
        problems=veil.problems(problems),
        targets=options.targets,
        replaces=options.replaces,
    )


def _check_named(context: PlanningContext, options: Options) -> None:
    known = {*context.stack.resources, *context.entries}
    for address in (*options.targets, *options.replaces):
        if address not in known:
            close = get_close_matches(str(address), sorted(map(str, known)), n=1)
            raise PlanError(
                f"there is no {address} in the stack {context.stack.name!r}",
                code="unknown-address",
                address=str(address),
                hint=f"did you mean {close[0]}?" if close else "an address is kind.key, as in the spec",
            )


def _with_removal(context: PlanningContext, decided: Decisions, change: Change) -> Change:
    """A replaced object goes once its successor has taken over; a rotated secret after `keep_old`."""
    live = change.live
    if live is None or context.is_stateless or change.action is Action.NO_OP:
        return change
    entry = context.entries.get(change.address)
    if change.action.supersedes:
        shared = _is_shared(context, change.address)
        wait = keep_old(context, change.address, is_shared=shared)
        change = replace(change, keeps=wait)
        if _is_quarantined(context, entry):
            return change  # its runner may wake up and deliver it still
        if decided.decisions[change.address].unused:
            return replace(change, clears=(live.id,))  # nobody ever had it
    if context.matches[change.address].how is How.INTENT and entry is not None and entry.id:
        return replace(change, removes=(entry.id,))  # the predecessor of what was found
    return replace(change, removes=(live.id,)) if _goes_at_once(context, change) else change


def _goes_at_once(context: PlanningContext, change: Change) -> bool:
    """Whether what is superseded is removed in the same run: nothing keeps it, and nobody may need it."""
    if change.action is Action.REPLACE and change.lifecycle.replace is ReplaceOrder.DELETE_FIRST:
        return True
    if not change.action.supersedes or change.live is None:
        return False
    return not stays(context, change.address, change.live.id) and not change.keeps


def _is_quarantined(context: PlanningContext, entry: Entry | None) -> bool:
    """Whether a runner that isn't proven dead was delivering the present credential (rule 14)."""
    credential = entry.credential if entry else None
    return (
        credential is not None
        and credential.state is CredentialState.SENDING
        and credential.by not in context.dead
    )


def _is_shared(context: PlanningContext, address: Address) -> bool:
    if address.parent is None:
        return False
    parent = context.matches[address.parent].live
    client_id = client_of(context.kinds, address.parent, parent.computed if parent else None)
    return is_shared(context.snapshot, context.kinds, client_id, context.own)


def keep_old(context: PlanningContext, address: Address, *, is_shared: bool = False) -> int:
    """Seconds that a superseded secret, or the app that it belongs to, stays alive.

    As long as a receiver says that somebody else takes it up later (a handoff), a week where a receiver that
    isn't this stack's may hold it, or a server of the stack couldn't be looked at: then an app at least so
    long.
    """
    receivers = context.receivers.get(address, ())
    asked = {context.kinds[receiver.address.kind_name].keeps_old for receiver in receivers}
    is_unseen = bool(unseen(context.stack, context.snapshot, context.kinds))
    waits = [seconds(text) for text in asked | {A_WEEK if is_shared or is_unseen else ""} if text]
    stated = context.stack.resources[address].attributes.get("keep_old")
    wait = seconds(str(stated)) if stated else max(waits, default=0)
    return max(wait, seconds(A_WEEK)) if is_unseen and is_owner(context.kinds, address) else wait


def _targeted(
    changes: Mapping[Address, Change], context: PlanningContext, targets: tuple[Address, ...]
) -> list[Change]:
    if not targets:
        return list(changes.values())
    wanted: set[Address] = set()
    waiting = list(targets)
    while waiting:
        address = waiting.pop()
        if address in wanted:
            continue
        wanted.add(address)
        change = changes.get(address)
        waiting.extend(change.depends_on if change else ())
        resource = context.stack.resources.get(address)
        if resource is not None:
            waiting.extend(resource.depends_on)
    return [change for address, change in changes.items() if address in wanted]


def _in_order(context: PlanningContext, changes: Iterable[Change]) -> list[Change]:
    """The same; where all that is wanted was planned, and nothing else, the order is known already."""
    by_address = {change.address: change for change in changes}
    if by_address.keys() != context.stack.resources.keys():
        return in_order(by_address)
    return [by_address[resource.address] for resource in context.in_order]
