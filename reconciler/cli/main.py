"""From words to a command that runs. Imports only what the command needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reconciler.cli.streams import ended, outlets


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code."""
    with outlets() as (out, err):
        try:
            code = _run(argv)
        except SystemExit as end:  # argparse's way out
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return ended(code, out, err)


def _run(argv: Sequence[str] | None) -> int:
    if (sys.argv[1:] if argv is None else list(argv)) in (["version"], ["--version"]):
        return _version()
    from reconciler.cli.command_line import parser

    root = parser()
    args = root.parse_args(argv)
    command = args.shortcut or args.command
    if command is None:
        root.print_help(sys.stderr)
        return 1
    if command == "version":
        return _version()
    from reconciler.cli.command_runner import run

    return run(command, args)


def _version() -> int:
    import reconciler

    print(f"reconcile {reconciler.__version__}")
    return 0
