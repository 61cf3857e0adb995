"""The remote systems: their kinds, and how to connect to one. Importing this loads no `requests`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.errors import UsageError
from reconciler.kinds import Registry
from reconciler.model import ProviderSpec, Stack
from reconciler.packages import with_packages
from reconciler.providers._pace import USUAL, Pace
from reconciler.providers.connect import integration
from reconciler.providers.databricks import (
    federation_policy,
    oauth_app,
    service_principal,
    service_principal_secret,
)
from reconciler.providers.files import handoff
from reconciler.providers.once import Reads
from reconciler.providers.workbench import file_section

if TYPE_CHECKING:
    from reconciler.providers._wires import Wire

__all__ = ["KINDS", "Pace", "Reads", "connect", "kinds_of"]

KINDS: Registry = {
    kind.name: kind
    for kind in (
        oauth_app.KIND,
        service_principal.KIND,
        service_principal_secret.KIND,
        federation_policy.KIND,
        integration.KIND,
        handoff.KIND,
        file_section.KIND,
    )
}


def kinds_of(stack: Stack) -> Registry:
    """The kinds that a stack may ask for: this tool's, and those of packages that it names.

    Raises:
        PackageError: one of those can't be had (a saved plan may have come from another machine).
    """
    return with_packages(KINDS, stack.kinds)


def connect(
    spec: ProviderSpec,
    environment: Mapping[str, str],
    *,
    stack: Stack | None = None,
    pace: Pace = USUAL,
    wire: Wire | None = None,
) -> Any:
    """The client of one provider; nothing is sent yet.

    Args:
        environment: of the process; credentials that the spec doesn't name come from here.
        stack: whose provider it is: its folder, and the kinds of packages that it names.
        pace: how fast it may be asked.
        wire: answers in the place of the network; None for the network.

    Raises:
        CredentialError: address or credential is missing, ambiguous, or belongs elsewhere.
        UsageError: a provider of this type has no API.
    """
    if spec.type == "databricks":
        from reconciler.providers.databricks._api import DatabricksAccount

        return DatabricksAccount(spec, environment, pace=pace, wire=wire)
    if spec.type == "connect":
        from reconciler.providers.connect._api import ConnectServer

        return ConnectServer(spec, environment, pace=pace, wire=wire)
    for kind in (kinds_of(stack) if stack else KINDS).values():
        if kind.provider_type == spec.type:
            return kind.connect(spec, environment, stack)
    raise UsageError(f"provider {spec.name}: a {spec.type} has no API to connect to")
