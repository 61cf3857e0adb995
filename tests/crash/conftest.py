"""A rig for rehearsing crashes: the real command line in processes of its own, against the real sandbox."""

import json
import os
import re
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from reconciler.sandbox import (
    ACCOUNT_ID,
    CLIENT_ID,
    CLIENT_SECRET,
    OTHER_CLIENT_ID,
    OTHER_CLIENT_SECRET,
    Request,
    SandboxServer,
)
from tests import forked
from tests.places import READING, called
from tests.waiting import wait_until

from . import inside

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


@dataclass
class Rig:
    """A folder with a spec, a sandbox, and the command line.

    Attributes:
        failures: what the probe saw: integrations whose credential was dead at some instant.
        patches: what is done to every process before it starts.
        foreign: remote ids of what others made.
    """

    folder: Path
    server: SandboxServer
    env: dict
    failures: list = field(default_factory=list)
    patches: list = field(default_factory=list)
    foreign: set = field(default_factory=set)

    @property
    def sandbox(self):
        return self.server.sandbox

    # --- the command line -------------------------------------------------------------------------------

    def start(self, *argv, patch=None):
        """Starts the command line in a process of its own."""
        patches = [*self.patches, *([patch] if patch else [])]
        return forked.start(argv, self.folder, self.env, patches=patches)

    def end(self, process, limit=60):
        return forked.end(process, self.folder, limit)

    def run(self, *argv, patch=None):
        """Runs the command line to its end."""
        if argv[0] in READING and not (self.patches or patch):
            return called(argv, self.folder, self.env)
        return self.end(self.start(*argv, patch=patch))

    def apply(self, *argv, **options):
        return self.run("apply", "spec.yaml", "--yes", *argv, **options)

    def approving(self, ended):
        """Approves what a run was refused for, if it was."""
        if ended.code != 3:
            return ended
        digest = re.search(r"--approve (sha256:[0-9a-f]{64})", ended.text)[1]
        return self.run("apply", "spec.yaml", "--approve", digest)

    def kill(self, process):
        os.kill(process.pid, signal.SIGKILL)
        return self.end(process)

    def write(self, text, name="spec.yaml"):
        (self.folder / name).write_text(text)

    # --- the sandbox ------------------------------------------------------------------------------------

    def call(self, method, path, body=None, headers=None):
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", **(headers or {})}
        answer = self.sandbox.handle(Request.of(method, path, headers, content))
        return json.loads(answer.body) if answer.body else None

    def fault(self, spec):
        return self.call("POST", "/_sandbox/faults", {"spec": spec})

    def faults(self):
        return self.call("GET", "/_sandbox/faults")["faults"]

    def clear_faults(self):
        self.call("DELETE", "/_sandbox/faults")

    def knobs(self, **knobs):
        self.call("POST", "/_sandbox/knobs", knobs)

    def hold_back(self, which):
        """Loses the answer of a request; its effect comes when the function that is returned is called.

        Args:
            which: the request, in the language of faults.

        Returns:
            Makes the effect come; what it answers are its statuses.
        """
        held = []
        self.sandbox._later = lambda armed, arrival: held.append(arrival)
        self.fault(f"{which},late=1")
        return lambda: [self.sandbox._effect(arrival).status for arrival in held]

    def wait_until_held(self, process):
        """Waits until a fault holds a request of the process; False if the process ends before."""
        return _before_it_ends(process, lambda: any(fault["held"] for fault in self.faults()))

    def wait_until_stopped(self, process):
        """Waits until a process has stopped itself; False if it ends before."""
        state = Path(f"/proc/{process.pid}/stat")
        return _before_it_ends(process, lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

    def go_on(self, process):
        """Lets a stopped process go on, to its end."""
        os.kill(process.pid, signal.SIGCONT)
        return self.end(process)

    def writes(self):
        """Method and path of every write so far, in order."""
        log = self.call("GET", "/_sandbox/log")["requests"]
        return [(r["method"], r["path"]) for r in log if r["write"]]

    def state(self):
        return self.call("GET", "/_sandbox/state")

    def wiring(self):
        return self.call("GET", "/_sandbox/wiring")["integrations"]

    @contextmanager
    def probing(self):
        """Looks at what Connect holds after each change, before the next: nothing is dead at any instant."""
        sandbox, effect = self.sandbox, self.sandbox._effect

        def look():
            if not self.failures:  # the first is enough
                self.failures += [one for one in self.wiring() if not one["valid"]]

        def looked_at(arrival, **how):
            with sandbox.lock:
                answer = effect(arrival, **how)
                if arrival.entry.effect:
                    look()
                return answer

        look()
        sandbox._effect = looked_at
        try:
            yield
        finally:
            sandbox._effect = effect
            assert not self.failures, f"dead at some instant: {self.failures}"

    def killed_at_commit(self, *argv, number, when):
        """Runs a command that kills itself around its Nth ledger write."""
        ended = self.run(*argv, patch=(inside.die_at_commit, number, when))
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

    def secrets(self):
        """Ids of the robot's secrets, in order of age."""
        databricks = self.state()["databricks"]
        robots = [sp["id"] for sp in databricks["service_principals"] if sp["displayName"] == "robot"]
        return [one["id"] for robot in robots for one in databricks["secrets"].get(robot, ())]

    def ids(self):
        """Every remote id that exists."""
        databricks = self.state()["databricks"]
        found = {app["integration_id"] for app in databricks["apps"]}
        found |= {sp["id"] for sp in databricks["service_principals"]}
        found |= {secret["id"] for secrets in databricks["secrets"].values() for secret in secrets}
        return found | {one["guid"] for one in self.wiring()}

    # --- others -----------------------------------------------------------------------------------------

    def by_another(self, method, path, body=None, *, same_identity=False):
        """A call by another tool, with its own identity or with ours; what it makes is foreign."""
        client, secret = (
            (CLIENT_ID, CLIENT_SECRET) if same_identity else (OTHER_CLIENT_ID, OTHER_CLIENT_SECRET)
        )
        form = f"grant_type=client_credentials&scope=all-apis&client_id={client}&client_secret={secret}"
        asked = Request.of(
            "POST",
            f"/oidc/accounts/{ACCOUNT_ID}/v1/token",
            {"content-type": "application/x-www-form-urlencoded"},
            form.encode(),
        )
        token = json.loads(self.sandbox.handle(asked).body)["access_token"]
        made = self.call(
            method, f"/api/2.0/accounts/{ACCOUNT_ID}/{path}", body, {"authorization": f"Bearer {token}"}
        )
        self.foreign.add(made.get("integration_id") or made["id"])
        return made

    def foreign_app(self, *, same_identity=False, **settings):
        """An app of our app's name."""
        body = {
            "name": "viewer",
            "confidential": True,
            "redirect_urls": [f"{self.server.url}/__oauth__/integrations/callback"],
            "scopes": ["all-apis", "offline_access"],
            **settings,
        }
        return self.by_another("POST", "oauth2/custom-app-integrations", body, same_identity=same_identity)[
            "integration_id"
        ]

    def foreign_secret(self, lifetime=365 * 86_400):
        """A secret on our service principal."""
        robots = [
            sp["id"]
            for sp in self.state()["databricks"]["service_principals"]
            if sp["displayName"] == "robot"
        ]
        path = f"servicePrincipals/{robots[0]}/credentials/secrets"
        return self.by_another("POST", path, {"lifetime": f"{lifetime}s"})["id"]

    # --- the ledger -------------------------------------------------------------------------------------

    def stray_principals(self):
        """Ids of the principals of our name that aren't on record."""
        ours = {entry["id"] for entry in self.ledger()["resources"].values()}
        principals = self.state()["databricks"]["service_principals"]
        return [sp["id"] for sp in principals if sp["displayName"] == "robot" and sp["id"] not in ours]

    def delete_principal(self, live_id):
        """What a person does by hand."""
        from reconciler.sandbox import ACCOUNT_ID, TOKEN, Request

        path = f"/api/2.0/accounts/{ACCOUNT_ID}/scim/v2/ServicePrincipals/{live_id}"
        headers = {"authorization": f"Bearer {TOKEN}"}
        assert self.sandbox.handle(Request.of("DELETE", path, headers, b"")).status == 204

    def ledger(self):
        return json.loads((self.folder / ".reconcile" / "rig.json").read_text())

    def rewrite(self, edit):
        """Changes every JSON object in the ledger and in the lease, however deep."""
        for name in ("rig.json", "rig.lock.json"):
            path = self.folder / ".reconcile" / name
            if path.exists():
                path.write_text(json.dumps(_everywhere(json.loads(path.read_text()), edit)))

    def move_runners(self, **changes):
        """As if whoever ran last had been another process: on another host, say."""
        self.rewrite(lambda one: {**one, **changes} if {"host", "boot", "pid"} <= one.keys() else one)

    def wait_out_quarantine(self):
        """As if a quarter of an hour had gone by since a credential was quarantined."""
        past = (datetime.now(timezone.utc) - timedelta(minutes=16)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.rewrite(lambda one: {**one, "since": past} if one.get("since") else one)


def _before_it_ends(process, is_so):
    """Waits until it is so; False if the process ends before."""

    def has_ended():
        return process.exitcode is not None or not process.is_alive()

    wait_until(lambda: has_ended() or is_so(), every=0.005)
    return not has_ended()


def _everywhere(value, edit):
    if isinstance(value, dict):
        return edit({key: _everywhere(item, edit) for key, item in value.items()})
    return [_everywhere(item, edit) for item in value] if isinstance(value, list) else value


@pytest.fixture
def rig(tmp_path):
    with SandboxServer() as server:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(tmp_path),
            "RECONCILE_LAG_BOUND": LAG_BOUND,
            **server.env,
        }
        found = Rig(tmp_path, server, env)
        found.write(SPEC)
        yield found
