"""What a proof of a credential, or of the wiring around it, came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.model.values import Address


class Proof(str, Enum):
    """How a proof ended."""

    VERIFIED = "verified"
    NOT_VERIFIABLE = "not verifiable"
    BROKEN = "broken"


@dataclass(frozen=True)
class Verification:
    """One address: whether it works, and in words why, or what to do."""

    address: Address
    status: Proof
    message: str
