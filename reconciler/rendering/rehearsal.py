"""What a rehearsal showed, as text, JSON, Markdown and a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.model.rehearsal import Rehearsal, Traffic, Trial
from reconciler.rendering.html.cards import result_cells
from reconciler.rendering.html.page import code, esc, page, said, section, tag
from reconciler.rendering.html.page import table as html_table
from reconciler.rendering.safe_markdown import SizeLimit, fitting, marker, prose, row, table
from reconciler.rendering.safe_markdown import code as md_code
from reconciler.rendering.terminal import PLAIN, Look, wrapped
from reconciler.rendering.text import counted, duration, outcomes_text
from reconciler.rendering.things import Applied
from reconciler.rendering.words import action_words, counted_words, outcome_sign, sum_words

_LIMIT = 59_000  # bytes; forges take comments of 65,536 characters
_REAL = "Nothing real was changed."
_NOTHING = "Nothing to do"


def rehearsal_text(rehearsal: Rehearsal, look: Look = PLAIN) -> str:
    """The changes in the order in which they ended, the calls, the end, and what trouble would do."""
    palette = look.palette
    plan = rehearsal.plan
    name = palette.clean(plan.stack.name)
    lines = [palette.strong(f"Rehearsal for stack {name}"), ""]
    body = outcomes_text(Applied(plan, rehearsal.outcomes), look)
    lines += [body.replace("Applied:", "Rehearsed:").rstrip("\n")]
    lines += _told("Calls:", f"{palette.clean(_calls(rehearsal))}.", look)
    lines += _told("Afterwards:", f"{_afterwards(rehearsal)}.", look)
    for change in rehearsal.left:
        lines.append(palette.bad(f"  {change.action.value} {palette.clean(change.address)}"))
    if rehearsal.trials:
        lines += _told("Faults:", f"{_faults(rehearsal.trials)}.", look)
        for words in _failures(rehearsal.trials):
            lines += [palette.bad(f"  {part}") for part in wrapped(palette.clean(words), look.width - 2)]
    if plan.needs_approval:
        lines.append(
            palette.careful("The real one needs an approval first: `reconcile plan` tells its words.")
        )
    return "\n".join([*lines, palette.quiet(_REAL)]) + "\n"


def _told(title: str, words: str, look: Look) -> list[str]:
    """A sentence under its title, in as many lines as it takes."""
    first, *others = wrapped(f"{title} {words}", look.width)
    return [first.replace(title, look.palette.strong(title), 1), *others]


def _calls(rehearsal: Rehearsal) -> str:
    parts = [
        f"{name} {counted_words(each.writes, 'write')} and {counted_words(each.reads, 'read')}{_pace(each)}"
        for name, each in sorted(rehearsal.traffic.items())
    ]
    return f"{', '.join(parts) or 'none'}; about {duration(rehearsal.seconds)}"


def _pace(traffic: Traffic) -> str:
    return f" at {traffic.latency * 1000:.0f} ms each" if traffic.latency else ""


def _afterwards(rehearsal: Rehearsal) -> str:
    verb = "is" if len(rehearsal.end) == 1 else "are"
    owned = f"{counted_words(len(rehearsal.end), 'resource')} {verb} owned"
    left = counted_words(len(rehearsal.left), "change")
    return f"{owned}, and the next plan {f'still has {left}' if rehearsal.left else 'is empty'}"


def _faults(trials: Sequence[Trial]) -> str:
    writes = max(trial.write for trial in trials)
    good = sum(trial.converged for trial in trials)
    runs = counted_words(max(trial.runs for trial in trials), "more run")
    return (
        f"each of {counted_words(writes, 'write')} was killed once, and once unanswered: "
        f"{good:,} of {len(trials):,} converge, after {runs} at most"
    )


def _failures(trials: Sequence[Trial]) -> list[str]:
    return [
        f"write {trial.write} {trial.trouble.value} ({trial.call} on {trial.provider}): "
        f"after {counted_words(trial.runs, 'more run')} there is still {', '.join(trial.left)}"
        for trial in trials
        if not trial.converged
    ]


def rehearsal_json(rehearsal: Rehearsal, _: Look = PLAIN) -> dict[str, Any]:
    """The same for programs (`reconcile.rehearsal/1`)."""
    plan = rehearsal.plan
    return {
        "format": "reconcile.rehearsal/1",
        "stack": plan.stack.name,
        "needs_approval": plan.needs_approval,
        "summary": dict(counted(plan, rehearsal.outcomes)),
        "changes": [
            {
                "address": str(each.address),
                "action": each.action.value,
                "status": each.status.value,
                "error": each.error or None,
            }
            for each in rehearsal.outcomes
        ],
        "calls": {
            name: {"reads": each.reads, "writes": each.writes, "latency": round(each.latency, 4)}
            for name, each in sorted(rehearsal.traffic.items())
        },
        "seconds": round(rehearsal.seconds, 3),
        "end": [
            {"address": each.address, "id": each.id or None, "name": each.name} for each in rehearsal.end
        ],
        "second_plan": [
            {"address": str(change.address), "action": change.action.value, "reason": change.reason}
            for change in rehearsal.left
        ],
        "faults": [
            {
                "write": trial.write,
                "provider": trial.provider,
                "call": trial.call,
                "trouble": trial.trouble.value,
                "runs": trial.runs,
                "converged": trial.converged,
                "left": list(trial.left),
            }
            for trial in rehearsal.trials
        ],
        "converges": rehearsal.converges,
    }


def rehearsal_markdown(rehearsal: Rehearsal, _: Look = PLAIN) -> str:
    """The same as a comment."""
    plan = rehearsal.plan
    changes = {change.address: change for change in plan.changes}
    rows = [
        [
            f"{number:,}",
            f"{md_code(outcome_sign(each, changes))} {action_words(each.action)}",
            md_code(each.address),
            each.status.value + (f": {prose(each.error)}" if each.error else ""),
        ]
        for number, each in enumerate(rehearsal.outcomes, 1)
    ]
    head = [
        marker("rehearsal", plan.stack.name),
        f"### Rehearsal for stack {md_code(plan.stack.name)}",
        f"{sum_words(plan, rehearsal.outcomes) or _NOTHING}. {_REAL}",
        f"Calls: {prose(_calls(rehearsal))}. Afterwards: {_afterwards(rehearsal)}.",
        f"Faults: {_faults(rehearsal.trials)}." if rehearsal.trials else "",
    ]
    room = SizeLimit(_LIMIT)
    room.holds(*head)
    failures = [f"- {prose(words)}" for words in _failures(rehearsal.trials)]
    wrong = fitting(failures, room, 0.5)
    listed = fitting([row(cells) for cells in rows], room)
    hidden = len(rows) - len(listed) + len(failures) - len(wrong)
    parts = [
        *head,
        "\n".join(wrong),
        table(["", "Action", "Address", "Result"], rows[: len(listed)]) if listed else "",
        f"**{counted_words(hidden, 'more line')} not shown.**" if hidden else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def rehearsal_html(rehearsal: Rehearsal, _: Look = PLAIN) -> str:
    """The same as a page: changes in their order, calls by system, the end, the trials."""
    plan = rehearsal.plan
    results = result_cells(plan, rehearsal.outcomes)
    rows = [[f"{number:,}", *cells] for number, cells in enumerate(results, 1)]
    traffic = [
        [code(name), f"{each.reads:,}", f"{each.writes:,}", f"{each.latency * 1000:.0f} ms"]
        for name, each in sorted(rehearsal.traffic.items())
    ]
    end = [
        [code(each.address), code(each.id) if each.id else "new", esc(each.name)] for each in rehearsal.end
    ]
    left = [[action_words(each.action), code(each.address), said(each.reason)] for each in rehearsal.left]
    css = "" if rehearsal.converges else ' class="bad"'
    sums = sum_words(plan, rehearsal.outcomes) or _NOTHING
    head = (
        f"<p>{sums}. {_REAL}</p>"
        f"<p{css}>{esc(_afterwards(rehearsal).capitalize())}; about {duration(rehearsal.seconds)}.</p>"
    )
    body = "".join(
        [
            section("left", "Still to do", html_table(["Action", "Address", "Why"], left)),
            section("trials", "Faults", _trials_html(rehearsal.trials)),
            section(
                "results", "Changes in their order", html_table(["", "Action", "Address", "Result"], rows)
            ),
            section("calls", "Calls", html_table(["System", "Reads", "Writes", "An answer took"], traffic)),
            section("end", "Owned in the end", html_table(["Address", "Id", "Name"], end)),
        ]
    )
    return page("Rehearsal for stack", head, body, name=plan.stack.name)


def _trials_html(trials: Sequence[Trial]) -> str:
    if not trials:
        return ""
    rows = [
        [
            f"{trial.write:,}",
            code(trial.provider),
            code(trial.call),
            trial.trouble.value,
            counted_words(trial.runs, "run")
            if trial.converged
            else tag("span", esc(f"still {', '.join(trial.left)}"), "bad"),
        ]
        for trial in trials
    ]
    heads = ["Write", "System", "Call", "Trouble", "Put right by"]
    return tag("p", f"{esc(_faults(trials)).capitalize()}.") + html_table(heads, rows)
