"""Changes as cards that fold: what happens and why, each field before and after, what waits for a yes."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from reconciler.model import Action, Address, Change, Outcome, Plan
from reconciler.rendering.differences import Difference, differences
from reconciler.rendering.html.page import badge, code, esc, said, tag
from reconciler.rendering.text import extra_name
from reconciler.rendering.words import action_words, kind_words, outcome_sign, sign
from reconciler.secrets import SENSITIVE

_OPEN_AT_MOST = 12
_WORTH_MARKING = 8  # characters in common
Anchors = Mapping[Address, str]


def cards(changes: Sequence[Change], anchors: Anchors) -> str:
    """The changes in their order; open where there are few, and where a person has to look.

    Args:
        anchors: the id of each address's place on the page.
    """
    few = len(changes) <= _OPEN_AT_MOST
    return "\n".join(
        _card(change, anchors, few or change.needs_approval or bool(change.code)) for change in changes
    )


def _card(change: Change, anchors: Anchors, is_open: bool) -> str:
    aside = " · ".join(esc(part) for part in dict.fromkeys((extra_name(change), change.id)) if part)
    flag = '<span class="flag">needs approval</span>' if change.needs_approval else ""
    summary = (
        f"{badge(sign(change), change.action)}<b>{action_words(change.action)}</b> {code(change.address)} "
        f"{tag('span', aside, 'aside')}{flag}"
    )
    blocked = f" {code(change.code)}" if change.code else ""
    parts = [
        tag("p", said(change.reason) + blocked, "why"),
        _approval(change),
        _fields(differences(change)),
        _needs(change, anchors),
    ]
    return (
        f'<details class="card a-{change.action.value}" id="{anchors[change.address]}" '
        f'data-action="{change.action.value}"{" open" if is_open else ""}>\n'
        f"<summary>{summary}</summary>\n{''.join(parts)}</details>"
    )


def _approval(change: Change) -> str:
    if not change.approval:
        return ""
    if change.needs_approval:
        return f'<p class="careful">Needs approval: {said(change.approval)}</p>'
    return f'<p class="why">Approved: {said(change.approval)}</p>'


def _needs(change: Change, anchors: Anchors) -> str:
    links = [
        f'<a href="#{anchors[target]}">{code(target)}</a>' if target in anchors else code(target)
        for target in change.depends_on
    ]
    return tag("p", "Depends on " + ", ".join(links) if links else "", "why")


def _fields(found: Sequence[Difference]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{esc(each.path)}</th><td>{_values(each)}{_cause(each)}</td></tr>'
        for each in found
    )
    return tag("table", rows, "fields")


def _cause(difference: Difference) -> str:
    return "" if difference.cause == "spec" else f'<span class="cause">{difference.cause}</span>'


def _values(difference: Difference) -> str:
    removed, added = difference.removed, difference.added
    if difference.is_plain or removed == added == (SENSITIVE,):
        return _lines("", [esc(value) for value in (added or removed)])
    if len(removed) == len(added) == 1 and not difference.is_set:
        old, new = _compared(removed[0], added[0])
        return _lines("del", [old]) + _lines("ins", [new])
    return _lines("del", map(esc, removed)) + _lines("ins", map(esc, added)) + _kept(difference.kept)


def _lines(name: str, values: Sequence[str] | map[str]) -> str:
    label = {"del": "removed: ", "ins": "added: "}.get(name, "")
    heard = f'<span class="heard">{label}</span>' if label else ""
    return "".join(f'<{name or "span"} class="v">{heard}{value}</{name or "span"}>' for value in values)


def _kept(kept: Sequence[str]) -> str:
    if not kept:
        return ""
    title = f"<summary>{len(kept):,} unchanged</summary>"
    return f'<details class="kept">{title}{_lines("", map(esc, kept))}</details>'


def _compared(old: str, new: str) -> tuple[str, str]:
    """Two values with the part in which they differ marked, where they have the rest in common."""
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    if start + end < max(_WORTH_MARKING, len(old) / 2, len(new) / 2):
        return html.escape(old), html.escape(new)
    return _marked(old, start, end), _marked(new, start, end)


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _marked(value: str, start: int, end: int) -> str:
    stop = len(value) - end
    middle = tag("mark", html.escape(value[start:stop]))
    return html.escape(value[:start]) + middle + html.escape(value[stop:])


def unchanged(changes: Sequence[Change], anchors: Anchors) -> str:
    """What stays as it is, in one list."""
    items = "".join(
        f'<li id="{anchors[change.address]}" tabindex="-1" data-action="{Action.NO_OP.value}">'
        f"{code(change.address)} "
        f'<span class="aside">{esc(kind_words(change.address))}</span></li>'
        for change in changes
    )
    if not items:
        return ""
    title = f"{badge('·', Action.NO_OP)}<b>{len(changes):,} unchanged</b>"
    return f'<details class="card a-no_op still"><summary>{title}</summary><ul>{items}</ul></details>'


def result_cells(plan: Plan, outcomes: Iterable[Outcome]) -> list[list[str]]:
    """How each change ended: what was done, where and what is to be said of it, the result."""
    changes = {change.address: change for change in plan.changes}
    return [
        [
            f"{badge(outcome_sign(each, changes), each.action)}{action_words(each.action)}",
            code(each.address) + tag("p", said(each.error), "bad") + tag("p", said(each.note)),
            each.status.value,
        ]
        for each in outcomes
    ]
