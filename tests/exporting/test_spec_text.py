"""Any value comes back from YAML as it went in; keys are readable, unique, and the same in any order."""

from __future__ import annotations

import random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.exporting.keys import keys, slug
from reconciler.exporting.yaml_text import comment, is_holdable, lines
from reconciler.model.values import KEY
from reconciler.specs.references import parts
from reconciler.specs.yaml_nodes import plain
from reconciler.specs.yaml_reader import parse

VALUES = st.recursive(
    st.one_of(st.text(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner)),
    max_leaves=8,
)


@given(value=VALUES)
def test_a_value_is_read_as_it_was_written(value: object) -> None:
    if not is_holdable(value):
        return
    text = "\n".join(lines("key", value, 0)) + "\n"
    assert unescaped(plain(parse(text.encode(), "x"))["key"]) == value


@given(text=st.text())
def test_other_readers_of_yaml_take_text_for_text(text: str) -> None:
    if is_holdable(text) and "\ufeff" not in text:
        read = yaml.safe_load("\n".join(lines("key", text, 0)))["key"]
        assert read == text.replace("${", "$${")


def unescaped(value: object) -> object:
    if isinstance(value, str):
        (only,) = parts(value)
        return only
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    return {key: unescaped(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("text", ["no", "1e3", "~", "0x1f", "2024-01-01", "a: b", "a #b", "-", "<<", ""])
def test_traps_of_yaml_stand_in_quotes(text: str) -> None:
    assert next(lines("key", text, 0)) == f'key: "{text}"'


@given(text=st.text())
def test_no_comment_ends_before_its_line_does(text: str) -> None:
    for line in comment(text, 2):
        assert line.startswith("  # ")
        assert line.isprintable()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Sales dashboards (EU)", "sales-dashboards-eu"),
        ("Übersicht Größe", "ubersicht-grosse"),
        ("анализ", "analiz"),
        ("Λόγος", "logos"),
        ("한국", "hangug"),
        ("🚀 launch", "rocket-launch"),
        ("日本語", ""),
        ("--", ""),
    ],
)
def test_names_of_all_scripts_can_be_read_aloud(name: str, key: str) -> None:
    assert slug(name) == key


@given(
    names=st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.text(min_size=1, max_size=6)), st.text(max_size=5)
    )
)
def test_keys_are_unique_and_do_not_depend_on_the_order(names: dict[tuple[str, str], str]) -> None:
    found = keys(names, "app")
    assert len(set(found.values())) == len(names)
    assert all(KEY.match(key) for key in found.values())
    shuffled = list(names.items())
    random.Random(1).shuffle(shuffled)
    assert keys(dict(shuffled), "app") == found
