"""Handoff files: what one administrator gives to another, with the secrets in it sealed to the other's keys.

A file is JSON. Its clear part can be read, compared and reviewed by everybody; each secret is an armoured
age file of its own, so that one of them can change while nobody has the others at hand. Whoever receives it
tells by the fingerprints whether a secret is another one, without opening anything.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.errors import ReconcileError
from reconciler.model.values import KEY
from reconciler.secrets.file_access import is_within_checkout
from reconciler.secrets.fingerprints import Fingerprint
from reconciler.secrets.identities import Identities
from reconciler.secrets.recipients import Recipients
from reconciler.secrets.sealing import seal, unseal
from reconciler.secrets.secret import Secret

FORMAT = "reconcile.handoff/1"
MAX_BYTES = 1024 * 1024
_FORMAT = re.compile(r"reconcile\.handoff/([0-9]{1,9})\Z")
_SALT = re.compile(r"[0-9a-f]{32}\Z")
_MARK = re.compile(r"[0-9a-f]{64}\Z")
_KNOWN = ("format", "stack", "serial", "recipients", "values", "fingerprints", "sealed")
_MAX_INTEGER = 2**63
_CURE = (
    "take it from version control again, or have it written anew: delete it, and apply the stack that owns it"
)


@dataclass(frozen=True)
class Handoff:
    """One handoff as its file has it.

    Attributes:
        stack: name of the stack that wrote it.
        serial: up by one with each write.
        recipients: the public keys that the secrets are sealed to, as `Recipients.texts` has them.
        values: field → what isn't secret: text, a number, true, false, or a list of these.
        marks: field → fingerprint of a secret; its salt stays while the secret does.
        sealed: field → the secret as an armoured age file.
        extra: what a newer writer added, kept as it is.
    """

    stack: str
    recipients: tuple[str, ...] = ()
    serial: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)
    marks: Mapping[str, Fingerprint] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The file's content."""
        marks = {name: {"salt": mark.salt, "mark": mark.mark} for name, mark in sorted(self.marks.items())}
        document = {
            "format": FORMAT,
            "stack": self.stack,
            "serial": self.serial,
            "recipients": list(self.recipients),
            "values": dict(sorted(self.values.items())),
            "fingerprints": marks,
            "sealed": dict(sorted(self.sealed.items())),
            **self.extra,
        }
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    @property
    def digest(self) -> str:
        """`sha256:…` of what the file says; line ends and blanks make no difference."""
        return "sha256:" + hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all that it holds."""
        return tuple(sorted({*self.values, *self.sealed}))

    def with_values(self, given: Mapping[str, Any], recipients: Recipients) -> Handoff:
        """The same handoff with other values; fields that aren't given stay as they are.

        Args:
            given: field → what it is to hold, secrets wrapped; None takes the field out.

        Raises:
            ReconcileError: `handoff-values`: it is to be sealed to other keys, and a secret isn't given.
        """
        others = sorted(set(self.sealed) - set(given)) if recipients.texts != self.recipients else []
        if others:
            raise ReconcileError(
                f"{', '.join(others)} can't be sealed to other keys without being at hand",
                code="handoff-values",
                hint="run plan again",
            )
        values = {name: value for name, value in self.values.items() if name not in given}
        marks = {name: mark for name, mark in self.marks.items() if name not in given}
        sealed = {name: copy for name, copy in self.sealed.items() if name not in given}
        for name, value in given.items():
            if isinstance(value, Secret):
                before = self.marks.get(name)
                marks[name] = before if before and before.matches(value) else Fingerprint.of(value)
                sealed[name] = seal(value, recipients)
            elif value is not None:
                values[name] = value
        return replace(
            self,
            serial=self.serial + 1,
            recipients=recipients.texts,
            values=values,
            marks=marks,
            sealed=sealed,
        )

    def opened(self, name: str, identities: Identities) -> Secret | None:
        """A secret; None if none of these keys opens it.

        Raises:
            ReconcileError: `handoff-damaged`: what is sealed isn't what its fingerprint says.
        """
        try:
            secret = unseal(self.sealed[name], identities)
        except ReconcileError:
            raise _damaged(f"the seal of {name} is broken") from None
        if secret is not None and not self.marks[name].matches(secret):
            raise _damaged(f"what is sealed as {name} doesn't fit its fingerprint")
        return secret


def read_handoff(content: bytes) -> Handoff:
    """A handoff from its file.

    Raises:
        ReconcileError: `handoff-damaged`, `handoff-newer`; the message continues the file's name.
    """
    if len(content) > MAX_BYTES:
        raise _damaged("it is larger than 1 MiB")
    try:
        document = json.loads(content, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _damaged("it isn't JSON") from None
    stated = document.get("format") if isinstance(document, dict) else None
    match = _FORMAT.match(stated) if isinstance(stated, str) else None
    if match is None:
        raise _damaged("its format isn't that of a handoff")
    if int(match[1]) > 1:
        raise ReconcileError(
            f"it has the format {stated}, and this version reads up to {FORMAT}",
            code="handoff-newer",
            hint="use a newer reconcile",
        )
    return _handoff(document)


def path_within(folder: Path, name: str) -> Path | None:
    """The file that a name means, wherever links lead; None unless it lies within the checkout."""
    try:
        root = folder.resolve()
        path = (root / name).resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    if Path(name).is_absolute() or path == root or not is_within_checkout(root, path):
        return None
    return path


def _handoff(document: Mapping[str, Any]) -> Handoff:
    stack, serial, recipients = (document.get(key) for key in ("stack", "serial", "recipients"))
    if not isinstance(stack, str) or type(serial) is not int or not 0 <= serial < _MAX_INTEGER:
        raise _damaged("stack or serial is missing")
    if not isinstance(recipients, list) or not all(isinstance(key, str) for key in recipients):
        raise _damaged("recipients is no list of keys")
    values, marks, sealed = (_fields(document, key) for key in ("values", "fingerprints", "sealed"))
    if set(marks) != set(sealed) or set(values) & set(sealed):
        raise _damaged("each secret needs a fingerprint, and no clear value of the same name")
    for name, value in values.items():
        if not all(_is_plain(item) for item in (value if isinstance(value, list) else [value])):
            raise _damaged(f"the value of {name} is neither text, number, true, false nor a list of these")
    if not all(isinstance(armoured, str) for armoured in sealed.values()):
        raise _damaged("what is sealed is no text")
    return Handoff(
        stack=stack,
        recipients=tuple(recipients),
        serial=serial,
        values=values,
        marks={name: _mark(name, mark) for name, mark in marks.items()},
        sealed=sealed,
        extra={key: value for key, value in document.items() if key not in _KNOWN},
    )


def _fields(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key, {})
    if not isinstance(found, dict) or not all(KEY.match(name) for name in found):
        raise _damaged(f"{key} is no mapping of fields")
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < _MAX_INTEGER
    return isinstance(value, str)


def _mark(name: str, found: Any) -> Fingerprint:
    salt, mark = (found.get(key) for key in ("salt", "mark")) if isinstance(found, dict) else (None, None)
    if not (isinstance(salt, str) and isinstance(mark, str) and _SALT.match(salt) and _MARK.match(mark)):
        raise _damaged(f"the fingerprint of {name} is none")
    return Fingerprint(salt, mark)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("twins")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _damaged(words: str) -> ReconcileError:
    return ReconcileError(f"it is no whole handoff: {words}", code="handoff-damaged", hint=_CURE)
