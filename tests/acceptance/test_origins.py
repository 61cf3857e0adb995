"""What variables and files gave is shown by its origin, by every command, in every format, in every file."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from reconciler import sandbox as box
from reconciler.cli.main import main

SPEC = """\
version: 1
stack: s
providers:
  databricks: {type: databricks, account_id: "${env.ACCOUNT}"}
  connect: {type: connect}
oauth_apps:
  a: {name: "app of ${env.TEAM}", scopes: [sql], redirect_urls: ["https://x.example.org/${env.CID}"]}
connect_integrations:
  r:
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
  q:
    template: anthropic
    config: {api_key: "${env.KEY}"}
"""
VALUES = {"TEAM": "CANARY-TEAM", "CID": "CANARY-CID", "KEY": "CANARY-KEY-0123456789"}
FORMATS = ("text", "json", "markdown", "html")


@pytest.fixture
def told(tmp_path: Path, monkeypatch, capfd):
    """Runs commands in a folder against a sandbox; what they said, and every file, holds no canary."""
    (tmp_path / "told.txt").write_text("CANARY-FILE\n")
    (tmp_path / "s.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    with box.SandboxServer() as server:
        for name, value in {**server.env, **VALUES, "DATABRICKS_CONFIG_FILE": "/dev/null"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ACCOUNT", box.ACCOUNT_ID)

        def run(*arguments: str, code: int | None = 0) -> str:
            ended = main(list(arguments))
            out, err = capfd.readouterr()
            assert "CANARY" not in out + err, arguments
            assert arguments[0] == "ledger" or f"account {box.ACCOUNT_ID}" not in out, arguments
            for path in tmp_path.rglob("*"):
                if path.is_file() and path.name != "told.txt":
                    assert b"CANARY" not in path.read_bytes(), path
            assert code is None or ended == code, out + err
            return out

        run.server = server
        yield run


def change_by_hand(server: box.SandboxServer, **config: str) -> None:
    def call(method: str, path: str, body: object = None):
        request = Request(f"{server.url}/__api__/v1/oauth/integrations{path}", method=method)
        request.add_header("Authorization", f"Key {server.env['CONNECT_API_KEY']}")
        return json.load(urlopen(request, json.dumps(body).encode() if body else None))

    (one,) = [item for item in call("GET", "") if item["template"] == "custom"]
    call("PATCH", f"/{one['guid']}", {"config": config, "name": "for CANARY-TEAM!"})


def test_no_command_shows_what_a_variable_gave_and_no_file_holds_it(told, monkeypatch):
    for form in FORMATS:
        told("plan", "s.yaml", "--format", form, "-v")
    told("plan", "s.yaml", "-o", "saved.plan")
    told("apply", "saved.plan", "--yes", "-v")
    assert json.loads(told("plan", "s.yaml", "--format", "json"))["changes"] == []
    told("drift", "s.yaml")
    change_by_hand(told.server, client_id="by-hand")
    for form in FORMATS:
        shown = told("drift", "s.yaml", "--format", form, code=2)
        assert "(env CID)" in shown
        assert "(env TEAM)" in shown
        told("plan", "s.yaml", "--format", form)
        told("ledger", "show", "s.yaml", "--format", form, code=None)
        told("verify", "s.yaml", "--format", form, code=None)
    # another value: what is live is the old one, which only the ledger's mark knows
    told("apply", "s.yaml", "--yes", code=None)
    monkeypatch.setenv("CID", "CANARY-NEW")
    for form in FORMATS:
        told("plan", "s.yaml", "--format", form)
        told("drift", "s.yaml", "--format", form)
    told("destroy", "s.yaml", "--format", "json", code=3)
