"""The account API over HTTP: secrets, permission assignments, workspaces."""

from __future__ import annotations

from reconciler.sandbox.databricks.apps import Identity
from reconciler.sandbox.databricks.paging import asked, page
from reconciler.sandbox.databricks.signin import account_route
from reconciler.sandbox.messages import Answer, Refusal, json_answer
from reconciler.sandbox.routes import Call
from reconciler.sandbox.tables import public

_BASE = "/api/2.0/accounts/{account}"
_SECRETS = f"{_BASE}/servicePrincipals/{{principal}}/credentials/secrets"
_ASSIGNMENTS = f"{_BASE}/workspaces/{{workspace}}/permissionassignments"
_LEVELS = {"USER": "A user of the workspace.", "ADMIN": "An administrator of the workspace."}


def create_secret(call: Call, _: Identity) -> Answer:
    """200; the only answer that ever holds `secret`."""
    body = call.request.json_object()
    row, value = call.state.account.secrets.create(call.params["principal"], body)
    return json_answer({**public(row), "secret": value})


def list_secrets(call: Call, _: Identity) -> Answer:
    """A page of secrets; `secrets` is absent when there are none."""
    rows, token = call.state.account.secrets.page(call.params["principal"], *asked(call))
    return page("secrets", [public(row) for row in rows], token)


def delete_secret(call: Call, _: Identity) -> Answer:
    """200 with an empty object."""
    call.state.account.secrets.delete(call.params["principal"], call.params["secret"])
    return json_answer({})


def list_assignments(call: Call, _: Identity) -> Answer:
    """All assignments of a workspace, without paging."""
    account = call.state.account
    assigned = account.workspace(call.params["workspace"])
    shown = [
        {"principal": account.described(principal), "permissions": permissions}
        for principal, permissions in assigned.items()
    ]
    return json_answer({"permission_assignments": shown} if shown else {})


def put_assignment(call: Call, _: Identity) -> Answer:
    """Upsert; a missing, empty or unknown list removes the access: docs/facts/databricks.md, trap 15."""
    account, key = call.state.account, call.params["principal"]
    assigned = account.workspace(call.params["workspace"])
    principal = account.described(key)
    if principal is None:
        raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Principal {key} does not exist.")
    wanted = call.request.json_object().get("permissions") or []
    permissions = [level for level in ("ADMIN", "USER") if level in wanted][:1]  # ADMIN wins
    if permissions:
        assigned[key] = permissions
    else:
        assigned.pop(key, None)
    return json_answer({"principal": principal, "permissions": permissions})


def delete_assignment(call: Call, _: Identity) -> Answer:
    """200 with an empty object, also when there was none: the facts print no 404 here."""
    call.state.account.workspace(call.params["workspace"]).pop(call.params["principal"], None)
    return json_answer({})


def list_permissions(call: Call, _: Identity) -> Answer:
    """What can be assigned."""
    call.state.account.workspace(call.params["workspace"])
    levels = [{"permission_level": k, "description": v} for k, v in _LEVELS.items()]
    return json_answer({"permissions": levels})


def list_workspaces(call: Call, _: Identity) -> Answer:
    """A bare array, without envelope and paging."""
    return json_answer(call.state.account.workspaces())


def get_workspace(call: Call, _: Identity) -> Answer:
    """One workspace."""
    for shown in call.state.account.workspaces():
        if str(shown["workspace_id"]) == call.params["workspace"]:
            return json_answer(shown)
    raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Workspace {call.params['workspace']} does not exist.")


ROUTES = (
    account_route("POST", _SECRETS, create_secret),
    account_route("GET", _SECRETS, list_secrets),
    account_route("DELETE", f"{_SECRETS}/{{secret}}", delete_secret),
    account_route("GET", _ASSIGNMENTS, list_assignments),
    account_route("GET", f"{_ASSIGNMENTS}/permissions", list_permissions),
    account_route("PUT", f"{_ASSIGNMENTS}/principals/{{principal}}", put_assignment),
    account_route("DELETE", f"{_ASSIGNMENTS}/principals/{{principal}}", delete_assignment),
    account_route("GET", f"{_BASE}/workspaces", list_workspaces),
    account_route("GET", f"{_BASE}/workspaces/{{workspace}}", get_workspace),
)
