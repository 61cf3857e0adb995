"""What the planner decides, before a change is worked out: decisions, and planned deliveries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import Action, Address
from reconciler.planning.context import Known


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one address, with the reason.

    Attributes:
        action: CREATE, REPLACE, ROTATE, BLOCKED; NO_OP for what stays, though it may be updated or adopted.
        immutable: the attributes that the API can't change and that differ.
        unused: its secret never reached anyone, so that renewing it hurts nobody.
        code: of the problem, when blocked.
    """

    action: Action
    reason: str = ""
    immutable: tuple[str, ...] = ()
    unused: bool = False
    code: str = ""

    @property
    def is_new(self) -> bool:
        """Whether its remote id will be another one."""
        return self.action.makes


@dataclass(frozen=True, slots=True)
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
    """The decisions of a stack, the deliveries that they ask for, and the values of references.

    Attributes:
        unverified: integrations whose secret can't be vouched for → why.
        delivered: integrations → secret fields whose interrupted delivery turned out to have arrived.
    """

    decisions: Mapping[Address, Decision]
    planned_deliveries: Mapping[Address, tuple[PlannedDelivery, ...]]
    known: Known
    unverified: Mapping[Address, str]
    delivered: Mapping[Address, tuple[str, ...]]


def is_blocked(decisions: Mapping[Address, Decision], address: Address) -> bool:
    """Whether an address can't be planned."""
    return address in decisions and decisions[address].action is Action.BLOCKED
