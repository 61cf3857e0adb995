"""The remote systems: their kinds, and how to connect to one. Importing this loads no `requests`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Union

from reconciler.errors import UsageError
from reconciler.kinds import Registry
from reconciler.model import ProviderSpec
from reconciler.providers.connect import integration
from reconciler.providers.databricks import oauth_app, service_principal, service_principal_secret

if TYPE_CHECKING:
    from reconciler.providers.connect._api import ConnectServer
    from reconciler.providers.databricks._api import DatabricksAccount

__all__ = ["KINDS", "connect"]

KINDS: Registry = {
    kind.name: kind
    for kind in (oauth_app.KIND, service_principal.KIND, service_principal_secret.KIND, integration.KIND)
}


def connect(
    spec: ProviderSpec,
    environment: Mapping[str, str],
    *,
    parallelism: int | None = None,
    rate: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Union[DatabricksAccount, ConnectServer]:
    """The client of one provider; nothing is sent yet.

    Args:
        environment: of the process; credentials that the spec doesn't name come from here.
        parallelism: requests in flight at most (SCIM's never more than 4).
        rate: requests per second at most.
        clock: monotonic seconds.
        sleep: waits that many seconds.

    Raises:
        CredentialError: address or credential is missing, ambiguous, or belongs elsewhere.
        UsageError: a provider of this type has no API.
    """
    if spec.type == "databricks":
        from reconciler.providers.databricks._api import DatabricksAccount

        return DatabricksAccount(
            spec, environment, parallelism=parallelism, rate=rate, clock=clock, sleep=sleep
        )
    if spec.type == "connect":
        from reconciler.providers.connect._api import ConnectServer

        return ConnectServer(spec, environment, parallelism=parallelism, rate=rate, clock=clock, sleep=sleep)
    raise UsageError(f"provider {spec.name}: a {spec.type} has no API to connect to")
