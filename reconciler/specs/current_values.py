"""Values of the environment, of files and of handoffs, read anew for a plan that has their expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.errors import CredentialError, ReconcileError
from reconciler.model import SecretInput
from reconciler.secrets import Identities
from reconciler.secrets.file_access import is_within_checkout
from reconciler.secrets.given_values import give
from reconciler.secrets.handoff_files import path_within, read_handoff
from reconciler.specs.handoff_inputs import contents, secret_input
from reconciler.specs.inputs import MAX_FILE, OPEN_VARIABLES, is_utf8
from reconciler.specs.references import MalformedError, Reference, parts
from reconciler.specs.reserved_variables import is_credential, is_never_named
from reconciler.specs.urls import AddressError, provider_address


def reread(
    expression: str,
    environment: Mapping[str, str],
    folder: Path,
    *,
    is_secret: bool = False,
    address_of: str = "",
    inputs: Mapping[str, str] | None = None,
    lent: Mapping[str, str] | None = None,
) -> str | SecretInput | None:
    """What `${env.NAME}`, `${file.PATH}` and the text around them, or `${inputs.NAME.FIELD}`, come to now.

    Args:
        folder: the spec's, below which files must lie.
        is_secret: whether it lands in a secret field. Elsewhere it is sent and shown, so that a stranger's
            plan file gets no credential of the tool itself.
        address_of: the type of the provider whose address it is: such a one is normalised.
        inputs: name → handoff file, for secrets that come from there.
        lent: `NAME.ATTRIBUTE` → what providers lend.

    Returns:
        None where a variable is unset or a file is missing.

    Raises:
        CredentialError: a private key for handoffs is damaged.
    """
    try:
        pieces = parts(expression)
    except MalformedError:
        return None
    only = pieces[0]
    if is_secret and len(pieces) == 1 and isinstance(only, Reference) and only.root == "inputs":
        return _received(only, environment, folder, inputs or {})
    lent = lent or {}
    found = [
        lent.get(part.rest)
        if isinstance(part, Reference) and part.root == "providers"
        else _piece(part, is_secret, environment, folder)
        for part in pieces
    ]
    if not is_secret:
        _hide(pieces, found)
    if None in found:
        return None
    text = "".join(str(piece) for piece in found)
    return _address(text, address_of) if address_of else text


def _hide(pieces: Sequence[str | Reference], found: Sequence[str | None]) -> None:
    for part, value in zip(pieces, found, strict=True):
        if not isinstance(part, Reference) or part.root == "providers" or part.rest in OPEN_VARIABLES:
            continue
        if value and value != part.default:
            give(value, f"({part.root} {part.rest})")


def _address(text: str, type_name: str) -> str | None:
    try:
        return provider_address(text, type_name)
    except AddressError:
        return None  # whatever it is, it isn't what the plan was made with


def _piece(
    part: str | Reference, is_secret: bool, environment: Mapping[str, str], folder: Path
) -> str | None:
    if isinstance(part, str):
        return part
    if part.root == "env":
        exposed = is_credential(part.rest, environment) and not part.rest.upper().endswith("_CLIENT_ID")
        refused = is_never_named(part.rest) or (exposed and not is_secret)
        found = environment.get(part.rest, "") or part.default
        return None if refused or (found and not is_utf8(found)) else found
    return _file(part.rest, folder) if part.root == "file" else None


def _received(
    reference: Reference, environment: Mapping[str, str], folder: Path, inputs: Mapping[str, str]
) -> SecretInput | None:
    name, _, wanted = reference.rest.partition(".")
    path = path_within(folder, inputs[name]) if name in inputs else None
    try:
        handoff = read_handoff(contents(path)) if path else None
        if handoff is None or wanted not in handoff.sealed:
            return None
        return secret_input(handoff, name, wanted, reference, Identities.from_environment(environment))
    except CredentialError:
        raise
    except (OSError, ReconcileError):
        return None  # whatever is wrong with it, it isn't what the plan was made with


def _file(name: str, folder: Path) -> str | None:
    try:
        path = (folder / name).resolve()
        if not is_within_checkout(folder, path) or path.stat().st_size > MAX_FILE:
            return None
        return path.read_text("utf-8").strip() or None
    except (OSError, ValueError):
        return None
