"""The journal: who comes back from a commit may rely on it."""

import errno
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import FencedError, InternalError, LedgerError
from reconciler.ledger import (
    Journal,
    Lease,
    MemoryStore,
    UncertainWriteError,
    current_runner,
    decode,
    new_lease,
    open_ledger,
    start_journal,
)
from reconciler.model import Ledger


def address_of(n):
    return f"connect_integrations.k{n}"


class Moody(MemoryStore):
    """A store in memory that fails on demand: before its effect, or after it with the answer lost."""

    def __init__(self):
        super().__init__()
        self.before = None
        self.after = None
        self.reading = None

    def read(self):
        if self.reading:
            raise self.reading
        return super().read()

    def write(self, content, expected):
        if self.before:
            raise self.before
        version = super().write(content, expected)
        if self.after:
            raise self.after
        return version

    def ledger(self):
        return decode(super().read()[0], where="")

    def overwrite(self):
        content, version = super().read()
        super().write(b"somebody else's" + (content or b""), version)


@pytest.fixture
def store():
    return Moody()


@pytest.fixture
def journal(store):
    with Journal(store, Ledger("prod", "", is_new=True), "", epoch="e1") as journal:
        yield journal


def in_threads(count, work):
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- commits -----------------------------------------------------------------------------------------------


def test_what_was_committed_is_in_the_store(make, journal, store):
    after = journal.commit(make.put("oauth_apps.a"))
    assert after == journal.ledger == store.ledger()
    assert make.address("oauth_apps.a") in after.entries


def test_a_new_ledger_gets_its_lineage_with_the_first_write_and_keeps_it(make, journal):
    first = journal.commit(make.put("oauth_apps.a"))
    second = journal.commit(make.put("oauth_apps.b"))
    assert first.lineage == second.lineage != ""
    assert not first.is_new


def test_the_serial_goes_up_by_one_per_write(make, journal):
    serials = [journal.commit(make.put(address_of(n))).serial for n in range(3)]
    assert serials == [1, 2, 3]


def test_each_write_has_an_id_of_its_own(make, journal, store):
    ids = set()
    for n in range(3):
        journal.commit(make.put(address_of(n)))
        ids.add(json.loads(store.read()[0])["write_id"])
    assert len(ids) == 3


def test_every_write_names_our_epoch(make, journal, store):
    journal.commit(make.put("oauth_apps.a"))
    assert store.ledger().epoch == "e1"


def test_an_edit_that_changes_nothing_is_no_write(make, journal):
    journal.commit(make.put("oauth_apps.a"))
    journal.commit(lambda ledger: ledger)
    journal.claim()
    assert journal.writes == 1


def test_claiming_writes_nothing_but_the_epoch(make, store):
    ledger = make.ledger({"oauth_apps.a": make.entry()}, epoch="e0")
    with Journal(store, ledger, "", epoch="e1") as journal:
        assert journal.claim() == store.ledger() == replace(ledger, epoch="e1", serial=8)


def fail(ledger):
    raise ZeroDivisionError("a bug in an edit")


def test_an_edit_that_raises_is_no_write_and_the_next_one_counts(make, journal):
    with pytest.raises(ZeroDivisionError):
        journal.commit(fail)
    assert journal.writes == 0
    assert make.address("oauth_apps.a") in journal.commit(make.put("oauth_apps.a")).entries


def test_what_cant_be_written_is_an_error_for_its_commit_and_the_journal_goes_on(make, journal):
    def strange(ledger):
        return replace(ledger, remotes={"connect": object()})

    with pytest.raises(InternalError):
        journal.commit(strange)
    assert journal.commit(make.put("oauth_apps.a")).remotes == {}


def test_threads_that_commit_at_one_time_lose_nothing(make, journal, store):
    def work(thread):
        for n in range(20):
            text = address_of(f"{thread}-{n}")
            assert make.address(text) in journal.commit(make.put(text)).entries

    in_threads(10, work)
    assert len(store.ledger().entries) == journal.writes == 200


# --- failures ----------------------------------------------------------------------------------------------


def test_a_write_that_fails_leaves_what_was_there_and_the_next_one_counts(make, journal, store):
    journal.commit(make.put("oauth_apps.a"))
    before = store.read()
    store.before = LedgerError("no space", hint="make room")
    with pytest.raises(LedgerError, match="no space"):
        journal.commit(make.put("oauth_apps.c"))
    assert store.read() == before
    store.before = None
    after = journal.commit(make.put("oauth_apps.b"))
    assert sorted(map(str, after.entries)) == ["oauth_apps.a", "oauth_apps.b"]
    assert after.serial == 2


def test_a_write_of_somebody_else_ends_the_journal(make, journal, store):
    journal.commit(make.put("oauth_apps.a"))
    store.overwrite()
    theirs = store.read()
    for _ in range(2):
        with pytest.raises(FencedError) as caught:
            journal.commit(make.put("oauth_apps.b"))
        assert caught.value.exit_code == 4
    assert journal.closed
    assert store.read() == theirs


def test_the_loser_of_a_race_is_told_once_and_before_anybody_goes_on(make, store):
    told = []
    with Journal(store, Ledger("prod", ""), "", on_fenced=told.append) as journal:
        store.overwrite()
        for _ in range(2):
            with pytest.raises(FencedError):
                journal.commit(make.put("oauth_apps.b"))
            assert len(told) == 1


def test_a_write_whose_answer_was_lost_but_that_took_effect_counts(make, journal, store):
    store.after = UncertainWriteError("no answer")
    after = journal.commit(make.put("oauth_apps.a"))
    store.after = None
    assert store.ledger() == after
    assert journal.commit(make.put("oauth_apps.b")).serial == 2


def test_a_write_whose_answer_was_lost_and_that_took_no_effect_fails(make, journal, store):
    journal.commit(make.put("oauth_apps.a"))
    store.before = UncertainWriteError("no answer")
    with pytest.raises(UncertainWriteError):
        journal.commit(make.put("oauth_apps.b"))
    store.before = None
    assert sorted(map(str, journal.commit(make.put("oauth_apps.c")).entries)) == [
        "oauth_apps.a",
        "oauth_apps.c",
    ]


def test_a_lost_answer_behind_which_somebody_else_wrote_is_fenced(make, journal, store):
    journal.commit(make.put("oauth_apps.a"))
    store.overwrite()
    store.before = UncertainWriteError("no answer")
    with pytest.raises(FencedError):
        journal.commit(make.put("oauth_apps.b"))
    assert journal.closed


def test_what_cant_be_told_ends_the_journal_without_a_guess(make, journal, store):
    store.after = UncertainWriteError("no answer")
    store.reading = LedgerError("out of reach")
    with pytest.raises(LedgerError):
        journal.commit(make.put("oauth_apps.a"))
    store.after = store.reading = None
    with pytest.raises(LedgerError, match="no answer"):
        journal.commit(make.put("oauth_apps.b"))
    assert journal.closed


def test_a_write_in_place_that_may_not_last_fails_but_fences_nobody(make, tmp_path, monkeypatch):
    """The folder's fsync fails after the rename: our own write must not look like somebody else's."""
    opened = open_ledger(make.stack(tmp_path), environment={})
    with start_journal(opened, new_lease(opened)) as journal:
        journal.commit(make.put("oauth_apps.a"))
        real = os.fsync

        def fail_for_folders(handle):
            if Path(f"/proc/self/fd/{handle}").is_dir():
                raise OSError(errno.EIO, "Input/output error")
            real(handle)

        monkeypatch.setattr(os, "fsync", fail_for_folders)
        with pytest.raises(LedgerError, match="Input/output error"):
            journal.commit(make.put("oauth_apps.b"))
        monkeypatch.undo()
        after = journal.commit(make.put("oauth_apps.c"))
    assert sorted(map(str, after.entries)) == ["oauth_apps.a", "oauth_apps.c"]
    assert after.serial == 3
    assert open_ledger(make.stack(tmp_path), environment={}).ledger == after


# --- the end -----------------------------------------------------------------------------------------------


def test_a_closed_journal_takes_no_more(make, journal):
    journal.close()
    with pytest.raises(LedgerError, match="closed"):
        journal.commit(make.put("oauth_apps.a"))
    journal.close()


def test_a_stateless_journal_changes_memory_only(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Journal.stateless(Ledger("prod", "", is_new=True)) as journal:
        journal.commit(make.put("oauth_apps.a"))
        assert make.address("oauth_apps.a") in journal.ledger.entries
    assert list(tmp_path.iterdir()) == []


# --- under a lease -----------------------------------------------------------------------------------------


@pytest.fixture
def opened(make, tmp_path):
    opened = open_ledger(make.stack(tmp_path), environment={})
    with new_lease(opened).acquire() as lease, start_journal(opened, lease) as journal:
        journal.commit(make.put("oauth_apps.a"))
    return opened


def test_what_was_written_between_opening_and_the_lease_is_seen(make, opened):
    assert opened.ledger.is_new
    with new_lease(opened).acquire() as lease, start_journal(opened, lease) as journal:
        assert make.address("oauth_apps.a") in journal.ledger.entries
        assert journal.commit(make.put("oauth_apps.b")).epoch == lease.epoch


def test_what_nobody_wrote_since_it_was_opened_is_held_once(opened):
    again = opened.reread()
    assert again.ledger is not opened.ledger
    with new_lease(again).acquire() as lease, start_journal(again, lease) as journal:
        assert journal.ledger is again.ledger


def test_a_lease_without_work_writes_no_ledger(opened):
    before = opened.store.read()
    with new_lease(opened).acquire() as lease, start_journal(opened, lease):
        pass
    assert opened.store.read() == before


def far_lease(opened, clock):
    runner = replace(current_runner(), host="far", boot="far", machine="")
    return Lease(opened.store, "prod", runner=runner, clock=clock, sleep=clock.sleep).acquire()


def test_a_take_over_is_in_the_ledger_before_any_work_and_fences_the_former_runner(make, opened, clock):
    paused = far_lease(opened, clock)
    with start_journal(opened, paused) as theirs:
        with (
            Lease(opened.store, "prod", clock=clock, sleep=clock.sleep).acquire() as lease,
            start_journal(opened, lease) as ours,
        ):
            assert opened.reread().ledger.epoch == lease.epoch
            with pytest.raises(FencedError):
                theirs.commit(make.put("oauth_apps.late"))
            ours.commit(make.put("oauth_apps.b"))
            lease.gate()
        with pytest.raises(FencedError):
            paused.gate()


def test_a_ledger_that_moved_shuts_the_gate_at_once(make, opened):
    with new_lease(opened).acquire() as lease, start_journal(opened, lease) as journal:
        content, version = opened.store.read()
        opened.store.write(content + b"\n", version)
        with pytest.raises(FencedError):
            journal.commit(make.put("oauth_apps.b"))
        with pytest.raises(FencedError, match="changed by somebody else"):
            lease.gate()


def test_a_stateless_stack_goes_the_same_way(make, tmp_path):
    opened = open_ledger(make.stack(tmp_path, ledger_url="none"), environment={})
    with new_lease(opened).acquire() as lease, start_journal(opened, lease) as journal:
        lease.gate()
        journal.commit(make.put("oauth_apps.a"))
        assert len(journal.ledger.entries) == 1
    assert list(tmp_path.iterdir()) == []
