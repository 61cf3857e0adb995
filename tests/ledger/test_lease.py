"""The lease: one runner at a time, the dead give way, the living don't, and losers stop."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import FencedError, LedgerError, LockedError
from reconciler.ledger import Lease, UncertainWriteError, current_runner, unlock
from reconciler.ledger import lease as lease_module
from reconciler.ledger import lease_holder as holders
from reconciler.ledger.lease import steady
from reconciler.ledger.store import MemoryStore
from tests.waiting import wait_until

HERE = current_runner()


@pytest.fixture
def lease(store, clock):
    """Leases of this process or, by name, of another host; all by one clock. None outlives its test."""
    made = []

    def make(host="", *, at=None):
        runner = replace(HERE, host=host, boot=f"boot of {host}", machine="") if host else HERE
        made.append(Lease(at or store, "prod", runner=runner, clock=clock, sleep=clock.sleep))
        return made[-1]

    yield make
    for one in made:
        one.release()


@pytest.fixture
def lock_file(store):
    return Path(store.where).with_name("prod.lock.json")


def rewrite(lock_file, **facts):
    lock_file.write_text(json.dumps(json.loads(lock_file.read_text()) | facts))


# --- taking and giving back --------------------------------------------------------------------------------


def test_a_free_lease_is_taken_at_once_and_removed_at_the_end(lease, lock_file, clock):
    with lease().acquire() as held:
        assert clock.now == 1000.0
        assert not held.took_over
        written = json.loads(lock_file.read_text())
        assert (written["owner"], written["host"], written["pid"]) == (HERE.owner, HERE.host, HERE.pid)
        assert written["epoch"] == held.epoch
        held.gate()
    assert not lock_file.exists()


def test_each_taking_has_an_epoch_of_its_own(lease):
    epochs = set()
    for _ in range(3):
        with lease().acquire() as held:
            epochs.add(held.epoch)
    assert len(epochs) == 3


def test_a_living_process_of_this_host_is_named_at_once(lease, clock):
    lease().acquire()
    with pytest.raises(LockedError) as caught:
        lease().acquire()
    assert clock.now == 1000.0
    assert caught.value.exit_code == 4
    assert f"{HERE.owner} on {HERE.host}, pid {HERE.pid}, since 20" in caught.value.message


HOLD = """
import sys
from pathlib import Path
from reconciler.errors import LockedError
from reconciler.ledger import FileStore, Lease
print("ready", flush=True)
input()
try:
    lease = Lease(FileStore(Path(sys.argv[1])), "prod").acquire()
except LockedError:
    print("locked", flush=True)
else:
    print(lease.epoch, flush=True)
    input()
"""


def test_of_several_at_once_one_wins(make, store, process):
    children = make.let_go([process(HOLD, store.where) for _ in range(4)])
    answers = sorted(child.stdout.readline().strip() for child in children)
    assert answers[1:] == ["locked"] * 3
    assert answers[0] != "locked"


def test_a_holder_killed_on_this_host_is_taken_over_at_once(make, store, process):
    [child] = make.let_go([process(HOLD, store.where)])
    epoch = child.stdout.readline().strip()
    child.kill()
    child.wait()
    with Lease(store, "prod").acquire() as held:
        assert held.took_over
        assert held.previous.epoch == epoch
        assert held.previous.runner.pid == child.pid


def test_a_pid_that_was_given_again_is_no_holder(lease, lock_file, clock):
    lease().acquire()
    rewrite(lock_file, start="1")
    assert lease().acquire().took_over
    assert clock.now == 1000.0


def test_a_process_of_this_host_that_was_stopped_for_too_long_is_taken_over(lease, clock):
    stopped = lease().acquire()
    clock.now += 61
    with pytest.raises(LockedError):
        lease().acquire()
    clock.now += 2
    assert lease().acquire().took_over
    with pytest.raises(FencedError, match="taken over by"):
        stopped.gate()


def test_the_clock_of_another_host_says_nothing(lease, clock):
    """Another boot: its clock began elsewhere, so an old beat proves no silence."""
    lease("far").acquire()
    clock.now += 1000
    began = clock.now
    lease().acquire()
    assert clock.now - began > 60


# --- another host ------------------------------------------------------------------------------------------


def test_a_silent_holder_of_another_host_is_taken_over_after_its_time_was_watched_through(lease, clock):
    gone = lease("far").acquire()
    heard = []
    held = lease().acquire(on_wait=heard.append)
    assert held.took_over
    assert 62 <= clock.now - 1000 <= 65
    [waiting] = heard
    assert waiting.holder.runner.host == "far"
    assert not waiting.is_alive
    assert waiting.lapses_in == 62
    with pytest.raises(FencedError):
        gone.gate()


def test_a_holder_of_another_host_that_renews_is_recognised_soon(lease, clock):
    far = lease("far").acquire()
    beats = {1015.0, 1030.0}
    clock.every = lambda: far.renew() if clock.now in beats else None
    with pytest.raises(LockedError, match="on far, pid"):
        lease().acquire()
    assert clock.now - 1000 <= 20
    far.gate()


def test_a_holder_that_ends_while_it_is_watched_leaves_the_lease_free(lease, clock):
    far = lease("far").acquire()
    clock.every = lambda: far.release() if clock.now >= 1005 else None
    held = lease().acquire()
    assert clock.now <= 1006
    assert not held.took_over


def test_whoever_is_slower_in_taking_over_sees_the_winner(lease, clock):
    lease("far").acquire()
    winners = []

    def overtake():
        if clock.now >= 1070 - 9 and not winners:
            winners.append(lease("near"))
            clock.every = lambda: None
            clock.now += 62
            winners[0].acquire()

    clock.every = overtake
    with pytest.raises(LockedError, match="on near"):
        lease().acquire()
    winners[0].gate()


def test_a_lease_that_cant_be_read_is_watched_and_then_taken(lease, lock_file, clock):
    lock_file.parent.mkdir()
    lock_file.write_text("{")
    heard = []
    assert lease().acquire(on_wait=heard.append).took_over
    assert clock.now - 1000 >= 62
    assert heard[0].holder is None


# --- waiting for the living --------------------------------------------------------------------------------


def test_who_asks_to_wait_gets_the_lease_when_it_is_given_back(lease, clock):
    other = lease().acquire()
    clock.every = lambda: other.release() if clock.now >= 1030 else None
    heard = []
    held = lease().acquire(wait=60, on_wait=heard.append)
    assert 1030 <= clock.now <= 1031
    assert not held.took_over
    assert [waiting.is_alive for waiting in heard] == [True]


def test_waiting_has_an_end(lease, clock):
    other = lease().acquire()
    clock.every = lambda: other.renew() if clock.now % 15 == 0 else None
    with pytest.raises(LockedError):
        lease().acquire(wait=100)
    assert 1100 <= clock.now <= 1102


def test_people_hear_when_a_silent_holder_turns_out_to_live(lease, clock):
    far = lease("far").acquire()
    clock.every = lambda: far.renew() if clock.now % 15 == 0 else None
    heard = []
    with pytest.raises(LockedError):
        lease().acquire(wait=40, on_wait=heard.append)
    assert [waiting.is_alive for waiting in heard] == [False, True]


# --- the gate ----------------------------------------------------------------------------------------------


def test_the_gate_renews_where_too_little_is_left(lease, lock_file, clock):
    held = lease().acquire()
    clock.now += 25
    held.gate()
    assert "renewals" not in json.loads(lock_file.read_text())
    clock.now += 1
    held.gate()
    assert json.loads(lock_file.read_text())["renewals"] == 1


def test_the_gate_stays_shut_once_somebody_took_over(lease, clock):
    paused = lease("far").acquire()
    with lease().acquire():
        with pytest.raises(FencedError, match=f"taken over by {HERE.owner} on {HERE.host}") as caught:
            paused.gate()
        assert caught.value.exit_code == 4
    # free again, but what happened meanwhile can't be known
    with pytest.raises(FencedError):
        paused.gate()
    with pytest.raises(FencedError):
        paused.renew()


def test_the_gate_is_shut_once_the_lease_was_ended_by_hand(lease, store, clock):
    held = lease().acquire()
    unlock(store, "prod", force=True)
    clock.now += 26
    with pytest.raises(FencedError, match="was ended by somebody else"):
        held.gate()


def test_the_gate_is_shut_before_and_after(lease):
    one = lease()
    with pytest.raises(FencedError, match="isn't held"):
        one.gate()
    one.acquire().release()
    with pytest.raises(FencedError, match="isn't held"):
        one.gate()


def test_the_gate_is_shut_when_the_ledger_shows_another_runner(lease):
    held = lease().acquire()
    held.fence("the ledger was changed by somebody else")
    with pytest.raises(FencedError, match="the ledger was changed"):
        held.gate()


class Moody:
    """A store whose lease can be slow, out of reach, or quiet about what it did."""

    def __init__(self, store, clock):
        self.inner = store.lease
        self.lease = self
        self.clock = clock
        self.takes = 0.0
        self.is_down = False
        self.loses_answers = False

    def read(self):
        return self.inner.read()

    def write(self, content, expected):
        if self.is_down:
            raise LedgerError("out of reach")
        self.clock.now += self.takes
        version = self.inner.write(content, expected)
        if self.loses_answers:
            raise UncertainWriteError("no answer")
        return version

    def delete(self, expected):
        self.inner.delete(expected)


@pytest.fixture
def moody(store, clock):
    return Moody(store, clock)


def test_the_lease_counts_from_before_the_renewal(lease, moody, clock):
    held = lease(at=moody).acquire()
    moody.takes = 24.0
    held.renew()
    held.gate()
    assert clock.now == 1024.0
    clock.now += 2
    moody.is_down = True
    with pytest.raises(FencedError):
        held.gate()


def test_a_store_out_of_reach_shuts_the_gate_only_while_it_lasts(lease, moody, clock):
    held = lease(at=moody).acquire()
    moody.is_down = True
    clock.now += 25
    held.gate()
    clock.now += 1
    with pytest.raises(FencedError, match="couldn't be renewed in time: out of reach"):
        held.gate()
    moody.is_down = False
    held.gate()


def test_a_write_whose_answer_was_lost_is_read_back(lease, moody):
    moody.loses_answers = True
    held = lease(at=moody).acquire()
    held.renew()
    held.gate()


def test_whoever_is_quicker_between_our_look_and_our_write_has_it(lease, moody, monkeypatch):
    def overtaken(content, expected):
        monkeypatch.undo()
        lease().acquire()
        return moody.inner.write(content, expected)

    monkeypatch.setattr(moody, "write", overtaken)
    with pytest.raises(LockedError, match="is locked by"):
        lease(at=moody).acquire()


def test_a_renewal_whose_answer_was_lost_to_another_runner_is_fenced(lease, moody, monkeypatch):
    held = lease(at=moody).acquire()

    def lost(content, expected):
        moody.inner.write(b"somebody else's", expected)
        raise UncertainWriteError("no answer")

    monkeypatch.setattr(moody, "write", lost)
    with pytest.raises(FencedError):
        held.renew()


# --- keeping -----------------------------------------------------------------------------------------------


def test_the_lease_is_renewed_in_the_background_until_it_is_released(lease, store, lock_file, monkeypatch):
    monkeypatch.setattr(lease_module, "RENEW_EVERY", 0.01)
    held = lease().acquire()
    wait_until(lambda: holders.read(store.lease.read()[0]).renewals >= 3)
    held.release()
    time.sleep(0.05)
    assert not lock_file.exists()


def test_renewing_goes_on_after_the_store_was_out_of_reach(lease, moody, monkeypatch):
    monkeypatch.setattr(lease_module, "RENEW_EVERY", 0.01)
    monkeypatch.setattr(lease_module, "RETRY", 0.02)
    lease(at=moody).acquire()
    moody.is_down = True
    time.sleep(0.05)
    moody.is_down = False
    before = moody.read()[0]
    wait_until(lambda: moody.read()[0] != before)


def test_releasing_leaves_somebody_elses_lease_alone(lease, lock_file):
    paused = lease("far").acquire()
    lease().acquire()
    paused.release()
    assert json.loads(lock_file.read_text())["host"] == HERE.host


def test_a_lease_that_cant_be_removed_is_left_to_lapse(lease, store, monkeypatch):
    held = lease().acquire()

    def fail(expected):
        raise LedgerError("read-only by now")

    monkeypatch.setattr(store.lease, "delete", fail)
    held.release()
    with pytest.raises(FencedError):
        held.gate()


def test_the_clock_is_one_for_all_processes(process):
    child = process("from reconciler.ledger.lease import steady; print(steady(), flush=True)")
    before = steady()
    theirs = float(child.stdout.readline())
    assert before <= theirs <= steady()


# --- by hand -----------------------------------------------------------------------------------------------


def test_unlocking_tells_whose_lease_it_was(lease, store, lock_file):
    lease("far").acquire()
    assert unlock(store, "prod", force=True).runner.host == "far"
    assert not lock_file.exists()


def test_unlocking_what_isnt_locked_is_done(store):
    assert unlock(store, "prod") is None


def test_a_dead_holder_is_unlocked_without_force(lease, store, lock_file):
    lease().acquire()
    rewrite(lock_file, pid=2**22 + 7)
    assert unlock(store, "prod").runner.pid == 2**22 + 7


@pytest.mark.parametrize("content", [None, "{"])
def test_who_may_be_alive_is_unlocked_by_force_only(lease, store, lock_file, content):
    lease("far").acquire()
    if content:
        lock_file.write_text(content)
    with pytest.raises(LockedError, match="may still be at work"):
        unlock(store, "prod")
    assert lock_file.exists()
    unlock(store, "prod", force=True)
    assert not lock_file.exists()


@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{}", '{"pid": "x"}', "[" * 100_000, "\xff"])
def test_a_lease_in_any_state_is_read_without_a_traceback(text):
    assert holders.read(text.encode("latin-1")) is None


# --- stateless ---------------------------------------------------------------------------------------------


def test_a_stateless_stack_is_always_free():
    with Lease(MemoryStore(), "prod").acquire() as first, Lease(MemoryStore(), "prod").acquire() as second:
        first.gate()
        second.gate()
    assert first.runner.pid == os.getpid()
