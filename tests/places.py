"""A folder, a sandbox in process with any estate in it, and the command line: called, not started."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import requests
import responses

from reconciler import sandbox as box
from reconciler.cli.main import main
from reconciler.providers import _retries
from tests.runs import Run

URL = "http://localhost:9999"
CALLBACK = f"{URL}/__oauth__/integrations/callback"

# Commands that may be called: of one that writes it matters to the next whether its process still lives.
READING = frozenset({"drift", "plan", "show", "validate", "verify"})


def called(
    argv: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    stdin: str = "",
    err: io.StringIO | None = None,
) -> Run:
    """Calls the command line in a folder, with just these variables, without a process of its own.

    Args:
        err: where it says what people read, for those who listen meanwhile.
    """
    out, err = io.StringIO(), err or io.StringIO()
    with (
        mock.patch.object(_retries, "FIRST_WAIT", 0.01),  # seconds, as in processes that are forked
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch("sys.stdin", io.StringIO(stdin)),
        _chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        ended = main(list(argv))
    return Run(ended, out.getvalue(), err.getvalue())


class Place:
    """A folder with a sandbox to look at."""

    def __init__(self, folder: Path, sandbox: box.Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.env = {
            **box.environment(URL),
            "HOME": str(folder / "home"),
            "DATABRICKS_CONFIG_FILE": os.devnull,
            "RECONCILE_LAG_BOUND": "0",
        }
        self.said: list[str] = []

    def run(self, *args: str, code: int | None = 0, stdin: str = "") -> Run:
        """Runs a command to its end; `code` is the exit code that it must have."""
        said = called(args, self.folder, self.env, stdin)
        self.said += [said.out, said.err]
        assert code in (None, said.code), f"exit {said.code} instead of {code}:\n{said.text}"
        return said

    def load(self, *, apps: Any = (), principals: Any = (), secrets: Any = None, **servers: Any) -> None:
        """Puts an estate in; `integrations` is that of the server at the root."""
        account = box.AccountEstate(apps=apps, service_principals=principals, secrets=secrets or {})
        connect = {
            "" if name == "integrations" else f"/{name}": box.ServerEstate(integrations=rows)
            for name, rows in servers.items()
        }
        box.load(self.sandbox, box.Estate(account, connect, fresh=True))

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, file: str) -> str:
        return (self.folder / file).read_text("utf-8")

    def writes(self) -> list[str]:
        """Every request so far that could have changed something."""
        return [
            f"{each['method']} {each['path']}"
            for each in self.sandbox.journal.entries(0)
            if each["method"] not in ("GET", "HEAD") and not each["path"].endswith("/token")
        ]

    def control(self, method: str, path: str) -> Any:
        """Asks the sandbox about itself."""
        answer = self.sandbox.handle(box.Request.of(method, f"/_sandbox/{path}", {}, b""))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


@contextmanager
def _chdir(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def place_in(folder: Path, **knobs: Any) -> Iterator[Place]:
    """A fresh sandbox, whose knobs may be others."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        made = box.Sandbox(box.Knobs(**knobs))
        box.mount(web, made, URL, lost=requests.ConnectionError, timed_out=requests.ReadTimeout)
        try:
            yield Place(folder, made)
        finally:
            made.close()
