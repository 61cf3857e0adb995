"""A spec from a few lines of YAML, and what is said about it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.errors import Problem, SpecError
from reconciler.model import Address, Stack
from reconciler.providers import KINDS
from reconciler.specs import load

HEAD = """\
version: 1
stack: test
providers:
  databricks: {type: databricks, host: https://accounts.cloud.databricks.com, account_id: abc-123}
  connect: {type: connect, url: https://connect.example.org}
"""

APP = """\
oauth_apps:
  app:
    redirect_urls: ["${providers.connect.callback_url}"]
    scopes: [all-apis, offline_access]
"""

VIEWER = """\
connect_integrations:
  viewer:
    template: databricks
    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: team.cloud.databricks.com
      client_id: ${oauth_apps.app.client_id}
      client_secret: ${oauth_apps.app.client_secret}
"""


@dataclass
class Specs:
    """Writes specs into a folder of its own and loads them."""

    folder: Path

    def write(self, text: str | bytes, name: str = "spec.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    def load(self, *parts: str | bytes, strict: bool = True, variables=None, **environment: str) -> Stack:
        text = parts[0] if isinstance(parts[0], bytes) else "".join(map(textwrap.dedent, parts))
        path = self.write(text)
        return load(path, KINDS, variables=variables or {}, environment=environment, strict=strict)

    def problems(self, *parts: str | bytes, **options) -> list[Problem]:
        try:
            return list(self.load(*parts, **options).problems)
        except SpecError as error:
            return list(error.problems)

    def complaints(self, *parts: str | bytes, **options) -> list[str]:
        """`code line:column` of every problem, in order."""
        return [f"{p.code} {p.at.line}:{p.at.column}" for p in self.problems(*parts, **options) if p.at]

    def codes(self, *parts: str | bytes, **options) -> list[str]:
        return [problem.code for problem in self.problems(*parts, **options)]

    def resource(self, address: str, *parts: str | bytes, **options):
        return self.load(*parts, **options).resources[Address.parse(address)]


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Specs:
    monkeypatch.chdir(tmp_path)
    return Specs(Path())


@pytest.fixture
def head() -> str:
    return HEAD


@pytest.fixture
def app() -> str:
    return APP


@pytest.fixture
def viewer() -> str:
    return VIEWER
