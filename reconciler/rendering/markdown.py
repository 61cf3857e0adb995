"""Plans, drift, outcomes, problems and ledgers as Markdown, made for comments on pull requests.

A comment begins with a hidden marker, by which a pipeline finds it again, and stays under a size limit:
blocks are left out whole, and what was left out is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.errors import Problem, ReconcileError
from reconciler.model import Action, Change, Outcome, Plan, Proof, Status
from reconciler.model.audit import Audit
from reconciler.rendering.audit import counted_findings, grouped, named
from reconciler.rendering.differences import Difference, differences
from reconciler.rendering.drift import NO_DRIFT, changes_in
from reconciler.rendering.ledger import ledger_json
from reconciler.rendering.problems import sorted_problems
from reconciler.rendering.safe_markdown import (
    SizeLimit,
    code,
    fenced,
    fitting,
    html_code,
    marker,
    prose,
    row,
    table,
)
from reconciler.rendering.terminal import PLAIN, Look, clean
from reconciler.rendering.text import counted, extra_name, scope_words
from reconciler.rendering.things import Applied, Drift, LedgerView, Proofs
from reconciler.rendering.verification import NOTHING, counted_proofs
from reconciler.rendering.words import (
    action_words,
    counted_words,
    nothing_words,
    outcome_sign,
    sign,
    title_words,
    waiting_words,
)

# GitHub takes comments of 65,536 characters; the rest is for what a pipeline puts around them
LIMIT = 60_000
_NOTES = 500  # kept free for the lines that say what was left out
_FIELD_HEADS = ("Field", "Before", "After", "Cause")
_DRIFT_HEADS = ("Field", "Last applied", "Live")
_ALL_SHOWN_BY = "`--format json` and `--format html` show everything"


def plan_markdown(plan: Plan, look: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """A plan as a comment: counts, approvals, each change folded up, findings, digest.

    Args:
        limit: bytes that the text may have; heading, counts and digest are there in any case.
    """
    changes = [change for change in plan.changes if look.verbose or change.action is not Action.NO_OP]
    head = [marker("plan", plan.stack.name), f"### {title_words(plan)} {code(plan.stack.name)}"]
    counts = nothing_words(plan) or _counts({key: count for key, count in plan.summary.items() if count})
    digest = f"Digest: {code(plan.digest)}"
    room = _room(limit, [*head, counts, digest])
    about = fitting(_about(plan), room, 0.2)
    approvals = _approvals(plan, room)
    findings = _findings(plan.problems, room)
    return _joined(*head, *about, counts, *approvals, *_folded(changes, room), *findings, digest)


def _room(limit: int, blocks: Sequence[str]) -> SizeLimit:
    """What these blocks leave of a limit."""
    room = SizeLimit(limit - _NOTES)
    room.holds(*blocks)
    return room


def _joined(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _counts(counts: dict[str, int]) -> str:
    heads = ["unchanged" if key == Action.NO_OP.value else key for key in counts]
    return table(heads, [[str(count) for count in counts.values()]], "r" * len(counts))


def _about(plan: Plan) -> list[str]:
    lines = []
    for name, provider in sorted(plan.stack.remotes.items()):
        account = f", account {code(provider.account_shown)}" if provider.account_id else ""
        lines.append(f"- {code(name)}: {code(provider.shown)}{account}")
    blocks = ["\n".join(lines)] if lines else []
    if plan.targets:
        told = scope_words(plan, code)
        blocks.append(f"{told[0].upper()}{told[1:]}.")
    return blocks


def _approvals(plan: Plan, room: SizeLimit) -> list[str]:
    waiting = [change for change in plan.changes if change.needs_approval]
    if not waiting:
        return []
    blocks = [
        f"**{waiting_words(len(waiting))}.** To approve this very plan by hand, add to "
        f"`reconcile {'destroy' if plan.destroys else 'apply'}`:",
        fenced(f"--approve {plan.digest}", "text"),
    ]
    room.holds(*blocks)
    if plan.destroys:
        return blocks
    listed = "approve:\n" + "\n".join(f"  - {clean(change.address)}" for change in waiting)
    words, entries = "Or approve it by review, with these lines in the spec:", fenced(listed, "yaml")
    if room.takes(words) and room.takes(entries, room.left // 3):
        return [*blocks, words, entries]
    return [*blocks, f"Or approve it by review: {len(waiting):,} addresses, too many to list here."]


def _folded(changes: Sequence[Change], room: SizeLimit, heads: Sequence[str] = _FIELD_HEADS) -> list[str]:
    """The changes in their order; where there isn't room for all, those that need a person come first."""
    urgent = {number for number, change in enumerate(changes) if change.needs_approval or change.code}
    taken: dict[int, str] = {}
    for number in sorted(range(len(changes)), key=lambda number: (number not in urgent, number)):
        fold = _fold(changes[number], heads)
        if not room.takes(fold):
            fold = _fold(changes[number], ())
            if not room.takes(fold):
                if number in urgent:
                    continue
                break  # the rest keeps its order: nothing smaller jumps the queue
        taken[number] = fold
    blocks = [taken[number] for number in sorted(taken)]
    hidden = [change for number, change in enumerate(changes) if number not in taken]
    return [*blocks, _hidden_changes(hidden)] if hidden else blocks


def _hidden_changes(hidden: Sequence[Change]) -> str:
    counts = {action: sum(change.action is action for change in hidden) for action in Action}
    sorts = ", ".join(f"{count:,} {action_words(action)}" for action, count in counts.items() if count)
    return f"**{counted_words(len(hidden), 'more change')} not shown** ({sorts}): {_ALL_SHOWN_BY}."


def _fold(change: Change, heads: Sequence[str]) -> str:
    """One change, folded up; without its fields if there are no heads for them."""
    flag = " · <b>needs approval</b>" if change.needs_approval else ""
    title = f"{html_code(sign(change))} {action_words(change.action)} {html_code(change.address)}{flag}"
    lines = [f"<details>\n<summary>{title}</summary>", _sentences(change)]
    if heads:
        lines.append(_fields(change, heads))
    elif change.fields:
        lines.append(f"{counted_words(len(change.fields), 'field')}, too long to show here: {_ALL_SHOWN_BY}.")
    return "\n\n".join(line for line in [*lines, "</details>"] if line)


def _sentences(change: Change) -> str:
    labelled = [
        ("Name", code(extra_name(change)) if extra_name(change) else ""),
        ("Id", code(change.id) if change.id else ""),
        ("Why", prose(change.reason) + (f" ({code(change.code)})" if change.code else "")),
        ("Approval" if change.needs_approval else "Approved", prose(change.approval)),
    ]
    return "\n".join(f"- {label}: {words}" for label, words in labelled if words)


def _fields(change: Change, heads: Sequence[str]) -> str:
    found = differences(change)
    if not found:
        return ""
    if change.action in (Action.CREATE, Action.DELETE):
        return table(["Field", "Value"], [[code(d.path), _items(d.removed + d.added)] for d in found])
    rows = [[code(d.path), _before(d), _after(d), d.cause][: len(heads)] for d in found]
    return table(heads, rows)


def _before(difference: Difference) -> str:
    return _items(difference.removed, "- " if difference.is_set else "")


def _after(difference: Difference) -> str:
    kept = f"<br>({len(difference.kept):,} unchanged)" if difference.kept else ""
    return (_items(difference.added, "+ " if difference.is_set else "") + kept).removeprefix("<br>")


def _items(items: Sequence[str], sign: str = "") -> str:
    return "<br>".join(sign + code(item) for item in items)


def _findings(problems: Sequence[Problem], room: SizeLimit, share: float = 0.3) -> list[str]:
    items = [_finding(problem) for problem in sorted_problems(problems)]
    blocks = _listed(items, room, share, "finding")
    return ["#### Findings", *blocks] if blocks else []


def _listed(items: Sequence[str], room: SizeLimit, share: float, noun: str) -> list[str]:
    """A list of as many items as a share of the room takes."""
    taken = fitting(items, room, share)
    return [*(["\n".join(taken)] if taken else []), *_rest(len(items) - len(taken), noun)]


def _rest(count: int, noun: str) -> list[str]:
    words = counted_words(count, f"more {noun}")
    return [f"**{words} not shown**: {_ALL_SHOWN_BY}."] if count else []


def _finding(problem: Problem) -> str:
    place = ", ".join(code(part) for part in (problem.at, problem.address) if part)
    head = (
        f"- **{problem.severity.value}** {code(problem.code)}{' at ' if problem.at else ' '}{place}".rstrip()
    )
    help_words = f"\n  - Help: {prose(problem.hint)}" if problem.hint else ""
    return f"{head}: {prose(problem.message)}{help_words}"


def drift_markdown(drift: Drift, _: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """What others changed in the objects of a stack, from last applied to live, as a comment."""
    drifted = changes_in(drift)
    head = [marker("drift", drift.stack), f"### Drift in stack {code(drift.stack)}"]
    gone = sum(change.action is Action.DELETE for change in drifted)
    head.append(_counts({"changed": len(drifted) - gone, "gone": gone}) if drifted else NO_DRIFT)
    room = _room(limit, head)
    findings = _findings(drift.problems, room)
    return _joined(*head, *_folded(drifted, room, _DRIFT_HEADS), *findings)


def verification_markdown(proofs: Proofs, _: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """What was proven, as a comment: the sum, then a line for each address, what is broken first."""
    stack, found = proofs.stack, proofs.found
    head = [marker("verification", stack), f"### Verification of stack {code(stack)}"]
    head.append(f"{counted_proofs(found)}." if found else NOTHING)
    ordered = sorted(found, key=lambda one: one.status is not Proof.BROKEN)
    rows = [
        [
            f"**{one.status.value}**" if one.status is Proof.BROKEN else one.status.value,
            code(one.address),
            prose(one.message),
        ]
        for one in ordered
    ]
    return _joined(*head, *_rows(["Result", "Address", "Why"], rows, _room(limit, head), "result"))


def audit_markdown(audit: Audit, _: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """What is wrong between both systems, as a comment: the sum, then a table under what hurts."""
    head = [marker("audit"), "### Audit", f"{counted_findings(audit).capitalize()}."]
    room = _room(limit, head)
    blocks: list[str] = []
    for title, findings in grouped(audit.findings):
        rows = [
            [
                f"**{each.severity.value}** {code(each.code)}",
                f"{prose(named(each.objects[0]))}{f' {code(each.at)}' if each.at else ''}",
                f"{prose(each.message)}; {prose(each.advice)}",
            ]
            for each in findings
        ]
        table = _rows(["Finding", "Object", "Why, and what to do"], rows, room, "finding")
        blocks += [f"#### {title}", *table] if table else []
    return _joined(*head, *blocks)


def outcomes_markdown(applied: Applied, _: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """What came of applying a plan, as a comment: the sum, what went wrong, and a line for each change."""
    plan, outcomes, stack = applied.plan, applied.outcomes, applied.plan.stack.name
    counts = {key: count for key, count in counted(plan, outcomes).items() if count}
    head = [marker("result", stack), f"### Applied to stack {code(stack)}"]
    head.append(_counts(counts) if counts else "Nothing to do.")
    room = _room(limit, head)
    errors = _wrongs(outcomes, room)
    changes = {change.address: change for change in plan.changes}
    ordered = sorted(outcomes, key=lambda outcome: outcome.status is Status.DONE)
    rows = [
        [
            f"{code(outcome_sign(outcome, changes))} {action_words(outcome.action)}",
            code(outcome.address),
            outcome.status.value,
            f"{outcome.seconds:.1f} s",
        ]
        for outcome in ordered
    ]
    return _joined(*head, *errors, *_rows(["Action", "Address", "Result", "Time"], rows, room, "change"))


def _wrongs(outcomes: Sequence[Outcome], room: SizeLimit) -> list[str]:
    items = [
        f"- **{outcome.status.value}** {code(outcome.address)}: {prose(outcome.error or outcome.note)}"
        for outcome in sorted(outcomes, key=lambda outcome: outcome.status is not Status.FAILED)
        if outcome.error or outcome.note
    ]
    return _listed(items, room, 0.6, "error")


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]], room: SizeLimit, noun: str) -> list[str]:
    """A table of as many rows as there is room for."""
    if not rows or not room.takes(table(heads, [])):
        taken = []
    else:
        taken = fitting([row(cells) for cells in rows], room)
    return [*([table(heads, rows[: len(taken)])] if taken else []), *_rest(len(rows) - len(taken), noun)]


def problems_markdown(problems: Sequence[Problem], _: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """What is wrong with a spec, as a comment."""
    head = [marker("validation"), "### Validation"]
    if not problems:
        return _joined(*head, "No findings.")
    room = _room(limit, head)
    return _joined(*head, *_findings(problems, room, 1.0)[1:])


def errors_markdown(errors: Sequence[ReconcileError], _: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """What stopped a command, as a comment; with the request id that a remote system's support asks for."""
    head = [marker("error"), "### Stopped"]
    room = _room(limit, head)
    requests = [getattr(error, "request_id", "") for error in errors]
    lines = fitting([f"Request id: {code(request)}" for request in requests if request], room, 0.2)
    problems = [problem for error in errors for problem in error.problems]
    return _joined(*head, *_findings(problems, room, 1.0)[1:], *lines)


def ledger_markdown(view: LedgerView, _: Look = PLAIN, *, limit: int = LIMIT) -> str:
    """What a stack owns, and what an interrupted run left open; never marks, copies or attributes."""
    ledger, document = view.ledger, ledger_json(view)
    head = [
        marker("ledger", ledger.stack),
        f"### Ledger of stack {code(ledger.stack)}",
        f"Lineage {code(ledger.lineage)}, serial {ledger.serial}.",
    ]
    room = _room(limit, head)
    pending = document["pending"]
    open_rows = [
        *(
            [code(address), f"begun {code(intent['at'])}", *_by(intent)]
            for address, intent in pending["intents"].items()
        ),
        *(
            [code(given["address"]), f"given up {code(given['given_up'])}", *_by(given)]
            for given in pending["given_up"]
        ),
    ]
    heads = ["Not settled", "Since", "Why", "By"]
    blocks = _rows(heads, open_rows, room, "open intent")
    entries = [_entry_row(address, entry) for address, entry in document["resources"].items()]
    heads = ["Address", "Id", "Name", "Provider", "Origin", "Secret", "To be removed"]
    owned = _rows(heads, entries, room, "resource") or ["Nothing is owned."]
    return _joined(*head, *blocks, *owned)


def _by(intent: dict[str, Any]) -> list[str]:
    return [
        code(intent["why"]),
        f"{code(intent['owner'])} on {code(intent['host'])}, pid {code(intent['pid'])}",
    ]


def _entry_row(address: str, entry: dict[str, Any]) -> list[str]:
    secret, formers = entry["secret"], entry["formers"]
    custody = ", a sealed copy is kept" if secret and secret["has_sealed_copy"] else ""
    ends = f", expires {code(secret['expires_at'])}" if secret and secret["expires_at"] else ""
    return [
        code(address),
        code(entry["id"]) if entry["id"] else "",
        code(entry["name"]) if entry["name"] else "",
        code(entry["provider"]),
        entry["origin"],
        f"{secret['state']}{ends}{custody}" if secret else "",
        "<br>".join(code(former["id"]) for former in formers),
    ]
