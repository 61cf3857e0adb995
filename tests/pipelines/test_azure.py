"""The scripts of the Azure pipeline, run for real against a stand-in for the threads of a pull request."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from email.message import Message
from typing import Any

import pytest

from .conftest import HOSTILE, ROOT, Ran, Runner, document, service, step_named

PLAN_OF_A = "<!-- reconcile:plan:a -->"
THREADS = "/org/project-id/_apis/git/repositories/repo-id/pullRequests/7/threads"


class Threads:
    """The threads of one pull request."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def answer(self, method: str, path: str, headers: Message, body: Any) -> Any:
        assert headers["Authorization"] == "Bearer job-token"
        path = path.removesuffix("?api-version=7.1")
        if path == THREADS:
            if method == "POST":
                comment = {**body["comments"][0], "id": 1, "isDeleted": False}
                self.rows.append({**body, "id": len(self.rows) + 1, "comments": [comment]})
            return {"value": self.rows}
        found = re.fullmatch(THREADS + r"/(\d+)/comments/1", path)
        assert found, path
        comment = self.rows[int(found[1]) - 1]["comments"][0]
        comment.update({"isDeleted": True} if method == "DELETE" else body)
        return None

    @property
    def bodies(self) -> list[str]:
        comments = [row["comments"][0] for row in self.rows]
        return [comment["content"] for comment in comments if not comment["isDeleted"]]


@pytest.fixture
def threads(runner: Runner) -> Iterator[Threads]:
    standing = Threads()
    (runner.checkout / "ci").mkdir()
    shutil.copytree(ROOT / "ci" / "azure", runner.checkout / "ci" / "azure")
    staging = runner.temp / "workspace" / "reconcile"
    staging.mkdir(parents=True)
    with service(standing.answer) as url:
        runner.env |= {
            "RECONCILE_PACKAGE": "reconcile-connect",
            "RECONCILE_SPEC": "specs",
            "RECONCILE_APPROVE": "none",
            "BUILD_ARTIFACTSTAGINGDIRECTORY": str(staging),
            "PIPELINE_WORKSPACE": str(staging.parent),
            "SYSTEM_COLLECTIONURI": f"{url}/org/",
            "SYSTEM_TEAMPROJECTID": "project-id",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
            "SYSTEM_ACCESSTOKEN": "job-token",
            "BUILD_REPOSITORY_ID": "repo-id",
            "BUILD_SOURCEVERSION": "0123abc",
            "BUILD_BUILDID": "42",
        }
        yield standing


def run(runner: Runner, stage: str, name: str, **env: str) -> Ran:
    (found,) = [row for row in document("ci/azure/azure-pipelines.yml")["stages"] if row["stage"] == stage]
    (job,) = found["jobs"]
    steps = job["steps"] if "steps" in job else job["strategy"]["runOnce"]["deploy"]["steps"]
    script = step_named(steps, name)["bash"]
    assert "$(" not in script, "the agent would put the value into the script"
    assert "${{" not in script
    return runner.bash(script, env)


def test_a_pull_request_gets_its_plan_as_a_comment_that_is_kept_up_to_date(
    runner: Runner, threads: Threads
) -> None:
    threads.rows = [{"id": 1, "comments": [{"id": 1, "content": PLAN_OF_A, "isDeleted": False}]}]
    runner.write("a", "app", nonsense=1)
    run(runner, "plan", "Plan").ended(1)
    run(runner, "plan", "Comment").ended()
    assert threads.bodies[1].startswith("<!-- reconcile:error -->")
    runner.write("a", "app")
    for _ in range(2):
        ran = run(runner, "plan", "Plan").ended()
        run(runner, "plan", "Comment").ended()
    assert "##vso[task.setvariable variable=code;isOutput=true]2" in ran.log.splitlines()
    assert len(threads.bodies) == 2
    assert threads.bodies[1].startswith(PLAN_OF_A)
    assert "Planned for 0123abc in run 42." in threads.bodies[1]


def test_what_is_merged_is_applied_and_drift_fails_the_run(runner: Runner, threads: Threads) -> None:
    runner.write("a", "app")
    run(runner, "plan", "Install reconcile").ended()
    assert json.loads(runner.pip_calls.read_text())[-1] == "reconcile-connect"
    run(runner, "plan", "Validate").ended()
    run(runner, "plan", "Plan").ended()
    run(runner, "apply", "Apply", RECONCILE_APPROVE=HOSTILE).ended(3)
    run(runner, "apply", "Apply").ended()
    assert set(runner.apps()) == {"app"}
    run(runner, "drift", "Look for drift").ended()
    runner.meddle("app")
    assert "##vso[task.logissue type=error]drift" in run(runner, "drift", "Look for drift").ended(2).log
    assert runner.is_unharmed


def test_a_hostile_name_commands_no_agent(runner: Runner, threads: Threads) -> None:
    name = "x ###vso[task.setvariable variable=code]0 ##[error]x"
    app = {"name": name, "scopes": ["all-apis"], "redirect_urls": ["https://a.example.org/"]}
    runner.write("a", file=f"{HOSTILE}##vso[x].yaml", oauth_apps={"app": app})
    ran = run(runner, "plan", "Plan", RECONCILE_SPEC=f"{HOSTILE}##vso[x].yaml").ended()
    commands = [line for line in ran.log.splitlines() if "##" in line]
    assert [line.partition("]")[0] for line in commands] == [
        "##vso[task.uploadsummary",
        "##vso[task.setvariable variable=code;isOutput=true",
    ]
    assert runner.is_unharmed
