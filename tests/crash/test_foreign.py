"""What others make at any point, with our app's name or on our service principal, is never touched."""

import os
import signal

import pytest

from . import inside
from .judging import assert_foreign_untouched, assert_whole, settle
from .scenarios import APPS, SECRETS, held_at, killed_at
from .stories import CREATE, ROTATE, killed_at_write, prepared

OTHER_SETTINGS = {"scopes": ["all-apis"]}


def stopped_between_plan_and_intent(rig, story):
    """The story's run: it has planned, and is about to write its intent."""
    process = rig.start(*story.command, patch=(inside.stop_before_commit, 1))
    assert rig.wait_until_stopped(process)
    return process


def go_on_and_be_killed(rig, process, path, when):
    """Lets a stopped run go on until its POST, and kills it there."""
    rig.fault(f"method=POST,path={path},request=1,when={when},do=hang")
    os.kill(process.pid, signal.SIGCONT)
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()


# --- apps ------------------------------------------------------------------------------------------------

FOREIGN_APPS = {
    "by another identity": {},
    "by the same identity with other settings": {"same_identity": True, **OTHER_SETTINGS},
}


@pytest.fixture(params=FOREIGN_APPS)
def foreign_app(request):
    return lambda rig: rig.foreign_app(**FOREIGN_APPS[request.param])


def test_an_app_that_was_there_before_the_plan_is_left_alone_and_the_ways_out_are_named(rig, foreign_app):
    foreign_app(rig)
    ended = rig.apply()
    assert ended.code == 1
    assert "lifecycle: {adopt:" in ended.text  # its secret is needed, and nobody here has it
    assert_foreign_untouched(rig)
    assert all("custom-app-integrations" not in path for method, path in rig.writes() if method != "POST")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_app_that_was_there_before_the_plan_is_none_of_ours_after_a_kill(rig, when):
    """A public one: it isn't matched by name, and not by an intent either."""
    rig.foreign_app(same_identity=True, confidential=False)
    killed_at(rig, CREATE, "POST", APPS, when)
    settle(rig)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_app_that_appears_between_plan_and_intent_is_left_alone(rig, foreign_app, when):
    process = stopped_between_plan_and_intent(rig, CREATE)
    foreign_app(rig)
    go_on_and_be_killed(rig, process, APPS, when)
    settle(rig)


def test_an_app_that_appears_between_intent_and_create_disturbs_nobody(rig, foreign_app):
    process = held_at(rig, CREATE, "POST", APPS)
    foreign_app(rig)
    rig.clear_faults()
    assert rig.end(process).code == 0
    assert_whole(rig)


def test_an_app_that_appears_between_intent_and_a_lost_create_is_left_alone(rig, foreign_app):
    process = held_at(rig, CREATE, "POST", APPS)
    foreign_app(rig)
    rig.kill(process)
    rig.clear_faults()
    settle(rig)


def test_an_app_that_appears_after_a_create_whose_answer_was_lost_is_left_alone(rig, foreign_app):
    killed_at(rig, CREATE, "POST", APPS, "after")
    foreign_app(rig)
    settle(rig)


def test_an_app_that_appears_after_a_create_was_given_up_is_left_alone(rig, foreign_app):
    killed_at(rig, CREATE, "POST", APPS, "before")
    settle(rig)
    foreign_app(rig)
    settle(rig)


def test_two_apps_of_which_one_is_ours_are_asked_about(rig):
    killed_at(rig, CREATE, "POST", APPS, "after")
    rig.foreign_app(same_identity=True)
    before = rig.ids()
    asked = rig.apply()
    assert asked.code == 1
    assert "create-unresolved" in asked.text
    assert before <= rig.ids()


# --- secrets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_secret_that_was_there_before_the_plan_is_left_alone(rig, when):
    with prepared(rig, ROTATE):
        rig.foreign_secret()
        assert killed_at_write(rig, ROTATE, 1, when)
        settle(rig)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_secret_that_appears_between_plan_and_intent_is_left_alone(rig, when):
    with prepared(rig, ROTATE):
        process = stopped_between_plan_and_intent(rig, ROTATE)
        rig.foreign_secret()
        go_on_and_be_killed(rig, process, SECRETS, when)
        settle(rig)


def test_a_secret_that_appears_between_intent_and_create_disturbs_nobody(rig):
    with prepared(rig, ROTATE):
        process = held_at(rig, ROTATE, "POST", SECRETS)
        rig.foreign_secret()
        rig.clear_faults()
        assert rig.end(process).code == 0
        assert_whole(rig)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_secret_that_appears_late_is_left_alone(rig, when):
    with prepared(rig, ROTATE):
        assert killed_at_write(rig, ROTATE, 1, when)
        rig.foreign_secret()
        settle(rig)
        rig.foreign_secret()
        settle(rig)


def test_a_secret_on_a_service_principal_that_was_just_made_is_left_alone(rig):
    process = held_at(rig, CREATE, "POST", SECRETS)
    rig.foreign_secret()
    rig.kill(process)
    rig.clear_faults()
    settle(rig)


def test_without_a_free_slot_a_rotation_is_refused_before_anything_is_changed(rig):
    with prepared(rig, ROTATE):
        for _ in range(4):
            rig.foreign_secret()
        writes = len(rig.writes())
        refused = rig.run(*ROTATE.command)
        assert refused.code == 1
        assert "secret-cap" in refused.text
        assert len(rig.writes()) == writes
        assert_foreign_untouched(rig)


def test_five_foreign_secrets_leave_no_slot_for_a_first_one(rig):
    killed_at(rig, CREATE, "POST", SECRETS, "before")
    for _ in range(5):
        rig.foreign_secret()
    before = rig.ids()
    refused = rig.apply()
    assert refused.code == 1
    assert "secret-cap" in refused.text
    assert before <= rig.ids()
