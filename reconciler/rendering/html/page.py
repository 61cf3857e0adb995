"""The shell of every page: one file that asks the network for nothing, and the pieces that pages share.

The page's policy allows exactly its own style and its own script, by their hashes: even markup that got
past the escaping couldn't run anything or fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path

from reconciler.errors import Problem, Severity
from reconciler.model import Action
from reconciler.rendering.problems import sorted_problems
from reconciler.rendering.terminal import clean
from reconciler.rendering.words import action_words, counted_words

_HERE = Path(__file__).parent
# as a data URI the icon keeps browsers from asking a server for one
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cg fill='none' "
    "stroke='%235b6ee1' stroke-width='2'%3E%3Ccircle cx='3.5' cy='8' r='2.5'/%3E%3Ccircle cx='12.5' cy='8' "
    "r='2.5'/%3E%3Cpath d='M6 8h4'/%3E%3C/g%3E%3C/svg%3E"
)


_QUOTED = re.compile("`([^`]+)`")


def esc(text: object) -> str:
    """The text for HTML, between tags or in a quoted attribute, with what can't be seen made visible."""
    return html.escape(clean(text))


def code(text: object) -> str:
    """The text as code, its direction its own."""
    return f"<code>{esc(text)}</code>"


def said(text: object) -> str:
    """A sentence of ours; what it quotes in backticks is code."""
    return _QUOTED.sub(r"<code>\1</code>", esc(text))


def tag(name: str, content: str, css: str = "") -> str:
    """An element around ready markup; nothing if there is nothing in it."""
    return f"<{name}{f' class={chr(34)}{css}{chr(34)}' if css else ''}>{content}</{name}>" if content else ""


@cache
def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def page(title: str, head: str, body: str, *, name: str = "") -> str:
    """A whole page.

    Args:
        title: plain text of the window and of the first heading.
        head, body: ready markup of its header, below the heading, and its main part.
        name: of the stack, to stand after the title.
    """
    whole, heading = (
        (f"{title} {name}", f"{title} {tag('span', esc(name), 'name')}") if name else (title, title)
    )
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{esc(whole)}</title>
<link rel="icon" href="{_ICON}">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<h1>{heading}</h1>
{head}
</header>
<main id="main" tabindex="-1">
{body}
</main>
<script>{script}</script>
</body>
</html>
"""


def section(name: str, title: str, content: str, css: str = "") -> str:
    """A part of the page under its own heading; nothing if there is nothing in it.

    Args:
        name: its id.
    """
    if not content:
        return ""
    kind = f' class="{css}"' if css else ""
    return (
        f'<section id="{name}"{kind} aria-labelledby="{name}-title">\n'
        f'<h2 id="{name}-title">{title}</h2>\n{content}\n</section>'
    )


def badge(sign: str, action: Action | str) -> str:
    """The symbol of an action in its colour."""
    name = action.value if isinstance(action, Action) else action
    return f'<span class="badge a-{name}" aria-hidden="true">{esc(sign)}</span>'


def quoted(text: str) -> str:
    """An attribute's value."""
    return f'"{html.escape(text)}"'


def filter_box(placeholder: str, *, more: str = "") -> str:
    """A field that keeps what has the words typed into it.

    Args:
        more: ready markup beside it.
    """
    return (
        '<div class="filter" role="search"><label for="find">Filter</label>'
        f'<input id="find" type="search" placeholder={quoted(placeholder)} autocomplete="off" '
        'spellcheck="false">'
        f'<kbd aria-hidden="true">/</kbd><output id="found" aria-live="polite"></output>{more}</div>'
    )


def chip(name: str, mark: str, count: int, words: str) -> str:
    """A count that keeps what it counts when it is pressed.

    Args:
        name: what the counted are marked with.
        mark: ready markup before the number.
    """
    return (
        f'<button type="button" class="chip" data-only={quoted(name)} aria-pressed="false">'
        f"{mark}<b>{count:,}</b> {words}</button>"
    )


def chips(counts: Sequence[tuple[Action, str, int]]) -> str:
    """Counts by action: (action, sign, count); pressed, they filter the list."""
    buttons = [
        chip(action.value, badge(sign, action), count, action_words(action))
        for action, sign, count in counts
        if count
    ]
    return tag("div", "".join(buttons), "chips")


def copied(text: str) -> str:
    """Exact words to be used elsewhere, with a button that copies them; the caller has cleaned the lines."""
    words = html.escape(text)
    return (
        f'<div class="copy"><pre tabindex="0">{words}</pre>'
        '<button type="button" class="tool" data-copy>Copy</button></div>'
    )


def findings(problems: Sequence[Problem]) -> str:
    """Findings, each with its place and what to do; nothing if there are none."""
    items = "".join(f"<li>{_finding(problem)}</li>" for problem in sorted_problems(problems))
    return tag("ul", items, "findings")


def _finding(problem: Problem) -> str:
    css = "bad" if problem.severity is Severity.ERROR else "careful"
    place = " ".join(code(part) for part in (problem.at, problem.address) if part)
    head = f'<b class="{css}">{problem.severity.value}</b> {code(problem.code)} '
    hint = f'<p class="hint"><b>Help:</b> {said(problem.hint)}</p>' if problem.hint else ""
    return f'{head}<span class="place">{place}</span><p>{said(problem.message)}</p>{hint}'


def sum_of_findings(problems: Sequence[Problem]) -> str:
    """`1 error, 2 warnings`."""
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    pairs = ((errors, "error"), (len(problems) - errors, "warning"))
    return ", ".join(counted_words(count, noun) for count, noun in pairs if count) or "no findings"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], marks: Sequence[str] = ()) -> str:
    """A table of ready markup, without the columns that say nothing; nothing if it has no rows.

    Args:
        marks: of each row, the count that keeps it when it is pressed.
    """
    if not rows:
        return ""
    used = [column for column in range(len(heads)) if any(cells[column] for cells in rows)]
    titles = "".join(f'<th scope="col">{heads[column]}</th>' for column in used)
    lines = "\n".join(
        f"<tr{f' data-action={quoted(mark)}' if mark else ''}>"
        + "".join(f"<td data-head={quoted(heads[column])}>{cells[column]}</td>" for column in used)
        + "</tr>"
        for cells, mark in zip_longest(rows, marks, fillvalue="")
    )
    return (
        '<div class="wide"><table class="list">'
        f"<thead><tr>{titles}</tr></thead><tbody>\n{lines}</tbody></table></div>"
    )
