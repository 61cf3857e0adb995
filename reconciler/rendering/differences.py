"""Field changes as what was removed, added and kept: the form that tables and pages lay out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model import Action, Cause, Change, FieldChange, canonical
from reconciler.rendering.fields import gathered, shown, told_cause
from reconciler.rendering.terminal import Look, clean
from reconciler.secrets import SENSITIVE

CAUSES = {Cause.SPEC: "spec", Cause.DRIFT: "drift", Cause.BOTH: "spec and drift"}
_LOOK = Look()


@dataclass(frozen=True)
class Difference:
    """One field, its values as cleaned text of one line each.

    Attributes:
        removed, added: what was and what will be; of sets only what comes and goes.
        kept: the members of a set that stay.
        is_set: `removed` and `added` are members that go and come.
        is_plain: one side says it all (a create, a delete, an id): signs would add nothing.
    """

    path: str
    cause: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    is_set: bool = False
    is_plain: bool = False


def differences(change: Change) -> list[Difference]:
    """The fields of one change."""
    return [difference(field, change.action) for field in gathered(change.fields, change.action)]


def difference(field: FieldChange, action: Action) -> Difference:
    """One field of a change with this action."""
    path, cause = clean(field.path), CAUSES[told_cause(field, action)]
    before, after = field.before, field.after
    if before is None or after is None:
        is_plain = action in (Action.CREATE, Action.DELETE) or field.path == "id"
        return Difference(path, cause, _members(before), _members(after), is_plain=is_plain)
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        removed, added, kept = _as_sets(before, after)
        if removed or added:
            return Difference(path, cause, removed, added, kept, is_set=True)
    if str(before) == str(after) == SENSITIVE:
        return Difference(path, cause, (SENSITIVE,), (SENSITIVE,))
    left, right = shown(before, _LOOK), shown(after, _LOOK)
    if left == right:  # "30" and 30
        left, right = (clean(json.dumps(value, default=str)) for value in (before, after))
    return Difference(path, cause, (left,), (right,))


def _members(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, (list, tuple)) and value:
        return tuple(shown(item, _LOOK) for item in value)
    return (shown(value, _LOOK),)


def _as_sets(
    before: Sequence[Any], after: Sequence[Any]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    old = {canonical(item): item for item in before}
    new = {canonical(item): item for item in after}
    removed = [old[key] for key in old if key not in new]
    added = [new[key] for key in new if key not in old]
    kept = [new[key] for key in new if key in old]
    return (
        _members(removed) if removed else (),
        _members(added) if added else (),
        _members(kept) if kept else (),
    )
