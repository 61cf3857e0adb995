"""Verifying: proves that credentials and wiring work, by asking the remote systems; changes nothing."""

from reconciler.verifying.proofs import values_at_hand, verify

__all__ = ["values_at_hand", "verify"]
