"""Nothing happens without a yes, and nothing dangerous without an approval: exit 3 with the words to use."""

from __future__ import annotations

import pytest

SPEC = "specs/stack.yaml"


@pytest.fixture
def renamed(place):
    """A stack with a replace pending, which needs an approval."""
    want = place.viewers()
    place.write(want)
    place.apply()
    want["oauth_apps"]["app"]["name"] = "renamed"
    place.write(want)
    return want


def test_without_a_terminal_apply_wants_yes(place):
    place.write(place.viewers())
    with place.untouched():
        refused = place.run("apply", SPEC, "--format", "json", code=3).says("--yes")
    (error,) = refused.json["errors"]
    assert "--yes" in error["message"]
    assert not place.ledger.exists()


def test_at_a_terminal_only_yes_is_a_yes(place):
    place.write(place.viewers())
    with place.untouched():
        for answer in ("no", "y"):
            place.answer(answer, "apply", SPEC, code=3)
    place.answer("yes", "apply", SPEC)
    assert place.wiring()["Viewer"]["valid"]
    # nothing to do, nothing to ask
    place.run("apply", SPEC)


def test_a_yes_is_no_approval_and_the_refusal_says_how_to_give_one(place, renamed):
    plan = place.plan()
    assert plan["needs_approval"]
    with place.untouched():
        place.apply(code=3).says(f"--approve {plan['digest']}", "approve: [oauth_apps.app]", "oauth_apps.app")
        place.run("apply", SPEC, "--approve", "sha256:" + "0" * 64, code=3).says(plan["digest"])
        renamed["connect_integrations"]["viewer"]["description"] = "slipped in"
        place.write(renamed)
        place.run("apply", SPEC, "--yes", "--approve", plan["digest"], code=3)
    del renamed["connect_integrations"]["viewer"]["description"]
    place.write(renamed)
    place.run("apply", SPEC, "--approve", plan["digest"])
    assert set(place.apps()) == {"renamed"}


def test_a_typed_yes_approves_what_was_shown(place, renamed):
    with place.untouched():
        place.answer("no", "apply", SPEC, code=3).says("approv")
    place.answer("yes", "apply", SPEC)
    assert set(place.apps()) == {"renamed"}


def test_an_approval_in_the_spec_works_once(place, renamed):
    place.write(renamed, approve=["oauth_apps.app"])
    place.apply()
    assert set(place.apps()) == {"renamed"}
    assert [finding["code"] for finding in place.plan()["findings"]] == ["approval-used"]
    renamed["oauth_apps"]["app"]["name"] = "renamed-again"
    place.write(renamed, approve=["oauth_apps.app"])
    with place.untouched():
        place.apply(code=3).says("--approve")


def test_an_approval_that_nothing_needs_is_a_warning(place):
    place.write(place.viewers(), approve=["oauth_apps.app"])
    plan = place.plan()
    assert [finding["code"] for finding in plan["findings"]] == [
        "no-custody",
        "approval-unneeded",
    ]
    assert plan["needs_approval"] is False


def test_a_wrong_command_line_is_exit_1(place):
    for words in (
        ("frobnicate",),
        ("plan", "--frobnicate"),
        ("apply", "--parallelism", "0"),
        ("plan", SPEC, "--var", "novalue"),
        ("plan", SPEC, "--target", "nonsense"),
        ("plan", "no-such-file.yaml"),
        (),
    ):
        place.run(*words, code=1)


def test_quiet_says_nothing_unless_something_failed_or_was_refused(place):
    place.write({"oauth_apps": {"app": place.app(scopes=["all-apis", "offline_access", "unheard-of"])}})
    for words in (["validate"], ["plan"], ["apply", "--yes"], ["plan"], ["drift"], ["ledger", "show"]):
        assert place.run(*words, SPEC, "--quiet").err == ""
    place.run("plan", SPEC, "--target", "oauth_apps.ap", "--quiet", code=1).says(
        "did you mean oauth_apps.app?"
    )
    place.run("rotate", "oauth_apps.ap", SPEC, "--quiet", code=1).says("did you mean oauth_apps.app?")
    assert place.run("destroy", SPEC, "--quiet", code=3).err != ""
