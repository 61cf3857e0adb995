"""What an organisation forbids: rules that hold for specs and for what is live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXPIRY_WARNING = 30 * 86400  # seconds


@dataclass(frozen=True)
class Policy:
    """One set of rules; what is None or False isn't ruled.

    Attributes:
        origin: the file that says so.
        redirect_hosts: hosts that redirects may lead to besides those of providers.
        max_lifetime, expiry_warning: seconds.
        names: a regular expression that whole names match.
        provider_hosts: the only hosts that providers may name.
    """

    origin: str = ""
    forbid_scopes: frozenset[str] = frozenset()
    redirect_hosts: tuple[str, ...] | None = None
    max_lifetime: int | None = None
    require_rotation: bool = False
    require_access: bool = False
    expiry_warning: int | None = None
    names: str | None = None
    provider_hosts: tuple[str, ...] | None = None


def shortest_lifetime(policies: Sequence[Policy]) -> int | None:
    """The longest that a secret may live under all of them, in seconds."""
    stated = [each.max_lifetime for each in policies if each.max_lifetime is not None]
    return min(stated) if stated else None


def warning_time(policies: Sequence[Policy]) -> int:
    """How long before its end a secret is warned of, in seconds."""
    stated = [each.expiry_warning for each in policies if each.expiry_warning is not None]
    return max(stated) if stated else EXPIRY_WARNING
