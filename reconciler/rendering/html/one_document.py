"""Several pages as one document: a part for each, with ids of its own."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from reconciler.rendering.html.page import page
from reconciler.rendering.words import counted_words

_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_PARTS = re.compile(r"<header>\n(.*?)\n</header>\n<main [^>]*>\n(.*)\n</main>\n<script>", re.DOTALL)
# quotes in words are escaped, so that only attributes look like this
_NAMED = re.compile(r' (id|for|aria-labelledby|aria-describedby)="([^"]*)"| href="#([^"]*)"')
_SHARED = "tip"  # the style sheet refers to it; the first stands for all


def joined_html(pages: Sequence[str]) -> str:
    """One document that shows all pages, in their order."""
    if len(pages) < 2:
        return "".join(pages)
    links, parts = [], []
    for number, each in enumerate(pages, 1):
        title, found = _TITLE.search(each), _PARTS.search(each)
        if title is None or found is None:
            raise ValueError("no page of ours")
        name, (head, body) = f"s{number}", found.groups()
        links.append(f'<li><a href="#{name}">{title[1]}</a></li>')
        parts.append(
            f'<article class="part" id="{name}" aria-label="{title[1]}">\n<header>\n{_own(head, name)}\n'
            f"</header>\n{_own(body, name)}\n</article>"
        )
    words = counted_words(len(pages), "part")
    head = f'<h1>reconcile: {words}</h1>\n<nav aria-label="Parts"><ul>{"".join(links)}</ul></nav>'
    return page(html.unescape(f"reconcile: {words}"), head, "\n".join(parts))


def _own(markup: str, name: str) -> str:
    """The markup with ids that no other part has."""

    def named(match: re.Match[str]) -> str:
        attribute, value, target = match.groups()
        if attribute is None:
            return f' href="#{name}-{target}"'
        if value == _SHARED:
            return f' id="{_SHARED}"' if name == "s1" else ""
        return f' {attribute}="{name}-{value}"'

    return _NAMED.sub(named, markup)
