"""A runner that is stopped between its lease check and the socket, and wakes up when another has taken over.

It makes at most the one call, and ends with exit code 4. What it made is swept; what it delivered is alive.
"""

from pathlib import Path

import pytest

from tests.waiting import wait_until

from . import inside
from .judging import settle
from .scenarios import AT_ONCE, assert_fenced, converge, stopped_before_write
from .stories import ALL, CREATE, ROTATE, each_write, killed_at_write, prepared

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.mark.parametrize(("name", "number"), each_write())
def test_a_runner_that_wakes_up_after_a_take_over_makes_one_call_at_most(rig, name, number):
    story = ALL[name]
    with prepared(rig, story):
        first = stopped_before_write(rig, story, number)
        second = rig.run(*story.command, patch=AT_ONCE)
        assert second.code == 0, second.text
        assert_fenced(rig, first)
        converge(rig, story)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("name", "number"), [("create", 3), ("create", 6), ("rotate", 2), ("replace", 2)])
def test_the_second_may_be_killed_half_way_before_the_first_wakes_up(rig, name, number, when):
    story = ALL[name]
    with prepared(rig, story):
        first = stopped_before_write(rig, story, number)
        killed_at_write(rig, story, number, when, patch=AT_ONCE)
        assert_fenced(rig, first)
        converge(rig, story)


def test_two_that_may_both_be_ours_are_asked_about(rig):
    """The first wakes up and makes its service principal, while the intent of the killed second is open."""
    first = stopped_before_write(rig, CREATE, 1)
    assert killed_at_write(rig, CREATE, 1, "after", patch=AT_ONCE)
    assert_fenced(rig, first)
    before = rig.ids()
    asked = rig.apply()
    assert asked.code == 1
    assert "create-unresolved" in asked.text
    assert before <= rig.ids()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_runner_may_wake_up_in_the_midst_of_the_second(rig, number):
    with prepared(rig, ROTATE):
        first = stopped_before_write(rig, ROTATE, 2)
        rig.fault(f"write={number},when=before,do=hang")
        second = rig.start(*ROTATE.command, patch=AT_ONCE)
        assert rig.wait_until_held(second)
        assert_fenced(rig, first)
        rig.clear_faults()
        assert rig.end(second).code == 0
        converge(rig, ROTATE)


def test_a_lease_lapses_by_the_observers_clock_and_not_before(rig):
    """The same with true clocks: 60, 35 and 15 seconds shrunk to a fortieth, and nothing else changed."""
    rig.patches.append((inside.leases_of, 1.5, 0.875, 0.375, 1.55, 0.05))
    first = rig.start(*CREATE.command, patch=(inside.stop_before_write, 3, False))
    assert rig.wait_until_stopped(first)
    wait_until(lambda: rig.run(*CREATE.command).code == 0)  # it may be paused only: locked until it lapses
    assert_fenced(rig, first)
    converge(rig, CREATE)


def test_a_runner_that_is_at_work_is_not_taken_over(rig):
    rig.fault("write=2,when=before,do=hang")
    first = rig.start(*CREATE.command)
    assert rig.wait_until_held(first)
    before = len(rig.writes())
    second = rig.apply()
    assert second.code == 4
    assert f"pid {first.pid}" in second.text
    assert len(rig.writes()) == before
    rig.clear_faults()
    assert rig.end(first).code == 0
    settle(rig, runs=1)
