"""Drift: how live differs from what was last applied, as text and as JSON.

Drift comes as changes that tell what others did: `update` for a changed object, `delete` for one that is
gone; a field's `before` is what was last applied, its `after` what is live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.errors import Problem
from reconciler.model import Action, Change
from reconciler.rendering.json_documents import finding_json, plain
from reconciler.rendering.problems import problems_text, sorted_problems
from reconciler.rendering.terminal import Look, Palette
from reconciler.rendering.text import change_block

NO_DRIFT = "No drift. Live is as it was last applied."


def drift_text(
    stack: str,
    changes: Sequence[Change],
    problems: Sequence[Problem] = (),
    *,
    palette: Palette | None = None,
    width: int = 100,
) -> str:
    """What others changed in the objects of a stack, from last applied to live."""
    look = Look(palette or Palette(), width)
    drifted = _drifted(changes)
    blocks = [change_block(change, look) for change in drifted]
    if drifted:
        blocks.insert(0, look.palette.strong(f"Drift in stack {look.palette.clean(stack)}"))
    blocks.append(problems_text(problems, palette=look.palette, width=width).rstrip("\n"))
    blocks.append(f"{look.palette.strong('Drift:')} {_counts(drifted)}." if drifted else NO_DRIFT)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _drifted(changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.action is not Action.NO_OP]


def _counts(drifted: Sequence[Change]) -> str:
    gone = sum(change.action is Action.DELETE for change in drifted)
    pairs = ((len(drifted) - gone, "changed"), (gone, "gone"))
    return ", ".join(f"{count} {word}" for count, word in pairs if count)


def drift_json(stack: str, changes: Sequence[Change], problems: Sequence[Problem] = ()) -> dict[str, Any]:
    """The same for programs (`reconcile.drift/1`)."""
    return {
        "format": "reconcile.drift/1",
        "stack": stack,
        "drift": [
            {
                "address": str(change.address),
                "what": "gone" if change.action is Action.DELETE else "changed",
                "id": change.id,
                "name": change.name,
                "fields": [
                    {"path": field.path, "applied": plain(field.before), "live": plain(field.after)}
                    for field in change.fields
                ],
            }
            for change in _drifted(changes)
        ],
        "findings": [finding_json(problem) for problem in sorted_problems(problems)],
    }
