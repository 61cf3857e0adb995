"""Files that are written at once or not at all, readable by their owner alone until they are complete."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

# what a file system answers that can't sync folders: its renames are as durable as they get
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR})


def put_whole(
    path: Path, content: bytes, *, prepare: Callable[[Path], None] | None = None, durable: bool = True
) -> None:
    """Puts a file in the place of whatever is there.

    Args:
        prepare: gives the file its mode or owner before it takes its place; without, only its owner reads it.
        durable: whether it survives a power loss from then on.

    Raises:
        OSError: it can't be written; what was there is untouched.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if prepare is not None:
                prepare(beside)
            if durable:
                os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes a rename survive a power loss."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)
