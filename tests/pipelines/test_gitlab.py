"""The scripts of the GitLab pipeline, run for real against a stand-in for GitLab's API."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import HOSTILE, ROOT, Ran, Runner, document, service

PLAN_OF_A = "<!-- reconcile:plan:a -->"
ME, OTHER = 5, 6


class GitLab:
    """Notes of merge request 7 and issues of project 1, a page at a time."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []

    def answer(self, method: str, path: str, headers: Message, body: Any) -> Any:
        assert headers["PRIVATE-TOKEN"] == "project-token"
        parts, query = urlsplit(path), parse_qs(urlsplit(path).query)
        if parts.path == "/api/v4/user":
            return {"id": ME}
        found = re.fullmatch(r"/api/v4/projects/1/(merge_requests/7/notes|issues)(?:/(\d+))?", parts.path)
        assert found, path
        rows, key = (self.issues, "iid") if found[1] == "issues" else (self.notes, "id")
        if method == "GET":
            first = (int(query["page"][0]) - 1) * int(query["per_page"][0])
            wanted = [row for row in rows if "state" not in query or row["state"] == query["state"][0]]
            return wanted[first : first + int(query["per_page"][0])]
        if method == "POST":
            rows.append({key: 1000 + len(rows), "author": {"id": ME}, "state": "opened", **body})
            return rows[-1]
        (row,) = [row for row in rows if row[key] == int(found[2])]
        if method == "DELETE":
            rows.remove(row)
            return None
        row.update(body)
        if row.pop("state_event", "") == "close":
            row["state"] = "closed"
        return row


@pytest.fixture
def gitlab(runner: Runner) -> Iterator[GitLab]:
    standing = GitLab()
    (runner.checkout / "ci").mkdir()
    shutil.copytree(ROOT / "ci" / "gitlab", runner.checkout / "ci" / "gitlab")
    with service(standing.answer) as url:
        runner.env |= {
            "RECONCILE_SPEC": "specs",
            "RECONCILE_APPROVE": "",
            "RECONCILE_API_TOKEN": "project-token",
            "CI_API_V4_URL": f"{url}/api/v4",
            "CI_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_COMMIT_SHA": "0123abc",
            "CI_JOB_URL": "https://gitlab.example.org/group/project/-/jobs/1",
        }
        yield standing


def job(runner: Runner, name: str, **env: str) -> Ran:
    return runner.bash("\n".join(document("ci/gitlab/.gitlab-ci.yml")[name]["script"]), env)


def test_a_merge_request_gets_its_plan_as_a_note_that_is_kept_up_to_date(
    runner: Runner, gitlab: GitLab
) -> None:
    gitlab.notes = [{"id": n, "author": {"id": OTHER}, "body": f"{PLAN_OF_A}\nlgtm"} for n in range(150)]
    runner.write("a", "app", nonsense=1)
    job(runner, "validate").ended(1)
    job(runner, "plan").ended(1)
    job(runner, "note").ended()
    assert gitlab.notes[-1]["body"].startswith("<!-- reconcile:error -->")
    runner.write("a", "app")
    job(runner, "validate").ended()
    for _ in range(2):
        job(runner, "plan").ended()
        job(runner, "note").ended()
    assert len(gitlab.notes) == 151
    assert gitlab.notes[-1]["body"].startswith(PLAN_OF_A)
    assert "Planned for 0123abc in [this job](https://gitlab.example.org" in gitlab.notes[-1]["body"]
    assert runner.apps() == {}


def test_what_is_merged_is_applied_with_a_token_of_the_job(runner: Runner, gitlab: GitLab) -> None:
    del runner.env["DATABRICKS_CLIENT_SECRET"]
    declared = document("ci/gitlab/.gitlab-ci.yml")
    (variable,) = declared[".signed-in"]["id_tokens"]
    runner.env[variable] = "sandbox-jwt-of-the-job"
    runner.env["DATABRICKS_AUTH_TYPE"] = declared["variables"]["DATABRICKS_AUTH_TYPE"]
    runner.write("a", "app")
    job(runner, "plan").ended()
    job(runner, "apply").ended()
    assert set(runner.apps()) == {"app"}
    job(runner, "plan").ended()
    assert "nothing to do" in job(runner, "apply").ended().log


def test_drift_opens_an_issue_and_closes_it(runner: Runner, gitlab: GitLab) -> None:
    runner.write("a", "app")
    job(runner, "plan").ended()
    job(runner, "apply").ended()
    runner.meddle("app")
    job(runner, "drift").ended()
    for _ in range(2):
        job(runner, "issue").ended()
    (issue,) = gitlab.issues
    assert issue["state"] == "opened"
    assert "<!-- reconcile:drift:a -->" in issue["description"]
    (runner.checkout / "out" / "exit-code").write_text("0\n")
    job(runner, "issue").ended()
    assert gitlab.issues[0]["state"] == "closed"


def test_a_hostile_path_or_digest_is_only_a_value(runner: Runner, gitlab: GitLab) -> None:
    runner.write("a", "app", file=f"{HOSTILE}.yaml")
    job(runner, "plan", RECONCILE_SPEC=f"{HOSTILE}.yaml").ended()
    job(runner, "apply", RECONCILE_APPROVE=HOSTILE).ended(3)
    assert runner.is_unharmed
