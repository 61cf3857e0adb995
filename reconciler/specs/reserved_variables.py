"""Which environment variables hold the tool's own credentials, and where a spec may name them."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.secrets.tool_credentials import CONNECT, DATABRICKS, IDENTITIES, TOOL, owner_of


def is_credential(name: str, environment: Mapping[str, str]) -> bool:
    """Whether a variable holds a credential of the tool itself."""
    return bool(owner_of(name, environment))


def is_never_named(name: str) -> bool:
    """Whether a variable has no place in any spec, nor in a plan made from one."""
    return owner_of(name, {}) == TOOL


def fits_provider(name: str, provider_type: str, field: str, *, is_secret: bool) -> bool:
    """Whether a credential may stand in a provider's field: one of its own system, where it stays hidden."""
    owner = owner_of(name, {}) or DATABRICKS  # what isn't known by its name is the OIDC token
    if owner != provider_type or owner not in (DATABRICKS, CONNECT):
        return False
    return is_secret or (field == "client_id" and name.upper() in IDENTITIES)
