"""A format that shows nothing which a variable or file gave, whoever put it into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import fields, replace
from typing import Any

from reconciler.errors import Problem, ReconcileError, SpecError
from reconciler.model import Change, Entry, Outcome, Plan, Verification
from reconciler.model.audit import Audit, Finding, MapObject
from reconciler.model.rehearsal import Rehearsal
from reconciler.rendering import Applied, Drift, Format, LedgerView, Proofs, Renderer
from reconciler.secrets.given_values import is_any_given, veiled


def veiled_format(form: Format) -> Format:
    """The same format, whose words are veiled before they are set: documents stay what they are."""
    if not is_any_given():
        return form
    veils: Mapping[str, Callable[[Any], Any]] = {
        "plan": _plan,
        "outcomes": lambda it: Applied(_plan(it.plan), [veiled_outcome(outcome) for outcome in it.outcomes]),
        "problems": veiled_problems,
        "errors": lambda errors: [veiled_error(error) for error in errors],
        "drift": lambda it: Drift(it.stack, list(map(_change, it.changes)), veiled_problems(it.problems)),
        "ledger": _ledger,
        "verification": lambda it: Proofs(it.stack, _proofs(it.found)),
        "audit": veiled_audit,
        "rehearsal": veiled_rehearsal,
    }
    return replace(form, **{name: _after(veil, getattr(form, name)) for name, veil in veils.items()})


def _after(veil: Callable[[Any], Any], renderer: Renderer) -> Any:
    return lambda thing, look: renderer(veil(thing), look)


def veiled_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Problems as they may be shown."""
    return tuple(replace(p, message=veiled(p.message), hint=veiled(p.hint)) for p in problems)


def veiled_error(error: ReconcileError) -> ReconcileError:
    """An error as it may be shown."""
    shown = SpecError(veiled_problems(error.problems)) if isinstance(error, SpecError) else copy(error)
    shown.message, shown.hint, shown.stack = veiled(error.message), veiled(error.hint), error.stack
    return shown


def veiled_audit(audit: Audit) -> Audit:
    """What an audit found as it may be shown."""
    if not is_any_given():
        return audit

    def shown(finding: Finding) -> Finding:
        objects = tuple(replace(each, name=veiled(each.name)) for each in finding.objects)
        message, advice = veiled(finding.message), veiled(finding.advice)
        return replace(finding, objects=objects, message=message, advice=advice)

    def thing(each: MapObject) -> MapObject:
        uses = replace(each.uses, name=veiled(each.uses.name)) if each.uses else None
        return replace(each, subject=replace(each.subject, name=veiled(each.subject.name)), uses=uses)

    return replace(
        audit,
        findings=tuple(map(shown, audit.findings)),
        things=tuple(map(thing, audit.things)),
        dates=tuple(
            replace(due, subject=replace(due.subject, name=veiled(due.subject.name))) for due in audit.dates
        ),
    )


def veiled_rehearsal(rehearsal: Rehearsal) -> Rehearsal:
    """What a rehearsal showed as it may be shown."""
    if not is_any_given():
        return rehearsal
    return replace(
        rehearsal,
        plan=_plan(rehearsal.plan),
        outcomes=tuple(map(veiled_outcome, rehearsal.outcomes)),
        end=tuple(replace(each, id=veiled(each.id), name=veiled(each.name)) for each in rehearsal.end),
        left=tuple(map(_change, rehearsal.left)),
        trials=tuple(replace(each, left=over(each.left)) for each in rehearsal.trials),
    )


def over(value: Any) -> Any:
    """All text in a plain value, veiled."""
    if isinstance(value, str):
        return veiled(value)
    if isinstance(value, Mapping):
        return {key: over(item) for key, item in value.items()}
    return [over(item) for item in value] if isinstance(value, (list, tuple)) else value


class _Shown(Plan):
    """A plan in other words; its digest is that of the plan, which is what is approved."""

    @property
    def digest(self) -> str:
        """The digest of the plan itself."""
        plan: Plan = vars(self)["of"]
        return plan.digest


def _plan(plan: Plan) -> Plan:
    parts = {field.name: getattr(plan, field.name) for field in fields(Plan)}
    words = {"changes": tuple(map(_change, plan.changes)), "problems": veiled_problems(plan.problems)}
    shown = _Shown(**{**parts, **words})
    vars(shown)["of"] = plan
    return shown


def _change(change: Change) -> Change:
    return replace(
        change,
        id=over(change.id),
        name=veiled(change.name),
        reason=veiled(change.reason),
        approval=veiled(change.approval),
        fields=tuple(
            replace(
                f, path=veiled(f.path), before=over(f.before), after=over(f.after), called=veiled(f.called)
            )
            for f in change.fields
        ),
    )


def veiled_outcome(outcome: Outcome) -> Outcome:
    """An outcome as it may be shown."""
    return replace(outcome, id=over(outcome.id), error=veiled(outcome.error))


def _proofs(found: Sequence[Verification]) -> list[Verification]:
    return [replace(proof, message=veiled(proof.message)) for proof in found]


def _ledger(view: LedgerView) -> LedgerView:
    entries = {address: _entry(entry) for address, entry in view.ledger.entries.items()}
    return LedgerView(
        replace(view.ledger, remotes=over(view.ledger.remotes), entries=entries), over(view.outputs)
    )


def _entry(entry: Entry) -> Entry:
    formers = tuple(replace(former, id=veiled(former.id)) for former in entry.formers)
    return replace(
        entry, id=veiled(entry.id), name=veiled(entry.name), computed=over(entry.computed), formers=formers
    )
