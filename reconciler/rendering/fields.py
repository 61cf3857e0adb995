"""Field changes as aligned lines: `path: before → after`, lists as what was added and removed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.model import Action, Cause, FieldChange, canonical
from reconciler.rendering.terminal import Look, columns, wrapped
from reconciler.secrets import SENSITIVE

NOTHING = "(none)"
_LINE_LIMIT = 12
# bare, these would vanish, or read as a part of the line's own signs
_NEEDS_QUOTES = re.compile(r"\A\Z|\A\s|\s\Z|\A[\[{\"]|→|->")
_CAUSES = {Cause.SPEC: "", Cause.DRIFT: "(drift)", Cause.BOTH: "(spec and drift)"}


def gathered(fields: Sequence[FieldChange], action: Action) -> list[FieldChange]:
    """The fields as people read them: groups and content by what they are called, each sort in one place."""
    found: dict[tuple[str, Cause], FieldChange] = {}
    for field in fields:
        head = field.path.partition(".")[0] if field.called else field.path
        if not field.called:
            found[head, field.cause] = field
            continue
        seen = found.get((head, field.cause), FieldChange(head, None, None, field.cause, head))
        before, after = _with(seen.before, field.before, field), _with(seen.after, field.after, field)
        found[head, field.cause] = replace(seen, before=before, after=after)
    is_one_sided = action in (Action.CREATE, Action.DELETE)
    return [_both_sided(f) if f.called and not is_one_sided else f for f in found.values()]


def _with(listed: Any, value: Any, field: FieldChange) -> Any:
    return listed if value is None else [*(listed or []), field.called]


def _both_sided(field: FieldChange) -> FieldChange:
    """With an empty list where nothing was or will be, so that it reads as what comes and goes."""
    if isinstance(field.before, list) and field.after is None:
        return replace(field, after=[])
    return replace(field, before=[]) if isinstance(field.after, list) and field.before is None else field


def field_lines(every: Sequence[FieldChange], action: Action, look: Look, indent: int) -> list[str]:
    """The fields of one change, labels aligned, values beside them."""
    fields = gathered(every, action)
    labels = [look.palette.clean(field.path) + ":" for field in fields]
    # one very long path doesn't push all the others to the right
    usual = [columns(label) for label in labels if columns(label) <= look.width // 3]
    lines: list[str] = []
    for label, field in zip(labels, fields, strict=True):
        start = " " * indent + label + " " * max(max(usual, default=0) - columns(label), 0) + "  "
        room = max(look.width - columns(start), 24)
        first, *rest = _with_cause(_value_lines(field, action, look, room), told_cause(field, action), look)
        lines.append(start + first)
        lines.extend(" " * columns(start) + line for line in rest)
    return lines


def told_cause(field: FieldChange, action: Action) -> Cause:
    """The cause that a field tells: what is made again as a whole says so once, in its reason."""
    return Cause.SPEC if action is Action.CREATE else field.cause


def shown(value: Any, look: Look) -> str:
    """A value on one line: text bare where that can't mislead, everything else as compact JSON."""
    if value is None:
        return NOTHING
    if isinstance(value, (Mapping, list, tuple)):
        return look.palette.clean(json.dumps(value, default=str, ensure_ascii=False, sort_keys=True))
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    text = str(value)
    if _NEEDS_QUOTES.search(text):
        text = json.dumps(text, ensure_ascii=False)
    return look.palette.clean(text)


def _value_lines(field: FieldChange, action: Action, look: Look, room: int) -> list[str]:
    before, after = field.before, field.after
    if _is_one_sided(field, action):
        return _plain_lines(after if before is None else before, look, room)
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        lines = _set_lines(before, after, look, room)
        if lines:
            return lines
    if str(before) == str(after) == SENSITIVE:
        return [SENSITIVE]
    return _arrow_lines(before, after, look, room)


def _is_one_sided(field: FieldChange, action: Action) -> bool:
    """Whether one value says it all: the symbol tells that nothing was there before, or will be after."""
    if field.before is not None and field.after is not None:
        return False
    return action in (Action.CREATE, Action.DELETE) or field.path == "id"


def _plain_lines(value: Any, look: Look, room: int) -> list[str]:
    if isinstance(value, (list, tuple)) and value:
        items = [shown(item, look) for item in value]
        joined = ", ".join(items)
        if columns(joined) <= room:
            return [joined]
        return [line for item in items for line in _limited(item, room)]
    return _limited(shown(value, look), room)


def _set_lines(before: Sequence[Any], after: Sequence[Any], look: Look, room: int) -> list[str]:
    old = {canonical(item): item for item in before}
    new = {canonical(item): item for item in after}
    lines = []
    for sign, paint, items in (
        ("+ ", look.palette.good, [new[key] for key in new if key not in old]),
        ("- ", look.palette.bad, [old[key] for key in old if key not in new]),
    ):
        for item in items:
            first, *rest = _limited(shown(item, look), room - 2)
            lines += [paint(sign + first), *(paint("  " + line) for line in rest)]
    kept = len(old.keys() & new.keys())
    if lines and kept:
        lines.append(look.palette.quiet(f"({kept} unchanged)"))
    return lines


def _arrow_lines(before: Any, after: Any, look: Look, room: int) -> list[str]:
    arrow = look.palette.quiet(look.palette.arrow)
    left, right = shown(before, look), shown(after, look)
    if left == right:  # "30" and 30
        left, right = (look.palette.clean(json.dumps(value, default=str)) for value in (before, after))
    if columns(left) + columns(right) + 4 <= room:
        return [f"{left} {arrow} {right}"]
    old = _limited(left, room)
    first, *rest = _limited(right, room - 3)
    return [*old, f"{arrow} {first}", *("  " + line for line in rest)]


def _limited(text: str, room: int) -> list[str]:
    """Wrapped, never shortened in the middle, where something could hide; past the limit it says so."""
    lines = wrapped(text, room)
    if len(lines) <= _LINE_LIMIT:
        return lines
    hidden = len(lines) - _LINE_LIMIT + 1
    return [*lines[: _LINE_LIMIT - 1], f"({hidden} more lines: --format json shows all)"]


def _with_cause(lines: list[str], cause: Cause, look: Look) -> list[str]:
    note = _CAUSES[cause]
    return [*lines[:-1], f"{lines[-1]}  {look.palette.careful(note)}"] if note else lines
