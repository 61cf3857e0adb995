"""Wanted against live, attribute by attribute: equality on canonical forms, explained by deepdiff. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds import Fields
from reconciler.matching.canonical import (
    at_path,
    canonical_leaf,
    known_as,
    marks,
    same_leaf,
    same_to_the_letter,
)
from reconciler.model import Cause, FieldChange


def field_changes(
    wanted: Mapping[str, Any], live: Mapping[str, Any], applied: Mapping[str, Any] | None, fields: Fields
) -> tuple[FieldChange, ...]:
    """How live differs from wanted, for the attributes that `wanted` has; sorted by path.

    Args:
        wanted: dotted path → value; references resolved or Unknown; no secrets.
        live: nested, as observed.
        applied: what was last applied, nested; None if never.
    """
    wanted = {
        path: value for path, value in wanted.items() if not same_to_the_letter(value, at_path(live, path))
    }
    if not wanted:
        return ()
    left = {
        path: canonical_leaf(path, known_as(path, at_path(live, path), marks(value), fields), fields)
        for path, value in wanted.items()
    }
    right = {path: canonical_leaf(path, value, fields) for path, value in wanted.items()}
    # no equality: a mode that lets in fewer is as good
    strict = {
        path for path in fields.modes & set(wanted) if same_leaf(path, wanted[path], left[path], fields)
    }
    left.update({path: right[path] for path in strict})
    if same_to_the_letter(left, right):
        return ()
    return tuple(
        FieldChange(
            path,
            at_path(live, path),
            wanted[path],
            _cause(path, wanted[path], at_path(live, path), applied, fields),
        )
        for path in sorted(_differing(left, right))
    )


def _differing(left: Mapping[str, Any], right: Mapping[str, Any]) -> set[str]:
    # imported only when something differs: loading it costs more than a whole plan without changes
    from deepdiff import DeepDiff

    tree = DeepDiff(dict(left), dict(right), view="tree", ignore_numeric_type_changes=False)
    return {str(level.path(output_format="list")[0]) for levels in tree.values() for level in levels}


def _cause(path: str, wanted: Any, live: Any, applied: Mapping[str, Any] | None, fields: Fields) -> Cause:
    last = at_path(applied, path) if applied is not None else None
    if last is None:
        return Cause.SPEC
    if same_leaf(path, wanted, last, fields):
        return Cause.DRIFT
    return Cause.SPEC if same_leaf(path, last, live, fields) else Cause.BOTH
