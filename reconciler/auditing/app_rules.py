"""What is wrong with OAuth apps: where their codes go, what they may do, who uses them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from reconciler.auditing.finding import error, info, warning
from reconciler.auditing.grounds import APPS, INTEGRATIONS, Grounds, is_viewer
from reconciler.model import Live
from reconciler.model.audit import Finding, Subject
from reconciler.specs import urls


def judge_apps(grounds: Grounds) -> Iterator[Finding]:
    """The rules for apps."""
    for provider, app in grounds.each(APPS):
        subject = grounds.subject(provider, APPS, app)
        yield from _callbacks(grounds, app, subject)
        yield from _insecure(grounds, app, subject)
        yield from _foreign(grounds, app, subject)
        yield from _scopes(grounds, app, subject)
        yield from _orphan(grounds, app, subject)


def _redirects(app: Live) -> Sequence[str]:
    return [str(url) for url in app.attributes.get("redirect_urls") or ()]


def _viewers(grounds: Grounds, subject: Subject) -> Sequence[tuple[str, Live]]:
    return [each for each in grounds.users.get(subject.ident, ()) if is_viewer(each[1])]


def _callbacks(grounds: Grounds, app: Live, subject: Subject) -> Iterator[Finding]:
    listed = {urls.comparable(url) for url in _redirects(app)}
    lacking = [
        (server, live)
        for server, live in _viewers(grounds, subject)
        if urls.comparable(grounds.asked[server].callback_url) not in listed
    ]
    if lacking:
        servers = sorted({server for server, _ in lacking})
        callbacks = " and ".join(
            grounds.asked[server].told(grounds.asked[server].callback_url) for server in servers
        )
        message = f"it doesn't list the callback of {' and '.join(servers)}, where integrations use it"
        users = [grounds.subject(server, INTEGRATIONS, live) for server, live in lacking]
        yield error(
            grounds, "redirect-missing", message, f"add {callbacks} to redirect_urls", subject, *users
        )


def _insecure(grounds: Grounds, app: Live, subject: Subject) -> Iterator[Finding]:
    plain = sorted({url for url in _redirects(app) if urls.is_insecure(url)})
    if plain:
        message = f"it redirects to plain http: {', '.join(plain)}"
        yield error(grounds, "redirect-insecure", message, "use https", subject)


def _foreign(grounds: Grounds, app: Live, subject: Subject) -> Iterator[Finding]:
    known = {_host(each.address) for each in (*grounds.asked.values(), *grounds.lenders.values())}
    lists = [p.redirect_hosts for p in grounds.rules(subject) if p.redirect_hosts is not None]

    def is_foreign(url: str) -> bool:
        if _host(url) in known:
            return False
        return not lists or not all(urls.is_listed(url, hosts) for hosts in lists)

    foreign = sorted({url for url in _redirects(app) if is_foreign(url)})
    if foreign:
        message = f"it redirects to a host that is no provider's: {', '.join(foreign)}"
        advice = "remove it, or list its host in policy.redirect_hosts"
        yield warning(grounds, "redirect-foreign", message, advice, subject)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _scopes(grounds: Grounds, app: Live, subject: Subject) -> Iterator[Finding]:
    scopes = [str(scope) for scope in app.attributes.get("scopes") or ()]
    wide = sorted({s for s in scopes for policy in grounds.rules(subject) if s in policy.forbid_scopes})
    if wide:
        message = f"it has scopes that the policy forbids: {', '.join(wide)}"
        yield warning(grounds, "scope-wide", message, "remove them from scopes", subject)
    viewers = _viewers(grounds, subject)
    if viewers and "offline_access" not in scopes:
        message = "people who use its integrations must sign in again and again: it has no offline_access"
        users = [grounds.subject(server, INTEGRATIONS, live) for server, live in viewers]
        yield warning(grounds, "offline-access", message, "add offline_access to scopes", subject, *users)


def _orphan(grounds: Grounds, app: Live, subject: Subject) -> Iterator[Finding]:
    if not grounds.sees_servers or subject.ident in grounds.users:
        return
    lent = {
        urls.comparable(each.callback_url) for each in grounds.lenders.values() if each.type == "workbench"
    }
    # who uses it there can't be seen; that it leads there says enough
    if any(urls.comparable(url) in lent for url in _redirects(app)):
        return
    yield info(grounds, "orphan-app", "nothing uses it", "remove it, unless you know who does", subject)
