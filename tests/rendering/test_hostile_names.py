"""Names from remote systems and strangers' specs can't touch a terminal or hide anything from its reader."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import AnswerError, Location, Problem, Severity
from reconciler.model import (
    Action,
    Address,
    Change,
    Credential,
    CredentialState,
    Entry,
    FieldChange,
    Ledger,
    Origin,
    Outcome,
    Plan,
    Stack,
    Status,
)
from reconciler.rendering import (
    Applied,
    Drift,
    LedgerView,
    Look,
    clean,
    dumps,
    errors_text,
    plan_json,
    problems_text,
)
from reconciler.rendering.drift import drift_text
from reconciler.rendering.ledger import ledger_text
from reconciler.rendering.terminal import columns, wrapped
from reconciler.rendering.text import outcomes_text, plan_text

HOSTILE = st.text(
    st.one_of(
        st.characters(),  # surrogates too
        st.sampled_from(
            "\x00\x07\x08\x1b\x7f\x9b\r\n\t\u200b\u202e\u2066\u2069\ufeff\u2028\u00ad\u3164\U000e0041"
        ),
    ),
    max_size=60,
)


def is_harmless(text):
    return all(line.replace("\u3000", " ").isprintable() for line in text.split("\n"))


@given(HOSTILE, HOSTILE, st.sampled_from(list(Action)), st.integers(20, 120))
def test_no_control_character_but_the_newline_ever_leaves(name, value, action, width):
    change = Change(
        Address("oauth_apps", name),
        action,
        provider=name,
        id=value,
        name=name,
        reason=value,
        fields=(FieldChange(name, value, [value, name]), FieldChange("f", [name], {value: name})),
        approval=name,
        code=value,
    )
    problem = Problem(Severity.ERROR, name, value, name, Location(value, 1, 1), name)
    stack = Stack("prod\x1b[2J\u202e", value, {}, {})  # not a name that loads, but shown all the same
    plan = Plan(stack, "0", "0", "", 0, (change,), (problem,), targets=(Address(name, value),))
    outcome = Outcome(change.address, action, Status.FAILED, value, name, 1.0)
    entry = Entry(
        name, value, name, Origin.CREATED, credential=Credential(CredentialState.HELD, expires_at=value)
    )
    ledger = Ledger(name, value, remotes={name: value}, entries={change.address: entry})
    for text in (
        plan_text(plan, Look(verbose=True, width=width)),
        outcomes_text(Applied(plan, [outcome]), Look(width=width)),
        problems_text([problem], Look(width=width)),
        errors_text([AnswerError(value, request_id=name, hint=name)]),
        drift_text(Drift(name, [change], [problem]), Look(width=width)),
        ledger_text(LedgerView(ledger)),
    ):
        assert is_harmless(text)
        text.encode()


@given(HOSTILE)
def test_json_is_ascii_and_comes_back_unchanged(name):
    text = dumps({"name": name})
    assert text.isprintable()
    assert text.isascii()
    assert json.loads(text) == {"name": name}


@given(HOSTILE)
def test_clean_text_is_one_line_and_cleaning_it_again_changes_nothing(text):
    assert is_harmless(clean(text))
    assert "\n" not in clean(text)
    assert clean(clean(text)) == clean(text)
    assert clean(text, ascii_only=True).isascii()


@given(HOSTILE, st.integers(8, 60))
def test_wrapping_keeps_every_letter_and_the_width(text, width):
    text = clean(text)
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(columns(line) <= width for line in lines)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain name", "plain name"),
        ("Zürich 日本 😀", "Zürich 日本 😀"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("a\u200bb", "a\\u200bb"),
        ("a\u00a0b", "a\\xa0b"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u3164b", "a\\u3164b"),
    ],
)
def test_what_can_not_be_seen_is_shown(text, seen):
    assert clean(text) == seen


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("ｆ", 2), ("", 0)])
def test_columns_are_those_of_a_terminal(text, width):
    assert columns(text) == width


def test_an_address_never_spans_lines_in_json(make):
    text = dumps(plan_json(make.plan(make.change("oauth_apps.a", name="a\nb\x85\u2028"))))
    assert len(text.splitlines()) == 1
    assert all(unicodedata.category(character) != "Cc" for character in text)
