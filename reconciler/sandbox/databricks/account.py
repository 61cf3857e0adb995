"""One Databricks account: what it holds, who may sign in, and what goes when something is deleted."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.sandbox import credentials
from reconciler.sandbox.credentials import digest
from reconciler.sandbox.databricks.apps import Apps, Identity
from reconciler.sandbox.databricks.federation import Federation
from reconciler.sandbox.databricks.groups import Groups
from reconciler.sandbox.databricks.principal_secrets import PrincipalSecrets
from reconciler.sandbox.databricks.principals import ServicePrincipals
from reconciler.sandbox.databricks.published import PublishedApps
from reconciler.sandbox.databricks.rulesets import RuleSets
from reconciler.sandbox.databricks.scim_objects import Numbers, ScimObjects
from reconciler.sandbox.databricks.users import Users
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row
from reconciler.sandbox.world import World

PRINCIPALS, USERS, GROUPS = "ServicePrincipals", "Users", "Groups"
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
        self.groups = Groups(world, self.numbers, lambda key: self.find(key) is not None)
        self.scim: dict[str, ScimObjects] = {
            PRINCIPALS: self.principals,
            USERS: self.users,
            GROUPS: self.groups,
        }
        self.rule_sets = RuleSets(self)
        self.federation = Federation(world)
        self.published = PublishedApps(world)
        self.secrets = PrincipalSecrets(world, self.principals)
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
        return any(hmac.compare_digest(secret["_sha256"], sha256) for secret in self.secrets.live(row["id"]))

    def credential(self, client_id: str, sha256: str) -> dict[str, Any]:
        """What the registries say about a credential: `valid`, and of which `kind` it is."""
        if self.apps.knows(client_id):
            return {"valid": self.apps.accepts(client_id, sha256), "kind": "oauth_app"}
        known = self.principals.by_application(client_id) is not None
        kind = "service_principal" if known else None
        return {"valid": self.accepts(client_id, sha256), "kind": kind}

    # -- service principals, users and groups

    def create(self, sort: str, body: Mapping[str, Any], creator: Identity) -> Row:
        """A new service principal, user or group; who makes a principal manages it.

        Raises:
            Refusal: 400, 409: it can't be made.
        """
        row = self.scim[sort].create(body)
        if sort == PRINCIPALS:
            self.rule_sets.born(row["applicationId"], creator)
        return row

    def change(self, sort: str, key: str, body: Mapping[str, Any], *, whole: bool) -> Row:
        """Carry out a PATCH or (`whole`) a PUT; rule sets name groups by their names, and follow.

        Raises:
            Refusal: 404; 400, 403, 409: it can't be carried out.
        """
        objects = self.scim[sort]
        before = objects.grantee(objects.get(key))
        row = objects.replace(key, body) if whole else objects.patch(key, body)
        if whole and sort == PRINCIPALS and "groups" not in body:
            self.groups.forget(key)
        if objects.grantee(row) != before:
            self.rule_sets.renamed(before, objects.grantee(row))
        return row

    def delete(self, sort: str, key: str) -> None:
        """Remove one with its secrets, policies, memberships, assignments and grants.

        Raises:
            Refusal: 404, there is none with this id.
        """
        objects = self.scim[sort]
        row = objects.get(key)
        grantee = objects.grantee(row)
        objects.delete(key)
        if sort == PRINCIPALS:
            self.secrets.tables.pop(key, None)
            self.federation.tables.pop(key, None)
        # the rule set of a group goes by its id, not by its name
        self.rule_sets.drop(f"groups/{key}" if sort == GROUPS else grantee)
        if not self.world.knobs.dangling_grants:
            self.rule_sets.renamed(grantee, None)
        self.groups.forget(key)
        for workspace in self.assignments.values():
            workspace.pop(key, None)

    def find(self, key: str) -> tuple[str, Row] | None:
        """The sort and row of whoever has a SCIM id; None if nobody has."""
        for sort, objects in self.scim.items():
            row = objects.table.get(key)
            if row is not None:
                return sort, row
        return None

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
        found = self.find(principal)
        if found is None:
            return None
        objects, row = self.scim[found[0]], found[1]
        number = principal if self.world.knobs.numbers_as_text else int(principal)
        name = {objects.name_in_assignments: row[objects.goes_by]}
        return {"principal_id": number, **name, "display_name": row["displayName"]}

    def knows_client(self, client_id: str) -> bool:
        """Whether this is the applicationId of a service principal, or of one that we bring along."""
        return self._built_in(client_id) is not None or self.principals.by_application(client_id) is not None

    def _built_in(self, client_id: str) -> tuple[str, str] | None:
        is_operator = client_id == self.world.knobs.operator
        return _BUILT_IN_CLIENTS.get(credentials.CLIENT_ID if is_operator else client_id)
