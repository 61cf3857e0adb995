"""The `inputs:` of a spec: handoff files that another administrator's stack writes, and what they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaml import Mark

from reconciler.errors import CredentialError, Location, ReconcileError
from reconciler.model import SecretInput, Value
from reconciler.secrets import Identities
from reconciler.secrets.handoff_files import MAX_BYTES, Handoff, path_within, read_handoff
from reconciler.specs.inputs import Inputs
from reconciler.specs.places import Place, unknown
from reconciler.specs.problems import Problems, listing, suggestion
from reconciler.specs.references import Reference
from reconciler.specs.yaml_nodes import Block


@dataclass(frozen=True)
class HandoffInput:
    """One input.

    Attributes:
        at: where its file is named.
        file: the handoff's file, relative to the spec's folder.
        handoff: None if it is missing or can't be used; said in the problems already.
    """

    at: Location
    file: str
    handoff: Handoff | None


@dataclass
class HandoffInputs:
    """All inputs of a spec, and what `${inputs.NAME.FIELD}` means.

    Attributes:
        outside: the environment, from which private keys come, and the spec's folder.
        received: by name.
    """

    outside: Inputs
    problems: Problems
    received: dict[str, HandoffInput] = field(default_factory=dict)
    _keys: Identities | None = None

    @property
    def files(self) -> Mapping[str, str]:
        """Name → file."""
        return {name: one.file for name, one in self.received.items()}

    @property
    def clear(self) -> Mapping[str, Mapping[str, Any]]:
        """Source of a secret, as messages name it → what its handoff says openly."""
        return {
            source_of(name): one.handoff.values
            for name, one in self.received.items()
            if one.handoff is not None
        }

    def take(self, name: str, file: str, at: Location) -> None:
        """Reads one input's file."""
        self.received[name] = HandoffInput(at, file, self._read(name, file, at))

    def meaning(self, reference: Reference, place: Place) -> Value:
        """A value of a handoff: clear ones as they are, secrets with the fingerprint that came with them."""
        name, _, wanted = reference.rest.partition(".")
        if name not in self.received:
            hint = suggestion(name, self.received, f"inputs has: {listing(self.received) or 'nothing'}")
            return self._dead_end(reference, f"there is no input {name}", place, hint)
        one = self.received[name]
        if one.handoff is None:
            return unknown(reference.text)
        if wanted in one.handoff.values:
            if not place.is_secret:
                return one.handoff.values[wanted]
            message = f"{reference.text} isn't secret: the handoff has it in its clear part"
            hint = f"sealed in it: {listing(one.handoff.sealed) or 'nothing'}"
            self.problems.error("literal-secret", message, place.at, address=place.address, hint=hint)
            return unknown(reference.text)
        if wanted not in one.handoff.sealed:
            hint = suggestion(
                wanted, one.handoff.fields, f"it has: {listing(one.handoff.fields) or 'nothing'}"
            )
            words = f"the handoff {one.file} has no {wanted or 'field'}"
            return self._dead_end(reference, words, place, hint)
        return self._secret(one, name, wanted, reference)

    def _secret(self, one: HandoffInput, name: str, wanted: str, reference: Reference) -> Value:
        if one.handoff is None:
            return unknown(reference.text)
        try:
            return secret_input(one.handoff, name, wanted, reference, self._identities())
        except ReconcileError as error:
            self._refuse(one.file, one.at, error)
            return unknown(reference.text)

    def _identities(self) -> Identities:
        """The private keys at hand; validating needs none."""
        if self._keys is None:
            is_wanted = self.outside.strict
            self._keys = Identities.from_environment(self.outside.environment) if is_wanted else Identities()
        return self._keys

    def _read(self, name: str, file: str, at: Location) -> Handoff | None:
        path = path_within(self.outside.folder, file)
        address = f"inputs.{name}"
        if path is None:
            message = f"the handoff {file} lies outside of the checkout"
            hint = "a spec may only read files of its own checkout"
            self.problems.error("file-outside", message, at, address=address, hint=hint)
            return None
        if not path.exists():
            message = f"there is no handoff {file}"
            hint = "the other administrator's apply writes it; paths are relative to the spec"
            self.outside.absent("handoff-missing", message, at, address=address, hint=hint)
            return None
        try:
            return read_handoff(contents(path))
        except ReconcileError as error:
            self._refuse(file, at, error, address)
        except OSError as error:
            message = f"the handoff {file} can't be read: {error.strerror}"
            self.problems.error("file-unreadable", message, at, address=address)
        return None

    def _refuse(self, file: str, at: Location, error: ReconcileError, address: str = "") -> None:
        is_key = isinstance(error, CredentialError)
        message = error.message if is_key else f"the handoff {file}: {error.message}"
        self.problems.error(error.code, message, at, address=address, hint=error.hint)

    def _dead_end(self, reference: Reference, words: str, place: Place, hint: str) -> Value:
        message = f"{reference.text}: {words}"
        self.problems.error("reference-unknown", message, place.at, address=place.address, hint=hint)
        return unknown(reference.text)


def named_files(block: object) -> Mapping[str, tuple[Mark, Block]]:
    """The inputs that a spec declares, as far as they are mappings: name → where it stands, and block."""
    items = block.items if isinstance(block, Block) else {}
    return {
        name: (node.marks.get("handoff", node.mark), node)
        for name, node in items.items()
        if isinstance(node, Block)
    }


def contents(path: Path) -> bytes:
    """What a file holds, at most a byte more than a handoff may have."""
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def source_of(name: str) -> str:
    """How messages name where a secret of an input comes from."""
    return f"handoff {name}"


def secret_input(
    handoff: Handoff, name: str, wanted: str, reference: Reference, identities: Identities
) -> SecretInput:
    """A secret of a handoff; without its value if no key opens it.

    Raises:
        ReconcileError: `handoff-damaged`: its seal is broken.
    """
    mark = handoff.marks[wanted]
    secret = handoff.opened(wanted, identities)
    return SecretInput(source_of(name), reference.text, secret, mark.salt, mark.mark, handoff.recipients)
