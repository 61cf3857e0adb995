"""A sandbox in process, a short way to call it, and one behind a socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from reconciler import sandbox as box

ACCOUNT = f"/api/2.0/accounts/{box.ACCOUNT_ID}"


@dataclass
class Reply:
    status: int
    text: str
    headers: dict[str, str]
    mishap: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Clock:
    def __init__(self) -> None:
        self.now = 1_767_225_600.123

    def __call__(self) -> float:
        return self.now


@dataclass
class Driver:
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.sandbox = box.Sandbox(clock=self.clock)

    def call(self, method, path, body=None, headers=None, **query) -> Reply:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        target = f"{path}?{urlencode(query)}" if query else path
        answer = self.sandbox.handle(box.Request.of(method, target, headers or {}, raw))
        return Reply(answer.status, answer.body.decode(), dict(answer.headers), answer.mishap)

    def account(self, method, path, body=None, token=box.TOKEN, **query) -> Reply:
        headers = {"Authorization": f"Bearer {token}"}
        return self.call(method, f"{ACCOUNT}/{path}", body, headers, **query)

    def scim(self, method, path, body=None, **query) -> Reply:
        return self.account(method, f"scim/v2/{path}", body, **query)

    def connect(self, method, path, body=None, key=box.ADMINISTRATOR_KEY, at="", **query):
        headers = {"Authorization": f"Key {key}"}
        return self.call(method, f"{at}/__api__/{path}", body, headers, **query)

    def control(self, method, path, body=None) -> Any:
        reply = self.call(method, f"/_sandbox/{path}", body)
        assert reply.status == 200, reply.text
        return reply.json

    def knobs(self, **knobs) -> None:
        self.control("POST", "knobs", knobs)

    def fault(self, spec) -> None:
        self.control("POST", "faults", {"spec": spec})

    def token(self, client_id, client_secret) -> Reply:
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        path = f"/oidc/accounts/{box.ACCOUNT_ID}/v1/token"
        return self.call("POST", path, urlencode(form).encode())

    def new_app(self, **fields) -> dict[str, Any]:
        body = {"name": "app", "confidential": True, "scopes": ["all-apis"], **fields}
        reply = self.account("POST", "oauth2/custom-app-integrations", body)
        assert reply.status == 200, reply.text
        return reply.json

    def new_principal(self, **fields) -> dict[str, Any]:
        reply = self.scim("POST", "ServicePrincipals", {"displayName": "robot", **fields})
        assert reply.status == 201, reply.text
        return reply.json

    def new_secret(self, principal, **fields) -> dict[str, Any]:
        path = f"servicePrincipals/{principal['id']}/credentials/secrets"
        reply = self.account("POST", path, fields)
        assert reply.status == 200, reply.text
        return reply.json

    def new_integration(self, **fields) -> dict[str, Any]:
        config = {"workspace_host": "h", "client_id": "c", "client_secret": "s"}
        body = {"name": "n", "template": "databricks", "config": config, **fields}
        reply = self.connect("POST", "v1/oauth/integrations", body)
        assert reply.status == 200, reply.text
        return reply.json


@pytest.fixture
def api() -> Driver:
    return Driver()


@pytest.fixture
def server():
    with box.SandboxServer() as running:
        yield running
