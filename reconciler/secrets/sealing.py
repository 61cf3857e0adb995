"""Sealing: copies of secrets, encrypted with age, that only the holder of a private key can open."""

from __future__ import annotations

import base64

from reconciler.errors import ReconcileError
from reconciler.secrets.identities import Identities
from reconciler.secrets.recipients import Recipients
from reconciler.secrets.secret import Secret

_BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----"
_END = "-----END AGE ENCRYPTED FILE-----"
_HEADER = b"age-encryption.org/v1\n"
# pyrage has one exception for "not for these keys" and for damage, told apart by these words only.
_NOT_OURS = "No matching keys found"


def seal(secret: Secret | bytes, recipients: Recipients) -> str:
    """A copy that each of the recipients can open, as ASCII armour; another one every time."""
    if isinstance(secret, Secret):
        return seal_bytes(secret.reveal().encode("utf-8", "surrogatepass"), recipients)
    return seal_bytes(secret, recipients)


def seal_bytes(document: bytes, recipients: Recipients) -> str:
    """The same for a document, as of several secrets."""
    import pyrage

    return pyrage.encrypt(document, recipients.keys, armored=True).decode("ascii")


def unseal(armoured: str, identities: Identities) -> Secret | None:
    """The secret of a sealed copy; None if it isn't sealed to any of these keys (or there are none).

    Raises:
        ReconcileError: `sealed-damaged`: it isn't, or isn't any more, what `seal` wrote.
    """
    document = unseal_bytes(armoured, identities)
    if document is None:
        return None
    try:
        return Secret(document.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        raise _damaged("it holds no text") from None


def unseal_bytes(armoured: str, identities: Identities) -> bytes | None:
    """The document of a sealed copy; None if it isn't sealed to any of these keys (or there are none).

    Wrap the values in it as soon as they are parsed: until then the tripwire doesn't know them.

    Raises:
        ReconcileError: `sealed-damaged`: it isn't, or isn't any more, what `seal_bytes` wrote.
    """
    content = _content(armoured)
    if not identities:
        return None
    import pyrage

    try:
        return pyrage.decrypt(content, identities.reveal())
    except pyrage.DecryptError as error:
        if str(error) == _NOT_OURS:
            return None
        raise _damaged("its content doesn't fit its seal") from None


def _content(armoured: str) -> bytes:
    """The age file inside; without a key, too: else damage would come to light only when a copy is needed."""
    lines = [line.strip() for line in armoured.strip().splitlines()]
    try:
        content = base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError:
        content = b""
    if lines[:1] != [_BEGIN] or lines[-1:] != [_END] or not content.startswith(_HEADER):
        raise _damaged("it isn't an armoured age file")
    return content


def _damaged(words: str) -> ReconcileError:
    return ReconcileError(
        f"a sealed copy is damaged: {words}",
        code="sealed-damaged",
        hint="take the file that holds it from a backup; without the copy a new secret is issued",
    )
