"""Rotate, replace, delete and destroy, killed around every remote write and every ledger write.

However it is interrupted, at most two undisturbed runs end where one would have, and at no instant does
Connect hold a credential that was revoked.
"""

import re

import pytest

from .judging import assert_gone, assert_whole, settle
from .stories import CHANGES, each_commit, each_write, killed_at_write, make, prepared

DESTROY_COMMITS = 4  # of an undisturbed destroy: what is ready at one time shares a write


@pytest.mark.parametrize("name", CHANGES)
def test_an_undisturbed_run_does_it_at_once(rig, name):
    story = CHANGES[name]
    with prepared(rig, story):
        before = len(rig.writes())
        assert rig.run(*story.command).code == 0
        assert len(rig.writes()) - before == story.writes
        assert_whole(rig, apps=story.apps, integrations=story.integrations)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("name", "number"), each_write(CHANGES))
def test_a_kill_around_a_remote_write_is_survived(rig, name, number, when):
    story = CHANGES[name]
    with prepared(rig, story):
        assert killed_at_write(rig, story, number, when)
        settle(rig, story)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("name", "number"), each_commit(CHANGES))
def test_a_kill_around_a_ledger_write_is_survived(rig, name, number, when):
    story = CHANGES[name]
    with prepared(rig, story):
        rig.killed_at_commit(*story.command, number=number, when=when)
        settle(rig, story)


def destroy(rig):
    refused = rig.run("destroy", "spec.yaml")
    digest = re.search(r"sha256:[0-9a-f]{64}", refused.text)
    # nothing is left, so there is no plan to approve
    return ("destroy", "spec.yaml", *(("--approve", digest[0]) if digest else ()))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_killed_destroy_is_finished_by_the_next(rig, number, when):
    make(rig)
    rig.fault(f"write={number},when={when},do=hang")
    process = rig.start(*destroy(rig))
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    assert rig.run(*destroy(rig)).code == 0
    assert_gone(rig)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, DESTROY_COMMITS + 1))
def test_a_destroy_killed_around_a_ledger_write_is_finished_by_the_next(rig, number, when):
    make(rig)
    rig.killed_at_commit(*destroy(rig), "--parallelism", "1", number=number, when=when)
    assert rig.run(*destroy(rig)).code == 0
    assert_gone(rig)


@pytest.mark.parametrize("how", ["reset", "502", "cut", "html"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_lost_answer_of_a_destroy_is_survived(rig, number, when, how):
    make(rig)
    rig.fault(f"write={number},when={when},do={how}")
    first = rig.run(*destroy(rig))
    rig.clear_faults()
    if first.code != 0:
        assert rig.run(*destroy(rig)).code == 0
    assert_gone(rig)


@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_killed_destroy_is_finished_while_lists_lag(rig, number, lag):
    make(rig)
    rig.knobs(list_lag=lag)
    rig.fault(f"write={number},when=after,do=hang")
    process = rig.start(*destroy(rig))
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    assert rig.run(*destroy(rig)).code == 0
    assert_gone(rig)


@pytest.mark.parametrize("number", range(1, 6))
def test_after_a_killed_destroy_the_spec_can_have_it_all_again(rig, number):
    make(rig)
    rig.fault(f"write={number},when=before,do=hang")
    process = rig.start(*destroy(rig))
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    condemned = rig.condemned()
    ended = rig.approving(rig.apply())  # what is gone may need an approval to be made again
    assert ended.code == 0, ended.text
    assert_whole(rig)
    assert not condemned & rig.ids()
