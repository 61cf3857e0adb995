"""Writes docs/reference/ and schema/stack.schema.json from what the tool knows: codes, kinds, commands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reconciler import explaining
from reconciler.cli.command_line import command_names, command_parts
from reconciler.providers import KINDS
from reconciler.specs import schemas_of

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
SCHEMA = ROOT / "schema" / "stack.schema.json"  # in one piece, for editors
NOTE = "<!-- written by scripts/reference.py; don't edit -->\n\n"


def pages() -> dict[str, str]:
    """The text of every page, by file name."""
    return {"codes.md": _codes(), "spec.md": _spec(), "commands.md": _commands()}


def _codes() -> str:
    parts = [NOTE, "# Codes of errors and findings\n\nAs `reconcile explain CODE` says them.\n"]
    parts += [
        f"\n## {code.name}\n\n{_text(code.means)} {_text(code.why)}\n\n**Mend:** {_text(code.mend)}\n"
        for code in explaining.codes().values()
    ]
    return "".join(parts)


def _spec() -> str:
    parts = [NOTE, "# Keys of a spec\n\nAs `reconcile explain KIND.ATTRIBUTE` says them.\n"]
    for kind, means in explaining.kinds().items():
        parts.append(f"\n## {kind}\n\n{_text(means)}\n")
        rows = explaining.attributes(kind)
        if rows:
            parts.append("\n| Key | Type | Default | Means | Example |\n| --- | --- | --- | --- | --- |\n")
        for row in rows:
            cells = [f"`{row.path.removeprefix(kind + '.')}`{' (required)' if row.is_required else ''}"]
            cells += [_cell(row.type), _cell(row.default), _cell(row.means)]
            cells.append(f"`{row.example.replace('|', chr(92) + '|')}`" if row.example else "")
            parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def _commands() -> str:
    parts = [NOTE, "# Commands\n\n`reconcile COMMAND --help` says the same.\n"]
    for command in command_names():
        for name, parser in command_parts(command).items():
            parts.append(f"\n## {name}\n\n{_text(parser.description or '')}.\n")
            rows = [_option(action) for action in parser._actions if action.dest != "help"]
            if rows:
                parts.append("\n| Argument | Means |\n| --- | --- |\n" + "".join(rows))
    return "".join(parts)


def _option(action: argparse.Action) -> str:
    value = action.metavar or (f"{{{','.join(action.choices)}}}" if action.choices else "")
    named = ", ".join(action.option_strings)
    shown = f"{named} {value}".strip().replace("|", "\\|")
    return f"| `{shown or action.dest}` | {_cell(action.help or '')} |\n"


def _text(words: str) -> str:
    return words.replace("<", "&lt;").replace("*", "\\*")


def _cell(words: str) -> str:
    return _text(words).replace("|", "\\|")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    SCHEMA.write_text(schemas_of(KINDS).text, encoding="utf-8")
    sys.stdout.write(f"{len(pages())} pages in {FOLDER}\n")
