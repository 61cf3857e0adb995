"""What is shown that is more than one noun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.errors import Problem
from reconciler.model import Change, Ledger, Outcome, Plan, Verification

Outputs = Mapping[str, Mapping[str, str]]  # by address, what there is to note down of it


@dataclass(frozen=True)
class Applied:
    """A plan, and how its changes ended."""

    plan: Plan
    outcomes: Sequence[Outcome]


@dataclass(frozen=True)
class Drift:
    """What others changed in the objects of a stack, from last applied to live."""

    stack: str
    changes: Sequence[Change]
    problems: Sequence[Problem] = ()


@dataclass(frozen=True)
class Proofs:
    """What was proven in a stack."""

    stack: str
    found: Sequence[Verification]


@dataclass(frozen=True)
class LedgerView:
    """A ledger, with what there is to note down of it."""

    ledger: Ledger
    outputs: Outputs = field(default_factory=dict)
