"""What the command line's texts mean: variables, addresses, plan files."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.model import Address
from reconciler.model.values import seconds
from reconciler.specs.durations import advice
from reconciler.specs.inputs import is_utf8

_PLAN_FORMAT = re.compile(rb'"format"\s*:\s*"reconcile\.plan/')


def variables(args: argparse.Namespace) -> dict[str, str]:
    """The `--var K=V` options.

    Raises:
        UsageError: one of them has no `=`, or isn't UTF-8.
    """
    found = {}
    for text in args.var:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {text}: expected K=V")
        if not is_utf8(text):
            raise UsageError(f"--var {name}: the value isn't text in UTF-8")
        found[name] = value
    return found


def addresses(texts: Sequence[str]) -> tuple[Address, ...]:
    """Addresses as typed.

    Raises:
        UsageError: one of them isn't an address.
    """
    try:
        return tuple(Address.parse(text) for text in texts)
    except ValueError as error:
        raise UsageError(str(error)) from None


def duration(text: str) -> float:
    """Seconds of a duration such as `30m`.

    Raises:
        UsageError: it isn't one.
    """
    try:
        return float(seconds(text))
    except ValueError as error:
        raise UsageError(str(error), hint=advice(text)) from None


def is_everyday(args: argparse.Namespace) -> bool:
    """Whether secrets that the ledger is sure of are taken for granted; a rotation looks at everything."""
    return getattr(args, "refresh", "full") == "everyday" and not getattr(args, "replace", ())


def is_plan_file(text: str) -> bool:
    """Whether an argument of `apply` is a saved plan, perhaps a damaged one, rather than a spec."""
    try:
        content = Path(text).read_bytes()
    except OSError:
        return False
    if not content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return False
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return _PLAN_FORMAT.search(content) is not None
    return isinstance(document, dict) and str(document.get("format", "")).startswith("reconcile.plan/")
