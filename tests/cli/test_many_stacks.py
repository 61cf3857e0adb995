"""Several stacks in one run: what they share, and what stays each one's own."""

from __future__ import annotations

import json
import shutil
import threading
from argparse import Namespace
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler import sandbox as box
from reconciler.cli import wiring
from reconciler.cli.console import Console
from reconciler.cli.interruption import Stop
from reconciler.cli.main import main
from reconciler.cli.run import Run

STACKS = 12
ACCOUNT = f"/api/2.0/accounts/{box.ACCOUNT_ID}/"


class Team:
    """A folder of stacks, both remote systems, and the command line in this process."""

    def __init__(self, folder: Path, server: box.SandboxServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.server, self.capsys = folder, server, capsys

    def write(
        self, name: str, *numbers: int, providers: tuple[str, str] = ("databricks", "connect"), **top: Any
    ):
        """A stack with an app, a principal and two integrations for each number."""
        account, server = providers
        want: dict[str, Any] = {"oauth_apps": {}, "service_principals": {}, "connect_integrations": {}}
        for n in numbers:
            want["oauth_apps"][f"app-{n}"] = {
                "scopes": ["all-apis", "offline_access"],
                "redirect_urls": [f"${{providers.{server}.callback_url}}"],
            }
            want["service_principals"][f"robot-{n}"] = {"client_secret": {"lifetime": "365d"}}
            for key, kind, source in (
                ("viewer", {"auth_type": "Viewer", "auth_mode": "Confidential"}, f"oauth_apps.app-{n}"),
                ("service", {"auth_type": "Service Account"}, f"service_principals.robot-{n}"),
            ):
                want["connect_integrations"][f"{key}-{n}"] = {
                    "template": "databricks",
                    "config": {
                        **kind,
                        "workspace_host": "cust-success.cloud.databricks.com",
                        "client_id": f"${{{source}.client_id}}",
                        "client_secret": f"${{{source}.client_secret}}",
                    },
                }
        systems = {account: {"type": "databricks"}, server: {"type": "connect"}}
        (self.folder / f"{name}.yaml").write_text(
            json.dumps({"version": 1, "stack": name, "providers": systems, **want, **top})
        )

    def run(self, *args: str, code: int = 0) -> str:
        self.capsys.readouterr()
        ended = main(list(args))
        said = self.capsys.readouterr()
        assert ended == code, said.out + said.err
        return said.out

    def control(self, method: str, path: str, body: Any = None) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.server.sandbox.handle(box.Request.of(method, f"/_sandbox/{path}", {}, raw))
        return json.loads(answer.body) if answer.body else None

    def calls(self, *args: str, code: int = 0) -> Counter[str]:
        """What a command asked of the remote systems."""
        self.control("DELETE", "stats")
        self.run(*args, code=code)
        return Counter(self.control("GET", "stats")["by"])


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    with box.SandboxServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("RECONCILE_LAG_BOUND", "0")
        monkeypatch.chdir(tmp_path)
        folder = tmp_path / "specs"
        folder.mkdir()
        yield Team(folder, server, capsys)


@pytest.fixture
def many(team: Team) -> Team:
    """So many stacks, half of which call the systems otherwise, all applied."""
    for n in range(STACKS):
        names = ("databricks", "connect") if n % 2 else ("account", "server")
        team.write(f"team-{n:02}", n, providers=names)
    team.run("apply", "specs", "--yes", "--quiet")
    return team


COMMANDS = {
    "plan": (),
    "apply": ("--yes",),
    "drift": (),
    "verify": (),
    "audit": ("--fail-on", "never"),
    "watch": ("--listen", "none"),
}


def test_many_stacks_ask_hardly_more_than_one_with_the_same_objects(many: Team, monkeypatch):
    monkeypatch.setattr(Stop, "finishing", once_around)
    found = {command: many.calls(command, "specs", *more) for command, more in COMMANDS.items()}
    # a sign-in, three lists, and what Connect says of itself
    assert sum(found["plan"].values()) <= 8, found["plan"]
    many.control("POST", "reset")
    shutil.rmtree(many.folder)
    many.folder.mkdir()
    many.write("all", *range(STACKS))
    many.run("apply", "specs", "--yes", "--quiet")
    for command, more in COMMANDS.items():
        alone = many.calls(command, "specs", *more)
        assert sum(found[command].values()) <= sum(alone.values()) + 2, (command, found[command], alone)


@contextmanager
def once_around(stop: Stop, say: Any):
    """Lets a watch look once: its wait for the next round is its end."""
    ended = threading.Event()
    ended.wait = lambda timeout=None: ended.set() or True
    yield ended


def test_a_failed_list_stops_those_that_need_it_and_only_those_each_in_its_own_words(team: Team):
    team.write("apps", 1, providers=("databricks", "connect"))
    team.write("more", 2, providers=("account", "connect"))
    team.write("viewers", providers=("databricks", "connect"), connect_integrations={"v": VIEWER})
    team.control("POST", "faults", {"spec": "method=GET,path=custom-app-integrations,do=400"})
    team.control("DELETE", "stats")
    said = [json.loads(line) for line in team.run("plan", "specs", "--format", "json", code=1).splitlines()]
    errors = [one["errors"][0] | one for one in said if one["format"] == "reconcile.error/1"]
    failed = {one["stack"]: one["message"] for one in errors}
    assert set(failed) == {"apps", "more"}
    assert failed["apps"].startswith("databricks: ")
    assert failed["more"].startswith("account: ")
    assert len(said) == 3
    found = team.control("GET", "stats")["by"]
    assert sum(count for call, count in found.items() if "custom-app" in call) == 1, found


VIEWER = {
    "template": "databricks",
    "config": {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": "cust-success.cloud.databricks.com",
        "client_id": "8f14e45f-ceea-4672-9c3f-1f2e3d4c5b6a",
        "client_secret": "${env.VIEWER_SECRET}",
    },
}


class Looking:
    """A run that looks at one stack after the other under its lease, as `apply` does."""

    def __init__(self, team: Team, *names: str) -> None:
        self.team, self.now = team, 1000.0
        self.args = Namespace(
            specs=[f"specs/{name}.yaml" for name in names], var=[], format="json", quiet=True
        )
        self.stacks = {stack.name: stack for stack in wiring.stacks(self.args)}
        self.run = Run(list(self.stacks.values()), self.args, clock=lambda: self.now)

    def look(self, name: str) -> tuple[int, int]:
        """How many lists of principals it took, and how many changes there are."""
        self.team.control("DELETE", "stats")
        stack = self.stacks[name]
        with (
            wiring.held(stack, Console.of(self.args)) as holding,
            self.run.clients(stack, holding.opened, holding) as apis,
        ):
            view = self.run.look(stack, holding.opened, apis)
            pending = view.plan(view.options(self.args)).pending
        by = self.team.control("GET", "stats")["by"]
        return sum(count for call, count in by.items() if call.endswith("/ServicePrincipals")), len(pending)


def test_what_was_read_holds_for_a_stack_whose_ledger_nobody_wrote_and_for_a_minute(team: Team):
    for n, name in enumerate("abcd"):
        team.write(name, n)
    team.run("apply", "specs", "--yes", "--quiet")
    looking = Looking(team, *"abcd")
    assert looking.look("a") == (1, 0)
    assert looking.look("b") == (0, 0)
    looking.now += 61
    assert looking.look("c") == (1, 0)
    assert looking.look("d") == (0, 0)


def test_of_two_runs_at_once_none_takes_what_the_other_changed_for_as_it_was(team: Team):
    for n, name in enumerate("abc"):
        team.write(name, n)
    looking = Looking(team, *"abc")
    assert looking.look("a") == (1, 5)
    # the other run finishes stack b while the first is at work on a
    team.run("apply", "specs/b.yaml", "--yes", "--quiet")
    assert looking.look("b") == (1, 0)
    assert looking.look("c") == (0, 5)
