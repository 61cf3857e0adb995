"""The audit: every rule over the estate, its findings in a fixed order; with the map and the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.auditing.app_rules import judge_apps
from reconciler.auditing.grounds import APPS, INTEGRATIONS, PRINCIPALS, SECRETS, Grounds, client_id
from reconciler.auditing.integration_rules import judge_integrations
from reconciler.auditing.object_rules import judge_objects
from reconciler.auditing.principal_rules import judge_principals
from reconciler.errors import Severity
from reconciler.model.audit import Audit, Due, Finding, Thing
from reconciler.model.times import parse_time
from reconciler.model.values import seconds

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_YEAR = timedelta(days=366)


def audit(grounds: Grounds) -> Audit:
    """All that is wrong, the worst first."""
    found = [
        *judge_integrations(grounds),
        *judge_principals(grounds),
        *judge_apps(grounds),
        *judge_objects(grounds),
    ]
    return Audit(
        findings=tuple(sorted(found, key=_order)),
        providers={**grounds.lenders, **grounds.asked},
        things=tuple(_things(grounds)),
        dates=tuple(sorted(_dates(grounds))),
        made=f"{grounds.now:%Y-%m-%dT%H:%M:%SZ}",
    )


def _order(finding: Finding) -> tuple[object, ...]:
    return _RANK[finding.severity], finding.code, finding.objects, finding.message


def _things(grounds: Grounds) -> Iterator[Thing]:
    for kind in (APPS, PRINCIPALS):
        for provider, live in grounds.each(kind):
            note = "" if live.active else "deactivated"
            if kind == APPS:
                note = "confidential" if live.attributes.get("confidential") else "public"
            yield Thing(grounds.subject(provider, kind, live), note=note)
    for provider, live in grounds.each(INTEGRATIONS):
        used = grounds.clients.get(client_id(live))
        count = live.computed.get("content_count", "")
        yield Thing(
            grounds.subject(provider, INTEGRATIONS, live),
            uses=grounds.subject(*used) if used else None,
            contents=int(count) if count.isdigit() else None,
            note=str(live.attributes.get("template") or ""),
        )


def _dates(grounds: Grounds) -> Iterator[Due]:
    """When secrets end and are rotated, over the next twelve months."""
    principals = {(p, live.id): live for p, live in grounds.each(PRINCIPALS)}
    for provider, secret in grounds.each(SECRETS):
        ends = parse_time(secret.expires_at)
        principal = principals.get((provider, secret.parent))
        if ends is None or principal is None or not grounds.now < ends <= grounds.now + _YEAR:
            continue
        subject = grounds.subject(provider, PRINCIPALS, principal)
        owner = grounds.owners.get((provider, SECRETS, secret.id))
        before = owner.resource.attributes.get("rotate_before") if owner and owner.resource else None
        yield Due(f"{ends:%Y-%m-%d}", "ends", subject)
        if before:
            due = max(ends - timedelta(seconds=seconds(str(before))), grounds.now)
            yield Due(f"{due:%Y-%m-%d}", "rotates", subject)
