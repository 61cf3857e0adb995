"""A place to work in: a folder, a sandbox behind a socket, and the real command line as a process.

Every story ends with a look for secrets: nothing that was printed, and no file in the folder, may hold one.
"""

from __future__ import annotations

import base64
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from reconciler import sandbox as box
from tests import forked
from tests.places import READING, called
from tests.runs import Run
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "specs"
COMMAND = (sys.executable, "-m", "reconciler")
SPEC = "specs/stack.yaml"
ACCOUNT = f"/api/2.0/accounts/{box.ACCOUNT_ID}/"
WORKSPACE = "1234567890123456"


class WatchedSandbox(box.Sandbox):
    """A sandbox that remembers every secret and every token that it gave away."""

    def __init__(self) -> None:
        super().__init__()
        self.given: set[str] = set()

    def handle(self, request: box.Request) -> box.Answer:
        answer = super().handle(request)
        if request.method == "POST" and answer.body.startswith(b"{"):
            said = json.loads(answer.body)
            self.given.update(
                said[name] for name in ("client_secret", "secret", "access_token") if name in said
            )
        return answer


class Workplace:
    """One person's folder, with a sandbox to point at."""

    def __init__(self, folder: Path, server: box.SandboxServer) -> None:
        self.folder = folder
        self.server = server
        self.url = server.url
        self.sandbox = server.sandbox
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "DATABRICKS_CONFIG_FILE": os.devnull,
            "PYTHONPATH": str(ROOT),  # this checkout, whatever is installed
            "RECONCILE_LAG_BOUND": "0.3",
            **server.env,
        }
        self.ledger = folder / "specs" / ".reconcile" / "stack.json"
        self.lock = folder / "specs" / ".reconcile" / "stack.lock.json"
        self.said: list[str] = []
        self.known_secrets: set[str] = set()

    # --- what a spec says --------------------------------------------------------------------------------

    @staticmethod
    def app(**attributes: Any) -> dict[str, Any]:
        urls = ["${providers.connect.callback_url}"]
        return {"redirect_urls": urls, "scopes": ["all-apis", "offline_access"], **attributes}

    @staticmethod
    def robot(**attributes: Any) -> dict[str, Any]:
        return {"client_secret": {"lifetime": "365d", "rotate_before": "30d"}, **attributes}

    @staticmethod
    def integration(source: str, name: str, **attributes: Any) -> dict[str, Any]:
        """One that takes its credential from an address: a viewer's from an app, a service's from a robot."""
        is_viewer = source.startswith("oauth_apps.")
        kind = (
            {"auth_type": "Viewer", "auth_mode": "Confidential"}
            if is_viewer
            else {"auth_type": "Service Account"}
        )
        config = {
            **kind,
            "workspace_host": "cust-success.cloud.databricks.com",
            "client_id": f"${{{source}.client_id}}",
            "client_secret": f"${{{source}.client_secret}}",
        }
        return {"name": name, "template": "databricks", "config": config, **attributes}

    def viewers(self) -> dict[str, Any]:
        """An app and the integration that uses it."""
        return {
            "oauth_apps": {"app": self.app()},
            "connect_integrations": {"viewer": self.integration("oauth_apps.app", "Viewer")},
        }

    def both(self) -> dict[str, Any]:
        """An app and a service principal, each with its integration."""
        want = self.viewers()
        want["service_principals"] = {"robot": self.robot()}
        want["connect_integrations"]["service"] = self.integration("service_principals.robot", "Service")
        return want

    def write(self, want: dict[str, Any], file: str = SPEC, **top: Any) -> None:
        """Writes a spec; JSON is YAML, too."""
        providers = {
            "databricks": {"type": "databricks"},
            "connect": {"type": "connect", "url": "${env.CONNECT_SERVER}"},
        }
        whole = {"version": 1, "stack": "stack", "providers": providers, **want, **top}
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole, indent=2))

    def copy_example(self, name: str) -> str:
        target = self.folder / "specs" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(EXAMPLES / name, target)
        return f"specs/{name}"

    # --- the command line --------------------------------------------------------------------------------

    def run(self, *args: str, code: int = 0, env: dict[str, str] | None = None) -> Run:
        """Runs a command to its end; `code` is the exit code that it must have."""
        if READING.intersection(args[:1]):
            said = called(args, self.folder, self.surrounding(env))
            return self.judged(said.code, said.out, said.err, code)
        with tempfile.TemporaryDirectory() as streams:
            process = forked.start(args, self.folder, self.surrounding(env), streams=Path(streams))
            ended = forked.end(process, Path(streams), 2 * PATIENCE)
        return self.judged(ended.code, ended.out, ended.err, code)

    def surrounding(self, env: dict[str, str] | None = None) -> dict[str, str]:
        """The environment of a command: `env` laid over the usual one, "" takes a variable away."""
        whole = {name: value for name, value in {**self.env, **(env or {})}.items() if value}
        self.known_secrets |= {
            value for name, value in whole.items() if name.endswith(("_SECRET", "_KEY", "_TOKEN"))
        }
        return whole

    def start(self, *args: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """Starts a command, in an interpreter of its own."""
        options = {"stdin": subprocess.DEVNULL, **options}
        return subprocess.Popen(
            [*COMMAND, *args],
            cwd=self.folder,
            env=self.surrounding(env),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def end(self, process: subprocess.Popen[str], code: int) -> Run:
        """Waits for a command, and keeps what it said for the look for secrets."""
        out, err = process.communicate(timeout=2 * PATIENCE)
        return self.judged(process.returncode, out, err, code)

    def judged(self, ended_with: int, out: str, err: str, code: int) -> Run:
        """What a command said, kept for the look for secrets; it has to end with that code."""
        self.said += [out, err]
        ended = Run(ended_with, out, err)
        assert ended.code == code, f"exit {ended.code} instead of {code}:\n{ended.text}"
        return ended

    def answer(self, text: str, *args: str, code: int = 0) -> Run:
        """Runs a command at a terminal where somebody types an answer."""
        ours, theirs = pty.openpty()
        try:
            process = self.start(*args, stdin=theirs)
            os.write(ours, text.encode() + b"\n")
            return self.end(process, code)
        finally:
            os.close(ours)
            os.close(theirs)

    def plan(self, *more: str, code: int = 0) -> Any:
        """The plan of the stack, as JSON."""
        return self.run("plan", SPEC, "--format", "json", *more, code=code).json

    def actions(self, *more: str, code: int = 0) -> dict[str, str]:
        """The pending changes of the stack: address → action."""
        return {change["address"]: change["action"] for change in self.plan(*more, code=code)["changes"]}

    def apply(self, *more: str, code: int = 0) -> Run:
        """Applies the stack, with a yes but no approval."""
        return self.run("apply", SPEC, "--yes", *more, code=code)

    def approve(self, plan: Any = None, code: int = 0) -> Run:
        """Applies the stack, approving just this plan, by default the one that there is now."""
        return self.run("apply", SPEC, "--approve", (plan or self.plan())["digest"], code=code)

    def is_settled(self, *args: str) -> bool:
        """Whether there is nothing to do."""
        ended = self.run("plan", *(args or (SPEC,)), "--detailed-exitcode", "--format", "json")
        return all(document["changes"] == [] for document in ended.documents)

    def remembered(self) -> dict[str, Any]:
        """What the ledger holds: address → entry."""
        return json.loads(self.ledger.read_text())["resources"]

    # --- the remote systems, as somebody else sees and changes them --------------------------------------

    def call(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self.sandbox.handle(box.Request.of(method, path, headers or {}, raw))
        assert answer.status < 300, answer.body
        return json.loads(answer.body) if answer.body else None

    def databricks(self, method: str, path: str, body: Any = None) -> Any:
        return self.call(method, ACCOUNT + path, body, {"Authorization": f"Bearer {box.TOKEN}"})

    def connect(self, method: str, path: str, body: Any = None, at: str = "") -> Any:
        headers = {"Authorization": f"Key {box.ADMINISTRATOR_KEY}"}
        return self.call(method, f"{at}/__api__/v1/{path}", body, headers)

    def apps(self) -> dict[str, Any]:
        found = self.databricks("GET", "oauth2/custom-app-integrations").get("apps", [])
        return {row["name"]: row for row in found}

    def principals(self) -> dict[str, Any]:
        found = self.databricks("GET", "scim/v2/ServicePrincipals").get("Resources", [])
        return {row["displayName"]: row for row in found}

    def secrets_of(self, principal: str) -> list[Any]:
        return self.databricks("GET", f"servicePrincipals/{principal}/credentials/secrets").get("secrets", [])

    def integrations(self, at: str = "") -> dict[str, Any]:
        """By name, without the one that every server brings along."""
        found = self.connect("GET", "oauth/integrations", at=at)
        return {row["name"]: row for row in found if row["template"] != "connect"}

    def assigned(self, workspace: str = WORKSPACE) -> dict[str, list[str]]:
        """Who is assigned to a workspace: principal's id → permissions."""
        found = self.databricks("GET", f"workspaces/{workspace}/permissionassignments")
        return {
            str(row["principal"]["principal_id"]): row["permissions"]
            for row in found.get("permission_assignments", [])
        }

    def new_app(self, **attributes: Any) -> Any:
        body = {"confidential": True, "scopes": ["all-apis", "offline_access"], **attributes}
        return self.databricks("POST", "oauth2/custom-app-integrations", body)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.call(method, f"/_sandbox/{path}", body)

    def knobs(self, **knobs: Any) -> None:
        self.control("POST", "knobs", knobs)

    def fault(self, line: str) -> int:
        """Arms a fault; answers its number."""
        return self.control("POST", "faults", {"spec": line})["faults"][0]["id"]

    def relax(self) -> None:
        """Disarms all faults; what they hold goes on."""
        self.control("DELETE", "faults")

    def held(self) -> bool:
        """Whether a fault holds a request just now."""
        return any(fault["held"] for fault in self.control("GET", "faults")["faults"])

    def wait_until_held(self) -> None:
        wait_until(self.held)

    def is_accepted(self, client_id: str, secret: str) -> bool:
        """Whether the token endpoint gives a token for these."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        path = f"/oidc/accounts/{box.ACCOUNT_ID}/v1/token"
        answer = self.sandbox.handle(box.Request.of("POST", path, {}, urlencode(form).encode()))
        return answer.status == 200

    def wiring(self) -> dict[str, Any]:
        """What each integration holds: name → credential and whether the registries accept it."""
        return {wire["name"]: wire for wire in self.control("GET", "wiring")["integrations"]}

    def writes(self) -> list[str]:
        """Every write that took effect so far, oldest first: method and path, without the account's part."""
        return [
            f"{entry['method']} {entry['path'].removeprefix(ACCOUNT).removeprefix('/__api__/v1/')}"
            for entry in self.control("GET", "log")["requests"]
            if entry["write"] and entry["effect"]
        ]

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Nothing is changed in this block: no write, and the ledger stays as it is."""
        before = (self.writes(), self.ledger.read_bytes() if self.ledger.exists() else None)
        yield
        assert (self.writes(), self.ledger.read_bytes() if self.ledger.exists() else None) == before

    # --- the look for secrets ----------------------------------------------------------------------------

    def leaks(self) -> list[str]:
        """Where a secret can be read: as it is, or as base64 at any offset."""
        given = self.sandbox.given | self.known_secrets
        marks = {mark for secret in given for mark in (secret, *_in_base64(secret))}
        texts = {f"output {number}": text for number, text in enumerate(self.said)}
        for path in self.folder.rglob("*"):
            if path.is_file():
                texts[str(path.relative_to(self.folder))] = path.read_bytes().decode("utf-8", "replace")
        return [place for place, text in texts.items() if any(mark in text for mark in marks)]


def _in_base64(secret: str) -> Iterator[str]:
    """The middle of a secret's base64, which is the same whatever stands around the secret."""
    for offset in range(3):
        text = base64.b64encode(b"-" * offset + secret.encode()).decode().rstrip("=")
        yield text[4:-4]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    (tmp_path / "specs").mkdir()
    with box.SandboxServer(sandbox=WatchedSandbox()) as server:
        workplace = Workplace(tmp_path, server)
        yield workplace
        assert workplace.leaks() == []


class Inside(Workplace):
    """The same without a process: a command is called, which is a good deal faster."""

    hearing: io.StringIO  # what the command under way says to people

    def run(self, *args: str, code: int = 0, env: dict[str, str] | None = None) -> Run:
        self.hearing = io.StringIO()
        said = called(args, self.folder, self.surrounding(env), err=self.hearing)
        return self.judged(said.code, said.out, said.err, code)


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    (tmp_path / "specs").mkdir()
    with box.SandboxServer(sandbox=WatchedSandbox()) as server:
        workplace = Inside(tmp_path, server)
        workplace.env["RECONCILE_LAG_BOUND"] = "0"
        yield workplace
        assert workplace.leaks() == []


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
