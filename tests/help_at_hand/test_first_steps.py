"""First steps: a spec to begin with, keys, completion, and what to note down afterwards."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from reconciler import sandbox as box
from reconciler.cli.completion import suggest
from reconciler.cli.main import main
from reconciler.rendering.outputs import outputs_env

HOSTS = [
    "--databricks-host=https://accounts.cloud.databricks.com",
    "--account-id=7a99b43c-b46c-432b-b0a7-814217701909",
    "--connect-url=https://connect.example.org",
]
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command in an empty folder, without a terminal or any setting of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for name in list(os.environ):
        if name.startswith(("DATABRICKS_", "CONNECT_", "RECONCILE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)

    def run(*words: str) -> tuple[int, str, str]:
        try:
            code = main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def server() -> Iterator[box.SandboxServer]:
    with box.SandboxServer() as running, mock.patch.dict(os.environ, running.env):
        yield running


@pytest.mark.parametrize(
    "side", [[], ["--side=databricks"], ["--side=connect"], ["--workbench-url=https://w.example.org"]]
)
def test_what_init_writes_validates(say: Say, side: list[str]) -> None:
    assert say("init", *HOSTS, *side)[0] == 0
    code, out, _ = say("validate")
    assert code == 0
    assert "1 spec is valid" in out


@pytest.mark.parametrize(
    ("forge", "file"),
    [
        ("github", ".github/workflows/reconcile-due.yml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("azure", "ci/azure/azure-pipelines.yml"),
    ],
)
def test_init_writes_a_pipeline_that_applies_what_is_due_every_night(say: Say, forge: str, file: str) -> None:
    assert say("init", "there", *HOSTS, f"--pipeline={forge}")[0] == 0
    assert "apply --due --yes" in Path("there", file).read_text()


def test_init_overwrites_nothing(say: Say) -> None:
    Path("specs").mkdir()
    Path("specs/prod.yaml").write_text("mine")
    code, _, err = say("init", *HOSTS, "--pipeline=github")
    assert code == 1
    assert "specs/prod.yaml" in err
    assert Path("specs/prod.yaml").read_text() == "mine"
    assert not Path(".github").exists()


def test_init_names_the_flags_that_nobody_can_be_asked_for(say: Say) -> None:
    code, _, err = say("init", HOSTS[0])
    assert code == 1
    assert "--account-id, --connect-url are needed" in err
    assert not list(Path().iterdir())


def test_init_writes_nothing_that_is_wrong(say: Say) -> None:
    code, _, err = say("init", *HOSTS[:2], "--connect-url=http://connect.example.org")
    assert code == 1
    assert "insecure-url" in err
    assert say("init", *HOSTS, "--stack=../x")[0] == 1
    assert not list(Path().iterdir())


def test_init_adds_to_a_gitignore_and_keeps_what_it_says(say: Say) -> None:
    Path(".gitignore").write_text("mine")
    say("init", *HOSTS)
    say("init", *HOSTS, "--stack=other")
    lines = Path(".gitignore").read_text().splitlines()
    assert lines[0] == "mine"
    assert len(lines) == len(set(lines)) > 2


def test_from_init_to_outputs_against_the_sandbox(say: Say, server: box.SandboxServer) -> None:
    assert say("init", "--sandbox")[0] == 0
    assert say("plan")[0] == 0
    code, out, _ = say("apply", "specs", "--yes")
    assert code == 0
    assert "New outputs" in out
    code, told, _ = say("outputs", "--format", "json")
    document = json.loads(told)
    assert code == 0
    assert (document["format"], document["stack"]) == ("reconcile.outputs/1", "prod")
    found = document["outputs"]
    assert set(found["oauth_apps.posit-connect"]) >= {"id", "client_id"}
    viewer = found["connect_integrations.databricks-viewer"]
    assert viewer["login_url"].endswith(f"/__oauth__/integrations/{viewer['guid']}/login")
    assert viewer["login_url"] in out
    assert found["service_principals.nightly-reports"]["expires_at"]
    assert "New outputs" not in say("apply", "specs", "--yes")[1]
    assert viewer["login_url"] in say("ledger", "show")[1]
    assert say("verify")[0] == 0


def test_outputs_need_no_connection_and_no_address(say: Say, server: box.SandboxServer) -> None:
    say("init", "--sandbox")
    say("apply", "specs", "--yes")
    for name in server.env:
        os.environ.pop(name)
    code, out, _ = say("outputs", "--format=env")
    assert code == 0
    shown = subprocess.run(
        ["sh", "-c", f'{out}echo "$CONNECT_INTEGRATIONS_DATABRICKS_VIEWER_LOGIN_URL"'],
        capture_output=True,
        text=True,
    )
    assert shown.stdout.strip().endswith("/login")


def test_env_lines_are_quoted_for_sh() -> None:
    hostile = "$(touch pwned)'; touch pwned; `x` \\"
    line = outputs_env({"s": {"oauth_apps.a-b": {"id": hostile}}})
    assert line.startswith("OAUTH_APPS_A_B_ID='")
    shown = subprocess.run(
        ["sh", "-c", f'{line}printf %s "$OAUTH_APPS_A_B_ID"'], capture_output=True, text=True
    )
    assert shown.stdout == hostile


def test_a_new_key_is_for_its_owner_only_and_ignored_by_git(say: Say) -> None:
    code, out, err = say("key", "new")
    assert code == 0
    assert out.startswith("age1")
    assert len(out.splitlines()) == 1
    private = Path("reconcile.key").read_text()
    assert "AGE-SECRET-KEY-1" in private
    assert "AGE-SECRET-KEY-1" not in out + err
    assert stat.S_IMODE(Path("reconcile.key").stat().st_mode) == 0o600
    assert "reconcile.key" in Path(".gitignore").read_text().splitlines()


def test_a_key_is_never_overwritten(say: Say) -> None:
    Path("mine.key").write_text("mine")
    code, out, err = say("key", "new", "-o", "mine.key")
    assert (code, out) == (1, "")
    assert "mine.key exists" in err
    assert Path("mine.key").read_text() == "mine"


def test_the_next_step_is_a_line_of_its_own_and_never_in_json(say: Say) -> None:
    _, out, err = say("init", "a folder", *HOSTS)
    assert out == ""
    assert "  reconcile plan 'a folder/specs/prod.yaml'" in err.splitlines()


def test_completion_knows_commands_options_choices_and_addresses(say: Say) -> None:
    say("init", *HOSTS)
    assert suggest(["pl"]) == ["plan"]
    assert suggest(["plan", "--det"]) == ["--detailed-exitcode"]
    assert suggest(["plan", "--format", "j"]) == ["json"]
    assert suggest(["plan", "--target", "oauth"]) == ["oauth_apps.posit-connect"]
    assert suggest(["ledger", "f"]) == ["forget"]
    assert suggest(["ledger", "forget", "con"]) == ["connect_integrations.databricks-viewer"]
    assert suggest(["explain", "redirect-m"]) == ["redirect-missing"]
    assert suggest(["completion", ""]) == ["bash", "zsh", "fish"]
    assert suggest(["plan", "sp"]) == []


def test_completion_is_silent_on_a_broken_spec(say: Say) -> None:
    Path("specs").mkdir()
    Path("specs/a.yaml").write_text("version: 1\nstack: a\nnonsense: [")
    assert say("completion", "suggest", "--", "plan", "--target", "") == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_passes_the_parser_of_its_shell(say: Say, shell: str) -> None:
    code, script, _ = say("completion", shell)
    assert code == 0
    if not shutil.which(shell):
        pytest.skip(f"{shell} isn't installed")
    ended = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_bash_completes_and_executes_no_candidate(say: Say, tmp_path: Path) -> None:
    if not shutil.which("bash"):
        pytest.skip("bash isn't installed")
    script = say("completion", "bash")[1]
    fake = tmp_path / "bin" / "reconcile"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nprintf '%s\\n' plan '$(touch pwned)'\n")
    fake.chmod(0o755)
    asked = 'COMP_WORDS=(reconcile p); COMP_CWORD=1; _reconcile; printf "%s\\n" "${COMPREPLY[@]}"'
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    ended = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, env=env)
    assert ended.stdout.splitlines() == ["plan", "$(touch pwned)"]
    assert not (tmp_path / "pwned").exists()


def test_env_lines_of_one_name_are_told_apart() -> None:
    one = {"oauth_apps.a-b": {"id": "1"}, "oauth_apps.a_b": {"id": "2"}, "oauth_apps.c": {"id": "3"}}
    two = {"oauth_apps.a": {"b_id": "4"}, "oauth_apps.d": {"id": "5"}}
    lines = outputs_env({"one": one, "two": two}).splitlines()
    names = [line.partition("=")[0] for line in lines]
    assert len(set(names)) == 5
    assert {"OAUTH_APPS_C_ID", "OAUTH_APPS_D_ID"} < set(names)
    assert "OAUTH_APPS_A_B_ID" not in names
    fewer = outputs_env({"one": one}).splitlines()
    assert set(fewer) < set(lines), "a name doesn't change with what else there is"


def test_forty_columns_are_enough(
    say: Say, server: box.SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    say("init", "--sandbox")
    words = [say("rehearse", "--faults")[1], say("apply", "--yes")[1], say("audit")[1], say("verify")[1]]
    long = [line for text in words for line in text.splitlines() if len(line) > 40]
    # what can't be broken stands alone on its line: a sign, an address, an id
    assert [line for line in long if len(line.split()) > 6] == []


SUGGESTING = "#!/bin/sh\nprintf '%s\\n' plan '$(touch pwned)'\n"


def test_zsh_completes_and_executes_no_candidate(say: Say, tmp_path: Path) -> None:
    script = say("completion", "zsh")[1]
    stubs = 'compdef() { }; compadd() { shift; print -rl -- "$@" }; _files() { print files }'
    asked = "words=(reconcile p); CURRENT=2; _reconcile"
    assert completed("zsh", f"{stubs}\n{script}\n{asked}", tmp_path) == ["plan", "$(touch pwned)"]
    assert not (tmp_path / "pwned").exists()


def test_fish_completes_and_executes_no_candidate(say: Say, tmp_path: Path) -> None:
    script = say("completion", "fish")[1]
    assert completed("fish", f"{script}\ncomplete -C 'reconcile p'", tmp_path)[:1] == ["plan"]
    assert not (tmp_path / "pwned").exists()


def completed(shell: str, script: str, folder: Path) -> list[str]:
    """What a shell makes of candidates of which one is hostile."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} isn't installed")
    fake = folder / "bin" / "reconcile"
    fake.parent.mkdir()
    fake.write_text(SUGGESTING)
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}", "HOME": str(folder)}
    ended = subprocess.run([shell, "-c", script], capture_output=True, text=True, env=env, cwd=folder)
    assert ended.stderr == ""
    return ended.stdout.splitlines()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_reading_is_shown_on_a_terminal_and_taken_back(
    say: Say, server: box.SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    say("init", "--sandbox")
    monkeypatch.setattr("sys.stderr", shown := Terminal())
    assert main(["plan", "--no-color"]) == 0
    text = shown.getvalue()
    assert "reading connect, databricks ...\r\x1b[K" in text
    monkeypatch.setattr("sys.stderr", shown := Terminal())
    assert main(["plan", "--quiet"]) == 0
    assert main(["plan", "--format=json", "--quiet"]) == 0
    assert shown.getvalue() == ""


def test_each_command_ends_with_the_next_one(say: Say, server: box.SandboxServer) -> None:
    say("init", "--sandbox")
    assert "  reconcile plan specs" in say("validate", "specs")[2].splitlines()
    assert "  reconcile apply" in say("plan", "specs")[2].splitlines()
    assert "  reconcile apply the.json" in say("plan", "specs", "-o", "the.json")[2].splitlines()
    assert "next:" not in "".join(say("plan", "--format=json")[1:])
    code, _, err = say("apply", "--yes")
    assert code == 0
    assert "  reconcile verify specs/prod.yaml" in err.splitlines()
    assert "next:" not in say("plan")[2]
