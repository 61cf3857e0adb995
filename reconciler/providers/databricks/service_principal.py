"""Databricks account service principals, with their workspaces, groups and roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import (
    InternalError,
    NotFoundError,
)
from reconciler.kinds import Attributes, Complaint, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Address, Entry, Live, ProviderSpec, Ref, Sourced
from reconciler.providers._field_types import TEXT
from reconciler.providers._required_ids import must_have
from reconciler.providers.databricks._assignments import LEVELS, assign, levels_of, unassign
from reconciler.providers.databricks._clouds import application_id_complaints
from reconciler.providers.databricks._grantees import grant_complaints, granted
from reconciler.providers.databricks._groups import Group, is_of, join, leave, members_of, patch_op, quoted
from reconciler.providers.databricks._lists import scim_list
from reconciler.providers.databricks._rule_sets import give, grants_of, take

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

_PRINCIPALS = "scim/v2/ServicePrincipals"
_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"
_SHAPE = {"displayName": TEXT, "applicationId": TEXT}


class ServicePrincipals(Kind["DatabricksAccount"]):
    """Service principals by their SCIM id; `client_id` is their application id."""

    name = "service_principals"
    noun = "service principal"
    exported_as = "principal"
    terraform = "databricks_service_principal"
    provider_type = "databricks"
    evidence = Evidence.NAME
    fields = Fields(
        name="display_name",
        identity=frozenset({"display_name"}),
        immutable=frozenset({"application_id"}),
        guids=frozenset({"application_id"}),
        additive=frozenset({"workspaces", "groups", "roles", "grants"}),
        principals={"groups": "group", "grants": ""},
        by_name=frozenset({"grants"}),
        apart=frozenset({"grants"}),
        holders=frozenset({"groups"}),
        computed=frozenset({"id", "client_id"}),
        referred_by="client_id",
        workspaces="workspaces",
        active="active",
    )

    def settled(self, attributes: Attributes, folder: Path) -> Attributes:
        """Groups by name and roles by value, as they are compared, instead of lists."""
        found = dict(attributes)
        if isinstance(groups := found.get("groups"), (list, tuple)):
            found["groups"] = {name: name for name in groups if isinstance(name, str)}
        if isinstance(roles := found.get("roles"), (list, tuple)):
            found["roles"] = {role: True for role in roles if isinstance(role, str)}
        if isinstance(grants := found.get("grants"), Mapping):
            found["grants"] = dict(granted(grants))
        return found

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """A group or role named twice, or by what isn't plain text."""
        for name in ("groups", "roles"):
            items = attributes.get(name)
            listed = list(items) if isinstance(items, (list, tuple)) else []
            for index, item in enumerate(listed):
                path = (name, index)
                if not isinstance(item, str):
                    message = f"{name} holds {item if isinstance(item, Sourced) else 'no plain text'}"
                    hint = "names are shown: give it through vars, and --var NAME=VALUE"
                    yield Complaint("key", message, path, hint)
                elif not item.strip():
                    yield Complaint("schema", f"{name} holds an empty name", path, "take it out")
                elif item in listed[:index]:
                    yield Complaint("duplicate-key", f"{name} names {item} twice", path, "keep one of them")
        if isinstance(grants := attributes.get("grants"), Mapping):
            yield from grant_complaints(grants)

    def clashes(self, resources: Mapping[Address, Attributes]) -> Iterator[tuple[Address, Complaint]]:
        """Grants to principals that the stack doesn't have."""
        for address, attributes in resources.items():
            grants = attributes.get("grants")
            for key, value in grants.items() if isinstance(grants, Mapping) else ():
                if isinstance(value, Ref) and (value.address not in resources or value.address == address):
                    own = (
                        "itself"
                        if value.address == address
                        else f"{value.address}, which the stack doesn't have"
                    )
                    hint = "write the key of a service principal of this stack, or an application id"
                    path = ("grants", key.partition(" ")[0])
                    yield address, Complaint("principal-form", f"it is granted to {own}", path, hint)

    def unavailable(self, attributes: Attributes, provider: ProviderSpec) -> Iterator[Complaint]:
        """An application id where there is no Entra ID to give one."""
        yield from application_id_complaints(attributes, provider)

    def stated(self, live: Live, filled: Mapping[str, Attributes]) -> Attributes:
        """Only that it is deactivated: where it is a member, others may have a say in."""
        return {} if live.active else {"active": False}

    def noted(self, entry: Entry, server: str) -> Mapping[str, str]:
        """Its client id by the name that Databricks gives it, too."""
        noted = super().noted(entry, server)
        return {**noted, "application_id": noted["client_id"]}

    def observe(self, api: DatabricksAccount, scope: Scope) -> Sequence[Live]:
        """All service principals, with what they are in each workspace and group of the scope.

        A workspace or group that refuses to tell is noted in `api.troubles` as `workspace ID`, `group ID`.
        """
        with (
            api.http.begin(lambda workspace: levels_of(api, workspace), scope.workspaces) as assigned,
            api.http.begin(lambda group: members_of(api, group), scope.holders.get("groups", ())) as joined,
        ):
            items = scim_list(api, "ServicePrincipals")
            complete = _completing(scope, assigned.results(), joined.results(), has_roles=True)
        # with the roles of all, which cost nothing: others share this list, and take what they ask for
        return [complete(_listed(api, item)) for item in items]

    def read(self, api: DatabricksAccount, live_id: str, parent: str = "") -> Live | None:
        """One service principal by its SCIM id; its workspaces and groups are looked at by `completing`."""
        try:
            return _listed(api, api.http.get(api.path(_PRINCIPALS, live_id)))
        except NotFoundError:
            return None

    def shows(self, api: DatabricksAccount, live: Live, attribute: str) -> Mapping[str, Any] | None:
        """Who may use and who may manage it: a read for each principal."""
        return grants_of(api, live.computed["client_id"], f"grants {live.id}")

    def completing(self, api: DatabricksAccount, scope: Scope) -> Callable[[Live], Live] | None:
        """Adds what it is in each workspace and group of the scope: a read for each of those."""

        def levels(workspace: str) -> dict[str, str]:
            return api.http.once(("workspace", workspace), lambda: levels_of(api, workspace))

        def members(group: str) -> Group | None:
            return api.http.once(("group", group), lambda: members_of(api, group))

        with (
            api.http.begin(levels, scope.workspaces) as assigned,
            api.http.begin(members, scope.holders.get("groups", ())) as joined,
        ):
            has_roles = "roles" in scope.attributes
            return _completing(scope, assigned.results(), joined.results(), has_roles=has_roles)

    def create(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> Created:
        """Makes a service principal; `application_id` is for those that Entra ID manages."""
        body: dict[str, Any] = {"schemas": [_SCHEMA], "displayName": attributes["display_name"]}
        if "active" in attributes:
            body["active"] = attributes["active"]
        if attributes.get("application_id"):
            body["applicationId"] = attributes["application_id"]
        path = api.path(_PRINCIPALS)
        answer = must_have(api.http, "POST", path, api.http.post(path, body), "id", "applicationId")
        return Created(_live(api, "POST", path, answer, workspaces={}, roles=_roles(answer)))

    def namesake(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> str:
        """Who has this application id: names needn't be unique."""
        application_id = attributes.get("application_id")
        query = {"filter": f"applicationId eq {quoted(str(application_id))}"}
        found = scim_list(api, "ServicePrincipals", query) if application_id else []
        return str(found[0]["id"]) if len(found) == 1 else ""

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
        path = api.path(_PRINCIPALS, live_id)
        body = patch_op(*operations)
        answer = api.http.patch(path, body, yes=lambda answer: is_of(answer, live_id))
        return _live(api, "PATCH", path, answer) if answer else None

    def delete(self, api: DatabricksAccount, live_id: str, parent: str = "") -> None:
        """Removes a service principal with its secrets and assignments."""
        api.http.delete(api.path(_PRINCIPALS, live_id))

    def grant(self, api: DatabricksAccount, live_id: str, path: str, key: str, value: Any) -> bool | None:
        """Assigns it to a workspace as USER or ADMIN, or makes it a member of a group, or gives it a role."""
        if path == "groups":
            return join(api, key, live_id)
        if path == "roles":
            return _take_role(api, live_id, key)
        if path == "grants":
            return give(api, _application(api, live_id), key)
        if path != "workspaces" or value not in LEVELS:
            raise InternalError(f"{path} {key} of a service principal can't be {value}")
        assign(api, key, live_id, value)
        return None

    def revoke(self, api: DatabricksAccount, live_id: str, path: str, key: str) -> None:
        """Takes it out of a workspace or group, or takes a role from it."""
        if path == "groups":
            return leave(api, key, live_id)
        if path == "roles":
            return _drop_role(api, live_id, key)
        if path == "grants":
            with suppress(NotFoundError):
                take(api, _application(api, live_id), key)
            return None
        if path != "workspaces":
            raise InternalError(f"{path} of a service principal can't be revoked")
        return unassign(api, key, live_id)


def _application(api: DatabricksAccount, live_id: str) -> str:
    path = api.path(_PRINCIPALS, live_id)
    return str(must_have(api.http, "GET", path, api.http.get(path), "id", "applicationId")["applicationId"])


def _take_role(api: DatabricksAccount, live_id: str, role: str) -> bool:
    """Gives a role; False if it had it already: what was added twice, the API doesn't tell."""
    path = api.path(_PRINCIPALS, live_id)
    if role in _roles(api.http.get(path)):
        return False
    operation = {"op": "add", "path": "roles", "value": [{"value": role}]}
    api.http.patch(path, patch_op(operation), yes=lambda answer: is_of(answer, live_id))
    return True


def _drop_role(api: DatabricksAccount, live_id: str, role: str) -> None:
    path = api.path(_PRINCIPALS, live_id)
    operation = {"op": "remove", "path": f"roles[value eq {quoted(role)}]"}  # a value with it is refused
    with suppress(NotFoundError):
        api.http.patch(path, patch_op(operation), yes=lambda answer: is_of(answer, live_id))


def _roles(item: Any) -> dict[str, bool]:
    roles = (item.get("roles") if isinstance(item, Mapping) else None) or ()
    return {str(role["value"]): True for role in roles if isinstance(role, Mapping) and role.get("value")}


def _completing(
    scope: Scope,
    assigned: Sequence[Mapping[str, str]],
    joined: Sequence[Group | None],
    *,
    has_roles: bool,
) -> Callable[[Live], Live]:
    """How a principal gets the workspaces and groups that the scope asks for, and no others."""
    levels = dict(zip(scope.workspaces, assigned, strict=True))
    ids = scope.holders.get("groups", ())
    groups = {key: group for key, group in sorted(zip(ids, joined, strict=True)) if group}

    def complete(live: Live) -> Live:
        found = {**live.attributes, "workspaces": _workspaces(levels, live.id)}
        if ids:
            found["groups"] = {key: group.name for key, group in groups.items() if live.id in group.members}
        if not has_roles:
            found.pop("roles", None)
        return replace(live, attributes=found)

    return complete


def _listed(api: DatabricksAccount, item: Any) -> Live:
    """As a list or a read by id shows it, with its roles."""
    live = _live(api, "GET", api.path(_PRINCIPALS), item)
    return replace(live, attributes={**live.attributes, "roles": _roles(item)})


def _live(
    api: DatabricksAccount,
    method: str,
    path: str,
    body: Any,
    **more: Any,
) -> Live:
    item: Mapping[str, Any] = must_have(api.http, method, path, body, "id")
    api.http.must_fit(method, path, item, item["id"], _SHAPE)
    live_id, name = str(item["id"]), str(item.get("displayName") or "")
    application_id = str(item.get("applicationId") or "")
    active = bool(item.get("active", True))
    attributes = {"display_name": name, "active": active, "application_id": application_id, **more}
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


def _workspaces(levels: Mapping[str, Mapping[str, str]], live_id: str) -> dict[str, str]:
    return {workspace: found[live_id] for workspace, found in sorted(levels.items()) if live_id in found}


KIND = ServicePrincipals()
