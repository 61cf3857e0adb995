"""Handoffs as files beside the spec: written whole or not at all, and never over anything else."""

from __future__ import annotations

import json

import pytest

from reconciler.errors import ConflictError, InvalidRequestError, LockedError, NotFoundError, UnreachableError
from reconciler.kinds import Scope
from reconciler.model import ProviderSpec, Stack
from reconciler.providers import KINDS, connect
from reconciler.secrets import SENSITIVE, LeakError, Secret

pyrage = pytest.importorskip("pyrage")
HANDOFFS = KINDS["handoffs"]
VALUE = "dose-0123456789-abcdef"
FILE = "handoff/a.age"


@pytest.fixture
def key():
    return str(pyrage.x25519.Identity.generate().to_public())


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "specs"
    place.mkdir()
    return place


def open_folder(folder, stack="dba"):
    wanted = Stack(stack, str(folder / "spec.yaml"), {}, {})
    return connect(ProviderSpec.of_files(), {}, stack=wanted)


@pytest.fixture
def api(folder):
    return open_folder(folder)


@pytest.fixture
def attributes(key):
    return {"file": FILE, "recipients": [key], "values": {"host": "w", "client_secret": Secret(VALUE)}}


def seen(api, *names):
    return {live.id: live for live in HANDOFFS.observe(api, Scope(named=names or (FILE,)))}


def test_what_is_made_is_seen_with_its_clear_values_and_the_names_of_its_secrets(api, attributes, folder):
    assert seen(api) == {}
    made = HANDOFFS.create(api, attributes).live
    assert seen(api) == {FILE: made}
    assert made.attributes["values"] == {"host": "w", "client_secret": SENSITIVE}
    assert made.created_by == "dba"
    assert VALUE not in (folder / FILE).read_text()
    assert [path.name for path in (folder / "handoff").iterdir()] == ["a.age"]


def test_an_update_leaves_alone_what_it_is_not_given(api, attributes, folder):
    HANDOFFS.create(api, attributes)
    before = json.loads((folder / FILE).read_text())
    live = HANDOFFS.update(api, FILE, {"values": {"host": "x"}})
    after = json.loads((folder / FILE).read_text())
    assert after["values"] == {"host": "x"}
    assert (after["sealed"], after["fingerprints"]) == (before["sealed"], before["fingerprints"])
    assert after["serial"] == 2
    assert live == seen(api)[FILE]


def test_an_edit_by_hand_moves_the_digest(api, attributes, folder):
    made = HANDOFFS.create(api, attributes).live
    text = (folder / FILE).read_text()
    (folder / FILE).write_text(text.replace('"w"', '"v"'))
    assert seen(api)[FILE].updated_at != made.updated_at
    (folder / FILE).write_text(text.replace("\n", "\r\n"))
    assert seen(api)[FILE].updated_at == made.updated_at


def test_nothing_that_is_there_is_written_over(api, attributes, folder):
    (folder / "handoff").mkdir()
    (folder / FILE).write_text("mine")
    with pytest.raises(InvalidRequestError, match="already"):
        HANDOFFS.create(api, attributes)
    assert (folder / FILE).read_text() == "mine"


def test_what_is_no_handoff_is_a_trouble_of_that_file_alone(api, attributes, folder):
    HANDOFFS.create(api, attributes)
    (folder / "b.age").write_text("<<<<<<< HEAD")
    assert list(seen(api, "b.age", FILE)) == [FILE]
    assert list(api.troubles) == ["file b.age"]
    # one that the ledger owns is there all the same, and holds nothing
    assert HANDOFFS.read(api, "b.age").attributes == {"file": "b.age"}
    assert HANDOFFS.read(api, "none.age") is None


def test_an_update_or_delete_meets_no_stranger(api, attributes, folder):
    with pytest.raises(NotFoundError):
        HANDOFFS.update(api, FILE, {"values": {"host": "x"}})
    HANDOFFS.create(open_folder(folder, "another"), attributes)
    for content in ((folder / FILE).read_text(), "no handoff"):
        (folder / FILE).write_text(content)
        with pytest.raises(ConflictError):
            HANDOFFS.update(api, FILE, {"values": {"host": "x"}})
        with pytest.raises(ConflictError):
            HANDOFFS.delete(api, FILE)
        assert (folder / FILE).read_text() == content


def test_a_deleted_file_is_gone_and_one_that_is_gone_is_done(api, attributes, folder):
    HANDOFFS.create(api, attributes)
    HANDOFFS.delete(api, FILE)
    assert not (folder / FILE).exists()
    HANDOFFS.delete(api, FILE)


def test_no_write_passes_a_closed_gate(api, attributes, folder):
    def shut():
        raise LockedError("the lease is gone")

    HANDOFFS.create(api, attributes)
    api.http.gate = shut
    before = (folder / FILE).read_text()
    with pytest.raises(LockedError):
        HANDOFFS.update(api, FILE, {"values": {"host": "x"}})
    with pytest.raises(LockedError):
        HANDOFFS.delete(api, FILE)
    assert (folder / FILE).read_text() == before


def test_a_secret_among_the_clear_values_is_stopped_at_the_disk(api, attributes, folder):
    attributes["values"]["host"] = f"https://x/{VALUE}"
    with pytest.raises(LeakError):
        HANDOFFS.create(api, attributes)
    assert not (folder / FILE).exists()


def test_a_folder_that_cannot_be_written_took_no_effect(api, attributes, folder):
    (folder / "handoff").write_text("a file where a folder belongs")
    with pytest.raises(UnreachableError):
        HANDOFFS.create(api, attributes)


def test_nothing_outside_the_folder_is_read_or_written(api, attributes, folder):
    (folder.parent / "x.age").write_text("{}")
    assert seen(api, "../x.age") == {}
    assert list(api.troubles) == ["file ../x.age"]
    with pytest.raises(InvalidRequestError, match="outside"):
        HANDOFFS.create(api, {**attributes, "file": "../y.age"})
