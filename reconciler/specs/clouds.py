"""What a spec asks of a Databricks account that its cloud doesn't have, told by the host of the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from reconciler.errors import Problem, Severity
from reconciler.model import Address, ProviderSpec, Resource
from reconciler.specs.checks import place
from reconciler.specs.problems import Problems

# an address by another name, such as a proxy's, says nothing
_CLOUDS: Final = {
    "accounts.cloud.databricks.com": "AWS",
    "accounts.cloud.databricks.us": "AWS",
    "accounts.gcp.databricks.com": "Google Cloud",
}


def check_clouds(
    resources: Mapping[Address, Resource], providers: Mapping[str, ProviderSpec], problems: Problems
) -> None:
    """Adds an error for each `application_id` where there is no Entra ID to give one."""
    for address, resource in resources.items():
        if address.kind_name != "service_principals" or resource.attributes.get("application_id") is None:
            continue
        provider = providers.get(resource.provider)
        cloud = _CLOUDS.get(urlsplit(provider.address).hostname or "") if provider else None
        if cloud is None or resource.lifecycle.ignores("application_id"):
            continue
        message = f"application_id is for accounts on Azure, and {resource.provider} is one on {cloud}"
        hint = "take it out: the account gives the application id, and lifecycle: {adopt: ID} takes one over"
        at = place(resource, "application_id")
        problems.add(Problem(Severity.ERROR, "application-id", message, str(address), at, hint))
