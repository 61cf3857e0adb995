"""Several results in HTML are one document, and nothing in it has the name of another."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

SPECS = ("one", "two")


class Document(HTMLParser):
    """What a page has, by element; what refers to an id that isn't there."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.targets: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements[tag] += 1
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids[value] += 1
            elif name in ("for", "aria-labelledby", "aria-describedby"):
                self.targets.add(value)
            elif name == "href" and value.startswith("#"):
                self.targets.add(value[1:])

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def is_sound(self) -> bool:
        single = all(self.elements[tag] == 1 for tag in ("html", "head", "body", "main", "script"))
        return single and not self.open and set(self.ids.values()) == {1} and self.targets <= set(self.ids)


def written(inside, *names):
    for name in names:
        want = inside.viewers()
        want["oauth_apps"]["app"]["name"] = name
        want["connect_integrations"]["viewer"]["name"] = f"{name} viewer"
        inside.write(want, file=f"specs/{name}.yaml", stack=name)


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["drift"], ["verify"], ["ledger", "show"]])
def test_all_stacks_are_parts_of_one_document(inside, command):
    written(inside, *SPECS)
    if command[0] != "plan":
        inside.run("apply", "specs", "--yes")
    text = inside.run(*command, "specs", "--format", "html").out
    page = Document(text)
    assert page.is_sound()
    assert page.elements["article"] == 2
    for name in SPECS:
        assert f'<span class="name">{name}</span>' in text


def test_one_that_fails_is_a_part_as_well(inside):
    written(inside, *SPECS)
    inside.run("apply", "specs", "--yes")
    (damaged,) = inside.ledger.parent.glob("one.*json")
    damaged.write_text("{")
    text = inside.run("plan", "specs", "--format", "html", code=1).out
    assert Document(text).is_sound()
    assert re.search(r'Stopped in stack <span class="name">one</span>', text)
    assert '<span class="name">two</span>' in text


def test_a_plan_and_what_came_of_it_are_one_document(inside):
    written(inside, "one")
    inside.run("apply", "specs", "--yes")
    digest = re.search(r"sha256:\w+", inside.run("destroy", "specs", "--format", "html", code=3).out)
    assert digest is not None
    text = inside.run("destroy", "specs", "--approve", digest[0], "--format", "html").out
    page = Document(text)
    assert page.is_sound()
    assert page.elements["article"] == 2


def test_one_result_is_a_page_as_ever(inside):
    written(inside, "one")
    text = inside.run("plan", "specs", "--format", "html").out
    assert Document(text).is_sound()
    assert "<article" not in text
