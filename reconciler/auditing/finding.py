"""How a rule says what it found."""

from __future__ import annotations

from reconciler.auditing.grounds import Grounds
from reconciler.errors import Severity
from reconciler.model.audit import Finding, Subject


def found(
    grounds: Grounds, severity: Severity, code: str, message: str, advice: str, *objects: Subject
) -> Finding:
    """A finding about the first of some objects, with its place."""
    return Finding(severity, code, message, advice, objects, grounds.place(objects[0]))


def error(grounds: Grounds, code: str, message: str, advice: str, *objects: Subject) -> Finding:
    """One that hurts now."""
    return found(grounds, Severity.ERROR, code, message, advice, *objects)


def warning(grounds: Grounds, code: str, message: str, advice: str, *objects: Subject) -> Finding:
    """One that will hurt."""
    return found(grounds, Severity.WARNING, code, message, advice, *objects)


def info(grounds: Grounds, code: str, message: str, advice: str, *objects: Subject) -> Finding:
    """One to know of."""
    return found(grounds, Severity.INFO, code, message, advice, *objects)
