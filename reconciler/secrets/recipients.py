"""Recipients: the public keys, age's own or OpenSSH's, that copies of secrets are sealed to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.errors import ReconcileError

if TYPE_CHECKING:
    from pyrage import ssh, x25519

    PublicKey = ssh.Recipient | x25519.Recipient

_ECHOED = 20
_HINT = "give public keys of age (age1…, from `age-keygen`) or of SSH (ssh-ed25519 AAAA…)"


class _UnfitError(Exception):
    """What is wrong with one recipient, in words that continue its name."""


@dataclass(frozen=True)
class Recipients:
    """Public keys, checked.

    Attributes:
        texts: the keys as text, without comments, sorted, each once.
        keys: the same for pyrage.
    """

    texts: tuple[str, ...]
    keys: tuple[PublicKey, ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Recipients:
        """Recipients from their texts: `age1…`, or `ssh-ed25519 AAAA… comment`.

        Raises:
            ReconcileError: `recipient`, names all that don't fit by their positions, counted from 1.
        """
        read: dict[str, PublicKey] = {}
        unfit = []
        for position, text in enumerate(map(str.strip, texts), start=1):
            found = _tried(text)
            if isinstance(found, _UnfitError):
                unfit.append(f"recipient {position}{_shown(text)} {found}")
            else:
                read[found[0]] = found[1]
        if unfit:
            raise ReconcileError("; ".join(unfit), code="recipient", hint=_HINT)
        if not read:
            raise ReconcileError("there is no recipient to seal to", code="recipient", hint=_HINT)
        names = tuple(sorted(read))
        return cls(names, tuple(read[name] for name in names))


def recipients_mark(recipients: Recipients) -> str:
    """A digest of the set of keys: another mark means that copies are to be sealed anew.

    Neither the order of keys nor the comments behind them make a difference.
    """
    return "sha256:" + hashlib.sha256("\n".join(recipients.texts).encode()).hexdigest()


def _tried(text: str) -> tuple[str, PublicKey] | _UnfitError:
    try:
        return _read(text)
    except _UnfitError as error:
        return error


def _read(text: str) -> tuple[str, PublicKey]:
    from pyrage import RecipientError, ssh, x25519

    if not text:
        raise _UnfitError("is empty")
    if _is_private(text):
        raise _UnfitError("is a private key; only public keys belong here")
    kind, *rest = text.split()
    try:
        if kind == "ssh-ed25519":
            name = " ".join([kind, *rest[:1]])
            return name, ssh.Recipient.from_str(name)
        if kind == "ssh-rsa":
            raise _UnfitError("is an RSA key, and of SSH's keys only ed25519 is supported")
        if kind.startswith(("ssh-", "ecdsa-", "sk-")):
            raise _UnfitError("is an SSH key of another kind than ed25519")
        if kind.lower().startswith("age1"):
            key = x25519.Recipient.from_str(kind)
            return str(key), key
    except RecipientError:
        raise _UnfitError(f"is no whole {'SSH' if kind == 'ssh-ed25519' else 'age X25519'} key") from None
    raise _UnfitError("is neither an age nor an ssh-ed25519 key")


def _is_private(text: str) -> bool:
    return text.upper().startswith(("AGE-SECRET-KEY-", "AGE-PLUGIN-", "-----BEGIN"))


def _shown(text: str) -> str:
    if not text or _is_private(text):
        return ""
    return f" ({text[:_ECHOED]}{'…' if len(text) > _ECHOED else ''})"
