"""What an account doesn't have for its cloud, which its host tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from reconciler.kinds import Attributes, Complaint
from reconciler.model import ProviderSpec

# an address by another name, such as a proxy's, says nothing
_WITHOUT_ENTRA: Final = {
    "accounts.cloud.databricks.com": "AWS",
    "accounts.cloud.databricks.us": "AWS",
    "accounts.gcp.databricks.com": "Google Cloud",
}


def application_id_complaints(attributes: Attributes, provider: ProviderSpec) -> Iterator[Complaint]:
    """An application id where there is no Entra ID to give one."""
    cloud = _WITHOUT_ENTRA.get(urlsplit(provider.address).hostname or "")
    if cloud and attributes.get("application_id") is not None:
        message = f"application_id is for accounts on Azure, and {provider.name} is one on {cloud}"
        hint = "take it out: the account gives the application id, and lifecycle: {adopt: ID} takes one over"
        yield Complaint("application-id", message, ("application_id",), hint)
