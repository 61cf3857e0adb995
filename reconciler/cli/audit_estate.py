"""An estate as an audit needs it: both systems read side by side, the ledgers, the policies in force."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timezone

from reconciler.auditing import AuditContext, Rights, Watched, audit, every_principal, owned
from reconciler.cli.policy_files import given_policies
from reconciler.cli.remote_systems import systems
from reconciler.cli.wiring import open_stack
from reconciler.ledger import claims
from reconciler.model import Stack
from reconciler.model.audit import Audit
from reconciler.providers import KINDS
from reconciler.surveying import survey, workspace_rights


def look_and_judge(
    stacks: Sequence[Stack], args: argparse.Namespace, *, side: str = "", now: datetime | None = None
) -> Audit:
    """Reads the systems of some stacks, or those of the environment, and says what is wrong.

    Raises:
        RemoteError, CredentialError: a list can't be read; nothing can be said.
        LedgerError: a ledger can't be read: who knows what it owns.
    """
    watched = [Watched(stack, open_stack(stack).ledger) for stack in stacks]
    claimed: dict[tuple[str, str, str], str] = {}
    for stack in stacks:
        claimed.update(claims(stack, environment=os.environ))
    found = systems(stacks, os.environ, side=side, folder=None)
    with ExitStack() as closing:
        apis = found.connected(args, os.environ, closing)
        asked = found.settled(apis)
        estate = survey(asked, apis, KINDS, parents=every_principal)
        rights = workspace_rights(estate, apis, KINDS) if side == "" else None
    hosts, assigned = rights or ({}, {})
    return audit(
        AuditContext(
            asked=asked,
            lenders=found.lenders,
            snapshot=estate.snapshot,
            now=now or datetime.now(timezone.utc),
            owners=owned(watched, claimed, asked, estate.snapshot),
            policies=given_policies(args, os.environ),
            own_policies={stack.name: stack.policies for stack in stacks},
            rights=Rights(hosts, assigned),
            ourselves=frozenset(name.casefold() for name in estate.ourselves.values() if name),
        )
    )


def side_of(stacks: Sequence[Stack]) -> str:
    """The only sort of system that stacks have objects in, where they are one administrator's half."""
    types = {
        stack.providers[resource.provider].type for stack in stacks for resource in stack.resources.values()
    }
    sides = sorted(types & {"databricks", "connect"})
    return sides[0] if len(sides) == 1 else ""
