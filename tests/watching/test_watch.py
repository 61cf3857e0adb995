"""`reconcile watch` in a process of its own: it heals what the spec allows, tells how things stand, stops."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from reconciler.cli import telemetry, watch
from reconciler.cli.audit_estate import look_and_judge
from reconciler.cli.main import main
from reconciler.kinds import Scope
from reconciler.model import ProviderSpec
from reconciler.providers import KINDS, connect
from reconciler.sandbox import Request, SandboxServer
from tests.waiting import wait_until

SPEC = """\
version: 1
stack: watched
providers: {databricks: {type: databricks}, connect: {type: connect}}
oauth_apps:
  viewer: {redirect_urls: ["${providers.connect.callback_url}"], scopes: [all-apis, offline_access]}
connect_integrations:
  as-viewer:
    template: databricks
    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: cust-success.cloud.databricks.com
      client_id: ${oauth_apps.viewer.client_id}
      client_secret: ${oauth_apps.viewer.client_secret}
"""


class Watched:
    """A stack that was applied, and the command that watches it."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **server.env}
        self.spec = folder / "spec.yaml"
        self.process = None

    def run(self, *argv):
        return subprocess.run(
            [sys.executable, "-m", "reconciler", *argv],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
        )

    def start(self, interval="1s"):
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "reconciler",
                "watch",
                "spec.yaml",
                "--interval",
                interval,
                "--listen",
                "127.0.0.1:0",
            ],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stderr.readline()
        self.url = re.search(r"http://[\d.]+:\d+", line)[0]
        return self

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def number(self, name):
        found = re.search(rf"^{re.escape(name)} ([\d.e+]+)$", self.get("/metrics"), re.M)
        return float(found[1]) if found else 0.0

    def until(self, true):
        def is_so():
            try:
                return true()
            except urllib.error.HTTPError as refused:
                return refused.close()

        wait_until(is_so, every=0.1)

    def call(self, method, path, body=None):
        content = json.dumps(body or {}).encode()
        self.server.sandbox.handle(Request.of(method, path, {"content-type": "application/json"}, content))

    def state(self):
        answer = self.server.sandbox.handle(Request.of("GET", "/_sandbox/state", {}, b""))
        return json.loads(answer.body)

    def drift(self):
        """Somebody edits the app's scopes by hand."""
        app = self.state()["databricks"]["apps"][0]
        account = self.env["DATABRICKS_ACCOUNT_ID"]
        path = f"/api/2.0/accounts/{account}/oauth2/custom-app-integrations/{app['integration_id']}"
        headers = {
            "authorization": "Bearer sandbox-token-0000000000000000000001",
            "content-type": "application/json",
        }
        answer = self.server.sandbox.handle(Request.of("PATCH", path, headers, b'{"scopes": ["sql"]}'))
        assert answer.status == 200

    def scopes(self):
        return set(self.state()["databricks"]["apps"][0]["scopes"])


@pytest.fixture
def watched(tmp_path):
    with SandboxServer() as server:
        found = Watched(tmp_path, server)
        found.spec.write_text(SPEC)
        assert found.run("apply", "spec.yaml", "--yes").returncode == 0
        yield found
        if found.process is not None:
            found.process.kill()
            found.process.wait()
            found.process.stderr.close()


def test_drift_is_told_and_left_alone_unless_the_spec_allows_healing(watched):
    watched.start()
    watched.until(lambda: watched.number('reconcile_rounds_total{result="done"}') >= 1)
    watched.drift()
    watched.until(lambda: watched.number('reconcile_changes{action="update",stack="watched"}') == 1)
    assert watched.scopes() == {"sql"}
    assert watched.get("/healthz") == "well\n"


def test_drift_of_an_allowed_kind_is_healed_and_an_edit_of_the_spec_is_not(watched):
    watched.spec.write_text(
        SPEC.replace("template:", "description: new\n    template:") + "watch: {heal: [oauth_apps]}\n"
    )
    watched.start()
    watched.drift()
    watched.until(lambda: watched.number('reconcile_heals_total{result="done",stack="watched"}') >= 1)
    assert watched.scopes() == {"all-apis", "offline_access"}
    assert watched.number('reconcile_changes{action="update",stack="watched"}') >= 1


def test_it_is_ill_while_it_cannot_look_and_well_again_after(watched):
    watched.start()
    watched.until(lambda: watched.get("/healthz") == "well\n")
    watched.call("POST", "/_sandbox/faults", {"spec": "server=connect,do=403"})
    watched.until(lambda: watched.number('reconcile_errors_total{code="forbidden",stack="watched"}') >= 1)
    watched.call("DELETE", "/_sandbox/faults")
    before = watched.number('reconcile_rounds_total{result="done"}')
    watched.until(lambda: watched.number('reconcile_rounds_total{result="done"}') > before)


@pytest.mark.parametrize(("patience", "longest"), [(100.0, 100.0), (9000.0, telemetry.LONGEST_ROUND)])
def test_it_is_ill_while_a_round_does_not_end(patience, longest):
    now = [0.0]
    told = telemetry.Telemetry(patience, clock=lambda: now[0])
    told.round_began()
    now[0] += longest
    assert told.is_well
    now[0] += 1
    assert not told.is_well
    told.round_ended(longest + 1, fine=True)
    assert told.is_well
    told.round_began()
    now[0] += 1
    assert told.is_well


def test_a_terminate_signal_stops_it_cleanly(watched):
    watched.start(interval="1h")
    watched.until(lambda: watched.number('reconcile_rounds_total{result="done"}') >= 1)
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(timeout=20) == 0


def test_an_address_that_cannot_be_had_is_an_error(watched):
    ended = watched.run("watch", "spec.yaml", "--listen", "nowhere:port")
    assert ended.returncode == 1
    assert "--listen" in ended.stderr


def test_the_estate_is_served_as_a_page_and_counted_by_code(watched):
    watched.start()
    watched.until(lambda: "<h1>Estate</h1>" in watched.get("/"))
    assert "as-viewer" in watched.get("/")
    assert watched.number('reconcile_findings{code="open-access",severity="warning"}') >= 1
    for request in (
        urllib.request.Request(watched.url + "/", method="POST"),
        urllib.request.Request(watched.url + "/", headers={"Host": "elsewhere.example"}),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code == 404
        refused.value.close()


def test_what_a_watch_made_again_is_not_said_to_be_nobodys(tmp_path, monkeypatch):
    principal = "service_principals: {robot: {display_name: robot}}"
    head = SPEC.split("oauth_apps")[0]
    (tmp_path / "spec.yaml").write_text(f"{head}{principal}\nwatch: {{heal: [service_principals]}}\n")
    monkeypatch.chdir(tmp_path)
    found = []

    def once(*args, **options):
        found.append(look_and_judge(*args, **options))
        signal.raise_signal(signal.SIGTERM)
        return found[0]

    monkeypatch.setattr(watch, "look_and_judge", once)
    with SandboxServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        assert main(["apply", "spec.yaml", "--yes", "--quiet"]) == 0
        api, kind = (
            connect(ProviderSpec("databricks", "databricks", ""), server.env),
            KINDS["service_principals"],
        )
        for live in kind.observe(api, Scope()):
            kind.delete(api, live.id)
        assert main(["watch", "spec.yaml", "--listen", "127.0.0.1:0"]) == 0
        assert [live.name for live in kind.observe(api, Scope())] == ["robot"]
        api.http.close()
    assert [finding.code for finding in found[0].findings] == []
