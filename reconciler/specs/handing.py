"""What only a handoff must observe: where its file lies, who can open it, and what may stand in it openly."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from reconciler.errors import Location, ReconcileError
from reconciler.model import Address, Ref, Resource, SecretInput, Sourced, Text, Value
from reconciler.secrets import Recipients
from reconciler.secrets.handoffs import path_within
from reconciler.specs.findings import Findings
from reconciler.specs.places import is_unknown, leaves

# code, message, place, hint
Complain = Callable[[str, str, Location, str], None]
PlaceOf = Callable[..., Location]
_VARS: Final = "write it here, or use vars"


def handoff_attributes(
    attributes: Mapping[str, Value], folder: Path, complain: Complain, place: PlaceOf
) -> dict[str, Value]:
    """The attributes of a handoff in their one form; what is wrong with them is complained about."""
    found = dict(attributes)
    file, keys, values = (found.get(name) for name in ("file", "recipients", "values"))
    if isinstance(file, (Sourced, Ref, Text, SecretInput)) and not is_unknown(file):
        complain("handoff-file", f"file can't hold {file}: paths are shown", place("file"), _VARS)
    if isinstance(file, str):
        found["file"] = posixpath.normpath(file)
        if path_within(folder, file) is None:
            message = f"the file {file} lies outside of the checkout"
            complain("file-outside", message, place("file"), "a handoff lies within the checkout of its spec")
    if isinstance(keys, list):
        found["recipients"] = _recipients(keys, complain, place("recipients"))
    if isinstance(values, Mapping):
        for path, value in leaves(values, ()):
            if isinstance(value, Sourced) and not is_unknown(value):
                message = (
                    f"values.{'.'.join(map(str, path))} would show {value} to everybody who has the file"
                )
                hint = (
                    "refer to it alone, as ${env.NAME}, and it is sealed; what isn't secret comes from vars"
                )
                complain("handoff-value", message, place("values", *map(str, path)), hint)
    return found


def _recipients(keys: list[Value], complain: Complain, at: Location) -> list[Value]:
    """Public keys, each tried: a mistake would show only when the other administrator can't open the file."""
    open_keys = [key for key in keys if not is_unknown(key)]
    texts = [key for key in open_keys if isinstance(key, str)]
    if len(texts) < len(open_keys):
        complain("recipient", "recipients are public keys, and shown to everybody", at, _VARS)
    if len(texts) < len(keys):
        return keys
    try:
        return list(Recipients.parse(texts).texts)
    except ReconcileError as error:
        complain("recipient", error.message, at, error.hint)
        return keys


def check_files(resources: Mapping[Address, Resource], findings: Findings) -> None:
    """Two handoffs in one file would write over each other."""
    first: dict[str, Address] = {}
    for address, file, at in _files(resources):
        other = first.setdefault(file, address)
        if other != address:
            message = f"{address} and {other} are to be the same file"
            hint = "give each its own file, or put all values into one"
            findings.error("handoff-file", message, at, address=str(address), hint=hint)


def _files(resources: Mapping[Address, Resource]) -> Iterator[tuple[Address, str, Location | None]]:
    for address, resource in resources.items():
        file = resource.attributes.get("file")
        if address.kind == "handoffs" and isinstance(file, str):
            yield address, file, resource.places.get("file", resource.at)
