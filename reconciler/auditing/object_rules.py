"""What is wrong with any object: that it has another's name, or one that no policy allows, or no owner."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.auditing.context import APPS, INTEGRATIONS, PRINCIPALS, AuditContext
from reconciler.auditing.finding import info, warning
from reconciler.model import Live
from reconciler.model.audit import Finding, Subject

_NOUNS = {APPS: "OAuth apps", PRINCIPALS: "service principals", INTEGRATIONS: "integrations"}


def judge_objects(context: AuditContext) -> Iterator[Finding]:
    """The rules for whatever has a name."""
    alike: dict[tuple[str, str, str], list[Subject]] = {}
    for kind in (APPS, PRINCIPALS, INTEGRATIONS):
        for provider, live in context.each(kind):
            subject = context.subject(provider, kind, live)
            if live.name:
                alike.setdefault((provider, kind, live.name), []).append(subject)
            if _is_managed_elsewhere(context, kind, live):
                continue
            yield from _name(context, subject)
            if not subject.stack:
                advice = "reconcile export writes a spec that takes it over"
                yield info(context, "unmanaged", "no stack manages it", advice, subject)
    for (_, kind, name), twins in alike.items():
        if len(twins) > 1:
            message = f"{len(twins)} {_NOUNS[kind]} are called {name}"
            advice = "rename or remove all but one: a name should mean one object"
            # whose owner is nobody is the first to go
            yield warning(
                context, "twin-names", message, advice, *sorted(twins, key=lambda s: (s.stack != "", s))
            )


def _is_managed_elsewhere(context: AuditContext, kind: str, live: Live) -> bool:
    """What a server makes by itself, and the identity of this tool."""
    if kind == INTEGRATIONS:
        return live.attributes.get("template") == "connect"
    return live.computed.get("client_id", "").casefold() in context.ourselves


def _name(context: AuditContext, subject: Subject) -> Iterator[Finding]:
    patterns = sorted(
        {p.names for p in context.rules(subject) if p.names and not re.fullmatch(p.names, subject.name)}
    )
    if patterns:
        message = f"its name doesn't fit {' and '.join(patterns)}"
        yield warning(context, "policy-name", message, "rename it", subject)
