"""What was proven, as text and as JSON: a line for each address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reconciler.model import Proof, Verification
from reconciler.rendering.terminal import PLAIN, Look, columns, padded, wrapped
from reconciler.rendering.things import Proofs

NOTHING = "Nothing to verify."


_NARROW = 60


def verification_text(proofs: Proofs, look: Look = PLAIN) -> str:
    """What works, what can't be tried, and what is broken."""
    found, palette = proofs.found, look.palette
    if not found:
        return NOTHING + "\n"
    paints: dict[Proof, Callable[[str], str]] = {
        Proof.VERIFIED: palette.good,
        Proof.NOT_VERIFIABLE: palette.careful,
        Proof.BROKEN: palette.bad,
    }
    wide = max(len(proof.value) for proof in Proof)
    widest = max(columns(palette.clean(one.address)) for one in found)
    lines = [
        f"  {paints[one.status](padded(one.status.value, wide))}  "
        f"{padded(palette.clean(one.address), widest)}  {palette.clean(one.message)}".rstrip()
        for one in found
    ]
    if look.width < _NARROW:
        lines = [
            line
            for one in found
            for line in (
                f"  {paints[one.status](one.status.value)}",
                f"    {palette.clean(one.address)}",
                *(f"    {part}" for part in wrapped(palette.clean(one.message), look.width - 4)),
            )
        ]
    title = palette.strong(f"Verification of stack {palette.clean(proofs.stack)}")
    return "\n".join([title, *lines, "", f"{palette.strong('Verify:')} {counted_proofs(found)}."]) + "\n"


def counted_proofs(found: Sequence[Verification]) -> str:
    """How many of each, in words."""
    numbers = [(sum(one.status is proof for one in found), proof.value) for proof in Proof]
    return ", ".join(f"{number:,} {words}" for number, words in numbers if number)


def verification_json(proofs: Proofs, _: Look = PLAIN) -> dict[str, Any]:
    """The same for programs (`reconcile.verification/1`)."""
    return {
        "format": "reconcile.verification/1",
        "stack": proofs.stack,
        "results": [
            {"address": str(one.address), "status": one.status.value, "message": one.message}
            for one in proofs.found
        ],
    }
