"""Databricks account service principals, with their workspace assignments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.errors import (
    AnswerError,
    ConflictError,
    ForbiddenError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
)
from reconciler.kinds import Attributes, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Live
from reconciler.providers._paths import segment
from reconciler.providers._shapes import ID, OBJECT, TEXT, TEXTS

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_SHAPE = {"displayName": TEXT, "applicationId": TEXT}
_ASSIGNMENT_SHAPE = {"principal": OBJECT, "principal.principal_id": ID, "permissions": TEXTS}
_LEVELS = ("USER", "ADMIN")
_FLAKY = "not in workspace"
_FLAKY_WAITS = (0.5, 1.0, 2.0)  # seconds

# What an answer about one workspace may say without putting the whole account in doubt.
_LOCAL = (InvalidRequestError, ForbiddenError, NotFoundError, ConflictError)


class ServicePrincipals(Kind["DatabricksAccount"]):
    """Service principals by their SCIM id; `client_id` is their application id."""

    name = "service_principals"
    noun = "service principal"
    provider_type = "databricks"
    evidence = Evidence.NAME
    fields = Fields(
        name="display_name",
        identity=frozenset({"display_name"}),
        immutable=frozenset({"application_id"}),
        guids=frozenset({"application_id"}),
        additive=frozenset({"workspaces"}),
        computed=frozenset({"id", "client_id"}),
        referred_by="client_id",
        workspaces="workspaces",
    )

    def observe(self, api: DatabricksAccount, scope: Scope) -> Sequence[Live]:
        """All service principals, with their level in each workspace of the scope.

        A workspace that refuses to list its assignments is noted in `api.troubles` as `workspace ID`.
        """
        with api.http.begin(lambda workspace: _levels(api, workspace), scope.workspaces) as batch:
            items = api.scim_list("ServicePrincipals")
            levels = dict(zip(scope.workspaces, batch.results(), strict=True))
        return [_live(api, "GET", _path(api), item, levels) for item in items]

    def read(self, api: DatabricksAccount, live_id: str, parent: str = "") -> Live | None:
        """One service principal by its SCIM id; its workspaces are looked at by `completed`."""
        path = _path(api, live_id)
        try:
            item = api.http.get(path)
        except NotFoundError:
            return None
        return _live(api, "GET", path, item)

    def completed(self, api: DatabricksAccount, lives: Sequence[Live], scope: Scope) -> Sequence[Live]:
        """The same with their level in each workspace of the scope: a list per workspace, however many."""
        with api.http.begin(lambda workspace: _levels(api, workspace), scope.workspaces) as batch:
            levels = dict(zip(scope.workspaces, batch.results(), strict=True))
        return [
            replace(live, attributes={**live.attributes, "workspaces": _workspaces(levels, live.id)})
            for live in lives
        ]

    def create(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> Created:
        """Makes a service principal; `application_id` is for those that Entra ID manages."""
        body: dict[str, Any] = {"schemas": [_SCHEMA], "displayName": attributes["display_name"]}
        if "active" in attributes:
            body["active"] = attributes["active"]
        if attributes.get("application_id"):
            body["applicationId"] = attributes["application_id"]
        answer = api.must_have("POST", _path(api), api.http.post(_path(api), body), "id", "applicationId")
        return Created(_live(api, "POST", _path(api), answer, {}))

    def update(
        self, api: DatabricksAccount, live_id: str, attributes: Attributes, parent: str = ""
    ) -> Live | None:
        """Sets display name and activity in one PATCH."""
        if fixed := sorted(set(attributes) - {"display_name", "active"}):
            raise InternalError(f"{', '.join(fixed)} of a service principal can't be set by an update")
        operations: list[dict[str, Any]] = []
        if "display_name" in attributes:
            operations.append({"op": "replace", "path": "displayName", "value": attributes["display_name"]})
        if "active" in attributes:
            # The one form that is known to work on live accounts, Terraform's: a list with a text in it.
            value = [{"value": "true" if attributes["active"] else "false"}]
            operations.append({"op": "replace", "path": "active", "value": value})
        path = _path(api, live_id)
        body = {"schemas": [_PATCH], "Operations": operations}
        answer = api.http.patch(path, body, yes=lambda answer: _is_of(answer, live_id))
        return _live(api, "PATCH", path, answer) if answer else None

    def delete(self, api: DatabricksAccount, live_id: str, parent: str = "") -> None:
        """Removes a service principal with its secrets and assignments."""
        api.http.delete(_path(api, live_id))

    def grant(self, api: DatabricksAccount, live_id: str, path: str, key: str, value: Any) -> None:
        """Assigns it to a workspace as USER or ADMIN."""
        # An empty or unknown list would silently take the access away.
        if path != "workspaces" or value not in _LEVELS:
            raise InternalError(f"{path} {key} of a service principal can't be {value}")
        assignment = _assignment(api, key, live_id)
        _patiently(
            api, lambda: api.http.put(assignment, {"permissions": [value]}, yes=lambda it: _grants(it, value))
        )

    def revoke(self, api: DatabricksAccount, live_id: str, path: str, key: str) -> None:
        """Takes it out of a workspace."""
        if path != "workspaces":
            raise InternalError(f"{path} of a service principal can't be revoked")
        assignment = _assignment(api, key, live_id)
        try:
            _patiently(api, lambda: api.http.call("DELETE", assignment))
        except NotFoundError:
            return
        except InvalidRequestError as error:
            if not _is_flaky(error):
                raise


def _path(api: DatabricksAccount, live_id: str | None = None) -> str:
    path = api.path("scim/v2/ServicePrincipals")
    return path if live_id is None else f"{path}/{segment(live_id)}"


def _assignment(api: DatabricksAccount, workspace: str, live_id: str) -> str:
    place = f"workspaces/{segment(workspace)}/permissionassignments"
    return api.path(f"{place}/principals/{segment(live_id)}")


def _levels(api: DatabricksAccount, workspace: str) -> dict[str, str]:
    """SCIM id → USER or ADMIN in one workspace; empty, and noted as trouble, if it can't be told."""
    path = api.path(f"workspaces/{segment(workspace)}/permissionassignments")
    subject = f"workspace {workspace}"
    api.troubles.pop(subject, None)
    try:
        body = api.http.get(path)
    except _LOCAL as error:
        api.troubles[subject] = error.message
        return {}
    items = api.items(path, body, "permission_assignments")
    found = {}
    for item in items:
        api.http.must_fit("GET", path, item, "an assignment", _ASSIGNMENT_SHAPE)
        principal, permissions = item.get("principal") or {}, item.get("permissions") or []
        level = next((level for level in ("ADMIN", "USER") if level in permissions), "")  # ADMIN wins
        if level and principal.get("principal_id") is not None:
            found[str(principal["principal_id"])] = level
    return found


def _live(
    api: DatabricksAccount,
    method: str,
    path: str,
    body: Any,
    levels: Mapping[str, Mapping[str, str]] | None = None,
) -> Live:
    item: Mapping[str, Any] = api.must_have(method, path, body, "id")
    api.http.must_fit(method, path, item, item["id"], _SHAPE)
    live_id, name = str(item["id"]), str(item.get("displayName") or "")
    application_id = str(item.get("applicationId") or "")
    active = bool(item.get("active", True))
    attributes: dict[str, Any] = {"display_name": name, "active": active, "application_id": application_id}
    if levels is not None:
        attributes["workspaces"] = _workspaces(levels, live_id)
    return Live(
        id=live_id,
        name=name,
        attributes=attributes,
        computed={"id": live_id, "client_id": application_id, **_groups(item)},
        active=active,
    )


def _groups(item: Mapping[str, Any]) -> dict[str, str]:
    """The ids of the groups that it is a direct member of, with blanks between; nothing if there are none."""
    groups = item.get("groups") or ()
    ids = sorted(str(group["value"]) for group in groups if isinstance(group, Mapping) and group.get("value"))
    return {"group_ids": " ".join(ids)} if ids else {}


def _is_of(answer: Any, live_id: str) -> bool:
    """Nothing, or the principal itself: which of them is not documented."""
    return not answer or (isinstance(answer, Mapping) and str(answer.get("id")) == live_id)


def _grants(answer: Any, level: str) -> bool:
    """Whether the answer is an assignment of that level; one may hold an `error` in its place."""
    if not isinstance(answer, Mapping) or answer.get("error"):
        return False
    permissions = answer.get("permissions")
    return isinstance(permissions, list) and level in permissions


def _workspaces(levels: Mapping[str, Mapping[str, str]], live_id: str) -> dict[str, str]:
    return {workspace: found[live_id] for workspace, found in sorted(levels.items()) if live_id in found}


def _is_flaky(error: AnswerError) -> bool:
    return _FLAKY in error.message.lower()


def _patiently(api: DatabricksAccount, call: Callable[[], object]) -> None:
    """Repeats a call that is answered `Principal … not in workspace …`, as happens half of the time."""
    for wait in _FLAKY_WAITS:
        if not _is_flaky_answer_of(call):
            return
        api.http.sleep(wait)
    call()


def _is_flaky_answer_of(call: Callable[[], object]) -> bool:
    try:
        call()
    except (InvalidRequestError, NotFoundError) as error:
        if not _is_flaky(error):
            raise
        return True
    return False


KIND = ServicePrincipals()
