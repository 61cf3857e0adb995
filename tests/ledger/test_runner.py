"""Who runs, and when another runner is proven dead: never by guess."""

import os
from dataclasses import replace

import pytest

from reconciler.ledger import current_runner, is_proven_dead
from reconciler.ledger import runner as runner_module
from reconciler.ledger.runner import Life, is_alive_here, look_up

SAY = """
from reconciler.ledger import current_runner
r = current_runner()
print(r.owner, r.host, r.boot, r.pid, r.start, r.machine, sep="|", flush=True)
input()
"""


@pytest.fixture
def other(process, make):
    """Another process of this host, and itself as it says."""
    child = process(SAY)
    owner, host, boot, pid, start, machine = child.stdout.readline().strip().split("|")
    facts = {"owner": owner, "host": host, "boot": boot, "pid": int(pid), "start": start, "machine": machine}
    return child, make.runner(**facts)


def test_this_process_is_known_by_all_that_tells_processes_apart():
    here = current_runner()
    assert here.pid == os.getpid()
    assert all((here.owner, here.host, here.boot, here.start))
    assert not is_proven_dead(here)
    assert is_alive_here(here)


def test_a_runner_is_alive_until_it_is_killed(other):
    child, runner = other
    assert is_alive_here(runner)
    assert not is_proven_dead(runner)
    child.kill()
    child.wait()
    assert is_proven_dead(runner)
    assert not is_alive_here(runner)


def test_a_killed_runner_is_dead_even_before_its_parent_noticed(other):
    child, runner = other
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_proven_dead(runner)


def test_a_pid_that_was_given_again_proves_that_its_former_owner_is_dead():
    here = current_runner()
    former = replace(here, start="1")
    assert is_proven_dead(former)
    assert not is_alive_here(former)


GONE = {"pid": 2**22 + 7}  # above any pid that Linux gives


@pytest.mark.parametrize(
    ("facts", "is_dead"),
    [
        ({}, True),
        ({"host": "elsewhere"}, False),
        ({"boot": ""}, False),
        # two containers of one host: same kernel, pids that don't mean the same
        ({"machine": "container pid:[1]"}, False),
        # a mark that an older version didn't write contradicts nothing
        ({"machine": ""}, True),
    ],
)
def test_a_pid_that_is_gone_proves_something_only_where_pids_are_shared(facts, is_dead):
    assert is_proven_dead(replace(current_runner(), **GONE | facts)) is is_dead


@pytest.mark.parametrize(
    ("machine", "boot", "is_dead"),
    [
        ("machine 1", "before", True),
        ("container pid:[1]", "before", False),
        ("", "before", False),
        ("machine 1", "", False),
    ],
)
def test_another_boot_is_proof_only_of_what_is_certainly_the_same_machine(machine, boot, is_dead):
    here = replace(current_runner(), machine=machine)
    assert is_proven_dead(replace(here, boot=boot), here=here) is is_dead


@pytest.mark.parametrize("pid", [0, -1, -5])
def test_a_pid_that_means_a_group_is_never_looked_up(pid):
    assert look_up(pid) == (Life.UNKNOWN, "")


def test_a_process_that_is_hidden_from_us_isnt_dead(monkeypatch, tmp_path):
    monkeypatch.setattr(runner_module, "_PROC", tmp_path)
    assert look_up(os.getpid())[0] is Life.THERE
    assert look_up(GONE["pid"])[0] is Life.GONE
    assert not is_proven_dead(replace(current_runner(), start="1"))


def test_a_programs_name_may_look_like_anything(monkeypatch, tmp_path):
    (tmp_path / "7").mkdir()
    fields = " ".join(str(n) for n in range(4, 53))
    (tmp_path / "7" / "stat").write_text(f"7 (a) Z 1) (b) S {fields}\n")
    monkeypatch.setattr(runner_module, "_PROC", tmp_path)
    assert look_up(7) == (Life.THERE, "22")


def test_a_user_without_a_name_is_known_by_number(monkeypatch):
    def unnamed():
        raise KeyError("uid not found")

    monkeypatch.setattr(runner_module.getpass, "getuser", unnamed)
    assert current_runner().owner == f"uid {os.getuid()}"
