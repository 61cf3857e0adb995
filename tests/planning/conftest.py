"""A stack of any size that was applied as it stands: wanted, live and remembered agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

import pytest

from reconciler.kinds import reference_to
from reconciler.model import (
    Address,
    Credential,
    CredentialState,
    Delivery,
    Entry,
    Ledger,
    Live,
    Origin,
    ProviderSpec,
    Ref,
    Resource,
    Snapshot,
    Stack,
)
from reconciler.providers import KINDS

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ENDS = "2026-12-31T00:00:00Z"
MADE = "2025-12-31T00:00:00Z"
PROVIDERS = {
    "databricks": ProviderSpec("databricks", "databricks", "https://accounts.example.org", "acc"),
    "connect": ProviderSpec("connect", "connect", "https://connect.example.org"),
}
SECRET = {"lifetime": "365d", "rotate_before": "30d"}


@dataclass
class World:
    """What a plan is made from."""

    stack: Stack
    ledger: Ledger
    snapshot: Snapshot
    now: datetime = NOW


def settled(size: int) -> World:
    """So many service principals with secrets, and an integration for each."""
    resources, entries = {}, {}
    objects: dict[tuple[str, str], dict[str, Live]] = {
        ("databricks", "service_principals"): {},
        ("databricks", "service_principals.client_secret"): {},
        ("connect", "connect_integrations"): {},
    }

    def add(provider, resource, live, **remembered):
        resources[resource.address] = resource
        objects[(provider, resource.address.kind_name)][live.id] = live
        plain = {k: v for k, v in live.attributes.items() if k != "service_principal"}
        entries[resource.address] = Entry(
            provider=provider,
            id=live.id,
            name=live.name,
            origin=Origin.CREATED,
            parent=live.parent,
            computed=live.computed,
            depends_on=resource.depends_on,
            updated_at=live.updated_at,
            created_at=live.created_at,
            **{"applied": plain, **remembered},
        )

    for n in range(size):
        robot = Address("service_principals", f"robot-{n}")
        secret, user = robot.inside("client_secret"), Address("connect_integrations", f"user-{n}")
        name = {"display_name": f"robot-{n}"}
        add(
            "databricks",
            Resource(robot, "databricks", name),
            Live(f"sp-{n}", f"robot-{n}", name, {"id": f"sp-{n}", "client_id": f"app-{n}"}),
        )
        add(
            "databricks",
            Resource(secret, "databricks", {**SECRET, "service_principal": Ref(robot, "id")}),
            Live(f"s-{n}", "", {}, {"id": f"s-{n}"}, f"sp-{n}", created_at=MADE, expires_at=ENDS),
            applied=dict(SECRET),
            credential=Credential(CredentialState.HELD, "aa", "bb", expires_at=ENDS),
        )
        config = {"auth_type": "Service Account", "workspace_host": "w.example.org"}
        refs = {
            "client_id": Ref(robot, "client_id"),
            "client_secret": reference_to(KINDS, robot, "client_secret"),
        }
        top = {"name": f"user-{n}", "template": "databricks"}
        add(
            "connect",
            Resource(user, "connect", {**top, "config": {**config, **refs}}),
            Live(
                f"i-{n}",
                f"user-{n}",
                {**top, "config": {**config, "client_id": f"app-{n}"}},
                {"id": f"i-{n}"},
                updated_at=MADE,
            ),
            deliveries={"config.client_secret": Delivery(secret, f"s-{n}", "aa", "bb")},
        )
    return World(
        Stack("big", "big.yaml", PROVIDERS, resources),
        Ledger("big", "lineage", entries=entries),
        Snapshot(objects, dates={"databricks": MADE, "connect": MADE}),
    )


@pytest.fixture
def world():
    return settled
