"""The real `reconcile sandbox` in a process of its own, and the unmodified command line against it."""

from __future__ import annotations

import json
import signal
import urllib.request

SPEC = "specs/stack.yaml"


def exported(process):
    """The variables that it says to export, as they are at its start."""
    found = {}
    while len(found) < 6:
        line = process.stdout.readline()
        assert line, "the sandbox ended"
        name, _, value = line.removeprefix("export ").strip().partition("=")
        assert line == f"export {name}={value}\n"
        found[name] = value
    return found


def test_the_main_story_against_a_sandbox_of_its_own(place):
    demo = place.copy_example("demo.yaml")
    command = ("sandbox", "--state", "state.json", "--page-size", "1", "--port")
    process = place.start(*command, "0")
    try:
        env = exported(process)
        assert set(env) == set(place.server.env)
        place.run("apply", demo, "--yes", env=env)
        place.run("plan", demo, "--detailed-exitcode", env=env)
        with urllib.request.urlopen(f"{env['CONNECT_SERVER']}/_sandbox/wiring") as answer:
            wires = json.load(answer)["integrations"]
        assert [wire["valid"] for wire in wires] == [True, True]
        port = env["CONNECT_SERVER"].rpartition(":")[2]
        place.run("sandbox", "--port", port, code=1).says(port, "--port")
    finally:
        process.send_signal(signal.SIGTERM)
        place.end(process, 0)
    # what it made outlives it
    process = place.start(*command, port)
    try:
        assert exported(process) == env
        place.run("plan", demo, "--detailed-exitcode", env=env)
    finally:
        process.send_signal(signal.SIGTERM)
        place.end(process, 0)


def test_a_rehearsed_fault_and_a_bad_one(place):
    place.run("sandbox", "--port", "0", "--fault", "do=nonsense", code=1).says("nonsense")
    process = place.start("sandbox", "--port", "0", "--fault", "method=POST,path=oauth/integrations$,do=400")
    try:
        env = exported(process)
        place.write(place.viewers())
        place.run("apply", SPEC, "--yes", env=env, code=1).says("connect_integrations.viewer", "400")
    finally:
        process.send_signal(signal.SIGINT)
        place.end(process, 0)
