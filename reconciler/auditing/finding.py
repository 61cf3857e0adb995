"""How a rule says what it found."""

from __future__ import annotations

from reconciler.auditing.context import AuditContext
from reconciler.errors import Severity
from reconciler.model.audit import Finding, Subject


def found(
    context: AuditContext, severity: Severity, code: str, message: str, advice: str, *objects: Subject
) -> Finding:
    """A finding about the first of some objects, with its place."""
    return Finding(severity, code, message, advice, objects, context.place(objects[0]))


def error(context: AuditContext, code: str, message: str, advice: str, *objects: Subject) -> Finding:
    """One that hurts now."""
    return found(context, Severity.ERROR, code, message, advice, *objects)


def warning(context: AuditContext, code: str, message: str, advice: str, *objects: Subject) -> Finding:
    """One that will hurt."""
    return found(context, Severity.WARNING, code, message, advice, *objects)


def info(context: AuditContext, code: str, message: str, advice: str, *objects: Subject) -> Finding:
    """One to know of."""
    return found(context, Severity.INFO, code, message, advice, *objects)
