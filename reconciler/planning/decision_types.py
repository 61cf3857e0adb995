"""The words in which the planner decides: fates, verdicts, handovers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from reconciler.model import Address


class Fate(str, Enum):
    """What becomes of one wanted object."""

    KEEP = "keep"
    MAKE = "make"
    REPLACE = "replace"
    ROTATE = "rotate"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Verdict:
    """The fate of one address with its reason.

    Attributes:
        immutable: the attributes that the API can't change and that differ.
        unused: its secret never reached anyone, so that renewing it hurts nobody.
        code: of the problem, when blocked.
    """

    fate: Fate
    reason: str = ""
    immutable: tuple[str, ...] = ()
    unused: bool = False
    code: str = ""

    @property
    def is_new(self) -> bool:
        """Whether its remote id will be another one."""
        return self.fate in (Fate.MAKE, Fate.REPLACE, Fate.ROTATE)


@dataclass(frozen=True)
class Handover:
    """A secret field of an integration that is to be delivered, and why.

    Attributes:
        needs: the credential's address, when the value has to come from there; None for the user's own.
        drifted: because someone else modified the integration.
    """

    path: str
    reason: str
    needs: Address | None = None
    drifted: bool = False


@dataclass(frozen=True)
class Fates:
    """The verdicts of a stack, the handovers they ask for, and the values of references.

    Attributes:
        unverified: integrations whose secret can't be vouched for → why.
        delivered: integrations → secret fields whose interrupted delivery turned out to have arrived.
    """

    verdicts: Mapping[Address, Verdict]
    handovers: Mapping[Address, tuple[Handover, ...]]
    known: Mapping[tuple[Address, str], str]
    unverified: Mapping[Address, str]
    delivered: Mapping[Address, tuple[str, ...]]


def is_blocked(verdicts: Mapping[Address, Verdict], address: Address) -> bool:
    """Whether an address can't be planned."""
    return address in verdicts and verdicts[address].fate is Fate.BLOCKED
