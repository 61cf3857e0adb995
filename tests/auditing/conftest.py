"""Whole estates in a sandbox in process, and the command line beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from reconciler import sandbox as box
from reconciler.cli.main import main

URL = "http://localhost:9999"
CALLBACK = f"{URL}/__oauth__/integrations/callback"


@dataclass(frozen=True)
class Run:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Place:
    """A folder with a sandbox to look at."""

    def __init__(self, folder: Path, sandbox: box.Sandbox, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self._capture = capture

    def run(self, *args: str, code: int | None = 0) -> Run:
        """Runs a command to its end; `code` is the exit code that it must have."""
        self._capture.readouterr()
        ended = main(list(args))
        said = self._capture.readouterr()
        assert code in (None, ended), f"exit {ended} instead of {code}:\n{said.out}\n{said.err}"
        return Run(ended, said.out, said.err)

    def load(self, *, apps: Any = (), principals: Any = (), secrets: Any = None, **servers: Any) -> None:
        """Puts an estate in; `integrations` is that of the server at the root."""
        account = box.AccountEstate(apps=apps, service_principals=principals, secrets=secrets or {})
        connect = {
            "" if name == "integrations" else f"/{name}": box.ServerEstate(integrations=rows)
            for name, rows in servers.items()
        }
        box.load(self.sandbox, box.Estate(account, connect, fresh=True))

    def writes(self) -> list[str]:
        """Every request so far that could have changed something."""
        asked = self.control("GET", "log")
        return [
            f"{each['method']} {each['path']}"
            for each in asked["requests"]
            if each["method"] not in ("GET", "HEAD") and "oidc" not in each["path"]
        ]

    def control(self, method: str, path: str) -> Any:
        answer = self.sandbox.handle(box.Request.of(method, f"/_sandbox/{path}", {}, b""))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


@pytest.fixture
def sandbox() -> Iterator[box.Sandbox]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        made = box.Sandbox()
        box.mount(web, made, URL, lost=requests.ConnectionError, timed_out=requests.ReadTimeout)
        yield made
        made.close()


@pytest.fixture
def place(
    sandbox: box.Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Place:
    for name in list(os.environ):
        if name.startswith(("DATABRICKS_", "CONNECT_", "RECONCILE_")):
            monkeypatch.delenv(name)
    for name, value in {**box.environment(URL), "HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("RECONCILE_LAG_BOUND", "0")
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, sandbox, capsys)
