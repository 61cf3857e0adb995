"""One Databricks account: what it holds, who may sign in, and what goes when something is deleted."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.sandbox import credentials
from reconciler.sandbox.credentials import digest
from reconciler.sandbox.databricks.apps import Apps, Identity
from reconciler.sandbox.databricks.federation import Federation
from reconciler.sandbox.databricks.groups import Groups
from reconciler.sandbox.databricks.principals import ServicePrincipals
from reconciler.sandbox.databricks.published import PublishedApps
from reconciler.sandbox.databricks.rulesets import RuleSets
from reconciler.sandbox.databricks.scim_objects import Numbers
from reconciler.sandbox.databricks.users import Users
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import World, millis

LONGEST_LIFETIME = 63_072_000  # seconds: 730 days, also the default
MOST_SECRETS = 5
_LIFETIME = re.compile(r"(\d{1,12})(?:\.\d{1,9})?s\Z")
_SEED_GROUPS = ("data-readers", "data-writers")
_WORKSPACES = (
    (1234567890123456, "cust-success"),
    (1111111111111111, "acme-dev"),
    (2222222222222222, "acme-stage"),
    (3333333333333333, "acme-prod"),
)
# the identities that the sandbox brings along, by the subject that their tokens carry
BUILT_IN = {
    "sandbox": Identity(4_000_000_000_000_001, credentials.CLIENT_ID),
    "other": Identity(4_000_000_000_000_002, credentials.OTHER_CLIENT_ID),
    "user": Identity(4_000_000_000_000_003, credentials.TOKEN_USERNAME),
}
_BUILT_IN_CLIENTS = {
    credentials.CLIENT_ID: ("sandbox", digest(credentials.CLIENT_SECRET)),
    credentials.OTHER_CLIENT_ID: ("other", digest(credentials.OTHER_CLIENT_SECRET)),
}


class Account:
    """The state of the account side. Callers hold the lock of the sandbox."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.numbers = Numbers()
        self.apps = Apps(world)
        self.principals = ServicePrincipals(world, self.numbers)
        self.users = Users(world, self.numbers)
        self.groups = Groups(world, self.numbers, self._is_principal)
        self.rule_sets = RuleSets(self)
        self.federation = Federation(world)
        self.published = PublishedApps(world)
        self.secrets: dict[str, Table] = {}
        self.spaces: dict[int, str] = dict(_WORKSPACES)
        self.assignments: dict[str, dict[str, list[str]]] = {str(i): {} for i in self.spaces}
        self._tokens: dict[str, tuple[str, float]] = {}

    def seed(self) -> None:
        """Put in what a fresh account has."""
        for name in _SEED_GROUPS:
            self.groups.create({"displayName": name})
        self.seed_vendors()

    def seed_vendors(self) -> None:
        """Put in who administers the account, and the published apps that are on everywhere."""
        user = BUILT_IN["user"]
        body = {"userName": user.username, "roles": [{"value": "account_admin"}]}
        self.users.create(body, str(user.number))
        self.published.seed()

    @property
    def account_id(self) -> str:
        """The id of this account."""
        return self.world.knobs.account_id

    def keep_tokens(self, before: Account) -> None:
        """Let those who signed in at another state of this account stay signed in."""
        self._tokens.update(before._tokens)

    # -- sign-in

    def subject_of(self, client_id: str, secret: str) -> str | None:
        """Whose client credentials these are; None if they are nobody's."""
        built_in = self._built_in(client_id)
        if built_in is not None:
            return built_in[0] if hmac.compare_digest(built_in[1], digest(secret)) else None
        row = self.principals.by_application(client_id)
        if row is None or not self.accepts(client_id, digest(secret)):
            return None
        return str(row["id"])

    def subject_named(self, client_id: str) -> str | None:
        """Who exchanges a foreign token under this client id; None if nobody may."""
        built_in = self._built_in(client_id)
        if built_in is not None:
            return built_in[0]
        row = self.principals.by_application(client_id)
        return str(row["id"]) if row is not None and row["active"] else None

    def issue_token(self, subject: str) -> tuple[str, int]:
        """A new access token, and for how many seconds it is good."""
        now = self.world.now()
        if len(self._tokens) > 10_000:
            self._tokens = {k: v for k, v in self._tokens.items() if v[1] > now}
        token = "sandbox-" + secrets.token_urlsafe(32)
        lifetime = self.world.knobs.token_lifetime
        self._tokens[digest(token)] = (subject, now + lifetime)
        return token, lifetime

    def identity(self, token: str) -> Identity | None:
        """Whose access token this is, if it is good now."""
        if token == credentials.TOKEN:
            return BUILT_IN["user"]
        subject, expires = self._tokens.get(digest(token), ("", 0.0))
        if expires <= self.world.now():
            return None
        if subject in BUILT_IN:
            known = BUILT_IN[subject]
            return replace(known, username=self.world.knobs.operator) if subject == "sandbox" else known
        row = self.principals.table.get(subject)
        if row is None or not row["active"]:
            return None
        admin = any(role["value"] == "account_admin" for role in row["roles"])
        return Identity(int(row["id"]), row["applicationId"], admin)

    # -- credentials of others, for verify and the control endpoints

    def accepts(self, client_id: str, sha256: str) -> bool:
        """Whether an active service principal has a live secret with this hash."""
        row = self.principals.by_application(client_id)
        if row is None or not row["active"]:
            return False
        return any(
            hmac.compare_digest(secret["_sha256"], sha256) for _, secret in self.live_secrets(row["id"])
        )

    def credential(self, client_id: str, sha256: str) -> dict[str, Any]:
        """What the registries say about a credential: `valid`, and of which `kind` it is."""
        if self.apps.knows(client_id):
            return {"valid": self.apps.accepts(client_id, sha256), "kind": "oauth_app"}
        known = self.principals.by_application(client_id) is not None
        kind = "service_principal" if known else None
        return {"valid": self.accepts(client_id, sha256), "kind": kind}

    # -- secrets of service principals

    def live_secrets(self, principal: str) -> list[tuple[int, Row]]:
        """The secrets that haven't expired; true at once, whatever lists show."""
        self._expire(principal)
        table = self.secrets.get(principal)
        return list(enumerate(table)) if table is not None else []

    def create_secret(self, principal: str, body: Mapping[str, Any]) -> tuple[Row, str]:
        """A new secret: its row, and its value, which is kept nowhere.

        Raises:
            Refusal: 404; 400 for a bad lifetime, and for a sixth secret.
        """
        self._principal(principal)
        lifetime = _lifetime(body.get("lifetime", f"{LONGEST_LIFETIME}s"))
        scopes = body.get("scopes") or ["all-apis"]
        for name in body:
            if name not in ("lifetime", "scopes", "service_principal_id"):
                raise Refusal(400, "INVALID_PARAMETER_VALUE", f"{name} is not known.")
        if len(self.live_secrets(principal)) >= MOST_SECRETS:
            message = f"Service principal {principal} already has {MOST_SECRETS} secrets."
            raise Refusal(400, "BAD_REQUEST", message)
        now, value = round(self.world.now(), 3), credentials.new_secret()
        row: Row = {
            "id": secrets.token_hex(32),
            "secret_hash": base64.b64encode(secrets.token_bytes(24)).decode(),
            "status": "ACTIVE",
            "create_time": millis(now),
            "update_time": millis(now),
            "expire_time": millis(now + lifetime),
            "scopes": list(scopes),
            "_sha256": digest(value),
            "_expires": now + lifetime,
        }
        self.secrets.setdefault(principal, Table(self.world)).add(row["id"], row)
        return row, value

    def secret_page(self, principal: str, size: int, token: str) -> tuple[list[Row], str]:
        """A page of the secrets that a list shows.

        Raises:
            Refusal: 404; 400 for a token that isn't ours.
        """
        self._principal(principal)
        self._expire(principal)
        table = self.secrets.get(principal)
        return ([], "") if table is None else table.page(size, token)

    def delete_secret(self, principal: str, key: str) -> None:
        """Revoke a secret.

        Raises:
            Refusal: 404, there is no such secret or service principal.
        """
        self._principal(principal)
        self._expire(principal)
        table = self.secrets.get(principal)
        if table is None or table.remove(key) is None:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Secret {key} does not exist.")

    def delete_principal(self, key: str) -> None:
        """Remove a service principal with its secrets, memberships and assignments.

        Raises:
            Refusal: 404, there is none with this id.
        """
        application = self.principals.get(key)["applicationId"]
        self.principals.delete(key)
        self.secrets.pop(key, None)
        self.federation.tables.pop(key, None)
        self.rule_sets.drop("servicePrincipals", application)
        self._forget(key, f"servicePrincipals/{application}")

    def delete_group(self, key: str) -> None:
        """Remove a group with its memberships and assignments.

        Raises:
            Refusal: 404, there is none with this id.
        """
        name = self.groups.get(key)["displayName"]
        self.groups.delete(key)
        self.rule_sets.drop("groups", key)
        self._forget(key, f"groups/{name}")

    def delete_user(self, key: str) -> None:
        """Remove a user with its memberships and assignments.

        Raises:
            Refusal: 404, there is none with this id.
        """
        name = self.users.get(key)["userName"]
        self.users.delete(key)
        self._forget(key, f"users/{name}")

    def changed_group(self, key: str, body: Mapping[str, Any], *, whole: bool) -> Row:
        """Carry out a PATCH or (`whole`) a PUT; rule sets name groups by their names, and follow.

        Raises:
            Refusal: 404; 400, 403, 409: it can't be carried out.
        """
        before = self.groups.get(key)["displayName"]
        row = self.groups.replace(key, body) if whole else self.groups.patch(key, body)
        if row["displayName"] != before:
            self.rule_sets.renamed(f"groups/{before}", f"groups/{row['displayName']}")
        return row

    # -- workspaces

    def workspaces(self) -> list[dict[str, Any]]:
        """All workspaces, as a bare list."""
        return [
            {
                "workspace_id": number,
                "workspace_name": name,
                "deployment_name": name,
                "account_id": self.account_id,
                "workspace_status": "RUNNING",
                "workspace_status_message": "Workspace is running.",
                "aws_region": "us-east-1",
                "cloud": "aws",
                "pricing_tier": "ENTERPRISE",
                "creation_time": 1_700_000_000_000,
                "custom_tags": {},
            }
            for number, name in self.spaces.items()
        ]

    def workspace(self, key: str) -> dict[str, list[str]]:
        """Who is assigned to a workspace, and how.

        Raises:
            Refusal: 404 for an unknown one; 400 for one without identity federation.
        """
        if key in self.world.knobs.unfederated.split(","):
            message = "Permission assignment APIs are not available for this workspace."
            raise Refusal(400, "FEATURE_DISABLED", message)
        if key not in self.assignments:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Workspace {key} does not exist.")
        return self.assignments[key]

    def described(self, principal: str) -> dict[str, Any] | None:
        """A principal as an assignment shows it; None if there is none with this id."""
        row = self.principals.table.get(principal)
        if row is not None:
            name = ("service_principal_name", row["applicationId"])
        elif (row := self.users.table.get(principal)) is not None:
            name = ("user_name", row["userName"])
        elif (row := self.groups.table.get(principal)) is not None:
            name = ("group_name", row["displayName"])
        else:
            return None
        shown = row["displayName"]
        number = principal if self.world.knobs.numbers_as_text else int(principal)
        return {"principal_id": number, name[0]: name[1], "display_name": shown}

    def knows_client(self, client_id: str) -> bool:
        """Whether this is the applicationId of a service principal, or of one that we bring along."""
        return self._built_in(client_id) is not None or self.principals.by_application(client_id) is not None

    def _built_in(self, client_id: str) -> tuple[str, str] | None:
        is_operator = client_id == self.world.knobs.operator
        return _BUILT_IN_CLIENTS.get(credentials.CLIENT_ID if is_operator else client_id)

    def _is_principal(self, key: str) -> bool:
        return any(key in each.table for each in (self.principals, self.users, self.groups))

    def _forget(self, principal: str, grantee: str) -> None:
        if not self.world.knobs.dangling_grants:
            self.rule_sets.renamed(grantee, None)
        self.groups.forget(principal)
        for workspace in self.assignments.values():
            workspace.pop(principal, None)

    def _principal(self, key: str) -> None:
        if key not in self.principals.table:
            message = f"Service principal {key} does not exist."
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)

    def _expire(self, principal: str) -> None:
        # expired secrets vanish from the list and don't count towards the five
        table = self.secrets.get(principal)
        now = self.world.now()
        for row in list(table or ()):
            if row["_expires"] <= now and table is not None:
                table.remove(row["id"])


def _lifetime(text: Any) -> int:
    found = _LIFETIME.match(text) if isinstance(text, str) else None
    if found is None or not 0 < int(found[1]) <= LONGEST_LIFETIME:
        message = f'lifetime must be a text such as "86400s", at most {LONGEST_LIFETIME}s.'
        raise Refusal(400, "INVALID_PARAMETER_VALUE", message)
    return int(found[1])
