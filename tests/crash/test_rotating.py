"""Rotations: interrupted where it hurts most, while an app settles, with one of two switched, and often."""

import random
import time

import pytest

from tests.waiting import wait_until

from . import inside
from .conftest import SPEC
from .judging import assert_whole, settle
from .stories import APPLY, RENAMED, ROTATE, Story, killed_at_write, make, prepared

PATCH = 2  # the second write of a rotation delivers
SECOND = SPEC[SPEC.index("  as-viewer:") : SPEC.index("  as-robot:")].replace("as-viewer", "as-viewer-too")
SEED = 20_240_229


def test_a_kill_between_patch_and_record_costs_a_third_secret_for_a_moment(rig):
    with prepared(rig, ROTATE):
        assert killed_at_write(rig, ROTATE, PATCH, "after")
        two = rig.secrets()
        assert len(two) == 2
        rig.fault("method=PATCH,request=1,when=before,do=hang")
        process = rig.start(*APPLY)
        assert rig.wait_until_held(process)
        three = rig.secrets()
        assert len(three) == 3
        assert set(two) < set(three), "one was revoked before the third was delivered"
        rig.clear_faults()
        assert rig.end(process).code == 0
        settle(rig)
        assert set(rig.secrets()) == set(three) - set(two)


# --- an app -----------------------------------------------------------------------------------------------


def rotate_app(rig, *more):
    command = ("rotate", "oauth_apps.viewer", "spec.yaml", "--yes", "--parallelism", "1", *more)
    refused = rig.run(*command)
    digest = refused.text.partition("--approve ")[2].split()[0].rstrip(",")
    return (*command[:3], *command[4:], "--approve", digest)


def test_an_app_is_switched_to_after_it_has_settled(rig):
    make(rig)
    with rig.probing():
        began = time.monotonic()
        assert rig.run(*rotate_app(rig, "--settle", "1s")).code == 0
        assert time.monotonic() - began >= 1
        assert_whole(rig)


def test_a_kill_while_an_app_settles_leaves_the_old_one_at_work(rig):
    make(rig)
    old = {app["integration_id"] for app in rig.state()["databricks"]["apps"]}
    with rig.probing():
        command = rotate_app(rig, "--settle", "60s")
        before = len(rig.ledger()["resources"]["oauth_apps.viewer"].get("formers", ()))
        process = rig.start(*command)
        wait_until(lambda: len(rig.ledger()["resources"]["oauth_apps.viewer"].get("formers", ())) != before)
        rig.kill(process)
        (new,) = {app["integration_id"] for app in rig.state()["databricks"]["apps"]} - old
        settle(rig)
        left = {app["integration_id"] for app in rig.state()["databricks"]["apps"]}
        assert not left & {new, *old}, "the secret of the new one is lost, and the old one was superseded"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [2, 3])
def test_a_kill_with_one_of_two_integrations_switched_is_survived(rig, number, when):
    spec = RENAMED.replace("  as-robot:\n", SECOND + "  as-robot:\n")
    story = Story(
        spec, APPLY, 4, 6, apps=("renamed",), integrations=("as-robot", "as-viewer", "as-viewer-too")
    )
    rig.write(spec.replace("    name: renamed\n", ""))
    assert rig.apply().code == 0
    rig.write(spec)
    with rig.probing():
        assert killed_at_write(rig, story, number, when)
        ended = rig.approving(rig.apply())
        assert ended.code == 0, ended.text
        settle(rig, story)


# --- many -------------------------------------------------------------------------------------------------


def test_a_hundred_rotations_never_leave_connect_without_a_living_secret(rig):
    with prepared(rig, ROTATE):
        rig.patches.append((inside.again_and_again, 100))
        ended = rig.end(rig.start(*ROTATE.command), 180)
        rig.patches.clear()
        assert ended.code == 0, ended.text
        assert rig.writes().count(("PATCH", rig.writes()[-2][1])) == 100
        assert_whole(rig)


def test_rotations_that_are_killed_at_random_never_do_either(rig):
    dice = random.Random(SEED)
    with prepared(rig, ROTATE):
        for _ in range(12):
            for _ in range(dice.randint(1, 3)):  # each may leave one more secret, and five are the most
                number, when = dice.randint(1, 5), dice.choice(["before", "after"])
                if dice.random() < 0.5:
                    killed_at_write(rig, ROTATE, number, when)
                else:
                    rig.run(*ROTATE.command, patch=(inside.die_at_commit, number, when))
            rotated = rig.run(*ROTATE.command)
            assert rotated.code == 0, rotated.text
        settle(rig)
