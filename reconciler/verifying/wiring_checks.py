"""Checks of an integration's wiring: what it refers to exists, fits, and sends people back to it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.matching import at_path, normal_host, normal_url
from reconciler.model import Live, Resource
from reconciler.verifying.context import APPLY, VerifyContext, source_of
from reconciler.verifying.credential_checks import absence, principal_troubles, secret_troubles, unlike

SERVICE, VISITOR = "Service Account", "connect"
_OFFLINE = "offline_access"
_DATABRICKS = "databricks"


@dataclass(frozen=True)
class WiringNote:
    """Something to say about an integration; only a trouble breaks it."""

    text: str
    is_trouble: bool = True


def is_service(live: Live) -> bool:
    """Whether Connect itself signs in with the credential."""
    return bool(at_path(live.attributes, "config.auth_type") == SERVICE)


def is_visitor(live: Live) -> bool:
    """Whether it gives each visitor a key of Connect's own."""
    return bool(live.attributes.get("template") == VISITOR)


def integration_words(context: VerifyContext, resource: Resource) -> Iterator[WiringNote]:
    """What can be said of an integration without trying it."""
    live = context.live(resource.address)
    if live is None:
        yield WiringNote(absence(context, resource.address))
        return
    yield from map(WiringNote, unlike(context, resource, live))
    yield from map(WiringNote, _credential(context, resource, live))
    if live.attributes.get("template") != _DATABRICKS:
        return
    yield from _owner(context, resource, live)
    yield from _host(context, resource, live)


def _credential(context: VerifyContext, resource: Resource, live: Live) -> Iterator[str]:
    """The objects that it refers to: are they there, and does it hold what is theirs?"""
    source, secret = source_of(resource, "client_id"), source_of(resource, "client_secret")
    if source is not None and source in context.stack.resources:
        yield from _named(source, absence(context, source))
        if not context.kinds[source.kind_name].fields.issues and context.live(source) is not None:
            yield from principal_troubles(context, source)
        wanted = context.live(source)
        there = str(at_path(live.attributes, "config.client_id") or "")
        if wanted is not None and there != wanted.computed.get("client_id"):
            yield f"it has the client id {there or '(none)'}, which isn't that of {source}: {APPLY}"
    if secret is not None and secret.part and context.live(secret.parent or secret) is not None:
        for words in secret_troubles(context, secret):
            yield from _named(secret, words)


def _named(address: object, words: str) -> Iterator[str]:
    if words:
        yield words if str(address) in words else f"{address}: {words}"


def _owner(context: VerifyContext, resource: Resource, live: Live) -> Iterator[WiringNote]:
    """Of a Databricks integration: whose client id it has, and whether people can sign in through that."""
    client_id = str(at_path(live.attributes, "config.client_id") or "")
    owner = context.owner(client_id)
    if owner is None:
        looked = {kind for _, kind in context.snapshot.objects}
        referable = {name for name, one in context.kinds.items() if one.fields.referred_by}
        if client_id and referable <= looked:
            yield WiringNote(f"no account of this stack knows the client id {client_id}", is_trouble=False)
        return
    kind, found = owner
    if is_service(live) or not context.kinds[kind].fields.issues:
        return
    yield from map(WiringNote, _app_serves(context, resource, live, found))


def _app_serves(context: VerifyContext, resource: Resource, live: Live, app: Live) -> Iterator[str]:
    callback = context.stack.providers[resource.provider].callback_url
    if normal_url(callback) not in map(normal_url, app.attributes.get("redirect_urls") or ()):
        yield (
            f"the app {app.name!r} doesn't list {callback} among its redirect_urls, "
            f"so that nobody can log in: {APPLY}"
        )
    if _OFFLINE not in (app.attributes.get("scopes") or ()):
        yield f"the app {app.name!r} lacks the scope {_OFFLINE}, so that logins fail: add it, and {APPLY}"
    asked = str(at_path(live.attributes, "config.scopes") or "").split()
    if asked and _OFFLINE not in asked:
        yield f"its scopes lack {_OFFLINE}, so that logins fail: add it, and {APPLY}"
    mode = at_path(live.attributes, "config.auth_mode")
    fitting = "Confidential" if app.attributes.get("confidential") else "Public"
    if mode is not None and mode != fitting:
        yield f"its auth_mode is {mode}, and the app {app.name!r} is {fitting.lower()}: {APPLY}"


def _host(context: VerifyContext, resource: Resource, live: Live) -> Iterator[WiringNote]:
    """Whether its workspace is one of the account's."""
    host = normal_host(at_path(live.attributes, "config.workspace_host"))
    source = source_of(resource, "client_id")
    wanted = context.stack.resources.get(source) if source else None
    known = {
        workspace.host
        for provider, workspaces in context.workspaces.items()
        if wanted is None or wanted.provider == provider
        for workspace in workspaces
    }
    if not host or host in known:
        return
    # a host of one's own domain, or of another cloud, says nothing
    is_comparable = _zone(host) in map(_zone, known)
    if wanted is not None and is_comparable:
        yield WiringNote(
            f"no workspace of the account has the host {host}: correct workspace_host, and {APPLY}"
        )
    else:
        yield WiringNote(f"whether {host} is a workspace of the account isn't known", is_trouble=False)


def _zone(host: str) -> str:
    return host.partition(".")[2]
