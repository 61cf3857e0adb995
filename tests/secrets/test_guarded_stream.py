"""Nothing that a command says, logs or crashes with carries a secret out."""

from __future__ import annotations

import argparse
import base64
import errno
import io
import json
import logging
import os
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli import plan_files
from reconciler.cli.command_runner import run
from reconciler.cli.console import Console
from reconciler.rendering import Progress
from reconciler.secrets import Guarded, LeakError, Secret, checked
from tests.secrets.conftest import fresh

Command = Callable[[argparse.Namespace, Console], int]


def test_complete_lines_pass_at_once_and_the_rest_when_flushed() -> None:
    stream = io.StringIO()
    guarded = Guarded(stream)
    assert guarded.write("one\ntwo\nthr") == 11
    assert stream.getvalue() == "one\ntwo\n"
    guarded.write("ee")
    assert stream.getvalue() == "one\ntwo\n"
    guarded.flush()
    assert stream.getvalue() == "one\ntwo\nthree"
    guarded.writelines(["\n", "four\n"])
    assert stream.getvalue() == "one\ntwo\nthree\nfour\n"


@given(texts=st.lists(st.text()))
def test_what_holds_no_secret_passes_unchanged(texts: list[str]) -> None:
    stream = io.StringIO(newline="")
    guarded = Guarded(stream)
    for text in texts:
        guarded.write(text)
    guarded.flush()
    assert stream.getvalue() == "".join(texts)


@given(data=st.data())
def test_a_secret_in_any_number_of_writes_never_comes_out_whole(data: st.DataObject) -> None:
    canary = fresh()
    Secret(canary)
    text = f"before {canary} after\n"
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6).map(sorted))
    flushes = data.draw(st.lists(st.booleans(), min_size=len(cuts), max_size=len(cuts)))
    stream = io.StringIO()
    guarded = Guarded(stream)

    def speak() -> None:
        for start, end, flushed in zip([0, *cuts], [*cuts, len(text)], [*flushes, False], strict=True):
            guarded.write(text[start:end])
            if flushed:
                guarded.flush()

    with pytest.raises(LeakError):
        speak()
    assert canary not in stream.getvalue()
    assert any(flushes) or stream.getvalue() == ""


def test_nothing_of_a_text_with_a_secret_passes_and_nothing_after_it(canary: str) -> None:
    Secret(canary)
    stream = io.StringIO()
    guarded = Guarded(stream)
    guarded.write("fine\nheld back, ")
    for text in (f"a line\n{canary}\nanother line\n", "innocent\n"):
        with pytest.raises(LeakError):
            guarded.write(text)
    with pytest.raises(LeakError):
        guarded.flush()
    assert stream.getvalue() == "fine\n"


def test_a_guarded_stream_looks_like_the_one_behind_it_and_takes_no_bytes() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    guarded = Guarded(stream)
    assert (guarded.encoding, guarded.errors) == ("ascii", "backslashreplace")
    assert (guarded.isatty(), guarded.writable(), guarded.readable()) == (False, True, False)
    for name in ("buffer", "detach", "reconfigure", "read"):
        assert not hasattr(guarded, name)


def test_a_log_record_with_a_secret_stops_the_one_who_logs(canary: str) -> None:
    Secret(canary)
    stream = io.StringIO()
    logger = logging.Logger("tested")
    logger.addHandler(logging.StreamHandler(cast(Any, Guarded(stream))))
    logger.warning("fine")
    with pytest.raises(LeakError):
        logger.warning("the answer was %s", {"client_secret": canary})
    assert stream.getvalue() == "fine\n"


def test_the_progress_display_works_behind_the_guard(canary: str) -> None:
    Secret(canary)
    stream = io.StringIO()
    with Progress(cast(Any, Guarded(stream)), in_place=True) as progress:
        progress.say("a word")
    assert "a word\n" in stream.getvalue()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a function as the command `tested`."""

    def running(action: Command, **options: object) -> int:
        module = types.ModuleType("reconciler.cli.tested")
        module.run = action  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "reconciler.cli.tested", module)
        return run("tested", argparse.Namespace(**options))

    return running


@pytest.mark.parametrize(
    "leak",
    [
        lambda console, value: console.result(f"{{}}\n{value}\n"),
        lambda console, value: console.say(f"said {value}"),
        lambda console, value: print("value:", value),
        lambda console, value: print("value:", value, file=sys.stderr, end=""),
        lambda console, value: checked(json.dumps({"value": value})),
        lambda console, value: print(base64.b64encode(f"id:{value}".encode()).decode()),
        lambda console, value: [sys.stdout.write(letter) for letter in value],
    ],
    ids=["result", "words", "print", "print to stderr", "file", "Basic", "letter by letter"],
)
def test_a_command_that_would_print_a_secret_is_stopped(
    leak: Callable[[Console, str], object],
    canary: str,
    command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def action(args: argparse.Namespace, console: Console) -> int:
        Secret(canary)
        print("before")
        try:
            leak(console, canary)
        except Exception:
            pytest.fail("swallowed")
        return 0

    streams = sys.stdout, sys.stderr
    assert command(action) == 1
    assert (sys.stdout, sys.stderr) == streams
    out, err = capsys.readouterr()
    assert out == "before\n"
    assert canary not in err
    assert err.count("error[internal]") == 1
    assert "a secret was about to be printed; stopped at " in err


def test_the_place_of_a_leak_is_that_of_the_code_that_spoke(
    canary: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def action(args: argparse.Namespace, console: Console) -> int:
        Secret(canary)
        console.result(canary + "\n")
        return 0

    assert command(action) == 1
    line = action.__code__.co_firstlineno + 2
    assert f"stopped at {action.__globals__['__name__']}:{line}\n" in capsys.readouterr().err


def test_with_json_a_leak_is_an_error_document(
    canary: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def action(args: argparse.Namespace, console: Console) -> int:
        console.result(Secret(canary).reveal() + "\n")
        return 0

    assert command(action, format="json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["errors"][0]["code"] == "internal"
    assert canary not in out + err


def test_a_leak_in_another_thread_stops_the_command(
    canary: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def action(args: argparse.Namespace, console: Console) -> int:
        thread = threading.Thread(target=lambda: print(Secret(canary).reveal()))
        thread.start()
        thread.join()
        return 0

    assert command(action) == 1
    _, err = capsys.readouterr()
    assert "a secret was about to be printed" in err
    assert "Traceback" not in err


def test_the_words_of_an_error_are_checked_too(
    canary: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    from reconciler.errors import CredentialError

    def action(args: argparse.Namespace, console: Console) -> int:
        raise CredentialError(f"the key {Secret(canary).reveal()} is refused")

    assert command(action) == 1
    out, err = capsys.readouterr()
    assert canary not in out + err
    assert "a secret was about to be printed" in err


def test_an_unfinished_line_comes_out_when_the_command_ends(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def action(args: argparse.Namespace, console: Console) -> int:
        print("no newline", end="")
        print("none here", end="", file=sys.stderr)
        return 2

    assert command(action) == 2
    assert capsys.readouterr() == ("no newline", "none here")


SCRIPT = """
import argparse, logging, sys, types
from reconciler.cli.command_runner import run
from reconciler.secrets import Secret
canary = sys.argv[1]
def act(args, console):
    secret = Secret(canary)
    ways = {
        "log": lambda: logging.getLogger("reconciler").debug("got %s", {"a": secret.reveal()}),
        "bug": lambda: {}[secret.reveal()],
        "bug in bug": lambda: int(str([secret, Holder(secret)]) + secret.reveal()),
        "wrapped": lambda: (logging.getLogger("reconciler").debug("%r", secret), {}[secret]),
    }
    ways[sys.argv[2]]()
    return 0
class Holder:
    def __init__(self, secret): self.secret = secret
    def __repr__(self): raise RuntimeError(self.secret.reveal())
module = types.ModuleType("tested")
module.run = act
sys.modules["reconciler.cli.tested"] = module
sys.exit(run("tested", argparse.Namespace(verbose=True)))
"""


def _process(canary: str, way: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, canary, way], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("way", ["bug", "bug in bug", "wrapped"])
def test_the_traceback_of_an_internal_error_shows_no_secret(way: str, canary: str) -> None:
    ended = _process(canary, way)
    assert ended.returncode == 1
    assert canary not in ended.stdout + ended.stderr
    assert "internal error: " in ended.stderr
    assert "in act" in ended.stderr


def test_no_plan_is_kept_or_saved_with_a_secret_in_it(canary: str, tmp_path: Path) -> None:
    text = f'{{"name": "{Secret(canary).reveal()}"}}'
    with pytest.raises(LeakError):
        plan_files._try_to_keep(tmp_path / "recorded.json", text, print)
    assert list(tmp_path.iterdir()) == []


def test_a_log_line_with_a_secret_stops_the_program(canary: str) -> None:
    ended = _process(canary, "log")
    assert ended.returncode == 1
    assert canary not in ended.stdout + ended.stderr
    assert "a secret was about to be printed; stopped at __main__:" in ended.stderr
    assert "Traceback" not in ended.stderr


def _no_thread(*args: object, **options: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_limit_of_the_machine_is_no_bug(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: Callable[[], object] = threading.Thread(target=print).start
    for name in ("_start_new_thread", "_start_joinable_thread"):
        monkeypatch.setattr(threading, name, _no_thread, raising=False)

    def exhausted() -> object:
        raise MemoryError

    def full() -> object:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    for action, words in (
        (started, "no further thread"),
        (exhausted, "memory"),
        (full, "Too many open files"),
    ):
        assert command(lambda args, console, action=action: action()) == 1
        _, err = capsys.readouterr()
        assert "error[resources]" in err
        assert words in err


@pytest.mark.parametrize("words", [["version"], ["--version"], ["--help"], ["schema"]])
def test_what_needs_no_key_does_not_import_pyrage(words: list[str]) -> None:
    script = (
        "import sys\nfrom reconciler.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "sys.exit(any(name.startswith('pyrage') for name in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, env={**os.environ}, check=False
    )
    assert ended.returncode == 0
