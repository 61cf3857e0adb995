"""Which environment variables hold the tool's own credentials, and where a spec may name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DATABRICKS: Final = frozenset(
    {
        "DATABRICKS_CLIENT_ID",
        "DATABRICKS_CLIENT_SECRET",
        "DATABRICKS_TOKEN",
        "DATABRICKS_USERNAME",
        "DATABRICKS_PASSWORD",
        "DATABRICKS_OIDC_TOKEN",
        "DATABRICKS_AZURE_CLIENT_SECRET",
        "ARM_CLIENT_ID",
        "ARM_CLIENT_SECRET",
        "GOOGLE_CREDENTIALS",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
    }
)
_CONNECT: Final = frozenset({"CONNECT_API_KEY"})
# what identity tokens, object stores and sealed copies are opened with: no spec ever needs to name these
_NEVER: Final = frozenset(
    {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        "RECONCILE_AGE_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SSE_CUSTOMER_KEY_BASE64",
        "AWS_TOKEN",
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_STORAGE_KEY",
        "AZURE_STORAGE_MASTER_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_STORAGE_CONNECTION_STRING",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
    }
)
_IDENTITIES: Final = frozenset({"DATABRICKS_CLIENT_ID", "ARM_CLIENT_ID"})


def is_credential(name: str, environment: Mapping[str, str]) -> bool:
    """Whether a variable holds a credential of the tool itself."""
    # DATABRICKS_OIDC_TOKEN_ENV names the variable that holds the token
    token = environment.get("DATABRICKS_OIDC_TOKEN_ENV", "")
    return name.upper() in _DATABRICKS | _CONNECT | _NEVER or bool(token and name == token)


def is_never_named(name: str) -> bool:
    """Whether a variable has no place in any spec, nor in a plan made from one."""
    return name.upper() in _NEVER


def fits_provider(name: str, provider_type: str, field: str, *, is_secret: bool) -> bool:
    """Whether a credential may stand in a provider's field: one of its own system, where it stays hidden."""
    name = name.upper()
    if provider_type == "connect":
        return is_secret and name in _CONNECT
    if provider_type != "databricks" or name in _CONNECT | _NEVER:
        return False
    return is_secret or (field == "client_id" and name in _IDENTITIES)
