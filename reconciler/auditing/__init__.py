"""What is wrong between the systems of an estate, whoever manages what. Pure."""

from reconciler.auditing.audit import audit
from reconciler.auditing.context import AuditContext, Rights, Watched, every_principal, owned

__all__ = ["AuditContext", "Rights", "Watched", "audit", "every_principal", "owned"]
