"""What is wrong with OAuth apps: where their codes go, what they may do, who uses them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from reconciler.auditing.context import APPS, INTEGRATIONS, AuditContext, is_viewer
from reconciler.auditing.finding import error, info, warning
from reconciler.model import Live
from reconciler.model.audit import Finding, Subject
from reconciler.specs import urls


def judge_apps(context: AuditContext) -> Iterator[Finding]:
    """The rules for apps."""
    for provider, app in context.each(APPS):
        subject = context.subject(provider, APPS, app)
        yield from _callbacks(context, app, subject)
        yield from _insecure(context, app, subject)
        yield from _foreign(context, app, subject)
        yield from _scopes(context, app, subject)
        yield from _orphan(context, app, subject)


def _redirects(app: Live) -> Sequence[str]:
    return [str(url) for url in app.attributes.get("redirect_urls") or ()]


def _viewers(context: AuditContext, subject: Subject) -> Sequence[tuple[str, Live]]:
    return [each for each in context.users.get(subject.ident, ()) if is_viewer(each[1])]


def _callbacks(context: AuditContext, app: Live, subject: Subject) -> Iterator[Finding]:
    listed = {urls.comparable(url) for url in _redirects(app)}
    lacking = [
        (server, live)
        for server, live in _viewers(context, subject)
        if urls.comparable(context.asked[server].callback_url) not in listed
    ]
    if lacking:
        servers = sorted({server for server, _ in lacking})
        callbacks = " and ".join(
            context.asked[server].told(context.asked[server].callback_url) for server in servers
        )
        message = f"it doesn't list the callback of {' and '.join(servers)}, where integrations use it"
        users = [context.subject(server, INTEGRATIONS, live) for server, live in lacking]
        yield error(
            context, "redirect-missing", message, f"add {callbacks} to redirect_urls", subject, *users
        )


def _insecure(context: AuditContext, app: Live, subject: Subject) -> Iterator[Finding]:
    plain = sorted({url for url in _redirects(app) if urls.is_insecure(url)})
    if plain:
        message = f"it redirects to plain http: {', '.join(plain)}"
        yield error(context, "redirect-insecure", message, "use https", subject)


def _foreign(context: AuditContext, app: Live, subject: Subject) -> Iterator[Finding]:
    known = {_host(each.address) for each in (*context.asked.values(), *context.lenders.values())}
    lists = [p.redirect_hosts for p in context.rules(subject) if p.redirect_hosts is not None]

    def is_foreign(url: str) -> bool:
        if _host(url) in known:
            return False
        return not lists or not all(urls.is_listed(url, hosts) for hosts in lists)

    foreign = sorted({url for url in _redirects(app) if is_foreign(url)})
    if foreign:
        message = f"it redirects to a host that is no provider's: {', '.join(foreign)}"
        advice = "remove it, or list its host in policy.redirect_hosts"
        yield warning(context, "redirect-foreign", message, advice, subject)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _scopes(context: AuditContext, app: Live, subject: Subject) -> Iterator[Finding]:
    scopes = [str(scope) for scope in app.attributes.get("scopes") or ()]
    wide = sorted({s for s in scopes for policy in context.rules(subject) if s in policy.forbid_scopes})
    if wide:
        message = f"it has scopes that the policy forbids: {', '.join(wide)}"
        yield warning(context, "scope-wide", message, "remove them from scopes", subject)
    viewers = _viewers(context, subject)
    if viewers and "offline_access" not in scopes:
        message = "people who use its integrations must sign in again and again: it has no offline_access"
        users = [context.subject(server, INTEGRATIONS, live) for server, live in viewers]
        yield warning(context, "offline-access", message, "add offline_access to scopes", subject, *users)


def _orphan(context: AuditContext, app: Live, subject: Subject) -> Iterator[Finding]:
    if not context.sees_servers or subject.ident in context.users:
        return
    lent = {
        urls.comparable(each.callback_url) for each in context.lenders.values() if each.type == "workbench"
    }
    if app.id in context.held_elsewhere:
        return
    # who uses it there can't be seen; that it leads there says enough
    if any(urls.comparable(url) in lent for url in _redirects(app)):
        return
    yield info(context, "orphan-app", "nothing uses it", "remove it, unless you know who does", subject)
