"""Each rule is needed: drop it, and the scenario that it is there for goes wrong, in the expected way."""

import pytest

from . import scenarios
from .dropping import drop

# rule → the scenario, and what is seen to be wrong when the rule is dropped
NEEDED = {
    "1": (scenarios.an_app_was_made_and_nobody_heard, "it doesn't settle: .*needs approval"),
    "2": (scenarios.connect_has_the_new_secret_and_nobody_heard, "dead at some instant"),
    "3": (scenarios.the_answer_of_a_create_is_lost, r"apps: \['viewer', 'viewer'\]"),
    "5": (scenarios.an_app_was_made_and_lists_hide_it, r"apps: \['viewer', 'viewer'\]|the plan isn't empty"),
    "6": (scenarios.an_app_arrives_after_its_successor_was_made, r"apps: \['viewer', 'viewer'\]"),
    "7": (scenarios.an_integration_arrives_that_may_carry_either_of_two_secrets, "a dead credential"),
    "8": (scenarios.connect_has_the_new_secret_and_nobody_heard, "dead at some instant"),
    "9": (scenarios.connect_refuses_the_new_secret, "dead at some instant"),
    "10": (scenarios.connect_has_the_new_secret_and_nobody_heard, "dead at some instant"),
    "11": (scenarios.a_rotation_is_killed_before_it_delivers, "secrets: .*, "),
    "14": (scenarios.a_paused_runner_delivers_after_it_was_taken_over, "dead at some instant"),
    "15": (scenarios.a_paused_runner_delivers_after_it_was_taken_over, "more than one late call: .*DELETE"),
    "creator": (scenarios.another_identity_makes_the_same_app_and_ours_is_lost, "foreign objects are gone"),
    "tag": (scenarios.somebody_issues_a_secret_and_ours_is_lost, "foreign objects are gone"),
}


@pytest.mark.parametrize("scenario", scenarios.SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_with_all_rules_in_place_it_ends_well(rig, scenario):
    scenario(rig)


@pytest.mark.parametrize("rule", NEEDED)
def test_without_one_rule_it_goes_wrong(rig, rule):
    scenario, symptom = NEEDED[rule]
    rig.patches.append((drop, rule))
    with pytest.raises(AssertionError, match=f"(?s){symptom}"):
        scenario(rig)
