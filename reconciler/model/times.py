"""Moments as the APIs and the ledger spell them. Pure."""

from __future__ import annotations

from datetime import datetime


def parse_time(text: str) -> datetime | None:
    """A moment from RFC 3339; None where the text holds none."""
    if not text:
        return None
    try:
        # Python 3.10 knows neither Z nor more than six digits
        head, _, fraction = text.replace("Z", "+00:00").partition(".")
        if fraction:
            digits = fraction[: next((i for i, c in enumerate(fraction) if not c.isdigit()), len(fraction))]
            head += "." + digits[:6].ljust(6, "0") + fraction[len(digits) :]
        moment = datetime.fromisoformat(head)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
