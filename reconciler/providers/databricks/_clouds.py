"""What the host of an account tells of its cloud: what it lacks, and where its workspaces are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.kinds import Attributes, Complaint
from reconciler.model import ProviderSpec
from reconciler.providers._credential_hosts import origin

# an address by another name, such as a proxy's, says nothing
_WITHOUT_ENTRA: Final = {
    "accounts.cloud.databricks.com": "AWS",
    "accounts.cloud.databricks.us": "AWS",
    "accounts.gcp.databricks.com": "Google Cloud",
}
# Zone of a workspace's host by the account's host and by cloud (docs/facts/databricks.md §7.1 and 7.2).
_ZONES = {
    "accounts.cloud.databricks.us": ".cloud.databricks.us",
    "accounts-dod.cloud.databricks.us": ".cloud.databricks.us",
    "accounts-dod.cloud.databricks.mil": ".cloud.databricks.mil",
    "accounts.azuredatabricks.net": ".azuredatabricks.net",
    "accounts.azuredatabricks.us": ".databricks.azure.us",
    "accounts.azuredatabricks.cn": ".databricks.azure.cn",
    "accounts.gcp.databricks.com": ".gcp.databricks.com",
}
_CLOUDS = {"azure": ".azuredatabricks.net", "gcp": ".gcp.databricks.com"}
_ZONE = ".cloud.databricks.com"


def application_id_complaints(attributes: Attributes, provider: ProviderSpec) -> Iterator[Complaint]:
    """An application id where there is no Entra ID to give one."""
    cloud = _WITHOUT_ENTRA.get(urlsplit(provider.address).hostname or "")
    if cloud and attributes.get("application_id") is not None:
        message = f"application_id is for accounts on Azure, and {provider.name} is one on {cloud}"
        hint = "take it out: the account gives the application id, and lifecycle: {adopt: ID} takes one over"
        yield Complaint("application-id", message, ("application_id",), hint)


def workspace_host(account: str, workspace: Mapping[str, Any]) -> str:
    """The host of a workspace, of which the list has no URL: name and DNS zone make it; "" without a name.

    Args:
        account: the address of its account.
    """
    name = str(workspace.get("deployment_name") or "").lower()
    cloud = str(workspace.get("cloud") or "").lower()
    zone = _ZONES.get(origin(account)[1]) or _CLOUDS.get(cloud, _ZONE)
    return name + zone if name else ""
