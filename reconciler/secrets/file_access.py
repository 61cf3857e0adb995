"""Which files a spec may touch: those of its own checkout, wherever links lead, and never git's own."""

from __future__ import annotations

from pathlib import Path


def is_within_checkout(folder: Path, path: Path) -> bool:
    """Whether a resolved path belongs to the checkout that a folder lies in.

    That is the nearest folder above with a `.git`, file or folder; without one, the folder and the current
    one, never the root of the file system. Checkouts keep credentials below `.git`.
    """
    folder = folder.resolve()
    found = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
    roots = [found] if found else [folder, Path.cwd().resolve()]
    return any(
        path.is_relative_to(root) and ".git" not in [step.lower() for step in path.relative_to(root).parts]
        for root in roots
        if root != Path(root.anchor)
    )
