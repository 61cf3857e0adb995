"""`reconcile conformance MODULE`: tries what a kind promises, against a practice system of this machine."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from types import ModuleType

from reconciler.cli.console import Console
from reconciler.conformance import Finding, Verdict, cases_of, conform
from reconciler.errors import UsageError
from reconciler.model import canonical
from reconciler.providers import KINDS
from reconciler.rendering import clean

FORMAT = "reconcile.conformance/1"


def run(args: argparse.Namespace, console: Console) -> int:
    """Every promise of every kind of a module; exit 1 if one is broken."""
    found = [finding for case in cases_of(_module(args.module), KINDS) for finding in conform(case)]
    console.result(_json(args.module, found) if args.format == "json" else _text(found))
    return 1 if any(finding.verdict is Verdict.BROKEN for finding in found) else 0


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as for `python -m`: whoever writes a kind tries it where it lies
    try:
        return importlib.import_module(name)
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        hint = "name a module as Python imports it, such as acme_vault.kinds"
        raise UsageError(f"the module {name} can't be imported: {words}", hint=hint) from error


def _text(found: list[Finding]) -> str:
    lines: list[str] = []
    for kind in dict.fromkeys(finding.kind for finding in found):
        lines.append(f"{clean(kind)}\n")
        for each in found:
            if each.kind == kind:
                lines.append(f"  {each.verdict.value:<9}  {each.promise.name:<12} {each.promise.words}\n")
                lines.extend(f"{'':13}{clean(each.words)}\n" for _ in [0] if each.words)
    counts = [sum(each.verdict is verdict for each in found) for verdict in Verdict]
    told = ", ".join(f"{n} {verdict.value}" for n, verdict in zip(counts, Verdict, strict=True))
    return "".join([*lines, f"\nPromises: {told}.\n"])


def _json(module: str, found: list[Finding]) -> str:
    promises = [
        {"kind": each.kind, "promise": each.promise.name, "verdict": each.verdict.value, "words": each.words}
        for each in found
    ]
    return canonical({"format": FORMAT, "module": module, "promises": promises}) + "\n"
