"""A rig for rehearsing crashes: the real command line in processes of its own, against the real sandbox."""

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.sandbox import SandboxServer

PRELOAD = [
    "deepdiff",
    "requests",
    "reconciler.cli.apply",
    "reconciler.cli.destroy",
    "reconciler.cli.plan",
    "reconciler.cli.running",
    "reconciler.rendering",
    "reconciler.sandbox",
]
LAG_BOUND = "0.3"

SPEC = """\
version: 1
stack: rig
providers:
  databricks: {type: databricks}
  connect: {type: connect}
oauth_apps:
  viewer:
    redirect_urls: ["${providers.connect.callback_url}"]
    scopes: [all-apis, offline_access]
service_principals:
  robot:
    workspaces: {"1234567890123456": USER}
    client_secret: {lifetime: 365d, rotate_before: 30d}
connect_integrations:
  as-viewer:
    template: databricks
    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: cust-success.cloud.databricks.com
      client_id: ${oauth_apps.viewer.client_id}
      client_secret: ${oauth_apps.viewer.client_secret}
  as-robot:
    template: databricks
    config:
      auth_type: Service Account
      workspace_host: cust-success.cloud.databricks.com
      client_id: ${service_principals.robot.client_id}
      client_secret: ${service_principals.robot.client_secret}
"""


@pytest.fixture(scope="session")
def spawner():
    """Processes that start fast: the interpreter is warm, and each has a pid of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


@dataclass
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err


@dataclass
class Rig:
    """A folder with a spec, a sandbox, and the command line.

    Attributes:
        failures: what the probe saw: integrations whose credential was dead at some instant.
    """

    folder: Path
    server: SandboxServer
    spawner: object
    env: dict
    failures: list = field(default_factory=list)

    @property
    def sandbox(self):
        return self.server.sandbox

    # --- the command line -------------------------------------------------------------------------------

    def start(self, *argv, patch=None):
        """Starts the command line in a process of its own."""
        process = self.spawner.Process(
            target=_main, args=([str(a) for a in argv], str(self.folder), self.env, patch)
        )
        process.start()
        return process

    def end(self, process, limit=60):
        process.join(limit)
        assert process.exitcode is not None, "it hangs"
        out, err = (self.folder / f"{process.pid}.{name}" for name in ("out", "err"))
        ended = Ended(process.exitcode, _read(out), _read(err))
        for path in (out, err):
            path.unlink(missing_ok=True)
        return ended

    def run(self, *argv, patch=None):
        return self.end(self.start(*argv, patch=patch))

    def apply(self, *argv, **options):
        return self.run("apply", "spec.yaml", "--yes", *argv, **options)

    def kill(self, process):
        os.kill(process.pid, signal.SIGKILL)
        return self.end(process)

    def write(self, text, name="spec.yaml"):
        (self.folder / name).write_text(text)

    # --- the sandbox ------------------------------------------------------------------------------------

    def call(self, method, path, body=None):
        from reconciler.sandbox import Request

        content = b"" if body is None else json.dumps(body).encode()
        answer = self.sandbox.handle(Request.of(method, path, {"content-type": "application/json"}, content))
        return json.loads(answer.body) if answer.body else None

    def fault(self, spec):
        return self.call("POST", "/_sandbox/faults", {"spec": spec})

    def faults(self):
        return self.call("GET", "/_sandbox/faults")["faults"]

    def clear_faults(self):
        self.call("DELETE", "/_sandbox/faults")

    def knobs(self, **knobs):
        self.call("POST", "/_sandbox/knobs", knobs)

    def wait_until_held(self, process, limit=20):
        """Waits until a fault holds a request of the process; False if the process ends before."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if any(fault["held"] for fault in self.faults()):
                return True
            if process.exitcode is not None or not process.is_alive():
                return False
            time.sleep(0.005)
        raise AssertionError("neither held nor ended")

    def writes(self):
        """Method and path of every write so far, in order."""
        log = self.call("GET", "/_sandbox/log")["requests"]
        return [(r["method"], r["path"]) for r in log if r["write"]]

    def state(self):
        return self.call("GET", "/_sandbox/state")

    def wiring(self):
        return self.call("GET", "/_sandbox/wiring")["integrations"]

    def probing(self):
        """Looks all the time at what Connect holds; what was dead at any instant goes into `failures`."""
        return _Probe(self)

    def killed_at_commit(self, *argv, number, when):
        """Runs a command that kills itself around its Nth ledger write."""
        ended = self.run(*argv, patch=(_die_at_commit, number, when))
        assert ended.code == -signal.SIGKILL, f"it ended before: {ended.text}"

    def condemned(self):
        """Ids that are on their way out for good."""
        resources = self.ledger()["resources"].values()
        return {
            former["id"]
            for entry in resources
            for former in entry.get("formers", ())
            if former.get("credential", {}).get("state") == "condemned"
        }

    def ids(self):
        """Every remote id that exists."""
        databricks = self.state()["databricks"]
        found = {app["integration_id"] for app in databricks["apps"]}
        found |= {sp["id"] for sp in databricks["service_principals"]}
        found |= {secret["id"] for secrets in databricks["secrets"].values() for secret in secrets}
        return found | {one["guid"] for one in self.wiring()}

    def ledger(self):
        return json.loads((self.folder / ".reconcile" / "rig.json").read_text())


class _Probe:
    """A thread that uses whatever Connect holds, at every instant."""

    def __init__(self, rig):
        self.rig = rig
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert self.rig.failures == []

    def _watch(self):
        while not self.stop.is_set():
            self.rig.failures += [one for one in self.rig.wiring() if not one["valid"]]
            time.sleep(0.002)


def _die_at_commit(number, when):
    """Makes this process kill itself before or after its Nth ledger write has become durable."""
    from reconciler.ledger import FileStore

    write = FileStore.write
    seen = []

    def dying(store, content, expected):
        seen.append(1)
        if len(seen) == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = write(store, content, expected)
        if len(seen) == number and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    FileStore.write = dying


def _read(path):
    return path.read_text() if path.exists() else ""


def _main(argv, folder, env, patch):
    """What the process does: the command line, its output in files named by its pid."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.stdout = open(f"{os.getpid()}.out", "w", buffering=1)  # noqa: SIM115
    sys.stderr = open(f"{os.getpid()}.err", "w", buffering=1)  # noqa: SIM115
    if patch is not None:
        patch[0](*patch[1:])
    from reconciler.cli.main import main

    code = main(argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@pytest.fixture
def rig(tmp_path, spawner):
    with SandboxServer() as server:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(tmp_path),
            "RECONCILE_LAG_BOUND": LAG_BOUND,
            **server.env,
        }
        found = Rig(tmp_path, server, spawner, env)
        found.write(SPEC)
        yield found
