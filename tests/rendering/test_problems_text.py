"""Every problem at once, each with its place and what to do next."""

from reconciler.errors import AnswerError, Location, Problem, Severity, SpecError, StaleError
from reconciler.rendering import Look, Palette, errors_text, problems_text

PROBLEMS = (
    Problem(Severity.WARNING, "approval-unneeded", "nothing of it needs an approval", "oauth_apps.b"),
    Problem(
        Severity.ERROR,
        "unknown-key",
        "'redirect_url' isn't known here",
        "oauth_apps.a",
        Location("specs/prod.yaml", 14, 5),
        "did you mean 'redirect_urls'?",
    ),
    Problem(
        Severity.ERROR, "required", "scopes is missing", "oauth_apps.a", Location("specs/prod.yaml", 9, 3)
    ),
    Problem(Severity.ERROR, "yaml", "a key is given twice: 'stack'", "", Location("specs/b.yaml", 2, 1)),
)


def test_problems_are_sorted_by_place_and_all_shown(golden):
    golden("problems", problems_text(PROBLEMS))


def test_no_problems_are_no_text():
    assert problems_text(()) == ""


def test_colour_marks_the_severity_only():
    plain = problems_text(PROBLEMS)
    coloured = problems_text(PROBLEMS, Look(palette=Palette(enabled=True)))
    for code in ("\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"):
        assert code in coloured
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_a_spec_error_is_all_its_problems():
    assert errors_text([SpecError(PROBLEMS)]) == problems_text(PROBLEMS)


def test_an_error_says_what_where_and_what_next():
    error = StaleError(
        "oauth_apps.a has moved since the plan was made", hint="plan again", address="oauth_apps.a"
    )
    assert errors_text([error]) == (
        "error[stale] oauth_apps.a: oauth_apps.a has moved since the plan was made\n  help: plan again\n"
    )


def test_a_remote_error_carries_the_request_id():
    text = errors_text([AnswerError("the server said no", status=400, request_id="req-1")])
    assert text == "error[refused] the server said no\n  request id: req-1\n"


def test_a_long_hint_is_wrapped_under_itself():
    problem = Problem(Severity.ERROR, "x", "message", hint="word " * 30)
    lines = problems_text([problem], Look(width=60)).splitlines()
    assert lines[1].startswith("  help: word")
    assert all(line.startswith("        word") and len(line) <= 60 for line in lines[2:])
