"""Drift: how live differs from what was last applied, as text and as JSON.

Drift comes as changes that tell what others did: `update` for a changed object, `delete` for one that is
gone; a field's `before` is what was last applied, its `after` what is live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.model import Action, Change
from reconciler.rendering.json_documents import finding_json, plain
from reconciler.rendering.problems import problems_text, sorted_problems
from reconciler.rendering.terminal import PLAIN, Look
from reconciler.rendering.text import change_block
from reconciler.rendering.things import Drift

NO_DRIFT = "No drift. Live is as it was last applied."


def drift_text(drift: Drift, look: Look = PLAIN) -> str:
    """What others changed in the objects of a stack, from last applied to live."""
    drifted = changes_in(drift)
    blocks = [change_block(change, look) for change in drifted]
    if drifted:
        blocks.insert(0, look.palette.strong(f"Drift in stack {look.palette.clean(drift.stack)}"))
    blocks.append(problems_text(drift.problems, look).rstrip("\n"))
    blocks.append(f"{look.palette.strong('Drift:')} {_counts(drifted)}." if drifted else NO_DRIFT)
    return "\n\n".join(block for block in blocks if block) + "\n"


def changes_in(drift: Drift) -> list[Change]:
    """What isn't as it was."""
    return [change for change in drift.changes if change.action is not Action.NO_OP]


def _counts(drifted: Sequence[Change]) -> str:
    gone = sum(change.action is Action.DELETE for change in drifted)
    pairs = ((len(drifted) - gone, "changed"), (gone, "gone"))
    return ", ".join(f"{count} {word}" for count, word in pairs if count)


def drift_json(drift: Drift, _: Look = PLAIN) -> dict[str, Any]:
    """The same for programs (`reconcile.drift/1`)."""
    return {
        "format": "reconcile.drift/1",
        "stack": drift.stack,
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
            for change in changes_in(drift)
        ],
        "findings": [finding_json(problem) for problem in sorted_problems(drift.problems)],
    }
