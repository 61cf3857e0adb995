"""What the rules are there for: one short story each, which goes wrong as soon as its rule is dropped."""

from . import inside
from .judging import assert_whole, settle
from .stories import APPLY, CREATE, ROTATE, prepared

APPS = "custom-app-integrations$"
SECRETS = "credentials/secrets$"
INTEGRATIONS = "oauth/integrations$"
AT_ONCE = (inside.take_over_at_once,)


def held_at(rig, story, method, path, when="before"):
    """The story's run, its first such request held by the sandbox."""
    rig.fault(f"method={method},path={path},request=1,when={when},do=hang")
    process = rig.start(*story.command)
    assert rig.wait_until_held(process)
    return process


def killed_at(rig, story, method, path, when):
    """Kills the story's run at a request, before or after it took effect."""
    rig.kill(held_at(rig, story, method, path, when))
    rig.clear_faults()


def stopped_before_write(rig, story, number):
    """The story's run, stopped between the lease check and the socket."""
    process = rig.start(*story.command, patch=(inside.stop_before_write, number))
    assert rig.wait_until_stopped(process)
    return process


def assert_fenced(rig, process):
    """The runner that is woken up makes at most the one call that it was about to make."""
    before = len(rig.writes())
    ended = rig.go_on(process)
    late = rig.writes()[before:]
    assert len(late) <= 1, f"more than one late call: {late}"
    assert ended.code == 4, f"exit {ended.code}: {ended.text}"


def converge(rig, story):
    """A run, the end of the quarantine, and another run.

    An app that was delivered after the take-over has to be replaced once more, and that wants an approval.
    """
    ended = rig.approving(rig.apply())
    assert ended.code == 0, ended.text
    for orphan in rig.stray_principals():
        assert orphan in ended.text  # a name is no proof: it's left for a person to judge
        rig.delete_principal(orphan)
    rig.wait_out_quarantine()
    settle(rig, story)


# --- the scenarios ---------------------------------------------------------------------------------------


def an_app_was_made_and_nobody_heard(rig):
    killed_at(rig, CREATE, "POST", APPS, "after")
    settle(rig)


def an_integration_was_made_and_nobody_heard(rig):
    with rig.probing():
        killed_at(rig, CREATE, "POST", INTEGRATIONS, "after")
        settle(rig)


def the_answer_of_a_create_is_lost(rig):
    rig.fault(f"method=POST,path={APPS},request=1,when=after,do=reset")
    rig.apply()
    settle(rig)


def an_app_was_made_and_lists_hide_it(rig):
    rig.knobs(list_lag=3)
    killed_at(rig, CREATE, "POST", APPS, "after")
    rig.knobs(list_lag=0)
    settle(rig)


def an_app_arrives_after_its_successor_was_made(rig):
    arrive = rig.hold_back(f"method=POST,path={APPS},request=1")
    rig.run(*CREATE.command)
    settle(rig)
    assert arrive() == [200]
    assert rig.apply().code == 0
    assert_whole(rig)


def an_integration_arrives_that_may_carry_either_of_two_secrets(rig):
    arrive = rig.hold_back(f"method=POST,path={INTEGRATIONS},request=2")  # the robot's
    assert rig.run(*CREATE.command).code == 1
    killed_at(rig, CREATE, "POST", INTEGRATIONS, "before")  # the same once more, with a second secret
    assert arrive() == [200]
    settle(rig)


def connect_has_the_new_secret_and_nobody_heard(rig):
    with prepared(rig, ROTATE):
        killed_at(rig, ROTATE, "PATCH", INTEGRATIONS.rstrip("$"), "after")
        settle(rig)


def connect_refuses_the_new_secret(rig):
    with prepared(rig, ROTATE):
        rig.fault("method=PATCH,request=1,do=400")
        refused = rig.run(*ROTATE.command)
        assert refused.code == 1, refused.text
        settle(rig)


def a_rotation_is_killed_before_it_delivers(rig):
    with prepared(rig, ROTATE):
        killed_at(rig, ROTATE, "PATCH", INTEGRATIONS.rstrip("$"), "before")
        settle(rig)


def a_paused_runner_delivers_after_it_was_taken_over(rig):
    with prepared(rig, ROTATE):
        first = stopped_before_write(rig, ROTATE, 2)
        assert rig.run(*APPLY, patch=AT_ONCE).code == 0
        assert_fenced(rig, first)
        converge(rig, ROTATE)


def another_identity_makes_the_same_app_and_ours_is_lost(rig):
    process = held_at(rig, CREATE, "POST", APPS)
    rig.foreign_app()
    rig.kill(process)
    rig.clear_faults()
    settle(rig)


def somebody_issues_a_secret_and_ours_is_lost(rig):
    with prepared(rig, ROTATE):
        process = held_at(rig, ROTATE, "POST", SECRETS)
        rig.foreign_secret()
        rig.kill(process)
        rig.clear_faults()
        settle(rig)


SCENARIOS = (
    an_app_was_made_and_nobody_heard,
    an_integration_was_made_and_nobody_heard,
    the_answer_of_a_create_is_lost,
    an_app_was_made_and_lists_hide_it,
    an_app_arrives_after_its_successor_was_made,
    an_integration_arrives_that_may_carry_either_of_two_secrets,
    connect_has_the_new_secret_and_nobody_heard,
    connect_refuses_the_new_secret,
    a_rotation_is_killed_before_it_delivers,
    a_paused_runner_delivers_after_it_was_taken_over,
    another_identity_makes_the_same_app_and_ours_is_lost,
    somebody_issues_a_secret_and_ours_is_lost,
)
