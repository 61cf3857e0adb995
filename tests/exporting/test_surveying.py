"""The whole of both systems is read at once, in a handful of calls, or not at all."""

from __future__ import annotations

import pytest

from reconciler import sandbox as box
from reconciler.errors import RemoteError
from reconciler.model import ProviderSpec
from reconciler.providers import KINDS, connect
from reconciler.surveying import Estate, survey
from tests.places import URL, Place

PROVIDERS = {
    "databricks": ProviderSpec("databricks", "databricks", URL, box.ACCOUNT_ID),
    "connect": ProviderSpec("connect", "connect", URL),
}


def look(**options: object) -> Estate:
    apis = {name: connect(spec, box.environment(URL)) for name, spec in PROVIDERS.items()}
    return survey(PROVIDERS, apis, KINDS, **options)  # type: ignore[arg-type]


def test_everything_is_read_and_nothing_is_written(place: Place) -> None:
    place.load(
        apps=[{"integration_id": "a1", "name": "dashboards", "scopes": ["all-apis"]}],
        principals=[
            {"id": "11", "displayName": "robot"},
            {"id": "12", "displayName": "us", "applicationId": box.CLIENT_ID},
        ],
        secrets={"11": [{"id": "s" * 64}]},
        integrations=[{"guid": "0b5e4a0e-1111-4222-8333-444455556666", "name": "x", "template": "github"}],
    )
    estate = look(parents=lambda snapshot: {"databricks": snapshot.of("databricks", "service_principals")})
    found = {kind: sorted(lives) for (_, kind), lives in estate.snapshot.objects.items()}
    assert found["oauth_apps"] == ["a1"]
    assert found["service_principals"] == ["11", "12"]
    assert found["service_principals.client_secret"] == ["s" * 64]
    assert found["connect_integrations"] == ["0b5e4a0e-1111-4222-8333-444455556666"]
    robots = estate.snapshot.of("databricks", "service_principals")
    assert [robot.id for robot in robots.values() if estate.is_ourselves("databricks", robot)] == ["12"]
    assert place.writes() == []


def test_a_list_that_fails_is_never_an_empty_estate(place: Place) -> None:
    place.sandbox.faults.add("path=/v1/oauth/integrations,do=400")
    with pytest.raises(RemoteError):
        look()
