"""How often one run waits for the network, and what it asks while it still reads its spec."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler import sandbox as box
from reconciler.cli.main import main
from reconciler.sandbox.world import Knobs
from tests.waiting import PATIENCE

SIGN_IN = ("token", "server_settings", "user", "integrations")
APPS, PRINCIPALS, SECRETS = "custom-app-integrations", "ServicePrincipals", "secrets"


class Rounds(box.Sandbox):
    """Answers the requests of a round once all of them have come: who waits for one asks for no other."""

    def __init__(self, **knobs: int) -> None:
        super().__init__(Knobs().changed(knobs))
        self.lock_of_rounds = threading.Lock()
        self.expect()

    def expect(self, *rounds: tuple[str, ...]) -> None:
        """What has to be under way together, round by round; nothing to answer at once."""
        self.rounds = [(Counter(names), threading.Barrier(len(names))) for names in rounds]
        self.strays: list[str] = []

    def handle(self, request: box.Request) -> box.Answer:
        if self.rounds and not request.path.startswith("/_sandbox"):
            self._wait(request.path.rpartition("/")[2])
        return super().handle(request)

    def _wait(self, name: str) -> None:
        with self.lock_of_rounds:
            found = next(((awaited, barrier) for awaited, barrier in self.rounds if awaited[name]), None)
            if found is None:
                self.strays.append(name)
                return
            found[0][name] -= 1
        try:
            found[1].wait(PATIENCE)
        except threading.BrokenBarrierError:
            self.strays.append(f"{name} alone")


class Server(box.SandboxServer):
    """Counts the connections that are opened to it."""

    def __init__(self, sandbox: box.Sandbox) -> None:
        super().__init__(sandbox=sandbox)
        self.opened = 0

    def _serve(self, sock: Any) -> None:
        self.opened += 1
        super()._serve(sock)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Starts a sandbox on a port, in whose environment commands are run."""
    servers = []

    def started(sandbox: box.Sandbox) -> Server:
        server = Server(sandbox)
        servers.append(server)
        server.start()
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        return server

    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("RECONCILE_LAG_BOUND", "0")
    monkeypatch.chdir(tmp_path)
    yield started
    for server in servers:
        server.close()
    all_asked()


def all_asked() -> None:
    """Waits until whatever was asked ahead has come to its end."""
    for thread in threading.enumerate():
        if thread.name == "ahead":
            thread.join(PATIENCE)


def spec(size: int, **top: Any) -> dict[str, Any]:
    """So many apps and principals, and an integration for each."""
    config = {"workspace_host": "cust-success.cloud.databricks.com"}

    def fed(key: str, **more: str) -> dict[str, Any]:
        ends = {end: f"${{{key}.{end}}}" for end in ("client_id", "client_secret")}
        return {"template": "databricks", "config": {**config, **more, **ends}}

    viewer = {"auth_type": "Viewer", "auth_mode": "Confidential"}
    urls = ["${providers.connect.callback_url}"]
    viewers = {f"viewer-{n}": fed(f"oauth_apps.app-{n}", **viewer) for n in range(size)}
    services = {
        f"service-{n}": fed(f"service_principals.robot-{n}", auth_type="Service Account") for n in range(size)
    }
    return {
        "version": 1,
        "stack": "prod",
        "providers": {"databricks": {"type": "databricks"}, "connect": {"type": "connect"}},
        "oauth_apps": {
            f"app-{n}": {"redirect_urls": urls, "scopes": ["all-apis", "offline_access"]} for n in range(size)
        },
        "service_principals": {f"robot-{n}": {"client_secret": {"lifetime": "365d"}} for n in range(size)},
        "connect_integrations": {**viewers, **services},
        **top,
    }


def write(want: dict[str, Any], file: str = "spec.yaml") -> None:
    Path(file).write_text(json.dumps(want))


def applied(start: Any, size: int, **knobs: int) -> Server:
    server = start(Rounds(**knobs))
    write(spec(size))
    assert main(["apply", "spec.yaml", "--yes", "--quiet"]) == 0
    server.opened = 0
    return server


def test_a_plan_of_ten_objects_waits_for_a_token_the_lists_and_its_few_secrets(start):
    server = applied(start, 3)
    server.sandbox.expect(SIGN_IN, (APPS, PRINCIPALS), (SECRETS,) * 3)
    assert main(["plan", "spec.yaml", "--detailed-exitcode"]) == 0
    assert server.sandbox.strays == []


def test_a_plan_waits_for_a_token_and_the_longest_list_and_for_nothing_else(start):
    server = applied(start, 9, page_size=3)
    pages = [(APPS, PRINCIPALS), (APPS, PRINCIPALS, PRINCIPALS), (APPS,)]
    server.sandbox.expect(SIGN_IN, *pages)
    assert main(["plan", "spec.yaml", "--detailed-exitcode"]) == 0
    assert server.sandbox.strays == []


def test_a_connection_serves_one_request_after_the_other(start):
    server = applied(start, 3)
    server.sandbox.expect(SIGN_IN, (APPS, PRINCIPALS), (SECRETS,) * 3)
    assert main(["plan", "spec.yaml", "--detailed-exitcode"]) == 0
    # as many as requests were under way at a time, three of them to each system
    assert server.opened == 6


@pytest.mark.parametrize("command", [("drift",), ("verify",), ("audit", "--fail-on", "never")])
def test_what_only_looks_signs_in_and_lists_side_by_side(start, command):
    server = applied(start, 3)
    server.sandbox.expect(SIGN_IN, (APPS, PRINCIPALS))
    name, *options = command
    assert main([name, "spec.yaml", *options]) == 0
    server.sandbox.rounds = []
    assert not [stray for stray in server.sandbox.strays if "alone" in stray]


# --- while the spec is still being read ------------------------------------------------------------------


class Held(box.Sandbox):
    """Answers nobody until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may = threading.Event(), threading.Event()

    def handle(self, request: box.Request) -> box.Answer:
        self.asked.set()
        self.may.wait(PATIENCE)
        return super().handle(request)


# nothing that a schema would see
WRONG = {"service_principals": {"robot-0": {"display_name": "${oauth_apps.gone.name}"}}}


def test_systems_are_asked_before_a_spec_is_read_to_its_end_and_nobody_waits_for_them(start, capsys):
    server = start(Held())
    write(spec(2, **WRONG))
    assert main(["plan", "spec.yaml"]) == 1  # while no request is answered
    assert "oauth_apps.gone" in capsys.readouterr().err
    assert server.sandbox.asked.wait(PATIENCE)
    server.sandbox.may.set()


def test_of_several_stacks_the_first_signs_in_while_the_others_are_read(start, capsys):
    server = start(Held())
    Path("specs").mkdir()
    write(spec(2, stack="a"), "specs/a.yaml")
    write(spec(2, stack="b", **WRONG), "specs/b.yaml")
    assert main(["apply", "specs", "--yes"]) == 1
    assert "oauth_apps.gone" in capsys.readouterr().err
    assert server.sandbox.asked.wait(PATIENCE)
    server.sandbox.may.set()


ELSEWHERE = {"databricks": {"type": "databricks", "host": "http://accounts.elsewhere.example"}}
CONNECT = {"connect": {"type": "connect"}}


@pytest.mark.parametrize(
    ("command", "top", "variables"),
    [
        ("plan", {"providers": {**ELSEWHERE, **CONNECT}}, {}),
        ("plan", {"providers": {"databricks": {"type": "databricks", "acount_id": "x"}, **CONNECT}}, {}),
        ("plan", {"policy": {"provider_hosts": ["accounts.example.org"]}}, {}),
        ("drift", {"policy": {"provider_hosts": ["accounts.example.org"]}, **WRONG}, {}),
        ("plan", {}, {"RECONCILE_ALLOWED_HOSTS": "accounts.example.org"}),
        ("validate", {}, {}),
    ],
)
def test_nobody_is_asked_for_a_spec_whose_providers_are_wrong_or_refused(
    start, monkeypatch, command, top, variables
):
    server = start(Rounds())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    write(spec(2, **top))
    main([command, "spec.yaml"])
    all_asked()
    assert server.opened == 0


@pytest.mark.parametrize(("side", "others"), [("databricks", ["/__api__"]), ("connect", ["/api", "/oidc"])])
def test_a_system_that_is_not_looked_at_is_asked_nothing(start, monkeypatch, side, others):
    applied(start, 1)
    asked = []
    real = box.Sandbox.handle

    def handle(sandbox: box.Sandbox, request: box.Request) -> box.Answer:
        asked.append(request.path)
        return real(sandbox, request)

    monkeypatch.setattr(box.Sandbox, "handle", handle)
    assert main(["audit", "spec.yaml", "--side", side, "--fail-on", "never"]) == 0
    all_asked()
    assert asked
    assert not [path for path in asked if path.startswith(tuple(others))]


def test_a_ledger_is_read_before_the_first_list_begins(start, monkeypatch):
    server = applied(start, 3)
    order = []
    real = box.Sandbox.handle

    def handle(sandbox: box.Sandbox, request: box.Request) -> box.Answer:
        order.append(request.path.rpartition("/")[2])
        return real(sandbox, request)

    monkeypatch.setattr(box.Sandbox, "handle", handle)
    import reconciler.ledger.file_store as files

    read = files.FileStore.read

    def reading(store):
        order.append("ledger")
        return read(store)

    monkeypatch.setattr(files.FileStore, "read", reading)
    assert main(["plan", "spec.yaml", "--detailed-exitcode"]) == 0
    assert server.opened
    listed = min(order.index(name) for name in (APPS, PRINCIPALS, "integrations"))
    assert order.index("ledger") < listed, order
