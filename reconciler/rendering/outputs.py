"""Outputs: what people need to note down of a stack and isn't secret, from its ledger alone."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from reconciler.kinds import Registry
from reconciler.model import Address, Ledger
from reconciler.rendering.terminal import Palette, columns, padded
from reconciler.rendering.things import Outputs


def outputs(
    ledger: Ledger,
    kinds: Registry,
    *,
    hidden: Collection[str] = (),
    only: Collection[Address] | None = None,
) -> Outputs:
    """The outputs by address, sorted; what a part has to say stands with its owner's.

    Args:
        hidden: providers whose address isn't to be shown.
        only: these addresses alone; None for all.
    """
    found: dict[str, dict[str, str]] = {}
    for address, entry in sorted(ledger.entries.items()):
        kind = kinds.get(address.kind_name)
        if kind is None or not entry.id or not (only is None or address in only):
            continue
        record = ledger.remotes.get(entry.provider, "")
        is_shown = record.startswith("http") and entry.provider not in hidden
        facts = kind.noted(entry, record if is_shown else "")
        name = str(address.parent or address)
        found.setdefault(name, {}).update({key: value for key, value in facts.items() if value})
    return {name: fields for name, fields in found.items() if fields}


def outputs_text(found: Outputs, *, palette: Palette | None = None, title: str = "Outputs") -> str:
    """The outputs for people; "" when there are none."""
    palette = palette or Palette()
    if not found:
        return ""
    blocks = [palette.strong(palette.clean(title))]
    for name, fields in found.items():
        width = max(map(columns, fields))
        rows = [f"    {padded(key, width)}  {palette.clean(value)}" for key, value in fields.items()]
        blocks.append("\n".join(["  " + palette.clean(name), *rows]))
    return "\n".join(blocks) + "\n"


def outputs_json(stack: str, found: Outputs) -> dict[str, Any]:
    """The same for programs (`reconcile.outputs/1`)."""
    return {
        "format": "reconcile.outputs/1",
        "stack": stack,
        "outputs": {key: dict(found[key]) for key in found},
    }


def outputs_env(stacks: Mapping[str, Outputs]) -> str:
    """The same of some stacks as lines for sh: KIND_KEY_FIELD='value'.

    Names that would be equal (of keys `a-b` and `a_b`, or of two stacks) get a mark each, the same one
    whatever else there is.
    """
    rows = [
        (re.sub("[^A-Z0-9]", "_", f"{name}_{key}".upper()), f"{stack} {name} {key}", value)
        for stack, found in stacks.items()
        for name, fields in found.items()
        for key, value in fields.items()
    ]
    counts = Counter(variable for variable, _, _ in rows)
    return "".join(
        f"{variable if counts[variable] == 1 else f'{variable}_{_mark(place)}'}={_quoted(value)}\n"
        for variable, place, value in rows
    )


def _mark(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:6].upper()


def _quoted(value: str) -> str:
    inner = value.replace("'", "'\"'\"'")
    return f"'{inner}'"
