"""The pure centre: what a list or a ledger says of time, and whose rules hold for whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from reconciler.auditing import AuditContext, Watched, audit, owned
from reconciler.model import (
    Address,
    Credential,
    CredentialState,
    Entry,
    Ledger,
    Live,
    Origin,
    ProviderSpec,
    Resource,
    Snapshot,
    Stack,
)
from reconciler.model.policy import Policy

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ACCOUNT = ProviderSpec("databricks", "databricks", "https://a.example", "acc")
SERVER = ProviderSpec("connect", "connect", "https://c.example")
PRINCIPAL = Live("11", "robot", {"display_name": "robot"}, {"id": "11", "client_id": "robot-id"})
SERVICE = Live(
    "s",
    "service",
    {"template": "databricks", "config": {"client_id": "ROBOT-ID", "auth_type": "Service Account"}},
)
SECRET = Address.parse("service_principals.robot.client_secret")


def grounds(*secrets: Live, **given: object) -> AuditContext:
    snapshot = Snapshot(
        {
            ("databricks", "oauth_apps"): {},
            ("databricks", "service_principals"): {"11": PRINCIPAL},
            ("databricks", "service_principals.client_secret"): {each.id: each for each in secrets},
            ("connect", "connect_integrations"): {"s": SERVICE},
        }
    )
    asked = {"databricks": ACCOUNT, "connect": SERVER}
    return replace(AuditContext(asked, {}, snapshot, NOW), **given)  # type: ignore[arg-type]


def secret(ends: str, begins: str = "2025-12-01T00:00:00Z") -> Live:
    return Live("1", "", {}, parent="11", created_at=begins, expires_at=ends)


def found(given: AuditContext) -> list[str]:
    return [each.code for each in audit(given).findings if each.code != "unmanaged"]


def watched(expires_at: str, **attributes: str) -> Watched:
    entry = Entry("databricks", "1", "", Origin.CREATED, "11")
    credential = Credential(CredentialState.HELD, expires_at=expires_at)
    ledger = Ledger("prod", "lineage", entries={SECRET: replace(entry, credential=credential)})
    wanted = Resource(SECRET, "databricks", attributes)
    return Watched(Stack("prod", "prod.yaml", {"databricks": ACCOUNT}, {SECRET: wanted}), ledger)


def test_a_secret_that_a_list_still_shows_after_its_end_has_expired() -> None:
    assert found(grounds(secret("2025-12-31T00:00:00Z"))) == ["secret-expired"]


def test_a_secret_that_only_a_ledger_still_shows_after_its_end_has_expired() -> None:
    given = grounds()
    owners = owned([watched("2025-12-31T00:00:00Z")], {}, given.asked, given.snapshot)
    assert found(replace(given, owners=owners)) == ["secret-expired"]
    assert found(given) == ["no-secret"]


def test_a_secret_that_a_stack_of_the_run_rotates_in_time_is_no_worry() -> None:
    given = grounds(secret("2026-01-20T00:00:00Z"))
    assert found(given) == ["secret-expiring"]
    for attributes, codes in (({"rotate_before": "7d"}, []), ({}, ["secret-expiring"])):
        owners = owned([watched("2026-01-20T00:00:00Z", **attributes)], {}, given.asked, given.snapshot)
        assert found(replace(given, owners=owners)) == codes


def test_a_longer_lived_secret_beside_it_is_no_worry_either() -> None:
    later = replace(secret("2027-01-01T00:00:00Z"), id="2")
    assert found(grounds(secret("2026-01-20T00:00:00Z"), later)) == []


@pytest.mark.parametrize(("notice", "codes"), [(5, []), (60, ["secret-expiring"])])
def test_the_policy_says_how_early_to_warn(notice: int, codes: list[str]) -> None:
    given = grounds(secret("2026-01-20T00:00:00Z"), policies=(Policy(expiry_warning=notice * 86400),))
    assert found(given) == codes


def test_a_secret_without_end_outlives_any_policy() -> None:
    assert found(grounds(secret(""))) == []
    assert found(grounds(secret(""), policies=(Policy(max_lifetime=1),))) == ["secret-overlong"]


def test_a_stacks_policy_judges_its_own_objects_and_one_from_outside_all() -> None:
    rule = Policy(names="[A-Z]+")
    given = grounds(secret("2027-01-01T00:00:00Z"))
    assert found(replace(given, own_policies={"prod": (rule,)})) == []
    assert found(replace(given, policies=(rule,))) == ["policy-name", "policy-name"]
    address = Address.parse("service_principals.robot")
    entry = Entry("databricks", "11", "robot", Origin.CREATED)
    own = Watched(
        Stack("prod", "prod.yaml", {"databricks": ACCOUNT}, {}),
        Ledger("prod", "lineage", entries={address: entry}),
    )
    owners = owned([own], {}, given.asked, given.snapshot)
    assert found(replace(given, owners=owners, own_policies={"prod": (rule,)})) == ["policy-name"]


def test_the_calendar_has_ends_and_rotations_of_twelve_months() -> None:
    given = grounds(secret("2026-06-01T00:00:00Z"))
    owners = owned([watched("2026-06-01T00:00:00Z", rotate_before="30d")], {}, given.asked, given.snapshot)
    dates = audit(replace(given, owners=owners)).dates
    assert [(due.day, due.what, due.subject.name) for due in dates] == [
        ("2026-05-02", "rotates", "robot"),
        ("2026-06-01", "ends", "robot"),
    ]
    assert audit(grounds(secret("2028-01-01T00:00:00Z"))).dates == ()
