"""`reconcile explain`: what a code means, what an attribute is, what a command does; offline."""

from __future__ import annotations

import argparse
import difflib

from reconciler import explaining
from reconciler.cli.command_line import command_help, command_names
from reconciler.cli.console import Console
from reconciler.errors import UsageError
from reconciler.explaining import Attribute, Code


def run(args: argparse.Namespace, console: Console) -> int:
    """Prints the one entry that was asked for, or the names of all of them."""
    console.result(explained(args.topic) if args.topic else _contents())
    return 0


def explained(topic: str) -> str:
    """The entry of a code, a kind, an attribute or a command.

    Raises:
        UsageError: there is none of that name.
    """
    code = explaining.codes().get(topic)
    found = explaining.attribute(topic)
    entries = [
        command_help(topic) if topic in command_names() else "",
        _kind(topic) if topic in explaining.kinds() else "",
        _attribute(found) + _parts(topic) if found else "",
        _code(code) if code else "",
    ]
    if any(entries):
        return "\n".join(filter(None, entries))
    raise UsageError(f"nothing is known of {topic!r}", hint=_hint(topic))


def _hint(topic: str) -> str:
    kind = topic.partition(".")[0]
    known = [*explaining.codes(), *explaining.kinds(), *command_names()]
    if kind in explaining.kinds():
        known = [row.path for row in explaining.attributes(kind)]
    near = difflib.get_close_matches(topic, known, 1, 0.6)
    return f"did you mean {near[0]}?" if near else "`reconcile explain` lists what there is"


def _code(code: Code) -> str:
    return f"{code.name}\n\n  {code.means}\n\n  Why:  {code.why}\n  Mend: {code.mend}\n"


def _kind(kind: str) -> str:
    rows = [f"  {row.path.removeprefix(kind + '.')}: {row.type}" for row in explaining.attributes(kind)]
    head = f"{kind}\n\n  {explaining.kinds()[kind]}\n"
    return head + ("\n" + "\n".join(rows) + "\n" if rows else "")


def _attribute(row: Attribute) -> str:
    facts = [f"  Type:     {row.type}", f"  Required: {'yes' if row.is_required else 'no'}"]
    if row.default:
        facts.append(f"  Default:  {row.default}")
    if row.example:
        facts.append(f"  Example:  {row.path.rpartition('.')[2]}: {row.example}")
    return f"{row.path}\n\n  {row.means}\n\n" + "\n".join(facts) + "\n"


def _parts(path: str) -> str:
    rows = explaining.attributes(path.partition(".")[0])
    inner = [row for row in rows if row.path.startswith((path + ".", path + "[]."))]
    return "".join(f"    {row.path[len(path) + 1 :]}: {row.type}\n" for row in inner)


def _contents() -> str:
    groups = {
        "Commands": command_names(),
        "Kinds and sections of a spec": explaining.kinds(),
        "Codes": explaining.codes(),
    }
    return "\n".join(
        f"{title}\n" + "".join(f"  {name}\n" for name in names) for title, names in groups.items()
    )
