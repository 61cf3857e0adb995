"""A place where the steps of the pipelines run as on their platforms: their own scripts, in bash.

Scripts are taken out of the YAML files and run with the environment that the platform would give, against the
sandbox. `reconcile` and `python` on the path are those of this environment, that forked from a warm one;
`gh` is a stand-in that keeps comments and issues in a file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import sandbox as box
from tests import forked

ROOT = Path(__file__).parents[2]
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
HOSTILE = "$(touch pwned) `touch pwned`; touch pwned #\"'"
_GH = Path(__file__).with_name("fake_gh.py")


def document(file: str) -> Any:
    """A YAML file of this repository."""
    return yaml.safe_load((ROOT / file).read_text())


def step_named(steps: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [step for step in steps if name in (step.get("name"), step.get("displayName"))]
    return found


def job_step(file: str, job: str, name: str) -> dict[str, Any]:
    """A step of a GitHub workflow."""
    return step_named(document(f"ci/github/{file}")["jobs"][job]["steps"], name)


@contextmanager
def service(answer: Callable[[str, str, Message, Any], Any]) -> Iterator[str]:
    """A web service on loopback; `answer` gets method, path, headers, body and gives what becomes JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            found = answer(self.command, self.path, self.headers, body)
            text = b"" if found is None else json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@dataclass(frozen=True)
class Ran:
    code: int
    log: str
    outputs: dict[str, str]
    summary: str

    def ended(self, code: int = 0) -> Ran:
        assert self.code == code, f"exit {self.code} instead of {code}:\n{self.log}"
        return self


class Runner:
    """A machine of the platform: a checkout, a temporary folder, a path, and credentials for the sandbox."""

    def __init__(self, folder: Path, server: box.SandboxServer, reconcile: str) -> None:
        self.sandbox = server.sandbox
        self.checkout, self.temp, self.bin = folder / "checkout", folder / "temp", folder / "bin"
        for made in (self.checkout / "specs", self.temp, self.bin, folder / "home"):
            made.mkdir(parents=True)
        self.pip_calls = folder / "pip.jsonl"
        self.env = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "DATABRICKS_CONFIG_FILE": os.devnull,
            **server.env,
        }
        self._put("reconcile", f'exec {reconcile} "$@"')
        self._put("gh", f'exec "{sys.executable}" -IS "{_GH}" "$@"')
        for name in ("python", "python3"):
            self._put(name, self._python())
        self.env["PIP_CALLS"] = str(self.pip_calls)
        self.env["GH_STATE"] = str(folder / "gh.json")
        self.state: dict[str, Any] = {"comments": [], "issues": []}

    def _python(self) -> str:
        """Python as it is, except that pip only notes what is wanted."""
        pip = f'"{sys.executable}" -c "import json,sys; print(json.dumps(sys.argv[1:]))" "$@" >> "$PIP_CALLS"'
        return f"""
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p "$3/bin"
  cp "{self.bin}/reconcile" "{self.bin}/python3" "$3/bin/"
  ln -sf python3 "$3/bin/python"
  printf '%s\\n' '#!/bin/sh' '{pip}' > "$3/bin/pip"
  chmod +x "$3/bin/pip"
  exit
fi
if [ "$1 $2" = "-m pip" ]; then shift 2; {pip}; exit; fi
exec "{sys.executable}" "$@\""""

    def _put(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    # --- specs and the remote systems --------------------------------------------------------------------

    def write(self, stack: str, *apps: str, file: str = "", **top: Any) -> Path:
        """A spec of some apps; JSON is YAML, too."""
        app = {"redirect_urls": ["${providers.connect.callback_url}"], "scopes": ["all-apis"]}
        whole = {
            "version": 1,
            "stack": stack,
            "providers": {
                "databricks": {"type": "databricks"},
                "connect": {"type": "connect", "url": "${env.CONNECT_SERVER}"},
            },
            "oauth_apps": dict.fromkeys(apps, app),
            **top,
        }
        path = self.checkout / (file or f"specs/{stack}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole))
        return path

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        whole = f"/api/2.0/accounts/{box.ACCOUNT_ID}/oauth2/custom-app-integrations{path}"
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.sandbox.handle(
            box.Request.of(method, whole, {"Authorization": f"Bearer {box.TOKEN}"}, raw)
        )
        assert answer.status < 300, answer.body
        return json.loads(answer.body) if answer.body else None

    def apps(self) -> dict[str, Any]:
        return {app["name"]: app for app in self._call("GET", "").get("apps", [])}

    def new_app(self, name: str) -> None:
        self._call("POST", "", {"name": name, "confidential": True, "scopes": ["all-apis"]})

    def meddle(self, name: str) -> None:
        """Somebody changes an app by hand."""
        self._call("PATCH", f"/{self.apps()[name]['integration_id']}", {"scopes": ["sql"]})

    @property
    def is_unharmed(self) -> bool:
        """Whether none of the commands in `HOSTILE` has run."""
        return not any(self.checkout.parent.rglob("pwned*"))

    # --- running -----------------------------------------------------------------------------------------

    def bash(self, script: str, env: dict[str, str], flags: str = "-eo") -> Ran:
        """A script as the platform runs it, in the checkout."""
        output, summary = self.temp / "output", self.temp / "summary"
        output.write_text("")
        summary.write_text("")
        gh = Path(self.env["GH_STATE"])
        gh.write_text(json.dumps(self.state))
        file = self.temp / "step.sh"
        file.write_text(script)
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", flags, "pipefail", str(file)],
            cwd=self.checkout,
            env={
                **self.env,
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_ACTION_PATH": str(ROOT),
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        self.state = json.loads(gh.read_text())
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return Ran(ended.returncode, ended.stdout, outputs, summary.read_text())

    def step(self, step: dict[str, Any], **values: str) -> Ran:
        """A `run:` step of GitHub; `values` say what its expressions are, dots written as two underscores."""
        known = {name.replace("__", "."): value for name, value in values.items()}
        assert "${{" not in step["run"], "an expression inside a script is an injection"
        assert step.get("shell", "bash") == "bash"
        env = {
            name: EXPRESSION.sub(lambda found: known[found[1].replace("-", "_")], text)
            for name, text in step.get("env", {}).items()
        }
        return self.bash(step["run"], env)

    def action(self, command: str, **inputs: str) -> Ran:
        """The composite action, step by step; what `uses` something else is taken as done."""
        declared = document("action.yml")
        values = {name.replace("-", "_"): given["default"] for name, given in declared["inputs"].items()}
        assert set(inputs) <= set(values)
        values.update(inputs, command=command)
        known = {f"inputs__{name}": value for name, value in values.items()}
        ran = Ran(0, "", {}, "")
        for step in declared["runs"]["steps"]:
            if "run" in step and ran.code == 0:
                ran = self.step(step, **known)
        return ran


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    if not shutil.which("bash"):
        pytest.skip("the scripts of the pipelines need bash")
    with box.SandboxServer() as server, forked.answering() as reconcile:
        yield Runner(tmp_path, server, reconcile)
