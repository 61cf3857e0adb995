"""No secret leaves the two clients: not in words, files, arguments, environments or tracebacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.sandbox import ADMINISTRATOR_KEY, CLIENT_SECRET
from tests.waiting import wait_until

from . import inside
from .stories import ROTATE

OURS = (CLIENT_SECRET, ADMINISTRATOR_KEY)  # what this test itself puts into the environment
ROTATION = ROTATE.command


@pytest.fixture
def given(rig):
    """Every secret and token that the sandbox gives away from now on."""
    handle, found = rig.sandbox.handle, set()

    def handled(request):
        answer = handle(request)
        if request.method == "POST" and answer.body.startswith(b"{"):
            said = json.loads(answer.body)
            found.update(said[name] for name in ("client_secret", "secret", "access_token") if name in said)
        return answer

    rig.sandbox.handle = handled
    for name in ("TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        folder = rig.folder / name.lower()
        folder.mkdir()
        rig.env[name] = str(folder)
    return found


def assert_silent(rig, given, *texts):
    assert len([one for one in given if one.startswith("dose")]) >= 1, (
        "no secret was issued: nothing is proven"
    )
    forbidden = [one.encode() for one in (*given, *OURS)]
    for text in texts:
        assert_free(text.encode(), forbidden, "what was printed")
    for path in rig.folder.rglob("*"):
        if path.is_file():
            assert_free(path.read_bytes(), forbidden, str(path.relative_to(rig.folder)))


def assert_free(content, forbidden, where):
    for secret in forbidden:
        assert secret not in content, f"{where} holds a secret"
        # half of one is too much as well
        assert secret[: len(secret) // 2 + 4] not in content, f"{where} holds a part of a secret"


def test_nothing_that_is_printed_or_written_holds_a_secret(rig, given):
    said = [rig.run("plan", "spec.yaml", "-v", "-o", "saved.plan.json")]
    said.append(rig.run("apply", "saved.plan.json", "--yes", "-v"))
    assert said[-1].code == 0, said[-1].text
    for form in ("text", "json", "markdown", "html"):
        said.append(rig.run("plan", "spec.yaml", "--format", form, "-v"))
    said.append(rig.run(*ROTATION, "-v", "--log-format", "json"))
    assert said[-1].code == 0, said[-1].text
    said.append(rig.run(*ROTATION, "--format", "json"))
    assert said[-1].code == 0, said[-1].text
    said.append(rig.run("ledger", "show", "spec.yaml"))
    assert_silent(rig, given, *(one.text for one in said))


@pytest.mark.parametrize("how", ["reset", "502", "cut", "html", "500", "hang"])
@pytest.mark.parametrize("number", [2, 6])
def test_no_error_quotes_a_secret(rig, given, number, how):
    """The answer that holds a secret is cut off, and the request that holds one is refused."""
    rig.fault(f"write={number},when=after,do={how},times=2")
    ended = rig.apply("-v", "--parallelism", "1", patch=(inside.wait_less, 0.2))
    rig.clear_faults()
    over = rig.apply("-v")
    assert over.code == 0, over.text
    assert_silent(rig, given, ended.text, over.text)


@pytest.mark.parametrize("more", [(), ("-v",), ("--format", "json"), ("-v", "--log-format", "json")])
@pytest.mark.parametrize("where", ["deliver", "check"])
def test_a_bug_of_ours_quotes_no_secret(rig, given, where, more):
    """It has one in its text, its arguments and in the locals of its frames."""
    if where == "check":
        assert rig.apply().code == 0
    command = ROTATION if where == "check" else ("apply", "spec.yaml", "--yes")
    ended = rig.run(*command, *more, patch=(inside.crash_with_the_secret, where))
    assert ended.code == 1
    assert "internal error: RuntimeError" in ended.text
    assert_silent(rig, given, ended.text)


def test_a_process_that_holds_secrets_shows_none_to_its_neighbours(rig, given):
    """Neither in its arguments nor in its environment, and nor do the processes that it starts."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc")
    rig.fault("method=POST,path=integrations$,request=2,when=before,do=hang")
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "spec.yaml", "--yes", "-v"],
        cwd=rig.folder,
        env={**rig.env, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(lambda: any(fault["held"] for fault in rig.faults()) or process.poll() is not None)
        assert process.poll() is None
        for pid in family(process.pid):
            for name in ("cmdline", "environ"):
                content = Path(f"/proc/{pid}/{name}").read_bytes()
                assert_free(content, [one.encode() for one in given], f"{name} of {pid}")
                if name == "cmdline":
                    assert_free(content, [one.encode() for one in OURS], f"{name} of {pid}")
        rig.clear_faults()
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0, out
        assert_silent(rig, given, out.decode())
    finally:
        process.kill()
        process.wait()


def family(pid):
    """A process and all that it started."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent in found:
            found.append(int(stat.parent.name))
    return found
