"""The steps of the GitHub action and its workflows, run for real."""

from __future__ import annotations

import json
import shutil
from email.message import Message
from typing import Any

import pytest

from reconciler import sandbox as box

from .conftest import HOSTILE, ROOT, Ran, Runner, document, job_step, service

needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="jq isn't installed; GitHub's runners have it")
PLAN_OF_A = "<!-- reconcile:plan:a -->"
RUN_URL = "https://github.example.org/org/repo/actions/runs/1"


def workflow_step(runner: Runner, file: str, job: str, name: str, **more: str) -> Ran:
    """A step of a job without a checkout, in whose folder the report of the job before it lies."""
    jobs_folder = runner.checkout
    runner.checkout = runner.temp / "empty-job"
    shutil.rmtree(runner.checkout, ignore_errors=True)
    runner.checkout.mkdir()
    shutil.copytree(runner.temp / "reconcile", runner.checkout / "report")
    values = {
        "github__token": "token",
        "github__repository": "org/repo",
        "github__server_url": "https://github.example.org",
        "github__run_id": "1",
        "github__event__pull_request__number": "7",
        "github__event__pull_request__head__sha": "0123abc",
        **more,
    }
    try:
        return runner.step(job_step(file, job, name), **values)
    finally:
        runner.checkout = jobs_folder


def comment(runner: Runner) -> list[str]:
    """The bodies of the comments, after the commenting job."""
    workflow_step(runner, "reconcile-plan.yml", "comment", "Comment").ended()
    return [row["body"] for row in runner.state["comments"]]


def follow_up(runner: Runner, drift: Ran) -> list[tuple[str, str]]:
    """State and body of the issues, after the job that looks after them."""
    code = drift.outputs["exit-code"]
    name = "Open, update or close the issue"
    workflow_step(runner, "reconcile-drift.yml", "issue", name, needs__drift__outputs__exit_code=code).ended()
    return [(row["state"], row["body"]) for row in runner.state["issues"]]


def test_a_plan_with_changes_is_a_success_that_says_2(runner: Runner) -> None:
    runner.write("a", "app")
    ran = runner.action("plan").ended()
    (plan,) = (runner.temp / "reconcile" / "plans").iterdir()
    digest = json.loads(plan.read_text())["digest"]
    assert ran.outputs == {
        "exit-code": "2",
        "report": str(runner.temp / "reconcile" / "plan.md"),
        "plan": str(plan.parent),
        "digest": digest,
    }
    assert ran.summary.startswith(PLAN_OF_A)
    assert digest in ran.summary
    assert runner.apps() == {}


def test_several_stacks_have_a_plan_and_a_digest_each(runner: Runner) -> None:
    runner.write("a", "one")
    runner.write("b", "two")
    ran = runner.action("plan").ended()
    plans = runner.temp / "reconcile" / "plans"
    assert sorted(path.name for path in plans.iterdir()) == ["a.plan.json", "b.plan.json"]
    assert len(ran.outputs["digest"].split()) == 2
    runner.action("apply", spec=str(plans)).ended()
    assert set(runner.apps()) == {"one", "two"}


def test_apply_carries_out_the_plan_of_the_job_before(runner: Runner) -> None:
    runner.write("a", "app")
    plan = runner.action("plan").ended().outputs["plan"]
    ran = runner.action("apply", spec=plan).ended()
    assert set(runner.apps()) == {"app"}
    assert ran.outputs["exit-code"] == "0"
    assert "<!-- reconcile:result:a -->" in ran.summary
    assert runner.action("plan").ended().outputs["exit-code"] == "0"


def test_a_plan_that_no_longer_fits_is_refused(runner: Runner) -> None:
    runner.write("a", "app")
    plan = runner.action("plan").ended().outputs["plan"]
    runner.new_app("app")
    assert runner.action("apply", spec=plan).ended(4).outputs["exit-code"] == "4"


def test_what_needs_approval_waits_for_the_spec_or_the_digest(runner: Runner) -> None:
    runner.write("a", "app")
    runner.action("apply").ended()
    spec = runner.write("a", "app")
    wanted = json.loads(spec.read_text())
    wanted["oauth_apps"]["app"]["confidential"] = False
    spec.write_text(json.dumps(wanted))
    planned = runner.action("plan").ended()
    assert runner.action("apply", spec=planned.outputs["plan"]).ended(3).outputs["exit-code"] == "3"
    runner.action("apply", spec=planned.outputs["plan"], approve=planned.outputs["digest"]).ended()
    assert runner.apps()["app"]["confidential"] is False


def test_a_broken_spec_fails_the_step_and_leaves_a_report(runner: Runner) -> None:
    runner.write("a", "app", nonsense=1)
    for command in ("validate", "plan"):
        ran = runner.action(command).ended(1)
        assert "nonsense" in ran.summary
        assert ran.outputs["exit-code"] == "1"


def test_a_wrong_argument_leaves_a_report_too(runner: Runner) -> None:
    runner.write("a", "app")
    ran = runner.action("plan", args="--no-such-option").ended(1)
    assert ran.summary.startswith("<!-- reconcile:error -->")


def test_arguments_are_one_per_line(runner: Runner) -> None:
    runner.write(
        "a",
        "${vars.name}",
        "app",
        vars={"name": "x"},
        oauth_apps={
            "app": {
                "name": "${vars.name}",
                "scopes": ["all-apis"],
                "redirect_urls": ["https://a.example.org/"],
            },
        },
    )
    runner.action("apply", args="--var=name=one and two\n--parallelism\n2\n").ended()
    assert set(runner.apps()) == {"one and two"}


def test_it_installs_what_stands_beside_it_with_pinned_versions(runner: Runner) -> None:
    runner.write("a", "app")
    runner.action("validate", extras="sign-in").ended()
    (call,) = map(json.loads, runner.pip_calls.read_text().splitlines())
    assert call[-3:] == ["-c", f"{ROOT}/constraints.txt", f"{ROOT}[sign-in]"]
    assert (ROOT / "constraints.txt").is_file()


def test_it_installs_a_published_version_on_demand(runner: Runner) -> None:
    runner.write("a", "app")
    runner.action("validate", version="1.2.3").ended()
    assert json.loads(runner.pip_calls.read_text())[-1] == "reconcile-connect==1.2.3"


@needs_jq
def test_the_comment_is_made_once_and_then_kept_up_to_date(runner: Runner) -> None:
    runner.write("a", "app")
    runner.action("plan").ended()
    (first,) = comment(runner)
    assert first.startswith(PLAN_OF_A)
    assert f"Planned for 0123abc in [this run]({RUN_URL})." in first
    number = runner.state["comments"][0]["id"]
    runner.write("a", "app", "another")
    runner.action("plan").ended()
    (second,) = comment(runner)
    assert "another" in second
    assert runner.state["comments"][0]["id"] == number


@needs_jq
def test_each_stack_has_its_comment_and_one_that_is_gone_loses_it(runner: Runner) -> None:
    runner.write("a", "one")
    gone = runner.write("b", "two")
    runner.action("plan").ended()
    assert [body.split("\n")[0] for body in comment(runner)] == [PLAN_OF_A, "<!-- reconcile:plan:b -->"]
    gone.unlink()
    runner.action("plan").ended()
    assert [body.split("\n")[0] for body in comment(runner)] == [PLAN_OF_A]


@needs_jq
def test_an_error_is_commented_until_it_is_mended(runner: Runner) -> None:
    runner.write("a", "app", nonsense=1)
    runner.action("plan").ended(1)
    (body,) = comment(runner)
    assert body.startswith("<!-- reconcile:error -->")
    runner.write("a", "app")
    runner.action("plan").ended()
    (body,) = comment(runner)
    assert body.startswith(PLAN_OF_A)


@needs_jq
def test_comments_of_others_are_left_alone_even_with_our_marker(runner: Runner) -> None:
    theirs = {"id": 99, "user": {"login": "mallory"}, "body": f"{PLAN_OF_A}\nlooks good"}
    other_tool = {"id": 98, "user": {"login": "github-actions[bot]"}, "body": "coverage: 100 %"}
    runner.state["comments"] = [theirs, other_tool]
    runner.write("a", "app")
    runner.action("plan").ended()
    assert len(comment(runner)) == 3
    assert runner.state["comments"][:2] == [theirs, other_tool]


@needs_jq
def test_drift_opens_an_issue_updates_it_and_closes_it(runner: Runner) -> None:
    runner.write("a", "app")
    runner.action("apply").ended()
    drift = runner.action("drift").ended()
    assert drift.outputs["exit-code"] == "0"
    assert follow_up(runner, drift) == []

    runner.meddle("app")
    drift = runner.action("drift").ended()
    assert drift.outputs["exit-code"] == "2"
    ((state, body),) = follow_up(runner, drift)
    assert state == "open"
    assert "<!-- reconcile:drift:a -->" in body
    assert "`sql`" in body
    assert RUN_URL in body
    assert runner.state["issues"][0]["title"].startswith("Drift")
    ((state, _),) = follow_up(runner, runner.action("drift").ended())
    assert state == "open"

    runner.action("apply").ended()
    ((state, _),) = follow_up(runner, runner.action("drift").ended())
    assert state == "closed"


@needs_jq
def test_an_issue_leaves_out_whole_documents_past_its_limit(runner: Runner) -> None:
    reports = [
        f"<!-- reconcile:drift:{n} -->\n\n### Drift {n}\n{'ä' * size}\n"
        for n, size in enumerate([1000, 70_000, 20_000])
    ]
    (runner.temp / "reconcile").mkdir()
    (runner.temp / "reconcile" / "drift.md").write_text("".join(reports))
    ((_, body),) = follow_up(runner, Ran(0, "", {"exit-code": "2"}, ""))
    assert "### Drift 0" in body
    assert "### Drift 1" not in body
    assert "### Drift 2" in body
    assert "Reports of stacks left out here: 1." in body


def test_a_hostile_path_is_only_a_path(runner: Runner) -> None:
    spec = runner.write("a", "app", file=f"specs {HOSTILE}/{HOSTILE}.yaml")
    path = str(spec.relative_to(runner.checkout))
    assert runner.action("plan", spec=path).ended().outputs["exit-code"] == "2"
    plan = runner.action("plan", spec=str(spec.parent.relative_to(runner.checkout))).ended().outputs["plan"]
    runner.action("apply", spec=plan).ended()
    assert set(runner.apps()) == {"app"}
    assert runner.is_unharmed


@pytest.mark.parametrize(
    ("name", "code"),
    [("spec", 1), ("args", 1), ("approve", 3), ("version", 1), ("extras", 1)],
)
def test_a_hostile_input_is_only_a_value(runner: Runner, name: str, code: int) -> None:
    runner.write("a", "app")
    runner.action("apply", **{name: HOSTILE}).ended(code)
    assert runner.apps() == {}
    assert runner.is_unharmed


def test_a_hostile_command_is_refused(runner: Runner) -> None:
    ran = runner.action(f"plan; {HOSTILE}").ended(1)
    assert "validate, plan, apply, drift, verify or audit" in ran.log
    assert runner.is_unharmed


def test_a_spec_that_looks_like_an_option_is_only_a_path(runner: Runner) -> None:
    runner.write("a", "app", file="--yes.yaml")
    assert runner.action("plan", spec="--yes.yaml").ended().outputs["exit-code"] == "2"


@needs_jq
def test_hostile_names_and_branches_reach_no_shell_and_no_other_comment(runner: Runner) -> None:
    name = f"x ::error::y <!-- reconcile:plan:b --> {HOSTILE}"
    runner.write(
        "a",
        "app",
        oauth_apps={
            "app": {"name": name, "scopes": ["all-apis"], "redirect_urls": ["https://a.example.org/"]},
        },
    )
    runner.action("plan").ended()
    (body,) = comment(runner)
    assert body.startswith(PLAN_OF_A)
    workflow_step(
        runner,
        "reconcile-plan.yml",
        "comment",
        "Comment",
        github__event__pull_request__head__sha=HOSTILE,
    ).ended()
    assert runner.is_unharmed


def test_what_is_printed_can_command_the_runner_only_after_the_secret_word(runner: Runner) -> None:
    runner.write("a", "app")
    lines = runner.action("plan").ended().log.splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith("::stop-commands::")]
    word = lines[start].removeprefix("::stop-commands::")
    assert len(word) == 32
    assert start < lines.index(PLAN_OF_A) < lines.index(f"::{word}::")


def test_signing_in_needs_no_stored_databricks_secret(runner: Runner) -> None:
    def token(method: str, path: str, headers: Message, body: Any) -> Any:
        is_ours = headers["Authorization"] == "Bearer request-token"
        return {"value": "sandbox-jwt-of-the-job"} if is_ours and f"audience={box.ACCOUNT_ID}" in path else {}

    del runner.env["DATABRICKS_CLIENT_SECRET"]
    declared = document("ci/github/reconcile-apply.yml")["env"]
    runner.env["DATABRICKS_AUTH_TYPE"] = declared["DATABRICKS_AUTH_TYPE"]
    runner.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "request-token"
    runner.write("a", "app")
    with service(token) as url:
        runner.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{url}/token?api-version=2"
        runner.action("apply").ended()
    assert set(runner.apps()) == {"app"}
