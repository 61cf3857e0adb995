"""YAML as people and strangers write it: harmless or refused, always with a place."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.errors import SpecError
from reconciler.providers import KINDS
from reconciler.specs import load
from reconciler.specs.problems import Refusal
from reconciler.specs.yaml_nodes import locate, places, plain
from reconciler.specs.yaml_reader import parse
from reconciler.specs.yaml_scalars import understood
from tests.work import calls

REFUSED = {
    "an empty file": (b"", "empty", 1, 1),
    "only comments": (b"# nothing\n", "empty", 1, 1),
    "an empty document": (b"---\n", "empty", 1, 1),
    "a list": (b"- a\n", "type", 1, 1),
    "several documents": (b"a: 1\n---\nb: 2\n", "documents", 2, 1),
    "a key given twice": (b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "duplicate-key", 5, 3),
    "a Python object": (b"a: !!python/object/apply:os.system [ls]\n", "tag", 1, 4),
    "a tag of its own": (b"a:\n  - !secret b\n", "tag", 2, 5),
    "a tag on a key": (b"!x a: 1\n", "tag", 1, 1),
    "a binary": (b"a: !!binary aGk=\n", "tag", 1, 4),
    "a value that doesn't fit its tag": (b"a: !!int x\n", "tag", 1, 4),
    "UTF-16": ("a: 1".encode("utf-16"), "encoding", 1, 1),
    "UTF-32": ("a: 1".encode("utf-32-be"), "control-character", 1, 1),
    "Latin-1": ("a: 1\nname: Käse\n".encode("latin-1"), "encoding", 2, 8),
    "a NUL": (b"a: 1\nb: x\x00y\n", "control-character", 2, 5),
    "an escape character": (b"a: \x1b[31m\n", "control-character", 1, 4),
    "an escaped NUL": (b'a: "x\\0y"\n', "control-character", 1, 4),
    "deep nesting": (b"[" * 150, "too-deep", 1, 101),
    "deep nesting in blocks": (b"".join(b" " * i + b"a:\n" for i in range(150)), "too-deep", 101, 101),
    "an alias inside itself": (b"a: &x [*x]\n", "recursive-alias", 1, 8),
    "an alias without anchor": (b"a: *x\n", "unknown-alias", 1, 4),
    "a key that is a list": (b"? [a]\n: 1\n", "key", 1, 3),
    "a key that is an alias": (b"a: &x b\n*x : 1\n", "key", 2, 1),
    "an empty key": (b"'': 1\n", "key", 1, 1),
    "merging a number": (b"<<: 3\na: 1\n", "merge", 1, 5),
    "tabs": (b"a:\n\t- x\n", "yaml", 2, 1),
    "an open quote": (b"a: 'x\n", "yaml", 2, 1),
    "an open bracket": (b"a: [1, 2\nb: 3\n", "yaml", 2, 2),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_puzzles_or_harms_the_reader_is_refused_at_its_place(name):
    content, code, line, column = REFUSED[name]
    with pytest.raises(Refusal) as refused:
        parse(content, "f.yaml")
    refusal = refused.value
    assert (refusal.code, refusal.at.line, refusal.at.column, refusal.at.file) == (
        code,
        line,
        column,
        "f.yaml",
    )


def test_a_refused_file_is_one_problem_with_its_place(specs):
    assert specs.complaints(b"a: 1\na: 2\n") == ["duplicate-key 2:1"]


@pytest.mark.parametrize("levels", [6, 12, 40])
def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]

    def refuse():
        with pytest.raises(Refusal, match="anchors expand"):
            parse("\n".join(lines).encode(), "f.yaml")

    assert calls(refuse) < 100_000  # six levels would be a million values


def test_merge_keys_count_as_expansion_too():
    text = "base: &b {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}\nall:\n" + "  - {<<: *b}\n" * 200
    with pytest.raises(Refusal, match="anchors expand"):
        parse(text.encode(), "f.yaml")


def test_a_huge_file_is_refused_before_it_is_read(specs):
    path = specs.write(b"")
    with path.open("wb") as stream:
        stream.truncate(10 * 1024 * 1024 + 1)
    with pytest.raises(SpecError) as error:
        load(path, KINDS, environment={})
    assert [p.code for p in error.value.problems] == ["too-large"]


@pytest.mark.parametrize("name", ["missing.yaml", "folder", "a\0b.yaml", "x" * 5000])
def test_a_path_that_leads_nowhere_is_said_so(specs, name):
    (specs.folder / "folder").mkdir()
    with pytest.raises(SpecError) as error:
        load(name, KINDS, environment={})
    assert error.value.problems[0].code in ("not-found", "unreadable")


def test_a_byte_order_mark_of_utf_8_is_fine():
    root = parse(b"\xef\xbb\xbfa: \xc3\xa4\n", "f.yaml")
    assert plain(root) == {"a": "ä"}
    assert root.place("a").column == 1


def test_merge_keys_fill_in_what_is_not_given():
    assert plain(parse(b"base: &b {a: 1, b: 2}\nc:\n  b: 3\n  <<: [*b]\n", "f.yaml"))["c"] == {"b": 3, "a": 1}


# what YAML 1.1 would take for something else
STAY_TEXT = [
    "no",
    "on",
    "010",
    "0x1f",
    "1_000",
    "12:30:00",
    "2024-01-01",
    ".inf",
    "1e999",
    "12345678901234567890",
]
MEAN_SOMETHING = {
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    "7": 7,
    "-3": -3,
    "1.5": 1.5,
}
PLAIN = {**{text: text for text in STAY_TEXT}, **MEAN_SOMETHING}


@pytest.mark.parametrize("text", PLAIN)
def test_plain_words_mean_what_yaml_1_2_says(text):
    value = understood(text)
    assert (value, type(value)) == (PLAIN[text], type(PLAIN[text]))


def test_quoted_words_and_keys_are_text():
    assert plain(parse(b"123: '7'\ntrue: \"no\"\n", "f.yaml")) == {"123": "7", "true": "no"}


words = st.text(
    st.characters(codec="utf-8", exclude_characters="\x85\ufeff", exclude_categories=["C", "Z"]),
    min_size=1,
    max_size=8,
)
trees = st.recursive(
    st.one_of(words, st.booleans(), st.integers(-(10**6), 10**6), st.none()),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(words, below, max_size=4)),
    max_leaves=15,
)


@given(st.dictionaries(words, trees, min_size=1, max_size=4), st.booleans())
def test_what_is_written_is_read_back(tree, flow):
    text = yaml.safe_dump(tree, allow_unicode=True, default_flow_style=flow)
    assert plain(parse(text.encode(), "f.yaml")) == tree


@given(st.dictionaries(words, trees, min_size=1, max_size=4), st.booleans())
def test_every_key_and_item_is_found_where_pyyaml_itself_finds_it(tree, flow):
    text = yaml.safe_dump(tree, allow_unicode=True, default_flow_style=flow)
    root = parse(text.encode(), "f.yaml")
    expected = dict(_marks(yaml.compose(text, yaml.SafeLoader), ()))
    for path, mark in expected.items():
        at = locate(root, path)
        assert (at.line, at.column) == (mark.line + 1, mark.column + 1)
    assert len(dict(places(root))) <= len(expected)


def _marks(node, path):
    """Every path of a tree of PyYAML's, with the mark of its key or item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark
            yield from _marks(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark
            yield from _marks(item, (*path, index))


FRAGMENTS = """\
version: 1
stack: x
oauth_apps:
  k:
    scopes: [a]
vars: {a: ${vars.b}, b: [1, 2]}
providers: {p: {type: connect}}
connect_integrations: {k: {template: databricks, config: {client_secret: 7}}}
""".splitlines(keepends=True)
SNIPPETS = [
    "${",
    "$${",
    "}",
    "&a ",
    "*a",
    "<<: ",
    "{",
    "[",
    "]",
    "- ",
    "!x ",
    "|\n",
    "'",
    '"',
    "\t",
    "\n",
    "#",
    ": ",
    "? ",
    "~",
]
soups = st.lists(st.sampled_from(FRAGMENTS + SNIPPETS), max_size=25)


@settings(
    max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=60), soups.map(lambda pieces: "".join(pieces).encode())))
@example(b"version: 1\nstack: x\nvars: {a: {b: ${vars.a}}}\n")
def test_no_bytes_whatever_give_a_traceback(specs, content):
    problems = specs.problems(content, strict=False)
    assert all(problem.message and problem.at for problem in problems)


class TestWhatOtherToolsWrite:
    @pytest.mark.parametrize("end", ["---\n", "---\n---\n", "--- # done\n", "...\n", "---\n...\n"])
    def test_an_empty_document_is_none(self, specs, head, app, end):
        assert specs.codes(head + app + end) == []
        assert specs.codes("---\n" + head + app + end) == []

    def test_a_second_document_is_refused_also_behind_an_empty_one(self, specs, head, app):
        assert specs.codes(head + app + "---\n---\nversion: 1\n") == ["documents"]

    def test_json_with_escaped_emoji_is_read_and_every_place_stays(self, specs, head):
        app = {"app": {"scopes": ["sql"], "name": "🚀 café 𝒳"}, "other": {"scops": []}}
        line = '"oauth_apps": ' + json.dumps(app)
        at = next(p.at for p in specs.problems(head + line + "\n") if p.code == "unknown-key")
        assert at.column == line.index('"scops"') + 1
        del app["other"]
        stack = specs.load(head + '"oauth_apps": ' + json.dumps(app) + "\n")
        (resource,) = stack.resources.values()
        assert resource.attributes["name"] == "🚀 café 𝒳"

    @pytest.mark.parametrize(
        ("written", "means"),
        [
            (r"'\ud83d\ude00'", r"\ud83d\ude00"),
            (r"\ud83d\ude00", r"\ud83d\ude00"),
            (r'"\\ud83d\\ude00"', r"\ud83d\ude00"),
            (r'"\\\ud83d\ude00"', "\\😀"),
        ],
    )
    def test_only_an_escape_is_one(self, specs, head, written, means):
        other = r'vars: {v: "\ud83d\ude00"}'
        stack = specs.load(head, f"{other}\noauth_apps:\n  app:\n    scopes: [sql]\n    name: {written}\n")
        assert next(iter(stack.resources.values())).attributes["name"] == means

    def test_half_a_character_is_named_as_such(self, specs, head):
        (found,) = specs.problems(head, 'vars: {v: "\\ud83d"}\n')
        assert (found.code, found.at.line) == ("yaml", 6)
        assert "half a character" in found.hint

    @pytest.mark.parametrize(
        "text",
        [
            "oauth_apps:\n\tapp: {scopes: [sql]}\n",
            'oauth_apps:\n  app:\n    redirect_urls: ["${vars.u}"]\n\tscopes: [sql]\n',
            "oauth_apps:\n  app:\n  \tscopes: [sql]\n",
            "oauth_apps:\n  app:\n    scopes:\n    -\tsql: 1\n",
            "oauth_apps:\n  app:\n    name: x\n\u00a0\u00a0\u00a0 scopes: [sql]: x\n",
        ],
    )
    def test_a_tab_is_blamed_for_what_it_does(self, specs, head, text):
        (found,) = specs.problems(head, text)
        assert found.code == "yaml"
        assert "tab" in found.hint
        assert "reference" not in found.hint


class TestKeysOfOnesOwn:
    def test_serve_anchors_and_are_ignored(self, specs, head):
        common = "x-common: &common\n  scopes: [sql]\n  lead: ${nonsense\nx-: [1]\n"
        app = "oauth_apps:\n  app:\n    scopes: [sql]\n    <<: *other\n"
        other = "x-other: &other {name: Shared}\n"
        stack = specs.load(head, common, other, app)
        assert next(iter(stack.resources.values())).attributes["name"] == "Shared"

    def test_what_shares_a_fault_by_an_anchor_is_told_of_in_the_order_of_the_file(self, specs, head):
        common = "x-common: &common {scopes: [sql], confidental: true}\n"
        apps = "oauth_apps: {c: *common, e: *common, a: *common, d: *common, b: *common}\n"
        found = specs.problems(head, common, apps)
        assert [problem.address[-1] for problem in found] == ["c", "e", "a", "d", "b"]

    def test_are_at_the_top_of_imported_files_too_and_nowhere_else(self, specs, head, app):
        specs.write("x-a: &a {scopes: [sql]}\noauth_apps: {two: *a}\n", "two.yaml")
        assert specs.codes(head, "imports: [two.yaml]\n", app) == []
        assert specs.codes(head, "oauth_apps: {app: {scopes: [sql], x-note: 1}}\n") == ["unknown-key"]
        assert specs.codes(head, "X-common: 1\n", app) == ["unknown-key"]
