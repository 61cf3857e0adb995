"""The pages: a plan with its picture, and drift, outcomes, problems, errors and ledgers in the same shell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.errors import Problem, ReconcileError
from reconciler.model import Action, Address, Change, Plan, Proof, Status
from reconciler.rendering.drift import NO_DRIFT, changes_in
from reconciler.rendering.html.cards import cards, result_cells, unchanged
from reconciler.rendering.html.page import (
    badge,
    chip,
    chips,
    code,
    copied,
    esc,
    filter_box,
    findings,
    page,
    said,
    section,
    sum_of_findings,
    table,
    tag,
)
from reconciler.rendering.html.picture import picture
from reconciler.rendering.ledger import ledger_json
from reconciler.rendering.terminal import PLAIN, SYMBOLS, Look, clean
from reconciler.rendering.text import scope_words
from reconciler.rendering.things import Applied, Drift, LedgerView, Proofs
from reconciler.rendering.verification import NOTHING, counted_proofs
from reconciler.rendering.words import (
    counted_words,
    nothing_words,
    sum_words,
    title_words,
    waiting_words,
)

_FOLDS = (
    '<button type="button" class="tool" data-fold="open">Open all</button>'
    '<button type="button" class="tool" data-fold="close">Close all</button>'
)
_PROOFS = {
    Proof.BROKEN: ("!", "error"),
    Proof.NOT_VERIFIABLE: ("?", "warning"),
    Proof.VERIFIED: ("·", "fine"),
}


def plan_html(plan: Plan, _: Look = PLAIN) -> str:
    """A plan as a page: counts, approvals, the picture, each change with its fields, findings, digest."""
    anchors = _anchors(plan.changes)
    changes = [change for change in plan.changes if change.action is not Action.NO_OP]
    still = [change for change in plan.changes if change.action is Action.NO_OP]
    listed = tag("p", nothing_words(plan), "calm") + cards(changes, anchors) + unchanged(still, anchors)
    parts = [
        _approvals(plan, anchors),
        section("picture-part", "Picture", picture(plan, anchors)),
        section("changes", "Changes", _filter(len(plan.changes)) + listed),
        section("findings", "Findings", findings(plan.problems)),
        _colophon(plan),
    ]
    body = "\n".join(part for part in parts if part)
    return page(title_words(plan), _plan_head(plan), body, name=plan.stack.name)


def _anchors(changes: Iterable[Change]) -> dict[Address, str]:
    """An id for each address, by its number: names may be hostile."""
    return {change.address: f"c{number}" for number, change in enumerate(changes)}


def _filter(count: int) -> str:
    return filter_box("address, name or action", more=_FOLDS) if count > 1 else ""


def _plan_head(plan: Plan) -> str:
    counts = [(action, SYMBOLS[action].strip() or "·", plan.summary[action.value]) for action in Action]
    remotes = "".join(
        f"<dt>{esc(name)}</dt><dd>{code(provider.shown)}"
        f"{f' account {code(provider.account_shown)}' if provider.account_id else ''}</dd>"
        for name, provider in sorted(plan.stack.remotes.items())
    )
    told = scope_words(plan, code) if plan.targets else ""
    note = tag("p", f"{told[0].upper()}{told[1:]}." if told else "")
    return f"{tag('dl', remotes, 'remotes')}{note}\n{chips(counts)}"


def _approvals(plan: Plan, anchors: dict[Address, str]) -> str:
    waiting = [change for change in plan.changes if change.needs_approval]
    if not waiting:
        return ""
    items = "".join(
        f'<li><a href="#{anchors[change.address]}">{code(change.address)}</a> {esc(change.approval)}</li>'
        for change in waiting
    )
    command = "destroy" if plan.destroys else "apply"
    words = f"<p>To approve this very plan by hand, add to <code>reconcile {command}</code>:</p>"
    words += copied(f"--approve {plan.digest}")
    if not plan.destroys:
        entries = [f"  - {clean(change.address)}" for change in waiting]
        words += "<p>Or approve it by review, with these lines in the spec:</p>"
        words += copied("\n".join(["approve:", *entries]))
    return section("approvals", waiting_words(len(waiting)), f"<ul>{items}</ul>{words}", "panel")


def _colophon(plan: Plan) -> str:
    facts = [
        ("Digest", code(plan.digest)),
        ("Made", f"{esc(plan.created)} with reconcile {esc(plan.tool_version)}"),
        ("Spec", f"{code(plan.stack.file)} {code(plan.stack.digest)}"),
        ("Ledger", f"lineage {code(plan.lineage)}, serial {plan.serial}" if plan.lineage else "none"),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in facts)
    return section("about", "This plan", f'<dl class="about">{rows}</dl>')


def drift_html(drift: Drift, _: Look = PLAIN) -> str:
    """What others changed in the objects of a stack, from last applied to live, as a page."""
    drifted = changes_in(drift)
    gone = sum(change.action is Action.DELETE for change in drifted)
    counts = (
        f"{len(drifted) - gone:,} changed, {gone:,} gone, from last applied to live." if drifted else NO_DRIFT
    )
    body = section(
        "changes", "Drift", _filter(len(drifted)) + cards(drifted, _anchors(drifted)) if drifted else ""
    )
    body += section("findings", "Findings", findings(drift.problems))
    return page("Drift in stack", f"<p>{counts}</p>", body, name=drift.stack)


def outcomes_html(applied: Applied, _: Look = PLAIN) -> str:
    """What came of applying a plan, as a page: the sum, then how each change ended, failures first."""
    plan, outcomes = applied.plan, applied.outcomes
    ranks = {Status.FAILED: 0, Status.SKIPPED: 1, Status.DONE: 2}
    ordered = sorted(outcomes, key=lambda each: ranks[each.status])
    results = zip(result_cells(plan, ordered), ordered, strict=True)
    rows = [[*cells, f"{each.seconds:.1f} s"] for cells, each in results]
    head = f"<p>{sum_words(plan, outcomes) or 'Nothing to do'}.</p>"
    body = section("results", "Results", table(["Action", "Address", "Result", "Time"], rows))
    return page("Applied to stack", head, body, name=plan.stack.name)


def verification_html(proofs: Proofs, _: Look = PLAIN) -> str:
    """What was proven, as a page: counts, then a line for each address, what is broken first."""
    found, ranks = proofs.found, list(_PROOFS)
    ordered = sorted(found, key=lambda one: ranks.index(one.status))
    rows = [
        [
            badge(*_PROOFS[one.status])
            + tag("span", one.status.value, "bad" if one.status is Proof.BROKEN else ""),
            code(one.address),
            said(one.message),
        ]
        for one in ordered
    ]
    counts = [(proof, sum(one.status is proof for one in found)) for proof in ranks]
    pressed = "".join(
        chip(proof.value, badge(*_PROOFS[proof]), count, proof.value) for proof, count in counts if count
    )
    words = f"{counted_proofs(found)}." if found else NOTHING
    head = f"<p>{words}</p>{tag('div', pressed, 'chips')}"
    listed = table(["Result", "Address", "Why"], rows, [one.status.value for one in ordered])
    body = section("results", "Results", _row_filter(len(rows)) + listed if rows else "")
    return page("Verification of stack", head, body, name=proofs.stack)


def _row_filter(count: int) -> str:
    return filter_box("address or word") if count > 5 else ""


def problems_html(problems: Sequence[Problem], _: Look = PLAIN) -> str:
    """What is wrong with a spec, as a page."""
    head = f"<p>{sum_of_findings(problems).capitalize()}.</p>"
    return page("Validation", head, section("findings", "Findings", findings(problems)))


def errors_html(errors: Sequence[ReconcileError], _: Look = PLAIN) -> str:
    """What stopped a command, as a page; with the request id that a remote system's support asks for."""
    problems = [problem for error in errors for problem in error.problems]
    requests = [getattr(error, "request_id", "") for error in errors]
    ids = "".join(f"<p>Request id: {code(request)}</p>" for request in requests if request)
    stacks = ", ".join(sorted({error.stack for error in errors if error.stack}))
    head = f"<p>{sum_of_findings(problems).capitalize()}.</p>"
    body = section("findings", "What is wrong", findings(problems) + ids)
    return page("Stopped in stack" if stacks else "Stopped", head, body, name=stacks)


def ledger_html(view: LedgerView, _: Look = PLAIN) -> str:
    """What a stack owns and what isn't settled, as a page; never marks, sealed copies or attributes."""
    ledger, document = view.ledger, ledger_json(view)
    pending = document["pending"]
    opened = [
        *([code(address), f"begun {esc(it['at'])}", it] for address, it in pending["intents"].items()),
        *([code(it["address"]), f"given up {esc(it['given_up'])}", it] for it in pending["given_up"]),
    ]
    unsettled = [
        [address, since, esc(it["why"]), esc(f"{it['owner']} on {it['host']}, pid {it['pid']}")]
        for address, since, it in opened
    ]
    owned = [_owned(address, entry) for address, entry in document["resources"].items()]
    remotes = "".join(
        f"<dt>{esc(name)}</dt><dd>{code(where)}</dd>" for name, where in document["remotes"].items()
    )
    head = (
        f"{tag('dl', remotes, 'remotes')}"
        f"<p>{counted_words(len(owned), 'resource')}, {len(unsettled):,} unsettled. "
        f"Lineage {code(ledger.lineage)}, serial {ledger.serial}.</p>"
    )
    heads = ["Address", "Id", "Provider", "Origin", "Secret", "To be removed"]
    return page(
        "Ledger of stack",
        head,
        section("unsettled", "Not settled yet", table(["Address", "Since", "Why", "By"], unsettled))
        + section("owned", "Owned", _row_filter(len(owned)) + table(heads, owned) if owned else ""),
        name=ledger.stack,
    )


def _owned(address: str, entry: dict[str, object]) -> list[str]:
    secret, formers = entry["secret"], entry["formers"]
    words = ""
    if isinstance(secret, dict):
        ends = f"expires {secret['expires_at'][:10]}" if secret["expires_at"] else "no known expiry"
        words = f"{secret['state']}, {ends}" + (
            ", a sealed copy is kept" if secret["has_sealed_copy"] else ""
        )
    former = [code(each["id"]) for each in formers] if isinstance(formers, list) else []
    told = str(entry["name"] or "")
    name = tag("p", esc(told), "why") if told and told not in address.split(".") else ""
    plain = [code(entry[key]) if entry[key] else "" for key in ("id", "provider")]
    return [code(address) + name, *plain, esc(entry["origin"]), esc(words), " ".join(former)]
