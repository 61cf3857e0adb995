"""Lines of a .gitignore: added where they are missing, and nothing else of the file touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def ignore(folder: Path, lines: Sequence[str]) -> None:
    """Adds to the folder's .gitignore what isn't in there yet."""
    file = folder / ".gitignore"
    there = file.read_text("utf-8") if file.is_file() else ""
    missing = [line for line in lines if line not in there.splitlines()]
    if missing:
        start = "" if not there or there.endswith("\n") else "\n"
        with file.open("a", encoding="utf-8") as opened:
            opened.write(start + "".join(f"{line}\n" for line in missing))
