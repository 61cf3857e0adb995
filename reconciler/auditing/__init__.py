"""What is wrong between the systems of an estate, whoever manages what. Pure."""

from reconciler.auditing.estate import Grounds, Rights, Watched, every_principal, owned
from reconciler.auditing.judging import audit

__all__ = ["Grounds", "Rights", "Watched", "audit", "every_principal", "owned"]
