"""What is wrong between the systems of an estate, whoever manages what. Pure."""

from reconciler.auditing.audit import audit
from reconciler.auditing.grounds import Grounds, Rights, Watched, every_principal, owned

__all__ = ["Grounds", "Rights", "Watched", "audit", "every_principal", "owned"]
