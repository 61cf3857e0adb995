"""What is wrong with integrations: whom they name, who may use them, who does."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.auditing.context import INTEGRATIONS, AuditContext, client_id, is_databricks
from reconciler.auditing.finding import error, found, info
from reconciler.errors import Severity
from reconciler.model import Live
from reconciler.model.audit import Finding


def judge_integrations(context: AuditContext) -> Iterator[Finding]:
    """The rules for integrations."""
    for server, live in context.each(INTEGRATIONS):
        if context.sees_accounts and is_databricks(live):
            yield from _dead(context, server, live)
        if live.attributes.get("template") != "connect":
            yield from _open(context, server, live)
            yield from _orphan(context, server, live)


def _dead(context: AuditContext, server: str, live: Live) -> Iterator[Finding]:
    client = client_id(live)
    if client in context.clients:
        return
    message = (
        f"its client_id {client} is that of no live app or service principal"
        if client
        else ("it has no client_id")
    )
    advice = "give it the client_id and client_secret of a live one, or remove it"
    yield error(context, "dead-client", message, advice, context.subject(server, INTEGRATIONS, live))


def _open(context: AuditContext, server: str, live: Live) -> Iterator[Finding]:
    if live.computed.get("access") != "everyone":
        return
    subject = context.subject(server, INTEGRATIONS, live)
    is_forbidden = any(policy.require_access for policy in context.rules(subject))
    severity = Severity.ERROR if is_forbidden else Severity.WARNING
    message = "every publisher of the server may use it" + (
        ", which the policy forbids" if is_forbidden else ""
    )
    advice = "give it access: {users: [...], groups: [...]}"
    yield found(context, severity, "open-access", message, advice, subject)


def _orphan(context: AuditContext, server: str, live: Live) -> Iterator[Finding]:
    if live.computed.get("content_count") != "0":
        return
    message = "no content has it"
    advice = "associate it with content, or remove it"
    yield info(context, "orphan-integration", message, advice, context.subject(server, INTEGRATIONS, live))
