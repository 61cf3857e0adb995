"""Reads without any tool: the least that there is to read, or one GET per object.

Usage: plain.py THREADS floor | floor-full | per-object LEDGER
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import urllib.parse
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

WORKERS = int(sys.argv[1])
PAGE = 100
ACCOUNT = f"/api/2.0/accounts/{os.environ['DATABRICKS_ACCOUNT_ID']}"
PRINCIPALS = f"{ACCOUNT}/scim/v2/ServicePrincipals"
APPS = f"{ACCOUNT}/oauth2/custom-app-integrations"
INTEGRATIONS = "/__api__/v1/oauth/integrations"
KEY = {"Authorization": f"Key {os.environ['CONNECT_API_KEY']}"}

mine = threading.local()


def call(method: str, path: str, headers: dict[str, str], body: str = "") -> Any:
    """The answer to one call, over a connection that each thread keeps."""
    if not hasattr(mine, "connection"):
        address = urllib.parse.urlsplit(os.environ["DATABRICKS_HOST"])
        mine.connection = http.client.HTTPConnection(address.hostname or "", address.port)
    mine.connection.request(method, path, body, headers)
    answer = mine.connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status}")
    return json.loads(content)


def token() -> dict[str, str]:
    """Signs in to Databricks."""
    name, secret = os.environ["DATABRICKS_CLIENT_ID"], os.environ["DATABRICKS_CLIENT_SECRET"]
    basic = b64encode(f"{name}:{secret}".encode()).decode()
    path = f"/oidc/accounts/{os.environ['DATABRICKS_ACCOUNT_ID']}/v1/token"
    form = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    found = call("POST", path, form, "grant_type=client_credentials&scope=all-apis")
    return {"Authorization": f"Bearer {found['access_token']}"}


def apps(bearer: dict[str, str]) -> list[Any]:
    """All apps: each page names the next."""
    found, more = [], ""
    while True:
        page = call("GET", f"{APPS}?page_size={PAGE}{more}", bearer)
        found += page.get("apps", [])
        if not page.get("next_page_token"):
            return found
        more = "&page_token=" + urllib.parse.quote(page["next_page_token"])


def principals(bearer: dict[str, str], pool: ThreadPoolExecutor) -> list[Any]:
    """All service principals: the pages after the first side by side."""

    def page(start: int) -> Any:
        return call("GET", f"{PRINCIPALS}?startIndex={start}&count={PAGE}", bearer)

    first = page(1)
    rest = pool.map(page, range(1 + PAGE, first["totalResults"] + 1, PAGE))
    return [one for answer in (first, *rest) for one in answer.get("Resources", [])]


def secrets_of(bearer: dict[str, str], principal: str) -> Any:
    """The secrets of one service principal."""
    return call("GET", f"{ACCOUNT}/servicePrincipals/{principal}/credentials/secrets", bearer)


def floor(*, with_secrets: bool) -> None:
    """The lists, side by side."""
    with ThreadPoolExecutor(WORKERS) as pool:
        integrations = pool.submit(call, "GET", INTEGRATIONS, KEY)
        bearer = token()
        listed = pool.submit(apps, bearer)
        found = principals(bearer, pool)
        if with_secrets:
            list(pool.map(lambda one: secrets_of(bearer, one["id"]), found))
        listed.result()
        integrations.result()


def per_object(ledger: str) -> None:
    """One GET for each object on record."""
    entries = json.loads(Path(ledger).read_text("utf-8"))["resources"]
    bearer = token()

    def read(item: tuple[str, Any]) -> Any:
        address, entry = item
        if address.endswith(".client_secret"):
            return secrets_of(bearer, entry["parent"])
        if address.startswith("oauth_apps."):
            return call("GET", f"{APPS}/{entry['id']}", bearer)
        if address.startswith("service_principals."):
            return call("GET", f"{PRINCIPALS}/{entry['id']}", bearer)
        return call("GET", f"{INTEGRATIONS}/{entry['id']}", KEY)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(read, entries.items()))


if __name__ == "__main__":
    if sys.argv[2] == "per-object":
        per_object(sys.argv[3])
    else:
        floor(with_secrets=sys.argv[2] == "floor-full")
