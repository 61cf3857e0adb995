"""The words in which the planner decides: decided, decisions, planned_deliveries. Pure."""

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
class Decision:
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
class PlannedDelivery:
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
class Decisions:
    """The decisions of a stack, the planned_deliveries they ask for, and the values of references.

    Attributes:
        unverified: integrations whose secret can't be vouched for → why.
        delivered: integrations → secret fields whose interrupted delivery turned out to have arrived.
    """

    decisions: Mapping[Address, Decision]
    planned_deliveries: Mapping[Address, tuple[PlannedDelivery, ...]]
    known: Mapping[tuple[Address, str], str]
    unverified: Mapping[Address, str]
    delivered: Mapping[Address, tuple[str, ...]]


def is_blocked(decisions: Mapping[Address, Decision], address: Address) -> bool:
    """Whether an address can't be planned."""
    return address in decisions and decisions[address].fate is Fate.BLOCKED
