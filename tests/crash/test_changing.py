"""Rotate, replace, delete and destroy, killed around every remote write and every ledger write.

However it is interrupted, at most two undisturbed runs end where one would have, and at no instant does
Connect hold a credential that was revoked.
"""

import re

import pytest

from .judging import assert_gone, assert_whole, settle
from .stories import CHANGES, each_commit, each_write, killed_at_write, make, prepared


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
    return ("destroy", "spec.yaml", "--approve", digest[0])


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
