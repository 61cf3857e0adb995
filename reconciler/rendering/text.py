"""Plans and their outcomes as text for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reconciler.model import Action, Change, Outcome, Plan, Status
from reconciler.rendering.fields import field_lines
from reconciler.rendering.problems import problems_text
from reconciler.rendering.terminal import PLAIN, SYMBOLS, Look, Palette, columns, padded, symbol, wrapped
from reconciler.rendering.things import Applied

NO_CHANGES = "No changes. The live systems match the spec."
NOTHING_DUE = "Nothing is due. What else differs is left for an apply without --due."
ON_TRUST = "No changes. Not all of it was looked at, or works: see above."
_DOUBTS = frozenset({"secrets-on-trust", "inactive-principal", "secret-unverified", "secret-unknown"})
NOTHING_TO_DESTROY = "Nothing to destroy: the stack owns nothing."
_INDENT = 6
_PLANNED = {
    Action.CREATE: "to create",
    Action.ADOPT: "to adopt",
    Action.UPDATE: "to update",
    Action.REPLACE: "to replace",
    Action.ROTATE: "to rotate",
    Action.DELETE: "to delete",
    Action.FORGET: "to forget",
    Action.BLOCKED: "blocked",
    Action.NO_OP: "unchanged",
}
_DONE = {
    Action.CREATE: "created",
    Action.ADOPT: "adopted",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.ROTATE: "rotated",
    Action.DELETE: "deleted",
    Action.FORGET: "forgotten",
}


def plan_text(plan: Plan, look: Look = PLAIN) -> str:
    """A plan for people: what changes and why, what needs approval and how to give it, and the digest."""
    listed = [change for change in plan.changes if look.verbose or change.action is not Action.NO_OP]
    has_changes = any(change.action is not Action.NO_OP for change in plan.changes)
    blocks = [_header(plan, look), *(change_block(change, look) for change in listed)]
    blocks += [_approvals(plan, look), problems_text(plan.problems, look)]
    blocks.append(_footer(plan, look) if has_changes else nothing_text(plan))
    return "\n\n".join(block.rstrip("\n") for block in blocks if block) + "\n"


def nothing_text(plan: Plan) -> str:
    """What a plan without changes says."""
    if plan.destroys:
        return NOTHING_TO_DESTROY
    if any(change.left for change in plan.changes):
        return NOTHING_DUE
    return ON_TRUST if any(problem.code in _DOUBTS for problem in plan.problems) else NO_CHANGES


def scope_words(plan: Plan, mark: Callable[[str], str] = str) -> str:
    """What a plan of a part of the stack is about.

    Args:
        mark: sets an address as the format sets code.
    """
    renewed = [mark(str(address)) for address in plan.replaces]
    others = [mark(str(address)) for address in plan.targets if address not in plan.replaces]
    if not renewed:
        return f"only {', '.join(others)}, with what they depend on"
    return f"renews {', '.join(renewed)}" + (f", for {', '.join(others)}" if others else "")


def _header(plan: Plan, look: Look) -> str:
    clean = look.palette.clean
    what = "Plan to destroy stack" if plan.destroys else "Plan for stack"
    lines = [look.palette.strong(f"{what} {clean(plan.stack.name)}")]
    label_width = max((columns(clean(name)) for name in plan.stack.remotes), default=0)
    for name, provider in sorted(plan.stack.remotes.items()):
        account = (
            f" {look.palette.dot} account {clean(provider.account_shown)}" if provider.account_id else ""
        )
        lines.append(f"  {padded(clean(name), label_width)}  {clean(provider.shown)}{account}")
    if plan.targets:
        lines.append(f"  {clean(scope_words(plan))}")
    return "\n".join(lines)


def change_block(change: Change, look: Look) -> str:
    """One change with its reason, fields and approval."""
    paint = look.palette
    title = paint.of(change.action, f"{symbol(change):>3} {paint.clean(change.address)}")
    is_told = change.id == change.name or any(
        field.path == "id" and change.id in (field.before, field.after) for field in change.fields
    )
    aside = [part for part in (extra_name(change), None if is_told else change.id) if part]
    if aside:
        title += paint.quiet("  " + f" {paint.dot} ".join(map(paint.clean, aside)))
    lines = ["  " + title]
    if change.action is not Action.NO_OP:
        code = f" [{change.code}]" if change.code else ""
        lines += _paragraph(change.reason + code, look, paint.quiet)
    lines += field_lines(change.fields, change.action, look, _INDENT + 2)
    leftovers = [live_id for live_id in (*change.clears, *change.removes) if live_id != change.id]
    if leftovers:
        lines += _paragraph(f"removes what an earlier run left: {', '.join(leftovers)}", look, paint.bad)
    if change.needs_approval:
        lines += _paragraph(f"needs approval: {change.approval}", look, paint.careful)
    elif change.approval:
        lines += _paragraph(f"approved: {change.approval}", look, paint.quiet)
    return "\n".join(lines)


def extra_name(change: Change) -> str:
    """The name, where the address doesn't say it already."""
    return "" if change.name in (change.address.key, change.address.part) else change.name


def _paragraph(text: str, look: Look, paint: Callable[[str], str]) -> list[str]:
    if not text:
        return []
    start = " " * (_INDENT + 2)
    room = max(look.width - len(start), 24)
    return [start + paint(line) for line in wrapped(look.palette.clean(text), room)]


def _approvals(plan: Plan, look: Look) -> str:
    waiting = [look.palette.clean(change.address) for change in plan.changes if change.needs_approval]
    if not waiting:
        return ""
    verb = "1 change needs" if len(waiting) == 1 else f"{len(waiting)} changes need"
    lines = [
        look.palette.careful(f"{verb} approval."),
        f"  this very plan, by hand:  --approve {plan.digest}",
    ]
    if not plan.destroys:
        start, listed = "  or in a reviewed spec:    approve:", f" [{', '.join(waiting)}]"
        fits = columns(start + listed) <= look.width
        lines += [start + listed] if fits else [start, *(f"{'- ':>30}{address}" for address in waiting)]
    return "\n".join(lines)


def _footer(plan: Plan, look: Look) -> str:
    counts = [f"{count} {_PLANNED[Action(name)]}" for name, count in plan.summary.items() if count]
    summary = f"{look.palette.strong('Plan:')} {', '.join(counts)}."
    return f"{summary}\n{look.palette.quiet('Digest: ' + plan.digest)}"


_ROOM = 24  # of a line, for its sign and how a change ended


def outcomes_text(applied: Applied, look: Look = PLAIN) -> str:
    """What came of applying a plan: a line for each change, the error below it, and the sum."""
    plan, outcomes = applied.plan, applied.outcomes
    changes = {change.address: change for change in plan.changes}
    label_width = max((columns(look.palette.clean(outcome.address)) for outcome in outcomes), default=0)
    if label_width + _ROOM > look.width:
        label_width = 0  # there is no room for a column
    lines: list[str] = []
    for outcome in outcomes:
        lines += _outcome_lines(outcome, changes.get(outcome.address), label_width, look)
    if lines:
        lines.append("")
    lines.append(look.palette.strong("Applied:") + f" {_sum_of(plan, outcomes)}.")
    return "\n".join(lines) + "\n"


def _outcome_lines(outcome: Outcome, change: Change | None, label_width: int, look: Look) -> list[str]:
    sign = symbol(change) if change and change.action is outcome.action else SYMBOLS[outcome.action]
    line = outcome_line(outcome, look.palette, sign=sign, label_width=label_width)
    noted = _paragraph(outcome.note, look, look.palette.careful)
    return [line, *_paragraph(outcome.error, look, look.palette.bad), *noted]


def outcome_line(outcome: Outcome, palette: Palette, *, sign: str = "", label_width: int = 0) -> str:
    """How one change ended, on one line: symbol, address, a word, the time it took."""
    label = padded(palette.clean(outcome.address), label_width)
    sign = sign or SYMBOLS[outcome.action]
    return f"  {palette.of(outcome.action, f'{sign:>3} {label}')}  {_ending(outcome, palette)}"


def _ending(outcome: Outcome, palette: Palette) -> str:
    if outcome.status is Status.DONE:
        return palette.good(_DONE.get(outcome.action, "done")) + palette.quiet(_took(outcome.seconds))
    if outcome.status is Status.FAILED:
        return palette.bad("failed") + palette.quiet(_took(outcome.seconds))
    return palette.careful("blocked" if outcome.action is Action.BLOCKED else "skipped")


def _took(seconds: float) -> str:
    return f" ({duration(seconds)})"


def duration(seconds: float) -> str:
    """`0.4 s`, `2 min 05 s`."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def counted(plan: Plan, outcomes: Sequence[Outcome]) -> Mapping[str, int]:
    """Changes done, by action; then `failed` and `skipped`: every address counts once.

    Nothing is ever done about a blocked or an unchanged address: those two counts are the plan's.
    """
    counts = {action.value: 0 for action in Action} | {"failed": 0, "skipped": 0}
    for outcome in outcomes:
        counts[outcome.action.value if outcome.status is Status.DONE else outcome.status.value] += 1
        if outcome.action is Action.BLOCKED:
            counts[outcome.status.value] -= 1
    return counts | {action.value: plan.summary[action.value] for action in (Action.BLOCKED, Action.NO_OP)}


def _sum_of(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    counts = counted(plan, outcomes)
    words = {action.value: word for action, word in _DONE.items()} | {"blocked": "blocked"}
    words |= {"failed": "failed", "skipped": "skipped"}
    return ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts[key]) or "nothing to do"
