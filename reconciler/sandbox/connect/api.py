"""The Connect Server API over HTTP, below `/__api__`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.sandbox.connect.answers import absent, api_error
from reconciler.sandbox.connect.people import ADMINISTRATOR, PUBLISHER, VIEWER, User, need
from reconciler.sandbox.connect.server import ConnectServer
from reconciler.sandbox.connect.templates import SERVICE, TEMPLATES
from reconciler.sandbox.connect.templates import template as template_of
from reconciler.sandbox.messages import Answer, Refusal, json_answer
from reconciler.sandbox.routes import WRITES, Call, Handler, Route
from reconciler.sandbox.tables import Row

Served = Callable[[Call, ConnectServer, User], Answer]

_READERS = (ADMINISTRATOR, PUBLISHER)
_EVERYBODY = (ADMINISTRATOR, PUBLISHER, VIEWER)
_INTEGRATIONS = "/__api__/v1/oauth/integrations"
_TEMPLATES = "/__api__/v1/oauth/templates"
_CONTENT = "/__api__/v1/content"
_ASSOCIATIONS = f"{_CONTENT}/{{guid}}/oauth/integrations/associations"
_DONE = Answer(204)


def list_integrations(_: Call, server: ConnectServer, user: User) -> Answer:
    """A bare array, ascending by id, without paging."""
    counts, integrations = server.content_counts(), server.integrations
    rows = (row for _, row in integrations.table.listing() if integrations.visible(row, user))
    return json_answer([integrations.shown(row, user, counts[row["guid"]]) for row in rows])


def create_integration(call: Call, server: ConnectServer, user: User) -> Answer:
    """200 with the object, without its secrets."""
    _licensed(call)
    row = server.integrations.create(call.request.json_object())
    return json_answer(_shown(server, row, user))


def get_integration(call: Call, server: ConnectServer, user: User) -> Answer:
    """One integration."""
    row = server.integrations.get(call.params["guid"], user)
    return json_answer(_shown(server, row, user))


def update_integration(call: Call, server: ConnectServer, user: User) -> Answer:
    """200 with the whole object."""
    _licensed(call)
    row = server.integrations.get(call.params["guid"], user)
    server.integrations.update(row, call.request.json_object())
    return json_answer(_shown(server, row, user))


def delete_integration(call: Call, server: ConnectServer, user: User) -> Answer:
    """204 without a body."""
    server.delete_integration(server.integrations.get(call.params["guid"], user))
    return _DONE


def verify_integration(call: Call, server: ConnectServer, user: User) -> Answer:
    """200 if the provider takes the credential; of providers the sandbox knows only Databricks."""
    _licensed(call)
    row = server.integrations.get(call.params["guid"], user)
    if template_of(row["template"]).auth_type(row["config"]) != SERVICE:
        raise Refusal(400, 240, f"Only {SERVICE} integrations can be tested.")
    if row["template"] == "databricks":
        secret = row["_secrets"].get("client_secret", "")
        accounts = (call.state.account.accepts, *call.state.world.accounts)
        if not any(accepts(row["config"].get("client_id", ""), secret) for accepts in accounts):
            raise Refusal(400, 241, "Unable to retrieve a token from the OAuth provider.")
    return json_answer({})


def exchange_credentials(_: Call, __: ConnectServer, ___: User) -> Answer:
    """Only content that runs on Connect holds the token that this call takes."""
    raise Refusal(400, 215, "Invalid subject_token")


def integration_associations(call: Call, server: ConnectServer, user: User) -> Answer:
    """What content has an integration."""
    row = server.integrations.get(call.params["guid"], user)
    return json_answer(server.associated(integration=row["guid"]))


def list_templates(_: Call, __: ConnectServer, ___: User) -> Answer:
    """All templates, as a bare array."""
    return json_answer([template.shown() for template in TEMPLATES.values()])


def get_template(call: Call, _: ConnectServer, __: User) -> Answer:
    """One template."""
    template = TEMPLATES.get(call.params["key"])
    if template is None:
        raise Refusal(404, 227, f"The template {call.params['key']} does not exist.")
    return json_answer(template.shown())


def list_content(call: Call, server: ConnectServer, user: User) -> Answer:
    """A bare array; `name` and `owner_guid` narrow it."""
    query = call.request.query
    wanted = {key: query[key] for key in ("name", "owner_guid") if query.get(key)}
    rows = (row for _, row in server.content.listing())
    return json_answer([row for row in rows if all(row[k] == v for k, v in wanted.items())])


def get_content(call: Call, server: ConnectServer, _: User) -> Answer:
    """One content item."""
    return json_answer(server.content.need(call.params["guid"], absent("content item")))


def content_associations(call: Call, server: ConnectServer, user: User) -> Answer:
    """An array, whatever the published schema says: docs/facts/connect.md, trap 10."""
    item = server.item(call.params["guid"], user)
    return json_answer(server.associated(content=item["guid"]))


def put_associations(call: Call, server: ConnectServer, user: User) -> Answer:
    """204; replaces everything: docs/facts/connect.md, trap 9."""
    server.associate(server.item(call.params["guid"], user), call.request.json(), user)
    return _DONE


def me(_: Call, __: ConnectServer, user: User) -> Answer:
    """The user whose key is used."""
    return json_answer(user.shown())


def list_users(call: Call, server: ConnectServer, _: User) -> Answer:
    """A numbered page of users."""
    query = call.request.query
    wanted = (query.get(name, "") for name in ("prefix", "user_role", "account_status"))
    found = server.people.matching(*wanted)
    return _numbered(call, [user.shown() for user in found])


def get_user(call: Call, server: ConnectServer, _: User) -> Answer:
    """One user."""
    row = server.people.users.need(call.params["guid"], absent("user"))
    return json_answer(User(row, frozenset()).shown())


def list_groups(call: Call, server: ConnectServer, _: User) -> Answer:
    """A numbered page of groups."""
    return _numbered(call, server.people.groups_matching(call.request.query.get("prefix", "")))


def get_group(call: Call, server: ConnectServer, _: User) -> Answer:
    """One group."""
    return json_answer(server.people.groups.need(call.params["guid"], absent("group")))


def remote_people(call: Call, server: ConnectServer, _: User) -> Answer:
    """Who is known to the identity provider only: without a GUID, with a ticket."""
    sort = "groups" if "/groups/" in call.request.path else "users"
    start = call.request.query.get("prefix", "").casefold()
    names = [name for name in server.people.remote[sort] if name.casefold().startswith(start)]
    key = "name" if sort == "groups" else "username"
    rows = [{"guid": None, key: name, "temp_ticket": f"ticket-{name}"} for name in names]
    limit = max(1, call.query_int("limit", 500))
    return json_answer({"results": rows[:limit], "current_page": 1, "total": len(rows)})


def group_members(call: Call, server: ConnectServer, _: User) -> Answer:
    """A numbered page of the users in a group."""
    server.people.groups.need(call.params["guid"], absent("group"))
    return _numbered(call, [user.shown() for user in server.people.members(call.params["guid"])])


def list_sessions(_: Call, __: ConnectServer, ___: User) -> Answer:
    """Nobody logs in through a sandbox, so there are none."""
    return json_answer([])


def server_settings(call: Call) -> Answer:
    """Version and licence; answered without a key."""
    knobs = call.state.world.knobs
    version = "" if knobs.hide_version else knobs.connect_version
    return json_answer(
        {
            "version": version,
            "build": "",
            "about": f"Posit Connect v{version}" if version else "",
            "hostname": "sandbox",
            "license": {"tier": "advanced", "oauth-integrations": knobs.licensed},
            "oauth_integrations_enabled": True,
            "dashboard_path": "/connect",
            "execution_type": "native",
        }
    )


def _shown(server: ConnectServer, row: Row, user: User) -> dict[str, Any]:
    return server.integrations.shown(row, user, server.content_counts()[row["guid"]])


def _numbered(call: Call, rows: list[dict[str, Any]]) -> Answer:
    number = max(1, call.query_int("page_number", 1))
    size = max(1, min(call.query_int("page_size", 20), 500, call.state.world.knobs.page_size))
    page = rows[(number - 1) * size : number * size]
    return json_answer({"results": page, "current_page": number, "total": len(rows)})


def _licensed(call: Call) -> None:
    if not call.state.world.knobs.licensed:
        raise Refusal(402, 221, "OAuth integrations are not licensed.")


def _offered(call: Call, handler: Served) -> bool:
    # what a server of an older version, or one that a knob makes poorer, has no route for
    knobs = call.state.world.knobs
    if "/oauth/" in call.request.path:
        feature, since = _FEATURES.get(handler, ("", _OAUTH_SINCE))
        return knobs.connect_version >= since and (not feature or feature not in knobs.lacks.split(","))
    return True


def _served(handler: Served, roles: tuple[str, ...]) -> Handler:
    def checked(call: Call) -> Answer:
        server = call.state.connect(call.prefix)
        user = server.people.caller(call.request.headers)
        if not _offered(call, handler):
            raise absent("requested endpoint")
        need(user, *roles)
        return handler(call, server, user)

    return checked


def _route(method: str, template: str, handler: Served, roles: tuple[str, ...]) -> Route:
    # neither a test nor an exchange changes anything
    write = method in WRITES and handler not in (verify_integration, exchange_credentials)
    return Route(method, template, _served(handler, roles), api_error, "connect", write)


_OAUTH_SINCE = "2024.08.0"
_FEATURES: dict[Served, tuple[str, str]] = {
    verify_integration: ("verify", "2024.12.0"),
    list_templates: ("templates", _OAUTH_SINCE),
    get_template: ("templates", _OAUTH_SINCE),
    integration_associations: ("associations", _OAUTH_SINCE),
    content_associations: ("associations", _OAUTH_SINCE),
    put_associations: ("associations", _OAUTH_SINCE),
}
_ADMIN = (ADMINISTRATOR,)
ROUTES = (
    Route("GET", "/__api__/server_settings", server_settings, api_error, "connect"),
    _route("GET", "/__api__/v1/user", me, _EVERYBODY),
    _route("GET", "/__api__/v1/users", list_users, _EVERYBODY),
    _route("GET", "/__api__/v1/users/{guid}", get_user, _EVERYBODY),
    _route("GET", "/__api__/v1/groups", list_groups, _EVERYBODY),
    _route("GET", "/__api__/v1/users/remote", remote_people, _EVERYBODY),
    _route("GET", "/__api__/v1/groups/remote", remote_people, _EVERYBODY),
    _route("GET", "/__api__/v1/groups/{guid}", get_group, _EVERYBODY),
    _route("GET", "/__api__/v1/groups/{guid}/members", group_members, _EVERYBODY),
    _route("GET", _TEMPLATES, list_templates, _READERS),
    _route("GET", f"{_TEMPLATES}/{{key}}", get_template, _READERS),
    _route("GET", _INTEGRATIONS, list_integrations, _READERS),
    _route("POST", _INTEGRATIONS, create_integration, _ADMIN),
    _route("POST", f"{_INTEGRATIONS}/credentials", exchange_credentials, _READERS),
    _route("GET", f"{_INTEGRATIONS}/{{guid}}", get_integration, _READERS),
    _route("PATCH", f"{_INTEGRATIONS}/{{guid}}", update_integration, _ADMIN),
    _route("DELETE", f"{_INTEGRATIONS}/{{guid}}", delete_integration, _ADMIN),
    _route("POST", f"{_INTEGRATIONS}/{{guid}}/verify", verify_integration, _ADMIN),
    _route("GET", f"{_INTEGRATIONS}/{{guid}}/associations", integration_associations, _ADMIN),
    _route("GET", "/__api__/v1/oauth/sessions", list_sessions, _EVERYBODY),
    _route("GET", _CONTENT, list_content, _READERS),
    _route("GET", f"{_CONTENT}/{{guid}}", get_content, _READERS),
    _route("GET", _ASSOCIATIONS, content_associations, _READERS),
    _route("PUT", _ASSOCIATIONS, put_associations, _READERS),
)
