"""Ctrl-C before anything is carried out: pauses end, nothing more is read, and one plain line says so."""

from __future__ import annotations

import signal
import threading

import pytest

SPEC = "specs/stack.yaml"
APPS = "/custom-app-integrations"


class Impatient:
    """Somebody who presses Ctrl-C once the server has asked for a pause."""

    def __init__(self, place, number=signal.SIGINT):
        self.place, self.number = place, number
        self.thread = threading.Thread(target=self.press)
        self.over = threading.Event()
        self.main = threading.main_thread().ident

    def asked(self):
        rows = self.place.control("GET", "log")["requests"]
        return [row for row in rows if row["method"] == "GET" and APPS in row["path"]]

    def press(self):
        while not self.over.wait(0.02):
            if self.asked():
                signal.pthread_kill(self.main, self.number)
                return

    def __enter__(self):
        # an uncut pause would be followed by a second question
        self.place.fault(f"method=GET,path={APPS},request=1,do=429,retry_after=20")
        self.thread.start()
        return self

    def __exit__(self, *why):
        self.over.set()
        self.thread.join()


@pytest.mark.parametrize("command", ["plan", "drift", "verify", "apply"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_pause_that_the_server_asked_for_ends_with_the_command(inside, command, number):
    inside.write(inside.viewers())
    with Impatient(inside, number) as somebody:
        ended = inside.run(command, SPEC, *(["--yes"] if command == "apply" else []), code=130)
    assert ended.err.splitlines() == ["stopped"]
    assert len(somebody.asked()) == 1
    assert inside.writes() == []


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_all_of_several_stacks_end(inside, command):
    for name in ("one", "two"):
        inside.write(inside.viewers(), file=f"specs/{name}.yaml", stack=name)
    with Impatient(inside) as somebody:
        ended = inside.run(*command, "specs", code=130)
    assert "stopped" in ended.err
    assert "Traceback" not in ended.err
    assert "error" not in ended.err
    assert inside.writes() == []
    assert len(somebody.asked()) <= 2
