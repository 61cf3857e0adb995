"""The rig of the crash rehearsals, with hands that break things behind the tool's back."""

import json

import pytest
from crash.conftest import Rig
from crash.conftest import rig as bare_rig  # noqa: F401

from reconciler.sandbox import ACCOUNT_ID, ADMINISTRATOR_KEY, TOKEN, Request

ACCOUNT = f"/api/2.0/accounts/{ACCOUNT_ID}"
SCIM_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Hands:
    """Somebody with every right, at both systems' own APIs."""

    def __init__(self, rig: Rig):
        self.rig = rig

    def call(self, method, path, body=None):
        key = f"Key {ADMINISTRATOR_KEY}" if "/__api__/" in path else f"Bearer {TOKEN}"
        headers = {"content-type": "application/json", "authorization": key}
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.rig.sandbox.handle(Request.of(method, path, headers, content))
        assert answer.status < 400, answer.body
        return json.loads(answer.body) if answer.body.strip() else None

    def app(self):
        (app,) = self.call("GET", f"{ACCOUNT}/oauth2/custom-app-integrations")["apps"]
        return f"{ACCOUNT}/oauth2/custom-app-integrations/{app['integration_id']}"

    def principal(self):
        (found,) = self.call("GET", f"{ACCOUNT}/scim/v2/ServicePrincipals")["Resources"]
        return found["id"]

    def secrets(self):
        path = f"{ACCOUNT}/servicePrincipals/{self.principal()}/credentials/secrets"
        return [f"{path}/{secret['id']}" for secret in self.call("GET", path)["secrets"]]

    def integration(self, name):
        path = "/__api__/v1/oauth/integrations"
        return next(f"{path}/{one['guid']}" for one in self.call("GET", path) if one["name"] == name)

    def deactivate(self):
        value = [{"op": "replace", "path": "active", "value": [{"value": "false"}]}]
        body = {"schemas": [SCIM_PATCH], "Operations": value}
        self.call("PATCH", f"{ACCOUNT}/scim/v2/ServicePrincipals/{self.principal()}", body)


@pytest.fixture
def rig(bare_rig):  # noqa: F811 - pytest's way to take a fixture
    bare_rig.hands = Hands(bare_rig)
    bare_rig.verify = lambda *argv: bare_rig.run("verify", "spec.yaml", "--format", "json", *argv)
    return bare_rig


@pytest.fixture
def applied(rig):
    """The rig with its spec applied."""
    ended = rig.apply()
    assert ended.code == 0, ended.text
    return rig


@pytest.fixture
def proofs():
    """Address → (status, message) of a run of verify."""

    def read(ended):
        document = json.loads(ended.out)
        assert document["format"] == "reconcile.verification/1"
        return {one["address"]: (one["status"], one["message"]) for one in document["results"]}

    return read
