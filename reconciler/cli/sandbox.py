"""`reconcile sandbox`: both APIs on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse

from reconciler import sandbox
from reconciler.cli.console import Console
from reconciler.errors import UsageError


def run(args: argparse.Namespace, console: Console) -> int:
    """Serves until it is stopped."""
    version = [f"connect_version={args.connect_version}"] if args.connect_version else []
    try:
        sandbox.serve(
            host=args.host,
            port=args.port,
            state_file=args.state,
            latency_ms=args.latency,
            page_size=args.page_size,
            faults=args.fault,
            knobs=[*version, *args.knob],
            announce=lambda line: console.result(line + "\n"),
        )
    except OSError as error:
        raise UsageError(
            f"the sandbox can't listen on {args.host}:{args.port}: {error.strerror or error}",
            hint="choose another --port, or --port 0 for any free one",
        ) from None
    except ValueError as error:
        raise UsageError(f"the sandbox can't start: {error}") from None
    return 0
