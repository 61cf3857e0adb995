"""Output that can't be written: said in one line, exit 1, and nothing is interrupted by it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.main import main

COMMAND = (sys.executable, "-m", "reconciler")
FULL = Path("/dev/full")

full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


def piped_to_nobody(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [*COMMAND, *words], stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env=env
        )
    finally:
        os.close(writer)


@full
@pytest.mark.parametrize("words", [["version"], ["--help"], ["schema"]])
def test_a_full_disk_is_said_in_one_line(words):
    with FULL.open("w") as stream:
        ended = subprocess.run(
            [*COMMAND, *words], stdout=stream, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr == "reconcile: the output can't be written: No space left on device\n"


@pytest.mark.parametrize("words", [["version"], ["schema"]])
def test_a_closed_pipe_is_silent(words):
    assert piped_to_nobody(*words).stderr == ""


@full
@pytest.mark.parametrize("closed", [{"stdout"}, {"stderr"}, {"stdout", "stderr"}])
def test_an_apply_that_cannot_speak_does_and_records_all_the_same(place, closed):
    place.write(place.both())
    with FULL.open("w") as stream:
        streams = {name: stream if name in closed else subprocess.PIPE for name in ("stdout", "stderr")}
        words = ["apply", "specs/stack.yaml", "--yes"]
        ended = subprocess.run([*COMMAND, *words], **streams, cwd=place.folder, env=place.env, check=False)
    assert ended.returncode == 1  # the next step is said on stderr
    assert place.run("plan", "specs/stack.yaml", "--format", "json").json["changes"] == []
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


@pytest.mark.parametrize("depth", [500, 960, 990, 100_000])
@pytest.mark.parametrize("command", [["show"], ["apply", "--yes"]])
def test_a_plan_file_that_is_nested_without_end_is_no_plan_file(tmp_path, capsys, command, depth):
    deep = "[" * depth + "]" * depth
    path = tmp_path / "deep.json"
    path.write_text(f'{{"format": "reconcile.plan/1", "digest": "x", "definition": {deep}}}')
    assert main([*command, str(path)]) == 1
    assert "internal error" not in capsys.readouterr().err
