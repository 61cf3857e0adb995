"""The well-known demo credentials of the sandbox, and how it makes and remembers others.

None of them opens anything but a sandbox. A secret that the sandbox hands out is kept as its SHA-256
hash only, so neither its memory nor its state file holds one that can be read.
"""

from __future__ import annotations

import hashlib
import secrets
import string

ACCOUNT_ID = "7a99b43c-b46c-432b-b0a7-814217701909"

CLIENT_ID = "5a9d0b0c-0000-4000-8000-000000000001"
CLIENT_SECRET = "dosesandboxadminsecret00000000000001"  # noqa: S105 - opens the sandbox only
OTHER_CLIENT_ID = "5a9d0b0c-0000-4000-8000-000000000002"
OTHER_CLIENT_SECRET = "dosesandboxothersecret00000000000002"  # noqa: S105
TOKEN = "sandbox-token-0000000000000000000001"  # noqa: S105
TOKEN_USERNAME = "admin@sandbox.example"  # noqa: S105

ADMINISTRATOR_KEY = "sandboxAdministratorKey000000001"
PUBLISHER_KEY = "sandboxPublisherKey0000000000002"
VIEWER_KEY = "sandboxViewerKey0000000000000003"

_ALPHABET = string.ascii_letters + string.digits


def environment(url: str) -> dict[str, str]:
    """The environment variables that point a client at a sandbox."""
    return {
        "DATABRICKS_HOST": url,
        "DATABRICKS_ACCOUNT_ID": ACCOUNT_ID,
        "DATABRICKS_CLIENT_ID": CLIENT_ID,
        "DATABRICKS_CLIENT_SECRET": CLIENT_SECRET,
        "CONNECT_SERVER": url,
        "CONNECT_API_KEY": ADMINISTRATOR_KEY,
    }


def new_secret() -> str:
    """A secret in the shape that Databricks gives: `dose` and 32 letters or digits."""
    return "dose" + "".join(secrets.choice(_ALPHABET) for _ in range(32))


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def copied(client_id: object) -> str:
    """What is kept in place of the hash of a secret that nobody has seen: equal for one client.

    So what was copied from live systems without secrets is taken to fit together as it does there,
    until it is revoked or delivered anew. No secret has this hash.
    """
    return f"copied:{client_id}"
