"""What a command doesn't need it doesn't load, and what works offline opens no socket."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import reconciler

# runs the command line with every import and every socket on record
WATCHED = """
import atexit, json, runpy, sys
sockets = []
sys.addaudithook(lambda event, _: sockets.append(event) if event.startswith("socket.") else None)
atexit.register(lambda: print(json.dumps([sorted(sys.modules), sockets]), file=sys.stderr))
sys.argv[0] = "reconcile"
runpy.run_module("reconciler", run_name="__main__")
"""


def watched(place, *args):
    """Top-level modules that a command loaded, what it did with sockets, and what it said."""
    process = subprocess.run(
        [sys.executable, "-c", WATCHED, *args],
        cwd=place.folder,
        env=place.env,
        capture_output=True,
        text=True,
        check=True,
    )
    modules, sockets = json.loads(process.stderr.splitlines()[-1])
    rooms = {".".join(name.split(".")[:2]) for name in modules if name.startswith("reconciler.")}
    return {name.partition(".")[0] for name in modules} | rooms, sockets, process.stdout


@pytest.mark.parametrize("args", [("version",), ("--version",), ("--help",), ("apply", "--help")])
def test_version_and_help_load_none_of_the_libraries(place, args):
    modules, sockets, out = watched(place, *args)
    assert not modules & {"yaml", "jsonschema", "requests", "urllib3", "deepdiff", "pyrage"}
    assert sockets == []
    if "version" in args[0]:
        assert reconciler.__version__ in out
    else:
        assert "usage: reconcile" in out


def test_validate_is_offline(place):
    place.write(place.both())
    modules, sockets, _ = watched(place, "validate", "specs")
    assert "yaml" in modules  # the test can see what is loaded
    # a spec that is right needs nobody to say what is wrong with it
    assert not modules & {"requests", "urllib3", "deepdiff", "jsonschema", "referencing"}
    assert sockets == []
    assert place.writes() == []


def test_a_plan_that_finds_nothing_to_do_loads_nothing_to_do_it_with(place):
    place.write(place.both())
    place.apply("--quiet")
    modules, sockets, _ = watched(place, "plan", "specs/stack.yaml")
    assert "requests" in modules
    assert sockets
    assert not modules & {"jsonschema", "referencing", "deepdiff", "pyrage", "obstore", "databricks"}
    assert not modules & {"statistics", "configparser", "asyncio", "rich"}
    assert not modules & {f"reconciler.{room}" for room in ("applying", "verifying", "sandbox", "surveying")}


def test_help_names_every_exit_code(place):
    place.run("--help").says(*(f"\n  {code}  " for code in (0, 1, 2, 3, 4)))
