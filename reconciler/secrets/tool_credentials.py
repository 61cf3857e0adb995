"""The tool's own credentials and where they may go: one table of variables, and the list of allowed hosts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.secrets.secret_names import sounds_secret

DATABRICKS, CONNECT, TOOL = "databricks", "connect", "tool"  # TOOL: of stores, keys and CI: no provider's
IDENTITIES: Final = frozenset({"DATABRICKS_CLIENT_ID", "ARM_CLIENT_ID", "DATABRICKS_USERNAME"})

# variable → the type of provider that it signs in to
_OWNERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(IDENTITIES, DATABRICKS),
    "GOOGLE_CREDENTIALS": DATABRICKS,
    "GOOGLE_OAUTH_ACCESS_TOKEN": DATABRICKS,
    "ARM_CLIENT_SECRET": DATABRICKS,
    "ARM_ACCESS_TOKEN": DATABRICKS,
    "CONNECT_API_KEY": CONNECT,
    "CONNECT_IDENTITY_TOKEN": CONNECT,
    "CONNECT_BOOTSTRAP_SECRETKEY": CONNECT,
    "ACTIONS_ID_TOKEN_REQUEST_URL": TOOL,
    "AWS_ACCESS_KEY_ID": TOOL,
    "AWS_SSE_CUSTOMER_KEY_BASE64": TOOL,
    "GOOGLE_SERVICE_ACCOUNT": TOOL,
    "GOOGLE_APPLICATION_CREDENTIALS": TOOL,
    "SYSTEM_ACCESSTOKEN": TOOL,
    "GITHUB_TOKEN": TOOL,
    "GH_TOKEN": TOOL,
    "CI_JOB_TOKEN": TOOL,
    "CI_JOB_JWT": TOOL,
}
# whole families, so that a variable that a later version of their tools adds is known as well
_FAMILIES: Final = (
    ("DATABRICKS_", DATABRICKS),
    ("ARM_", DATABRICKS),
    ("AWS_", TOOL),
    ("AZURE_", TOOL),
    ("GOOGLE_", TOOL),
    ("ACTIONS_", TOOL),
    ("RECONCILE_AGE_KEY", TOOL),
)
_PATHS: Final = re.compile(r"_(FILE|FILEPATH|PATH|ENV|URL|TYPE)\Z")
_STORE_KEYS: Final = re.compile(r"(AWS|AZURE|GOOGLE)_.*(SAS|KEY|TOKEN|SECRET|CONNECTION_STRING)")


def owner_of(variable: str, environment: Mapping[str, str]) -> str:
    """Whose credential a variable holds: a provider's type, `tool`, or "" where it is none of the tool's."""
    token = environment.get("DATABRICKS_OIDC_TOKEN_ENV", "").strip()
    if token and variable == token:
        return DATABRICKS  # that one names the variable that holds the token
    name = variable.upper()
    if name in _OWNERS:
        return _OWNERS[name]
    for family, owner in _FAMILIES:
        if name.startswith(family) and (
            (owner is TOOL and (family.endswith("KEY") or _STORE_KEYS.match(name))) or sounds_secret(name)
        ):
            return "" if _PATHS.search(name) and owner is not TOOL else owner
    return ""


def is_allowed_host(host: str, port: int | None, allowed: str) -> bool:
    """Whether a list of hosts covers one.

    Args:
        allowed: `host`, `host:port`, `[v6]:port` or `*.domain`, which means what lies below the domain, not
            the domain itself; blanks or commas between.
    """
    host = host.lower().rstrip(".")
    return any(_covers(entry.lower(), host, port) for entry in re.split(r"[\s,]+", allowed) if entry)


def _covers(entry: str, host: str, port: int | None) -> bool:
    pattern, _, wanted_port = entry.partition(":") if not entry.startswith("[") else _bracketed(entry)
    if wanted_port and wanted_port != str(port):
        return False
    return host.endswith(pattern[1:]) and host != pattern[1:] if pattern.startswith("*.") else host == pattern


def _bracketed(entry: str) -> tuple[str, str, str]:
    host, _, rest = entry[1:].partition("]")
    return host, ":", rest.removeprefix(":")
