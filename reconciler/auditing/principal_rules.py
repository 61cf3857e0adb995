"""What is wrong with service principals: whether they can sign in, for how long, and to where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

from reconciler.auditing.context import (
    INTEGRATIONS,
    PRINCIPALS,
    SECRETS,
    AuditContext,
    config,
    is_databricks,
    is_service,
)
from reconciler.auditing.finding import error, warning
from reconciler.model import Live
from reconciler.model.audit import Finding, Subject
from reconciler.model.live import bare_host
from reconciler.model.policy import shortest_lifetime, warning_time
from reconciler.model.times import parse_time

_MANY = 4  # of the five that a principal holds
_NEVER = datetime.max.replace(tzinfo=timezone.utc)


def judge_principals(context: AuditContext) -> Iterator[Finding]:
    """The rules for principals."""
    for provider, principal in context.each(PRINCIPALS):
        subject = context.subject(provider, PRINCIPALS, principal)
        users = [each for each in context.users.get(subject.ident, ()) if is_databricks(each[1])]
        yield from _inactive(context, principal, subject, users)
        yield from _secrets(context, principal, subject, [each for each in users if is_service(each[1])])
        yield from _workspaces(context, principal, subject, [e for e in users if is_service(e[1])])


def _subjects(context: AuditContext, users: Sequence[tuple[str, Live]]) -> list[Subject]:
    return [context.subject(server, INTEGRATIONS, live) for server, live in users]


def _inactive(
    context: AuditContext, principal: Live, subject: Subject, users: Sequence[tuple[str, Live]]
) -> Iterator[Finding]:
    if users and not principal.active:
        message = "it is deactivated, and integrations use it"
        advice = "activate it again, or give the integrations another"
        yield error(context, "inactive-principal", message, advice, subject, *_subjects(context, users))


def _secrets(
    context: AuditContext, principal: Live, subject: Subject, users: Sequence[tuple[str, Live]]
) -> Iterator[Finding]:
    if (subject.provider, SECRETS) not in context.snapshot.objects:
        return  # nobody looked
    listed = context.secrets(subject.provider, principal.id)
    live = [secret for secret in listed if context.is_live(secret)]
    if users and not live:
        yield _without(context, subject, listed, users)
    if live and principal.active:
        yield from _ending(context, subject, live)
    yield from _overlong(context, subject, live)
    if len(listed) >= _MANY:
        message = f"{len(listed)} of its five places for secrets are taken"
        advice = "revoke those that nobody uses: a rotation needs a free place"
        yield warning(context, "secrets-many", message, advice, subject)
    yield from _unrotated(context, subject, live)


def _without(
    context: AuditContext, subject: Subject, listed: Sequence[Live], users: Sequence[tuple[str, Live]]
) -> Finding:
    ended = [secret.expires_at for secret in listed]
    for (provider, kind, _), owner in context.owners.items():
        entry = owner.entry
        if (provider, kind) == (subject.provider, SECRETS) and entry and entry.parent == subject.id:
            ends = parse_time(entry.credential.expires_at) if entry.credential else None
            if entry.credential and ends is not None and ends <= context.now:
                ended.append(entry.credential.expires_at)
    advice = (
        f"issue a new one with reconcile rotate, in stack {subject.stack}"
        if subject.stack
        else "issue a new one and give it to the integrations, or let a stack do so"
    )
    users_too = _subjects(context, users)
    if ended:
        message = f"its last secret ended on {max(ended)[:10]}, and integrations use it"
        return error(context, "secret-expired", message, advice, subject, *users_too)
    message = "it has no secret, and integrations sign in with one"
    return error(context, "no-secret", message, advice, subject, *users_too)


def _ending(context: AuditContext, subject: Subject, live: Sequence[Live]) -> Iterator[Finding]:
    last = max(live, key=lambda secret: parse_time(secret.expires_at) or _NEVER)
    ends = parse_time(last.expires_at)
    notice = timedelta(seconds=warning_time(context.rules(subject)))
    if ends is None or ends - context.now > notice or _is_rotated(context, subject):
        return
    message = f"its last secret ends on {ends:%Y-%m-%d}, and nothing rotates it before"
    advice = "rotate it, or have a stack do so: client_secret: {lifetime, rotate_before}"
    yield warning(context, "secret-expiring", message, advice, subject)


def _is_rotated(context: AuditContext, subject: Subject) -> bool:
    """Whether a stack of the run rotates the secret of a principal by itself."""
    for secret in context.secrets(subject.provider, subject.id):
        owner = context.owners.get((subject.provider, SECRETS, secret.id))
        if owner and owner.resource and owner.resource.attributes.get("rotate_before"):
            return True
    return False


def _overlong(context: AuditContext, subject: Subject, live: Sequence[Live]) -> Iterator[Finding]:
    most = shortest_lifetime(context.rules(subject))
    if most is None:
        return
    long = [secret for secret in live if _lives_longer(secret, most)]
    if long:
        message = f"it has secrets that live longer than the {most // 86400} days of the policy"
        if most < 86400:
            message = f"it has secrets that live longer than the {most} seconds of the policy"
        advice = "rotate them into shorter ones, and revoke them"
        objects = [context.subject(subject.provider, SECRETS, secret) for secret in long]
        yield warning(context, "secret-overlong", message, advice, subject, *objects)


def _lives_longer(secret: Live, most: int) -> bool:
    begins, ends = parse_time(secret.created_at), parse_time(secret.expires_at)
    if ends is None:
        return True
    # the server cuts its times; a minute is no breach
    return begins is not None and (ends - begins).total_seconds() > most + 60


def _unrotated(context: AuditContext, subject: Subject, live: Sequence[Live]) -> Iterator[Finding]:
    wanted = any(policy.require_rotation for policy in context.rules(subject))
    if wanted and live and not _is_rotated(context, subject):
        message = "it has a secret that nothing rotates, and the policy wants rotation"
        advice = "let a stack rotate it: client_secret: {lifetime, rotate_before}"
        yield warning(context, "policy-rotation", message, advice, subject)


def _workspaces(
    context: AuditContext, principal: Live, subject: Subject, users: Sequence[tuple[str, Live]]
) -> Iterator[Finding]:
    lacking: dict[str, list[tuple[str, Live]]] = {}
    for server, integration in users:
        host = bare_host(config(integration).get("workspace_host"))
        provider, workspace = context.rights.hosts.get(host, ("", ""))
        assigned = context.rights.assigned.get((provider, workspace))
        if provider == subject.provider and assigned is not None and principal.id not in assigned:
            lacking.setdefault(host, []).append((server, integration))
    if lacking:
        hosts = " and ".join(sorted(lacking))
        message = f"it isn't assigned to {hosts}, which its integrations name"
        advice = "assign it: workspaces: {HOST: USER}"
        users_too = _subjects(context, [each for some in lacking.values() for each in some])
        yield error(context, "workspace-unassigned", message, advice, subject, *users_too)
