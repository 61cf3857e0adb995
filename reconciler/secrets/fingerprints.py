"""Fingerprints: whether two secrets are the same, and nothing else about them."""

from __future__ import annotations

import hashlib
import hmac
import secrets as entropy
from dataclasses import dataclass

from reconciler.secrets.secret import Secret


@dataclass(frozen=True)
class Fingerprint:
    """A salted, one-way mark of a value: tells whether two are the same, and nothing else.

    HMAC-SHA256 keyed with 16 random bytes; both halves in hex.
    """

    salt: str
    mark: str

    @classmethod
    def of(cls, value: Secret | str, salt: str | None = None) -> Fingerprint:
        """The fingerprint of a secret, with the given salt (hex) or a fresh one.

        Give text that may be shown as it is: wrapped in Secret, the tripwire would stop it for ever after.
        """
        salt = salt or entropy.token_hex(16)
        text = value.reveal() if isinstance(value, Secret) else value
        return cls(salt, hmac.new(bytes.fromhex(salt), text.encode(), hashlib.sha256).hexdigest())

    def matches(self, value: Secret | str) -> bool:
        """Whether this is the fingerprint of that value."""
        return hmac.compare_digest(self.mark, Fingerprint.of(value, self.salt).mark)
