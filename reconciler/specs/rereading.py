"""Values of the environment and of files, read anew for a plan that was saved with their expressions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.specs.credentials import is_credential, is_never_named
from reconciler.specs.inputs import MAX_FILE, is_readable_below
from reconciler.specs.references import MalformedError, Reference, parts


def reread(
    expression: str, environment: Mapping[str, str], folder: Path, *, is_secret: bool = False
) -> str | None:
    """What `${env.NAME}`, `${file.PATH}` and the text around them come to now.

    Args:
        folder: the spec's, below which files must lie.
        is_secret: whether it lands in a secret field. Elsewhere it is sent and shown, so that a stranger's
            plan file gets no credential of the tool itself.

    Returns:
        None where a variable is unset or a file is missing.
    """
    try:
        found = [_piece(part, is_secret, environment, folder) for part in parts(expression)]
    except MalformedError:
        return None
    return None if None in found else "".join(str(piece) for piece in found)


def _piece(
    part: str | Reference, is_secret: bool, environment: Mapping[str, str], folder: Path
) -> str | None:
    if isinstance(part, str):
        return part
    if part.root == "env":
        exposed = is_credential(part.rest, environment) and not part.rest.upper().endswith("_CLIENT_ID")
        refused = is_never_named(part.rest) or (exposed and not is_secret)
        return None if refused else environment.get(part.rest, "") or part.default
    return _file(part.rest, folder) if part.root == "file" else None


def _file(name: str, folder: Path) -> str | None:
    try:
        path = (folder / name).resolve()
        if not is_readable_below(folder, path) or path.stat().st_size > MAX_FILE:
            return None
        return path.read_text("utf-8").strip() or None
    except (OSError, ValueError):
        return None
