"""An estate as an audit needs it: both systems read side by side, the ledgers, the policies in force."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import datetime, timezone

from reconciler.auditing import AuditContext, Rights, Watched, audit, every_principal, owned
from reconciler.cli.policy_files import given_policies
from reconciler.cli.remote_systems import systems
from reconciler.cli.run import Run
from reconciler.ledger import Claims, OpenedLedger, owners_in
from reconciler.model import Stack
from reconciler.model.audit import Audit
from reconciler.providers import KINDS
from reconciler.surveying import survey, workspace_rights


def look_and_judge(
    stacks: Sequence[Stack],
    args: argparse.Namespace,
    *,
    run: Run,
    side: str = "",
) -> Audit:
    """Reads the systems of some stacks, or those of the environment, and says what is wrong.

    Args:
        run: of these stacks; what it read already isn't read again.

    Raises:
        RemoteError, CredentialError: a list can't be read; nothing can be said.
        LedgerError: a ledger can't be read: who knows what it owns.
    """
    run.settle()
    openeds = [run.opened(stack) for stack in stacks]
    watched = [Watched(opened.stack, opened.ledger) for opened in openeds]
    claimed: dict[tuple[str, str, str], str] = {}
    for stores in _by_folder(openeds).values():
        # what one of several owns, the others see; what one alone owns, its spec may say otherwise
        own = stores[0].stack.name if len(stores) == 1 else ""
        claimed.update(Claims(owners_in(stores[0].store), own))
    found = systems(stacks, os.environ, side=side, folder=None)
    apis = run.surveyed(found.asked)
    asked = found.settled(apis)
    estate = survey(asked, apis, KINDS, parents=every_principal)
    rights = workspace_rights(estate, apis, KINDS) if side == "" else None
    hosts, assigned = rights or ({}, {})
    return audit(
        AuditContext(
            asked=asked,
            lenders=found.lenders,
            snapshot=estate.snapshot,
            now=datetime.now(timezone.utc),
            owners=owned(watched, claimed, asked, estate.snapshot),
            policies=given_policies(args, os.environ),
            own_policies={stack.name: stack.policies for stack in stacks},
            rights=Rights(hosts, assigned),
            ourselves=frozenset(name.casefold() for name in estate.ourselves.values() if name),
        )
    )


def _by_folder(openeds: Sequence[OpenedLedger]) -> dict[str, list[OpenedLedger]]:
    found: dict[str, list[OpenedLedger]] = {}
    for opened in openeds:
        found.setdefault(opened.store.folder, []).append(opened)
    return found


def side_of(stacks: Sequence[Stack]) -> str:
    """The only sort of system that stacks have objects in, where they are one administrator's half."""
    types = {
        stack.providers[resource.provider].type for stack in stacks for resource in stack.resources.values()
    }
    sides = sorted(types & {"databricks", "connect"})
    return sides[0] if len(sides) == 1 else ""
