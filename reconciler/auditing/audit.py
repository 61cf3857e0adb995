"""The audit: every rule over the estate, its findings in a fixed order; with the map and the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.auditing.app_rules import judge_apps
from reconciler.auditing.context import APPS, INTEGRATIONS, PRINCIPALS, SECRETS, AuditContext, client_id
from reconciler.auditing.integration_rules import judge_integrations
from reconciler.auditing.object_rules import judge_objects
from reconciler.auditing.principal_rules import judge_principals
from reconciler.errors import Severity
from reconciler.model.audit import Audit, DatedEvent, Finding, MapObject
from reconciler.model.times import parse_time
from reconciler.model.values import seconds

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_YEAR = timedelta(days=366)


def audit(context: AuditContext) -> Audit:
    """All that is wrong, the worst first."""
    found = [
        *judge_integrations(context),
        *judge_principals(context),
        *judge_apps(context),
        *judge_objects(context),
    ]
    return Audit(
        findings=tuple(sorted(found, key=_order)),
        providers={**context.lenders, **context.asked},
        things=tuple(_things(context)),
        dates=tuple(sorted(_dates(context))),
        made=f"{context.now:%Y-%m-%dT%H:%M:%SZ}",
    )


def _order(finding: Finding) -> tuple[object, ...]:
    return _RANK[finding.severity], finding.code, finding.objects, finding.message


def _things(context: AuditContext) -> Iterator[MapObject]:
    for kind in (APPS, PRINCIPALS):
        for provider, live in context.each(kind):
            note = "" if live.active else "deactivated"
            if kind == APPS:
                note = "confidential" if live.attributes.get("confidential") else "public"
            yield MapObject(context.subject(provider, kind, live), note=note)
    for provider, live in context.each(INTEGRATIONS):
        used = context.clients.get(client_id(live))
        count = live.computed.get("content_count", "")
        yield MapObject(
            context.subject(provider, INTEGRATIONS, live),
            uses=context.subject(*used) if used else None,
            contents=int(count) if count.isdigit() else None,
            note=str(live.attributes.get("template") or ""),
        )


def _dates(context: AuditContext) -> Iterator[DatedEvent]:
    """When secrets end and are rotated, over the next twelve months."""
    principals = {(p, live.id): live for p, live in context.each(PRINCIPALS)}
    for provider, secret in context.each(SECRETS):
        ends = parse_time(secret.expires_at)
        principal = principals.get((provider, secret.parent))
        if ends is None or principal is None or not context.now < ends <= context.now + _YEAR:
            continue
        subject = context.subject(provider, PRINCIPALS, principal)
        owner = context.owners.get((provider, SECRETS, secret.id))
        before = owner.resource.attributes.get("rotate_before") if owner and owner.resource else None
        yield DatedEvent(f"{ends:%Y-%m-%d}", "ends", subject)
        if before:
            due = max(ends - timedelta(seconds=seconds(str(before))), context.now)
            yield DatedEvent(f"{due:%Y-%m-%d}", "rotates", subject)
