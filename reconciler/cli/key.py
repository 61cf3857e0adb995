"""`reconcile key new`: a pair of age keys, for sealed copies and handoffs."""

from __future__ import annotations

import argparse
from pathlib import Path

from reconciler.cli.console import Console
from reconciler.cli.gitignore import ignore
from reconciler.errors import UsageError
from reconciler.secrets.keys import write_new_key


def run(args: argparse.Namespace, console: Console) -> int:
    """The private part to a file, the public one to stdout."""
    path = Path(args.output)
    try:
        # ignored before it exists: at no moment could it be committed by accident
        ignore(path.parent, [path.name])
        public = write_new_key(path)
    except FileExistsError:
        raise UsageError(
            f"{path} exists, and a key isn't overwritten", hint="name another file with -o"
        ) from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "its .gitignore isn't text"
        raise UsageError(f"{path} can't be written: {reason}") from None
    console.result(public + "\n")
    console.say(f"wrote the private key to {path}; keep a copy in a safe place, and never commit it")
    console.next_step(["export", f"RECONCILE_AGE_KEY_FILE={path.resolve()}"])
    return 0
