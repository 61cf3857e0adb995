"""Handoff files: a clear part for everybody, secrets for those they are sealed to, and nothing hostile."""

from __future__ import annotations

import json

import pytest

from reconciler.errors import ReconcileError
from reconciler.secrets import Identities, Recipients, Secret
from reconciler.secrets.handoff_files import MAX_BYTES, Handoff, path_within, read_handoff

pyrage = pytest.importorskip("pyrage")
VALUE = "dose-0123456789-abcdef"


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def other():
    return pyrage.x25519.Identity.generate()


def recipients(*keys) -> Recipients:
    return Recipients.parse([str(key.to_public()) for key in keys])


def identities(*keys) -> Identities:
    return Identities(keys)


@pytest.fixture
def made(key) -> Handoff:
    given = {"host": "w.example.org", "scopes": ["sql", "openid"], "client_secret": Secret(VALUE)}
    return Handoff("dba").with_values(given, recipients(key))


def again(handoff: Handoff) -> Handoff:
    return read_handoff(handoff.text.encode())


def test_what_is_written_is_read_again_and_no_secret_can_be_read_in_it(made):
    assert again(made) == made
    assert VALUE not in made.text
    assert made.serial == 1
    assert made.fields == ("client_secret", "host", "scopes")


def test_a_secret_opens_with_a_key_that_it_is_sealed_to_and_no_other(made, key, other):
    assert again(made).opened("client_secret", identities(key)).reveal() == VALUE
    assert again(made).opened("client_secret", identities(other)) is None
    assert again(made).opened("client_secret", identities()) is None


def test_a_fingerprint_stays_while_the_secret_does(made, key):
    same = made.with_values({"client_secret": Secret(VALUE)}, recipients(key))
    assert same.marks == made.marks
    assert same.serial == 2
    new = made.with_values({"client_secret": Secret("another-secret")}, recipients(key))
    assert new.marks["client_secret"].salt != made.marks["client_secret"].salt


def test_what_is_not_given_stays_as_it_is_and_none_takes_it_out(made, key):
    changed = made.with_values({"host": "x.example.org", "scopes": None}, recipients(key))
    assert changed.values == {"host": "x.example.org"}
    assert changed.sealed == made.sealed
    assert made.with_values({"client_secret": None}, recipients(key)).marks == {}


def test_a_field_is_clear_or_sealed_and_never_both(made, key):
    opened = made.with_values({"client_secret": "not secret"}, recipients(key))
    assert "client_secret" not in opened.sealed
    closed = made.with_values({"host": Secret("a-hidden-host")}, recipients(key))
    assert "host" not in closed.values
    assert again(opened) == opened
    assert again(closed) == closed


def test_other_keys_need_every_secret_at_hand(made, other):
    with pytest.raises(ReconcileError) as raised:
        made.with_values({}, recipients(other))
    assert raised.value.code == "handoff-values"
    resealed = made.with_values({"client_secret": Secret(VALUE)}, recipients(other))
    assert resealed.opened("client_secret", identities(other)).reveal() == VALUE


def test_blanks_and_line_ends_are_not_part_of_what_a_file_says(made):
    written = json.dumps(json.loads(made.text), separators=(",", ":")).replace("\n", "\r\n")
    assert read_handoff(written.encode()).digest == made.digest
    assert made.with_values({"host": "x"}, Recipients.parse(made.recipients)).digest != made.digest


def test_what_a_newer_writer_added_is_kept(made):
    document = {**json.loads(made.text), "hint": {"a": 1}}
    read = read_handoff(json.dumps(document).encode())
    assert json.loads(read.text)["hint"] == {"a": 1}


def test_an_exchanged_seal_is_found_out(made, key):
    two = made.with_values({"b": Secret("a-second-secret")}, recipients(key))
    document = json.loads(two.text)
    sealed = document["sealed"]
    sealed["b"], sealed["client_secret"] = sealed["client_secret"], sealed["b"]
    with pytest.raises(ReconcileError, match="doesn't fit its fingerprint") as raised:
        read_handoff(json.dumps(document).encode()).opened("b", identities(key))
    assert raised.value.code == "handoff-damaged"


def test_a_broken_seal_is_found_out_without_a_key(made):
    document = json.loads(made.text)
    document["sealed"]["client_secret"] = document["sealed"]["client_secret"][:-40]
    with pytest.raises(ReconcileError, match="seal of client_secret is broken"):
        read_handoff(json.dumps(document).encode()).opened("client_secret", identities())


HOSTILE = {
    "empty": b"",
    "no JSON": b"<<<<<<< HEAD",
    "a list": b"[]",
    "no text": b"\xff\xfe",
    "nested without end": b"[" * 100_000,
    "too large": b" " * (MAX_BYTES + 1),
    "another format": {"format": "reconcile.ledger/1"},
    "no stack": {"stack": None},
    "a serial that is none": {"serial": "1"},
    "recipients that are none": {"recipients": [1]},
    "values that are none": {"values": ["x"]},
    "a field with a hostile name": {"values": {"a.b": "x"}},
    "a value that is a mapping": {"values": {"a": {"b": "c"}}},
    "a value that is nothing": {"values": {"a": None}},
    "a number without end": {"values": {"a": 10**40}},
    "a clear value with a secret's name": {"values": {"client_secret": "x"}},
    "a secret without a fingerprint": {"fingerprints": {}},
    "a fingerprint that is none": {"fingerprints": {"client_secret": {"salt": "zz", "mark": "x"}}},
    "a seal that is no text": {"sealed": {"client_secret": 7}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_whole_handoff_is_refused_in_one_way(made, name):
    found = HOSTILE[name]
    content = json.dumps({**json.loads(made.text), **found}).encode() if isinstance(found, dict) else found
    with pytest.raises(ReconcileError) as raised:
        read_handoff(content)
    assert raised.value.code == "handoff-damaged"
    assert raised.value.hint


def test_twins_and_constants_are_not_json(made):
    for text in (
        made.text.replace('"serial": 1', '"serial": 1, "serial": 2'),
        made.text.replace("1,", "NaN,", 1),
    ):
        with pytest.raises(ReconcileError, match="isn't JSON"):
            read_handoff(text.encode())


def test_a_newer_format_names_the_way_out(made):
    with pytest.raises(ReconcileError) as raised:
        read_handoff(made.text.replace("handoff/1", "handoff/2").encode())
    assert raised.value.code == "handoff-newer"


@pytest.mark.parametrize("name", ["../a", "/etc/hostname", "a/../../b", ".git/config", "a\0b", ".", "link/a"])
def test_a_handoff_lies_below_its_spec(tmp_path, name):
    folder = tmp_path / "spec"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    assert path_within(folder, name) is None
    assert path_within(folder, "below/a.age") == folder / "below" / "a.age"
