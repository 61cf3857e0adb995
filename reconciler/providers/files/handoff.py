"""Handoffs: files beside the spec that carry values, and sealed secrets, to another administrator."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import ConflictError, InvalidRequestError, NotFoundError, ReconcileError
from reconciler.kinds import Attributes, Complaint, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Address, Live, ProviderSpec, Ref, SecretInput, Sourced, Stack, Text
from reconciler.model.values import is_unknown, leaves
from reconciler.secrets import SENSITIVE, Recipients
from reconciler.secrets.handoff_files import Handoff, path_within, read_handoff

if TYPE_CHECKING:
    from reconciler.providers.files._folder import SpecFolder


_VARS: Final = "write it here, or use vars"
_SEALED: Final = "refer to it alone, as ${env.NAME}, and it is sealed; what isn't secret comes from vars"


class Handoffs(Kind["SpecFolder"]):
    """Handoff files by their paths relative to the spec."""

    name = "handoffs"
    noun = "handoff"
    provider_type = "files"
    evidence = Evidence.CONTENT
    receives = True
    keeps_old = "7d"
    is_elsewhere = True
    is_written_whole = True
    is_referable = False
    is_healable = False
    fields = Fields(
        name="file",
        identity=frozenset({"file"}),
        immutable=frozenset({"file"}),
        unordered=frozenset({"recipients"}),
        complete=frozenset({"values"}),
        computed=frozenset({"id"}),
        sealed_to="recipients",
    )

    def connect(self, spec: ProviderSpec, environment: Mapping[str, str], stack: Stack | None) -> SpecFolder:
        """The folder that the spec lies in."""
        from reconciler.providers.files._folder import SpecFolder

        return SpecFolder(spec.name, Path(stack.file if stack else "").parent, stack.name if stack else "")

    def settled(self, attributes: Attributes, folder: Path) -> Attributes:
        """The file's path and the public keys in their one form."""
        found = dict(attributes)
        if isinstance(found.get("file"), str):
            found["file"] = posixpath.normpath(found["file"])
        keys = found.get("recipients")
        if isinstance(keys, list) and all(isinstance(key, str) for key in keys):
            with suppress(ReconcileError):  # said by `complaints`
                found["recipients"] = list(Recipients.parse(keys).texts)
        return found

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """Where the file lies, who can open it, and what would stand in it openly."""
        file, keys = attributes.get("file"), attributes.get("recipients")
        if isinstance(file, (Sourced, Ref, Text, SecretInput)) and not is_unknown(file):
            yield Complaint("handoff-file", f"file can't hold {file}: paths are shown", ("file",), _VARS)
        if isinstance(file, str) and path_within(folder, file) is None:
            message = f"the file {file} lies outside of the checkout"
            yield Complaint(
                "file-outside", message, ("file",), "a handoff lies within the checkout of its spec"
            )
        if isinstance(keys, list):
            yield from _wrong_keys(keys)
        values = attributes.get("values")
        for path, value in leaves(values, ("values",)) if isinstance(values, Mapping) else ():
            if isinstance(value, Sourced) and not is_unknown(value):
                message = f"{'.'.join(map(str, path))} would show {value} to everybody who has the file"
                yield Complaint("handoff-value", message, path, _SEALED)

    def clashes(self, resources: Mapping[Address, Attributes]) -> Iterator[tuple[Address, Complaint]]:
        """Two handoffs in one file would write over each other."""
        first: dict[str, Address] = {}
        for address, attributes in resources.items():
            file = attributes.get("file")
            other = first.setdefault(file, address) if isinstance(file, str) else address
            if other != address:
                message = f"{address} and {other} are to be the same file"
                hint = "give each its own file, or put all values into one"
                yield address, Complaint("handoff-file", message, ("file",), hint)

    def observe(self, api: SpecFolder, scope: Scope) -> Sequence[Live]:
        """The files that the spec names, as far as they are there; what isn't a handoff is a trouble."""
        found = (_seen(api, name) for name in scope.named)
        return [live for live in found if live is not None]

    def read(self, api: SpecFolder, live_id: str, parent: str = "") -> Live | None:
        """One file, also one that has been spoilt: it is there, and holds nothing."""
        content = api.content(live_id)
        if content is None:
            return None
        try:
            return _live(live_id, read_handoff(content))
        except ReconcileError:
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            return Live(live_id, live_id, {"file": live_id}, {"id": live_id}, updated_at=digest)

    def create(self, api: SpecFolder, attributes: Attributes, parent: str = "") -> Created:
        """Writes a new file; never over one that is there."""
        name = str(attributes["file"])
        recipients = Recipients.parse(attributes["recipients"])
        made = Handoff(api.stack).with_values(attributes["values"], recipients)
        api.write(name, made.text, is_new=True)
        return Created(_live(name, made))

    def update(self, api: SpecFolder, live_id: str, attributes: Attributes, parent: str = "") -> Live | None:
        """Writes the file anew; secrets that aren't given stay sealed as they are."""
        before = _owned(api, live_id)
        if before is None:
            raise NotFoundError(f"the file {live_id} is gone", provider=api.provider, path=live_id)
        try:
            recipients = Recipients.parse(attributes.get("recipients") or before.recipients)
            after = before.with_values(attributes.get("values") or {}, recipients)
        except ReconcileError as error:
            raise InvalidRequestError(
                f"the file {live_id}: {error.message}", provider=api.provider, path=live_id, hint=error.hint
            ) from None
        api.write(live_id, after.text, is_new=False)
        return _live(live_id, after)

    def delete(self, api: SpecFolder, live_id: str, parent: str = "") -> None:
        """Removes the file, unless something else stands in its place by now."""
        if _owned(api, live_id) is not None:
            api.remove(live_id)


def _wrong_keys(keys: list[Any]) -> Iterator[Complaint]:
    """Public keys, each tried: a mistake would show only when the other administrator can't open the file."""
    open_keys = [key for key in keys if not is_unknown(key)]
    texts = [key for key in open_keys if isinstance(key, str)]
    if len(texts) < len(open_keys):
        message = "recipients are public keys, and shown to everybody"
        yield Complaint("recipient", message, ("recipients",), _VARS)
    if len(texts) < len(keys):
        return
    try:
        Recipients.parse(texts)
    except ReconcileError as error:
        yield Complaint("recipient", error.message, ("recipients",), error.hint)


def _seen(api: SpecFolder, name: str) -> Live | None:
    try:
        content = api.content(name)
        return None if content is None else _live(name, read_handoff(content))
    except ReconcileError as error:
        words = error.message if error.code == "unreachable" else f"the file {name}: {error.message}"
        api.troubles[f"file {name}"] = f"{words}; {error.hint}" if error.hint else words
        return None


def _owned(api: SpecFolder, name: str) -> Handoff | None:
    """The handoff of this stack in a file; None if there is no file.

    Raises:
        ConflictError: something else stands there.
    """
    content = api.content(name)
    if content is None:
        return None
    try:
        found = read_handoff(content)
    except ReconcileError as error:
        raise _foreign(api, name, error.message) from None
    if found.stack != api.stack:
        raise _foreign(api, name, f"it is a handoff of the stack {found.stack!r}")
    return found


def _foreign(api: SpecFolder, name: str, words: str) -> ConflictError:
    return ConflictError(
        f"the file {name} isn't touched: {words}",
        provider=api.provider,
        path=name,
        hint="remove it by hand, or put the handoff back",
    )


def _live(name: str, handoff: Handoff) -> Live:
    values: dict[str, Any] = {**handoff.values, **dict.fromkeys(handoff.sealed, SENSITIVE)}
    return Live(
        id=name,
        name=name,
        attributes={"file": name, "recipients": list(handoff.recipients), "values": values},
        computed={"id": name},
        created_by=handoff.stack,
        updated_at=handoff.digest,
    )


KIND = Handoffs()
