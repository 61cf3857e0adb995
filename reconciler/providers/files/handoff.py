"""Handoffs: files beside the spec that carry values, and sealed secrets, to another administrator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reconciler.errors import ConflictError, InvalidRequestError, NotFoundError, ReconcileError
from reconciler.kinds import Attributes, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Live
from reconciler.secrets import SENSITIVE, Recipients
from reconciler.secrets.handoffs import Handoff, read_handoff

if TYPE_CHECKING:
    from reconciler.providers.files._folder import SpecFolder


class Handoffs(Kind["SpecFolder"]):
    """Handoff files by their paths relative to the spec."""

    name = "handoffs"
    noun = "handoff"
    provider_type = "files"
    evidence = Evidence.CONTENT
    receives = True
    keeps_old = "7d"
    is_elsewhere = True
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
