"""The ledger as a file: JSON with sorted keys, quick to write again when little has changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from reconciler import __version__
from reconciler.errors import InternalError, LedgerError
from reconciler.ledger.json_shapes import (
    ADDRESS,
    DELETED,
    ENTRY,
    GIVEN_UP,
    INTENT,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    DamageError,
    Shape,
    list_of,
    mapping_of,
)
from reconciler.model import Address, Ledger, Pending

FORMAT = "reconcile.ledger/1"
_FORMAT_NUMBER = re.compile(r"reconcile\.ledger/([0-9]{1,6})\Z")
_KNOWN = frozenset({"format", "tool_version", "stack", "lineage", "serial", "epoch", "write_id"}) | {
    "remotes",
    "resources",
    "pending",
    "approvals",
}
_KNOWN_PENDING = frozenset({"intents", "given_up", "deleted"})


# --- reading -----------------------------------------------------------------------------------------------


def decode(content: bytes, *, where: str, backup: str = "") -> Ledger:
    """The ledger that a file holds.

    Args:
        where: the file's name, for messages.
        backup: the name of the copy kept beside it; "" if there is none.

    Raises:
        LedgerError: `ledger-damaged`, naming the backup and how to restore it; `ledger-newer` for a format
            that only a newer version of this tool can read.
    """
    try:
        document = OBJECT.read(_parsed(content), "the ledger")
        _check_format(document, where)
        return _ledger(document)
    except DamageError as error:
        raise LedgerError(
            f"the ledger {where} is damaged: {error}", hint=_cure(where, backup), code="ledger-damaged"
        ) from None


def is_ledger(content: bytes, *, strict: bool) -> bool:
    """Whether a JSON file is a ledger, sound or damaged.

    Args:
        strict: what can't be read counts as one; otherwise it takes its mark, or nothing at all in it.
    """
    try:
        stated = json.loads(content).get("format")
    except (ValueError, AttributeError, RecursionError):
        return strict or not content.strip(b"\0 \r\n\t") or b'"reconcile.ledger/' in content
    return isinstance(stated, str) and stated.startswith("reconcile.ledger/")


def write_id(content: bytes | None) -> str:
    """The random mark of the write that made this file; "" if it can't be told."""
    try:
        found = json.loads(content or b"{}").get("write_id", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""


def _parsed(content: bytes) -> Any:
    words: dict[str, str] = {}
    hook = partial(_without_twins, words)
    try:
        return json.loads(content, object_pairs_hook=hook, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise DamageError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise DamageError(f"it isn't text at byte {error.start}") from None
    except ValueError as error:
        raise DamageError(str(error)) from None
    except RecursionError:
        raise DamageError("it is nested too deeply") from None


def _without_twins(words: dict[str, str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; its texts are shared with others, since two thirds of those in a ledger are in it again."""
    found = {name: words.setdefault(item, item) if isinstance(item, str) else item for name, item in pairs}
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise DamageError(f"{twin!r} stands there twice")
    return found


def _no_constant(name: str) -> Any:
    raise DamageError(f"{name} isn't JSON")


def _check_format(document: Mapping[str, Any], where: str) -> None:
    stated = document.get("format")
    match = _FORMAT_NUMBER.match(stated) if isinstance(stated, str) else None
    if match is None:
        raise DamageError(f"its format is {stated!r}, not {FORMAT!r}")
    if int(match[1]) <= 1:
        return
    writer = document.get("tool_version")
    needed = f"reconcile {writer} or newer" if isinstance(writer, str) else "a newer reconcile"
    raise LedgerError(
        f"the ledger {where} has the format {stated}, and reconcile {__version__} reads up to {FORMAT}",
        hint=f"use {needed}; nothing was changed",
        code="ledger-newer",
    )


def _cure(where: str, backup: str) -> str:
    if not backup:
        return "no backup of it was found; move it away, and the next plan will adopt what it owned by name"
    # an object is copied by its store's own tool
    command = "" if "://" in where else f" (`cp '{backup}' '{where}'`)"
    return (
        f"the version before it is kept as {backup}: put that in its place{command}, "
        f"then run `reconcile plan` and read it closely"
    )


def _ledger(document: Mapping[str, Any]) -> Ledger:
    def field(name: str, read: Any, default: Any) -> Any:
        return read(document[name], name) if name in document else default

    for name in ("stack", "lineage", "serial"):
        if name not in document:
            raise DamageError(f"{name} is missing")
    return Ledger(
        stack=TEXT.read(document["stack"], "stack"),
        lineage=TEXT.read(document["lineage"], "lineage"),
        serial=NUMBER.read(document["serial"], "serial"),
        epoch=field("epoch", TEXT.read, ""),
        remotes=field("remotes", TEXTS.read, {}),
        entries=field("resources", mapping_of(ENTRY.form, ADDRESS).read, {}),
        pending=_pending(field("pending", OBJECT.read, {})),
        approvals=field("approvals", TEXTS.read, {}),
        extra={name: value for name, value in document.items() if name not in _KNOWN},
    )


def _pending(document: Mapping[str, Any]) -> Pending:
    return Pending(
        intents=mapping_of(INTENT.form, ADDRESS).read(document.get("intents", {}), "pending.intents"),
        given_up=list_of(GIVEN_UP.form).read(document.get("given_up", []), "pending.given_up"),
        deleted=list_of(DELETED.form).read(document.get("deleted", []), "pending.deleted"),
        extra={name: value for name, value in document.items() if name not in _KNOWN_PENDING},
    )


# --- writing -----------------------------------------------------------------------------------------------


class Encoder:
    """Ledger → file content; what stayed the same object since the last call isn't spelled again.

    An apply writes a ledger of thousands of entries dozens of times, and a write changes few of them.
    """

    def __init__(self) -> None:
        # the values are kept beside their lines, so that no id is given to another value meanwhile
        self._spelled: dict[int, tuple[Any, Address | None, bytes]] = {}
        self._next: dict[int, tuple[Any, Address | None, bytes]] = {}

    def encode(self, ledger: Ledger, *, mark: str = "") -> bytes:
        """The file's content.

        Args:
            mark: random id of this write; "" leaves it out.

        Raises:
            InternalError: a value isn't JSON, or couldn't be read again.
        """
        self._next = {}
        parts = {name: [_ascii(spelled(value, 1))] for name, value in _head(ledger, mark).items()}
        parts["resources"] = self._table(ledger.entries, ENTRY, 1)
        parts["pending"] = self._pending(ledger.pending)
        self._spelled = self._next
        # put together once: it is the largest text that there is
        return b"".join([*_members(parts, 0), b"\n"])

    def _pending(self, pending: Pending) -> list[bytes]:
        parts = {name: [_ascii(spelled(value, 2))] for name, value in pending.extra.items()}
        if pending.intents:
            parts["intents"] = self._table(pending.intents, INTENT, 2)
        if pending.given_up:
            parts["given_up"] = self._list(pending.given_up, GIVEN_UP, 2)
        if pending.deleted:
            parts["deleted"] = self._list(pending.deleted, DELETED, 2)
        return _members(parts, 1)

    def _table(self, values: Mapping[Address, Any], shape: Shape[Any], level: int) -> list[bytes]:
        """The pieces of an object that has a value for each of many addresses."""
        members = self._lines(values.items(), shape, level + 1)
        # by their names: nothing in an address comes before the quote that ends it
        return _enclosed(sorted(members), b"{}", level)

    def _list(self, values: Iterable[Any], shape: Shape[Any], level: int) -> list[bytes]:
        return _enclosed(self._lines(((None, value) for value in values), shape, level + 1), b"[]", level)

    def _lines(
        self, values: Iterable[tuple[Address | None, Any]], shape: Shape[Any], level: int
    ) -> list[bytes]:
        """A piece for each value, known ones as they are; it begins with a comma and a new line."""
        found = []
        for address, value in values:
            known = self._spelled.get(id(value))
            if known is None or known[0] is not value or known[1] is not address:
                name = f"{quoted(str(address))}: " if address else ""
                text = spelled(_checked(value, shape), level)
                known = (value, address, _ascii(_line(level) + name + text))
            self._next[id(value)] = known
            found.append(known[2])
        return found


def _checked(value: Any, shape: Shape[Any]) -> dict[str, Any]:
    """The JSON object of a value: never write what the next run would call damaged."""
    document = shape.write(value)
    try:
        shape.read(document, type(value).__name__)
    except DamageError as error:
        raise InternalError(f"this can't be kept in the ledger: {error}") from None
    return document


def encode(ledger: Ledger, *, mark: str = "") -> bytes:
    """The file's content, spelled from scratch; see Encoder."""
    return Encoder().encode(ledger, mark=mark)


def _head(ledger: Ledger, mark: str) -> dict[str, Any]:
    optional = {"epoch": ledger.epoch, "write_id": mark}
    return {
        **ledger.extra,
        "format": FORMAT,
        "tool_version": __version__,
        "stack": ledger.stack,
        "lineage": ledger.lineage,
        "serial": ledger.serial,
        "remotes": ledger.remotes,
        "approvals": ledger.approvals,
        **{name: value for name, value in optional.items() if value},
    }


def spelled(value: Any, level: int) -> str:
    """JSON text: keys sorted, two blanks per level, everything beyond ASCII escaped.

    Raises:
        InternalError: it isn't JSON.
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        if {*map(type, value)} - {str}:
            raise InternalError("only text can name a field in the ledger")
        fields = [f"{quoted(key)}: {spelled(value[key], level + 1)}" for key in sorted(value)]
        return _wrapped(fields, "{}", level)
    if isinstance(value, (list, tuple)):
        return _wrapped([spelled(item, level + 1) for item in value], "[]", level)
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise InternalError(f"a {type(value).__name__} can't be kept in the ledger") from None


def _ascii(text: str) -> bytes:
    return text.encode("ascii")


def _line(level: int) -> str:
    return ",\n" + "  " * level


def _members(parts: Mapping[str, list[bytes]], level: int) -> list[bytes]:
    """The pieces of an object, each member's in its place."""
    named = ([_ascii(f"{_line(level + 1)}{quoted(key)}: "), *parts[key]] for key in sorted(parts))
    return _enclosed([piece for pieces in named for piece in pieces], b"{}", level)


def _enclosed(pieces: list[bytes], around: bytes, level: int) -> list[bytes]:
    """The pieces of an object or a list; whatever stands in it begins with a comma and a new line."""
    if not pieces:
        return [around]
    return [around[:1], pieces[0][1:], *pieces[1:], _ascii(_line(level)[1:]), around[1:]]


def _wrapped(items: list[str], around: str, level: int) -> str:
    inside = _line(level + 1)
    text = inside.join(items)
    return f"{around[0]}{inside[1:]}{text}\n{'  ' * level}{around[1]}" if text else around
