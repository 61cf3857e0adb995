"""New age keys: the private part goes into a file of its owner, the public one to the caller."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.secrets.leak_register import remember


def write_new_key(path: Path) -> str:
    """Makes a pair, writes the private part, and gives the public one.

    Raises:
        FileExistsError: there is a file of that name; it stays as it is.
        OSError: it can't be written.
    """
    from pyrage import x25519

    identity = x25519.Identity.generate()
    private, public = str(identity), str(identity.to_public())
    remember(private)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"# public key: {public}\n{private}\n")
        file.flush()
        os.fsync(file.fileno())
    return public
