"""What tests of signing in share: addresses, a credential, and what was sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import responses
from requests import PreparedRequest

from reconciler.model import SecretInput
from reconciler.providers.databricks._api import DatabricksAccount
from reconciler.secrets import Secret

HOST = "https://accounts.cloud.databricks.com"
OTHER = "https://accounts.azuredatabricks.net"
TOKEN_URL = f"{HOST}/oidc/accounts/acc/v1/token"
M2M = {"DATABRICKS_CLIENT_ID": "cid", "DATABRICKS_CLIENT_SECRET": "dosesecret"}
Make = Callable[..., DatabricksAccount]


PROFILES = f"""
[__settings__]
default_profile = usual

[usual]
host = {HOST}
account_id = acc
client_id = usual-id
client_secret = 100%usual

[other]
host = {OTHER}
account_id = acc
token = other-token

[cli]
host = {HOST}
account_id = acc
auth_type = databricks-cli
"""

FOREIGN = (
    "DATABRICKS_CLIENT_SECRET",
    "DATABRICKS_TOKEN",
    "DATABRICKS_PASSWORD",
    "DATABRICKS_OIDC_TOKEN",
    "OUR_OIDC",
    "DATABRICKS_AZURE_CLIENT_SECRET",
    "ARM_CLIENT_SECRET",
    "GOOGLE_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "CONNECT_API_KEY",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "RECONCILE_AGE_KEY",
)


def secret_from(variable: str, value: str | None = "dosevalue") -> SecretInput:
    return SecretInput(f"env {variable}", f"${{env.{variable}}}", Secret(value) if value else None)


def grant(web: responses.RequestsMock, url: str = TOKEN_URL, **more: Any) -> None:
    web.add("POST", url, json={"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, **more})


def things(web: responses.RequestsMock, host: str = HOST) -> None:
    web.add("GET", f"{host}/things", json={"ok": 1})


def sent_with(web: responses.RequestsMock, path: str = "/things") -> list[str]:
    return [call.request.headers["Authorization"] for call in web.calls if path in str(call.request.url)]


def form_of(request: PreparedRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(str(request.body, "utf-8")).items()}  # type: ignore[arg-type]


def jwt(**claims: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"h.{middle}.s"
