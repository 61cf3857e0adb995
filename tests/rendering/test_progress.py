"""Progress of a long apply: calm on a terminal, plain in a log, gone afterwards."""

import io
import re
import threading

import pytest

from reconciler.model import Action, Address, Outcome, Status
from reconciler.rendering import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def screen(text):
    """What a terminal shows after that text: only the sequences that Progress uses."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[1A|\x1b\[2K|\r|\n)", text):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part != "\r":
            assert "\x1b" not in part
            lines[row] += part
    assert row >= 0
    return "\n".join(lines).rstrip("\n")


def address(number):
    return Address("oauth_apps", f"app-{number}")


def outcome(number, status=Status.DONE):
    return Outcome(address(number), Action.CREATE, status, seconds=0.5)


def test_a_log_gets_one_line_per_finished_change_once_it_takes_long():
    stream = io.StringIO()
    times = iter([0.0, 0.0, 1.0, 3.5, 4.0])
    with Progress(stream, clock=lambda: next(times)) as progress:
        progress.started(address(1), Action.CREATE)
        progress.finished(outcome(1))
        assert stream.getvalue() == ""
        progress.finished(outcome(2, Status.SKIPPED))
        assert (
            stream.getvalue() == "    + oauth_apps.app-1  created (0.5 s)\n    + oauth_apps.app-2  skipped\n"
        )
        progress.finished(outcome(3))
    assert stream.getvalue().count("\n") == 3


def test_a_short_apply_leaves_the_talking_to_its_result():
    stream = io.StringIO()
    with Progress(stream, clock=lambda: 0.0) as progress:
        progress.started(address(1), Action.CREATE)
        progress.finished(outcome(1))
    assert stream.getvalue() == ""


def test_quiet_says_nothing():
    stream = Terminal()
    with Progress(stream, enabled=False) as progress:
        progress.started(address(1), Action.CREATE)
        progress.finished(outcome(1))
    assert stream.getvalue() == ""


def test_a_terminal_shows_what_is_under_way_and_how_far_it_got():
    stream = Terminal()
    now = [0.0]
    progress = Progress(stream, total=3, clock=lambda: now[0])
    progress.started(address(1), Action.CREATE)
    progress.started(address(2), Action.DELETE)
    now = [2.0]
    progress.finished(outcome(1))
    assert screen(stream.getvalue()) == "    - oauth_apps.app-2 2 s\n  1 of 3 done"
    progress.close()
    assert screen(stream.getvalue()) == ""


def test_the_display_is_bounded():
    stream = Terminal()
    with Progress(stream, total=100) as progress:
        for number in range(100):
            progress.started(address(number), Action.CREATE)
        shown = screen(stream.getvalue()).splitlines()
        assert len(shown) == 7
        assert shown[-1] == "  0 of 100 done, 94 more under way"


def test_no_line_is_wider_than_the_terminal():
    stream = Terminal()
    with Progress(stream, width=40) as progress:
        progress.started(Address("oauth_apps", "a" * 100), Action.CREATE)
        assert max(map(len, screen(stream.getvalue()).splitlines())) <= 40


def test_an_exception_leaves_a_clean_screen():
    stream = Terminal()

    def interrupted():
        with Progress(stream) as progress:
            progress.started(address(1), Action.CREATE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert screen(stream.getvalue()) == ""


def test_a_line_said_in_between_stays_above_the_display():
    stream = Terminal()
    with Progress(stream) as progress:
        progress.started(address(1), Action.CREATE)
        progress.say("warning: slow down")
        assert screen(stream.getvalue()).splitlines()[0] == "warning: slow down"
        assert len(screen(stream.getvalue()).splitlines()) == 3
    assert screen(stream.getvalue()) == "warning: slow down"


def test_a_signal_handler_may_speak_in_the_middle_of_a_write():
    class Interrupted(Terminal):
        def write(self, text):
            if not self.closed and interruptions:
                progress.say(interruptions.pop())
            return super().write(text)

    interruptions = ["stopping"]
    stream = Interrupted()
    progress = Progress(stream, total=1)
    progress.started(address(1), Action.CREATE)
    assert screen(stream.getvalue()).splitlines() == [
        "stopping",
        "    + oauth_apps.app-1 0 s",
        "  0 of 1 done",
    ]
    progress.close()
    assert screen(stream.getvalue()) == "stopping"


def test_closing_twice_and_finishing_late_disturb_nothing():
    stream = Terminal()
    progress = Progress(stream)
    progress.started(address(1), Action.CREATE)
    progress.close()
    progress.close()
    progress.finished(outcome(1))
    progress.started(address(2), Action.CREATE)
    assert screen(stream.getvalue()) == ""
    assert not any(thread.name == "progress" for thread in threading.enumerate())


def test_many_threads_may_report_at_once():
    stream = Terminal()
    progress = Progress(stream, total=200)

    def work(first):
        for number in range(first, first + 25):
            progress.started(address(number), Action.CREATE)
            progress.finished(outcome(number))

    threads = [threading.Thread(target=work, args=(25 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert screen(stream.getvalue()) == "  200 of 200 done"
    progress.close()
    assert screen(stream.getvalue()) == ""
