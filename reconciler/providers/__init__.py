"""The remote systems: their kinds, and how to connect to one. Importing this loads no `requests`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Union

from reconciler.errors import UsageError
from reconciler.kinds import Registry
from reconciler.model import FILES, ProviderSpec, Stack
from reconciler.providers.connect import integration
from reconciler.providers.databricks import (
    federation_policy,
    oauth_app,
    service_principal,
    service_principal_secret,
)
from reconciler.providers.files import handoff

if TYPE_CHECKING:
    from reconciler.providers._wires import Wire
    from reconciler.providers.connect._api import ConnectServer
    from reconciler.providers.databricks._api import DatabricksAccount
    from reconciler.providers.files._folder import SpecFolder

__all__ = ["KINDS", "connect"]

KINDS: Registry = {
    kind.name: kind
    for kind in (
        oauth_app.KIND,
        service_principal.KIND,
        service_principal_secret.KIND,
        federation_policy.KIND,
        integration.KIND,
        handoff.KIND,
    )
}


def connect(
    spec: ProviderSpec,
    environment: Mapping[str, str],
    *,
    stack: Stack | None = None,
    parallelism: int | None = None,
    rate: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    wire: Wire | None = None,
) -> Union[DatabricksAccount, ConnectServer, SpecFolder]:
    """The client of one provider; nothing is sent yet.

    Args:
        environment: of the process; credentials that the spec doesn't name come from here.
        stack: whose folder it is, for a provider that is the spec's own folder.
        parallelism: requests in flight at most (SCIM's never more than 4).
        rate: requests per second at most.
        clock: monotonic seconds.
        sleep: waits that many seconds.
        wire: answers in the place of the network; None for the network.

    Raises:
        CredentialError: address or credential is missing, ambiguous, or belongs elsewhere.
        UsageError: a provider of this type has no API.
    """
    if spec.type == "databricks":
        from reconciler.providers.databricks._api import DatabricksAccount

        return DatabricksAccount(
            spec, environment, parallelism=parallelism, rate=rate, clock=clock, sleep=sleep, wire=wire
        )
    if spec.type == "connect":
        from reconciler.providers.connect._api import ConnectServer

        return ConnectServer(
            spec, environment, parallelism=parallelism, rate=rate, clock=clock, sleep=sleep, wire=wire
        )
    if spec.type == FILES and stack is not None:
        from reconciler.providers.files._folder import SpecFolder

        return SpecFolder(spec.name, Path(stack.file).parent, stack.name)
    raise UsageError(f"provider {spec.name}: a {spec.type} has no API to connect to")
