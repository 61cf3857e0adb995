"""Killing, and losing answers, at every write of a create: the next runs end where an undisturbed one would."""

import pytest

from .judging import assert_whole

WRITES = range(1, 7)  # app, principal, integration, assignment, secret, integration: in any order


def settle(rig, runs=2):
    """At most two undisturbed runs; then the plan is empty and everything is there once, and works."""
    for _ in range(runs):
        ended = rig.apply()
        if ended.code == 0:
            break
    assert ended.code == 0, ended.text
    assert_whole(rig)


def test_an_undisturbed_run_needs_no_second_one(rig):
    settle(rig, runs=1)
    assert len(rig.writes()) == len(WRITES)


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_write_is_survived(rig, number, when):
    rig.fault(f"write={number},when={when},do=hang")
    process = rig.start("apply", "spec.yaml", "--yes", "--parallelism", "1")
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    settle(rig)


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ["reset", "502", "cut", "html"])
def test_a_lost_answer_is_survived(rig, number, when, how):
    rig.fault(f"write={number},when={when},do={how}")
    first = rig.apply("--parallelism", "1")
    assert first.code in (0, 1), first.text
    rig.clear_faults()
    settle(rig)


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_ledger_write_is_survived(rig, number, when):
    rig.killed_at_commit("apply", "spec.yaml", "--yes", "--parallelism", "1", number=number, when=when)
    settle(rig)


@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize("number", WRITES)
def test_a_kill_is_survived_while_lists_lag(rig, number, lag):
    rig.knobs(list_lag=lag)
    rig.fault(f"write={number},when=after,do=hang")
    process = rig.start("apply", "spec.yaml", "--yes", "--parallelism", "1")
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    settle(rig)


@pytest.mark.parametrize("number", WRITES)
def test_a_second_kill_in_the_recovery_is_survived(rig, number):
    for when in ("after", "before"):
        rig.fault(f"write={min(number, 2) if when == 'before' else number},when={when},do=hang")
        process = rig.start("apply", "spec.yaml", "--yes", "--parallelism", "1")
        if rig.wait_until_held(process):
            rig.kill(process)
        else:
            rig.end(process)
        rig.clear_faults()
    settle(rig)
