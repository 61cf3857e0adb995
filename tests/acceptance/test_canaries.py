"""Every command in every format, every file, on errors as well: no value of a variable or file."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from reconciler import sandbox as box
from reconciler.cli.interruption import Stop
from tests.acceptance.conftest import SPEC, Inside

FORMATS = ("text", "json", "markdown", "html")
STACK = """\
version: 1
stack: stack
providers:
  databricks: {type: databricks, account_id: "${env.ACCOUNT}"}
  connect: {type: connect, url: "${env.PLACE}"}
vars: {team: "${env.TEAM}"}
oauth_apps:
  app: {name: "app of ${vars.team}", scopes: [sql], redirect_urls: ["https://x.example.org/${env.WAY}"]}
service_principals:
  robot: {display_name: "robot of ${env.TEAM}"}
connect_integrations:
  custom:
    name: for ${env.TEAM}
    description: ${file.told.txt}
    template: custom
    config:
      auth_type: Viewer
      auth_mode: Public
      authorization_uri: https://idp.example.org/a
      token_uri: https://idp.example.org/t
      client_id: ${env.CID}
      scopes: openid
"""
CANARIES = {
    "TEAM": "CANARY team \u00fc/7",  # escaped in JSON and in addresses
    "WAY": "CANARYway",
    "CID": "CANARY-client",
    "SIGN_IN": "CANARYprofile",
    "CERTIFICATE": "CANARY/certificate.pem",
}


NEAR = "localhost:"  # the address that a variable gives


class Nest(Inside):
    """A folder whose commands must not let a canary out."""

    def all_said(self) -> str:
        files = [path for path in self.folder.rglob("*") if path.is_file() and path != self.told]
        return "\n".join([*self.said, *(f"{path.name}: {path.read_text('utf-8')}" for path in files)])

    @property
    def told(self) -> Path:
        return self.folder / "specs" / "told.txt"

    def sings(self) -> list[str]:
        lines = self.all_said().splitlines()
        return [
            line[:300] for line in lines if "canary" in line.lower() or box.ACCOUNT_ID in line or NEAR in line
        ]

    def try_to(self, *args: str, **env: str) -> str:
        """Runs a command, however it ends."""
        with contextlib.suppress(AssertionError):  # about the exit code
            self.run(*args, env=env)
        return "\n".join(self.said[-2:])


class Echo(box.Sandbox):
    """A sandbox that, once told, refuses every write and repeats it."""

    repeats = False

    def handle(self, request: box.Request) -> box.Answer:
        if self.repeats and request.method != "GET" and "/v1/token" not in request.path:
            said = {"error_code": "INVALID_PARAMETER_VALUE", "code": 7}
            words = f"can't take {request.body.decode()} at {request.path}"
            body = json.dumps({**said, "message": words, "error": words}).encode()
            return box.Answer(400, (("Content-Type", "application/json"),), body)
        return super().handle(request)


RICH = """\
version: 1
stack: stack
providers:
  databricks: {type: databricks, account_id: "${env.ACCOUNT}"}
  connect: {type: connect, url: "${env.PLACE}"}
  workbench: {type: workbench, url: "https://${env.HOST}/wb", config_dir: "${env.FOLDER}"}
oauth_apps:
  app:
    name: ${env.TEAM}
    scopes: ["${env.WAY}", sql]
    user_authorized_scopes: ["${env.WAY}"]
    redirect_urls: ["${providers.connect.callback_url}", "https://${env.HOST}/x"]
service_principals:
  robot: {display_name: "${env.TEAM}", client_secret: {lifetime: 365d, rotate_before: 30d}}
federation_policies:
  pipe:
    service_principal: ${service_principals.robot.id}
    issuer: https://${env.HOST}
    subject: "${env.WAY}:${file.told.txt}"
    audiences: ["${env.CID}"]
    description: of ${env.TEAM}
connect_integrations:
  service:
    name: ${env.TEAM}
    template: databricks
    config:
      auth_type: Service Account
      workspace_host: ${env.HOST}
      client_id: ${service_principals.robot.client_id}
      client_secret: ${service_principals.robot.client_secret}
  custom:
    template: custom
    config:
      auth_type: Viewer
      auth_mode: Confidential
      authorization_uri: https://${env.HOST}/a
      token_uri: https://${env.HOST}/t
      client_id: ${env.CID}
      client_secret: ${env.HIS}
      scopes: openid ${env.WAY}
workbench_files:
  section:
    provider: workbench
    file: databricks.conf
    section: ours
    values:
      name: ${env.WAY}
      url: https://${env.HOST}
      client-id: ${oauth_apps.app.client_id}
      client-secret: ${oauth_apps.app.client_secret}
"""


@pytest.fixture
def rich(nest: Nest, tmp_path_factory: pytest.TempPathFactory) -> Nest:
    """Whatever may come from a variable or a file does."""
    nest.told.write_text("CANARYtold\n")
    (nest.folder / SPEC).write_text(RICH)
    nest.env["FOLDER"] = str(tmp_path_factory.mktemp("canary"))
    nest.env |= {"HOST": "canary.cloud.databricks.com", "HIS": "CANARY secret of theirs"}
    return nest


@pytest.fixture
def nest(tmp_path: Path) -> Iterator[Nest]:
    (tmp_path / "specs").mkdir()
    with box.SandboxServer(sandbox=Echo()) as server:
        nest = Nest(tmp_path, server)
        nest.told.write_text("CANARY of a file\nwith lines\n")
        (tmp_path / SPEC).write_text(STACK)
        nest.env |= {**CANARIES, "ACCOUNT": box.ACCOUNT_ID, "RECONCILE_LAG_BOUND": "0"}
        nest.env["PLACE"] = nest.env["CONNECT_SERVER"] = server.url.replace("127.0.0.1", "localhost")
        yield nest
        assert nest.sings() == []


def repeat(nest: Nest) -> None:
    nest.sandbox.repeats = True


@pytest.mark.parametrize("form", FORMATS)
def test_reading_tells_no_value(nest, form):
    for command in ("validate", "plan", "drift", "verify"):
        nest.try_to(command, SPEC, "--format", form, "-v", "--log-format", "json")
    nest.apply("-v")
    other = {"TEAM": "CANARY other", "CID": "CANARY-another"}
    for command in ("plan", "drift", "verify"):
        nest.try_to(command, SPEC, "--format", form, "-v", **other)
    nest.run("ledger", "show", SPEC, "--format", form)
    nest.run("outputs", SPEC, "--format", form if form == "json" else "text")
    nest.run("plan", SPEC, "-o", "saved.plan", env=other)
    nest.run("show", "saved.plan", "--format", form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_server_that_repeats_what_it_was_sent_tells_no_value(nest, form):
    repeat(nest)
    text = nest.try_to("apply", SPEC, "--yes", "--format", form, "-v")
    assert "TEAM" in text
    nest.run("plan", SPEC, "-o", "saved.plan")
    nest.try_to("apply", "saved.plan", "--yes", "--format", form)


@pytest.mark.parametrize("form", FORMATS)
def test_ending_tells_no_value(nest, form):
    nest.apply()
    repeat(nest)
    nest.try_to("rotate", "oauth_apps.app", SPEC, "--yes", "--format", form)
    nest.try_to("destroy", SPEC, "--yes", "--format", form)
    digest = json.loads(nest.try_to("destroy", SPEC, "--format", "json").splitlines()[0])["digest"]
    nest.try_to("destroy", SPEC, "--approve", digest, "--format", form, "-v")
    nest.sandbox.repeats = False
    nest.try_to("ledger", "forget", "oauth_apps.app", SPEC)
    nest.try_to("destroy", SPEC, "--approve", digest, "--format", form)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "provider",
    [
        'profile: "${env.SIGN_IN}"',
        'auth_type: "${env.SIGN_IN}"',
        'client_id: "${env.CID}", client_secret: "${env.NO_SECRET}"',
        'host: "${env.HERE}"',
        'account_id: "${env.SIGN_IN}"',
    ],
)
def test_an_error_of_signing_in_tells_no_value(nest, form, provider):
    spec = STACK.replace('account_id: "${env.ACCOUNT}"', provider)
    spec = spec.replace('"${env.PLACE}"', '"${env.PLACE}", ca_certificate: "${env.CERTIFICATE}"')
    (nest.folder / SPEC).write_text(spec)
    for command in ("plan", "verify"):
        nest.try_to(command, SPEC, "--format", form, "-v", HERE="https://canary.example.invalid")


@pytest.mark.parametrize("form", FORMATS)
def test_a_ledger_of_another_place_tells_none_of_both(nest, form):
    nest.apply()
    away = {"PLACE": "http://localhost:1/canary", "CONNECT_SERVER": "http://127.0.0.1:1"}
    for there in (away, {"ACCOUNT": "CANARY-account"}):
        nest.try_to("plan", SPEC, "--format", form, **there)
        nest.try_to("ledger", "show", SPEC, "--format", form, **there)
    nest.try_to("ledger", "move-provider", "connect", SPEC, **away)


def test_several_stacks_and_a_watch_tell_no_value(nest):
    (nest.folder / "specs" / "two.yaml").write_text(STACK.replace("stack: stack", "stack: two"))
    for form in FORMATS:
        nest.try_to("plan", "specs", "--format", form)
        nest.try_to("apply", "specs", "--yes", "--format", form, "-v")
    repeat(nest)
    with mock.patch.object(Stop, "finishing", stopped_soon):
        nest.try_to("watch", SPEC, "--listen", "none", "-v", TEAM="CANARY other")


class stopped_soon:  # noqa: N801 - stands for a function
    """Ends a watch after its first round, and looks at what it serves before."""

    look: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, say: Any = None) -> None:
        self.stop = mock.Mock()
        self.stop.is_set.side_effect = lambda: self.stop.wait.called
        self.stop.wait.side_effect = lambda *_: self.look()

    def __enter__(self) -> mock.Mock:
        return self.stop

    def __exit__(self, *why: object) -> None:
        pass


def test_what_a_watch_serves_tells_no_value(rich):
    rich.apply()

    def look() -> None:
        told = rich.hearing.getvalue()
        (root,) = set(re.findall(r"http://127\.0\.0\.1:\d+(?=/metrics)", told))
        for path in ("/", "/metrics", "/healthz"):
            with urllib.request.urlopen(root + path, timeout=10) as answer:
                rich.said.append(answer.read().decode())
        assert "(env TEAM)" in rich.said[-3]
        assert "reconcile_changes" in rich.said[-2]

    with (
        mock.patch.object(Stop, "finishing", stopped_soon),
        mock.patch.object(stopped_soon, "look", staticmethod(look)),
    ):
        rich.run("watch", SPEC, "--listen", "127.0.0.1:0")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_rehearsal_tells_no_value(nest, form):
    nest.run("rehearse", SPEC, "--format", form, "-v")


OTHERS = {"TEAM": "CANARY other", "CID": "CANARY-another", "HIS": "CANARY other secret", "WAY": "CANARYways"}
UNSET = {"PLACE": "", "ACCOUNT": "", "TEAM": ""}


def test_a_spec_made_of_variables_tells_none_by_any_command(rich):
    rich.run("plan", SPEC, "-o", "saved.plan")
    rich.run("apply", "saved.plan", "--yes", "-v", "--log-format", "json")
    rich.run("plan", SPEC, "-o", "other.plan", env=OTHERS)
    rich.run("apply", "other.plan", code=4)  # without the other values
    for form in FORMATS:
        rich.run("show", "other.plan", "--format", form)
        rich.run("drift", SPEC, "--format", form)
        rich.run(
            "ledger", "show", SPEC, "--format", form, env={"PLACE": "", "ACCOUNT": "", "TEAM": ""}, code=1
        )
        rich.run("ledger", "show", SPEC, "--format", form)
    rich.new_app(name="nobody's")
    for form in ("text", "json", "sarif"):
        rich.try_to("audit", SPEC, "--format", form, "-v")
    for form in ("json", "env", "text"):
        rich.run("outputs", SPEC, "--format", form, env=UNSET)
    rich.try_to("verify", SPEC)
    rich.try_to("explain", "oauth_apps.name")
    rich.try_to("completion", "bash")
    rich.run("rotate", "service_principals.robot", SPEC, "--yes")
    rich.try_to("apply", SPEC, "--yes", **OTHERS)


def test_what_an_export_writes_beside_a_spec_made_of_variables_tells_none(rich):
    rich.apply()
    rich.new_app(name="nobody's")
    rich.run("export", SPEC, "-o", "specs/estate.yaml")
    exported = rich.folder / "specs" / "estate.yaml"
    assert "${env.PLACE}" in exported.read_text()


def test_words_that_the_spec_says_itself_are_let_be(nest):
    (nest.folder / SPEC).write_text(
        STACK.replace("stack: stack", "stack: prod").replace("${vars.team}", "${env.STAGE}")
    )
    ended = nest.run("plan", SPEC, env={"STAGE": "prod", "WAY": "specs"})
    assert "(env STAGE)" in ended.out
    assert "stack prod" in ended.text
    assert "specs/stack.yaml" in ended.text


def test_a_command_leaves_the_loggers_of_its_process_as_they_were(nest):
    logger = logging.getLogger("reconciler")
    before = logger.level
    for how in ("-v", "--quiet"):
        nest.run("validate", SPEC, how)
        assert logger.level == before
