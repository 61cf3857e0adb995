"""A create, killed around every write, remote or to the ledger: the next runs end where one would have."""

import pytest

from .judging import settle
from .stories import CREATE, killed_at_write

WRITES = range(1, CREATE.writes + 1)
COMMITS = range(1, CREATE.commits + 1)


def test_an_undisturbed_run_needs_no_second_one(rig):
    settle(rig, runs=1)
    assert len(rig.writes()) == len(WRITES)


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_write_is_survived(rig, number, when):
    assert killed_at_write(rig, CREATE, number, when)
    settle(rig)


@pytest.mark.parametrize("number", COMMITS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_ledger_write_is_survived(rig, number, when):
    rig.killed_at_commit(*CREATE.command, number=number, when=when)
    settle(rig)


@pytest.mark.parametrize("number", WRITES)
def test_a_second_kill_in_the_recovery_is_survived(rig, number):
    for when in ("after", "before"):
        killed_at_write(rig, CREATE, min(number, 2) if when == "before" else number, when)
    settle(rig)
