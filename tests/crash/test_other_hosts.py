"""A run of another host can't be proven dead: what it was delivering is quarantined. A reused pid can."""

import os

import pytest

from . import inside
from .judging import settle
from .stories import CREATE, REPLACE, ROTATE, killed_at_write, prepared

ELSEWHERE = {"host": "elsewhere", "machine": "", "boot": "another"}
SILENT = (inside.leases_of, 60.0, 35.0, 15.0, 0.4, 0.05)  # a lease that isn't renewed for long enough


def killed_elsewhere(rig, story, number, when):
    assert killed_at_write(rig, story, number, when)
    rig.move_runners(**ELSEWHERE)


def credentials(rig):
    return set(rig.secrets()) | {app["integration_id"] for app in rig.state()["databricks"]["apps"]}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("story", [ROTATE, REPLACE], ids=["rotate", "replace"])
def test_what_another_host_was_delivering_is_revoked_a_quarter_of_an_hour_later(rig, story, when):
    with prepared(rig, story):
        before = credentials(rig)
        killed_elsewhere(rig, story, 2, when)
        (sending,) = credentials(rig) - before
        over = rig.apply(patch=SILENT)
        assert over.code == 0, over.text
        assert sending in credentials(rig), "the run that took over revoked it"
        again = rig.apply()
        assert again.code == 0, again.text
        assert sending in credentials(rig), "it was revoked within a quarter of an hour"
        if state_of(rig, sending) == "held":
            return  # the integration shows that it arrived
        rig.wait_out_quarantine()
        settle(rig, story)
        assert sending not in credentials(rig)


def state_of(rig, live_id):
    for entry in rig.ledger()["resources"].values():
        if entry["id"] == live_id:
            return entry["credential"]["state"]
    return ""


@pytest.mark.parametrize("number", range(1, CREATE.writes + 1))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_create_that_was_killed_on_another_host_is_finished(rig, number, when):
    killed_elsewhere(rig, CREATE, number, when)
    over = rig.apply(patch=SILENT)
    assert over.code == 0, over.text
    rig.wait_out_quarantine()
    settle(rig)


@pytest.mark.parametrize("story", [ROTATE, REPLACE], ids=["rotate", "replace"])
def test_a_quarantined_credential_that_was_delivered_after_all_is_replaced_before_it_goes(rig, story):
    """The paused runner of another host wakes up after the take-over: what it delivers is alive."""
    with prepared(rig, story):
        first = rig.start(*story.command, patch=(inside.stop_before_write, 2))
        assert rig.wait_until_stopped(first)
        rig.move_runners(**ELSEWHERE)
        over = rig.apply(patch=SILENT)
        assert over.code == 0, over.text
        assert rig.go_on(first).code == 4
        rig.wait_out_quarantine()
        # an app that was delivered is used: to replace it once more wants an approval
        ended = rig.approving(rig.apply())
        assert ended.code == 0, ended.text
        settle(rig, story)


def test_a_pid_that_is_used_by_another_process_by_now_is_proven_dead(rig):
    """The lease names this very process, and another start time: nobody is waited for."""
    assert killed_at_write(rig, CREATE, 5, "after")
    rig.move_runners(pid=os.getpid(), start="1")
    rig.patches.append((inside.leases_of, 60.0, 35.0, 15.0, 3600.0, 0.05))  # a wait would never end
    settle(rig, runs=1)


def test_a_process_that_runs_is_never_proven_dead(rig):
    """The lease names this very process, by its true start time: it is waited for, and named."""
    from reconciler.ledger import current_runner

    here = current_runner()
    assert killed_at_write(rig, CREATE, 5, "after")
    rig.move_runners(pid=here.pid, start=here.start)
    refused = rig.apply()
    assert refused.code == 4
    assert f"pid {here.pid}" in refused.text
