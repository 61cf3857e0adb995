"""Rotate, replace, delete and destroy, killed around every remote write and every ledger write.

However it is interrupted, at most two undisturbed runs end where one would have, and at no instant does
Connect hold a credential that was revoked.
"""

import re
from dataclasses import dataclass

import pytest

from .conftest import SPEC
from .judging import assert_gone, assert_whole

RENAMED = SPEC.replace("  viewer:\n", "  viewer:\n    name: renamed\n") + "approve: [oauth_apps.viewer]\n"
WITHOUT = SPEC[: SPEC.index("  as-viewer:")] + SPEC[SPEC.index("  as-robot:") :]
WITHOUT = WITHOUT.replace(SPEC[SPEC.index("oauth_apps:") : SPEC.index("service_principals:")], "")
WITHOUT += "approve: [connect_integrations.as-viewer]\n"


@dataclass(frozen=True)
class Story:
    """A change to be interrupted.

    Attributes:
        spec: what is wanted.
        command: the command that is interrupted.
        writes: how many remote writes an undisturbed run makes.
        commits: how many ledger writes it makes.
    """

    spec: str
    command: tuple
    writes: int
    commits: int
    apps: tuple = ("viewer",)
    integrations: tuple = ("as-robot", "as-viewer")


STORIES = {
    "rotate": Story(SPEC, ("rotate", "service_principals.robot", "spec.yaml", "--yes"), 3, 5),
    "replace": Story(RENAMED, ("apply", "spec.yaml", "--yes"), 3, 5, apps=("renamed",)),
    "delete": Story(WITHOUT, ("apply", "spec.yaml", "--yes"), 2, 3, apps=(), integrations=("as-robot",)),
}


def settle(rig, story):
    for _ in range(2):
        ended = rig.apply()
        if ended.code == 0:
            break
    assert ended.code == 0, ended.text
    assert_whole(rig, apps=story.apps, integrations=story.integrations)


def prepared(rig, story):
    """The stack as it was before, a probe at work, and the story's spec in place."""
    assert rig.apply().code == 0
    rig.write(story.spec)
    return rig.probing()


@pytest.mark.parametrize("name", STORIES)
def test_an_undisturbed_run_does_it_at_once(rig, name):
    story = STORIES[name]
    with prepared(rig, story):
        before = len(rig.writes())
        assert rig.run(*story.command).code == 0
        assert len(rig.writes()) - before == story.writes
        assert_whole(rig, apps=story.apps, integrations=story.integrations)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("name", "number"), [(n, i) for n, s in STORIES.items() for i in range(1, s.writes + 1)]
)
def test_a_kill_around_a_remote_write_is_survived(rig, name, number, when):
    story = STORIES[name]
    with prepared(rig, story):
        rig.fault(f"write={number},when={when},do=hang")
        process = rig.start(*story.command)
        assert rig.wait_until_held(process)
        rig.kill(process)
        rig.clear_faults()
        settle(rig, story)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("name", "number"), [(n, i) for n, s in STORIES.items() for i in range(1, s.commits + 1)]
)
def test_a_kill_around_a_ledger_write_is_survived(rig, name, number, when):
    story = STORIES[name]
    with prepared(rig, story):
        rig.killed_at_commit(*story.command, number=number, when=when)
        settle(rig, story)


@pytest.mark.parametrize("how", ["reset", "502", "html"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("name", "number"), [(n, i) for n, s in STORIES.items() for i in range(1, s.writes + 1)]
)
def test_a_lost_answer_is_survived(rig, name, number, when, how):
    story = STORIES[name]
    with prepared(rig, story):
        rig.fault(f"write={number},when={when},do={how}")
        rig.run(*story.command)
        rig.clear_faults()
        settle(rig, story)


def destroy(rig):
    refused = rig.run("destroy", "spec.yaml")
    digest = re.search(r"sha256:[0-9a-f]{64}", refused.text)
    return ("destroy", "spec.yaml", "--approve", digest[0])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_killed_destroy_is_finished_by_the_next(rig, number, when):
    assert rig.apply().code == 0
    rig.fault(f"write={number},when={when},do=hang")
    process = rig.start(*destroy(rig))
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    assert rig.run(*destroy(rig)).code == 0
    assert_gone(rig)


@pytest.mark.parametrize("number", range(1, 6))
def test_after_a_killed_destroy_the_spec_can_have_it_all_again(rig, number):
    assert rig.apply().code == 0
    rig.fault(f"write={number},when=before,do=hang")
    process = rig.start(*destroy(rig))
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    condemned = rig.condemned()
    ended = rig.apply()
    if ended.code == 3:  # what is gone may need an approval to be made again
        digest = re.search(r"--approve (sha256:[0-9a-f]{64})", ended.text)
        ended = rig.run("apply", "spec.yaml", "--approve", digest[1])
    assert ended.code == 0, ended.text
    assert_whole(rig)
    assert not condemned & rig.ids()
