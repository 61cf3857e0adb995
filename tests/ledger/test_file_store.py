"""A ledger in a file: replaced as a whole or not at all, whoever else writes and whatever breaks."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from reconciler.errors import FencedError, LedgerError
from reconciler.ledger import FileStore, decode
from reconciler.ledger.file_lock import exclusive


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(store):
    return Path(store.where)


@pytest.fixture(params=["ledger", "lease"])
def register(request, any_store):
    return any_store if request.param == "ledger" else any_store.lease


# --- compare and swap --------------------------------------------------------------------------------------


def test_what_was_written_is_read_with_its_version(register):
    assert register.read() == (None, "")
    version = register.write(b"one", "")
    assert register.read() == (b"one", version)
    assert register.write(b"two", version) != version


def test_a_write_against_a_version_that_moved_changes_nothing(register):
    first = register.write(b"one", "")
    second = register.write(b"two", first)
    for stale in ("", first):
        with pytest.raises(FencedError):
            register.write(b"three", stale)
    assert register.read() == (b"two", second)


def test_a_lease_is_removed_only_in_the_version_that_was_seen(any_store):
    version = any_store.lease.write(b"one", "")
    with pytest.raises(FencedError):
        any_store.lease.delete("")
    any_store.lease.delete(version)
    assert any_store.lease.read() == (None, "")


def test_ledger_and_lease_are_two_things(any_store):
    any_store.write(b"ledger", "")
    any_store.lease.write(b"lease", "")
    assert any_store.read()[0] == b"ledger"
    assert any_store.siblings() == {}


COUNT = """
import sys
from reconciler.errors import FencedError
from reconciler.ledger import FileStore
from pathlib import Path
store = FileStore(Path(sys.argv[1]))
print("ready", flush=True)
input()
left = 20
while left:
    content, version = store.read()
    try:
        store.write(str(int(content or 0) + 1).encode(), version)
    except FencedError:
        continue
    left -= 1
"""


def test_no_write_is_lost_when_processes_compete(make, store, path, process):
    path.parent.mkdir()
    children = make.let_go([process(COUNT, path) for _ in range(4)])
    assert [child.wait(30) for child in children] == [0] * 4
    assert store.read()[0] == b"80"


# --- the file ----------------------------------------------------------------------------------------------


def test_everything_is_for_this_user_only(store, path):
    before = os.umask(0)
    try:
        version = store.write(b"one", "")
        path.chmod(0o644)
        store.write(b"two", version)
        store.lease.write(b"lease", "")
    finally:
        os.umask(before)
    assert mode(path.parent) == 0o700
    modes = {file.name: mode(file) for file in path.parent.iterdir()}
    names = ["prod.json", "prod.json.backup", "prod.lock.json", ".prod.guard"]
    assert modes == dict.fromkeys(names, 0o600)


@pytest.mark.parametrize("has_links", [True, False])
def test_the_version_before_is_kept_as_a_backup(store, path, monkeypatch, has_links):
    if not has_links:

        def refuse(*_):
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert store.backup == ""
    version = ""
    for content in (b"one", b"two", b"three"):
        version = store.write(content, version)
    backup = Path(store.backup)
    assert backup == path.with_name("prod.json.backup")
    assert backup.read_bytes() == b"two"
    assert mode(backup) == 0o600


def test_what_a_killed_run_left_isnt_in_the_way(store, path, tmp_path):
    version = store.write(b"one", "")
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    path.with_name(".prod.json.tmp").symlink_to(precious)
    path.with_name(".prod.json.backup.tmp").write_bytes(b"half")
    store.write(b"two", version)
    assert store.read()[0] == b"two"
    assert precious.read_bytes() == b"mine"
    assert {file.name for file in path.parent.iterdir()} == {"prod.json", "prod.json.backup", ".prod.guard"}


def test_a_link_to_a_ledger_stays_a_link(store, path, tmp_path):
    version = store.write(b"one", "")
    link = tmp_path / "link.json"
    link.symlink_to(path)
    FileStore(link).write(b"two", version)
    assert link.is_symlink()
    assert path.read_bytes() == b"two"


def test_the_folder_of_a_ledger_is_made_with_those_above_it(tmp_path):
    FileStore(tmp_path / "a" / "b" / "prod.json").write(b"one", "")
    assert mode(tmp_path / "a" / "b") == 0o700


# --- what breaks -------------------------------------------------------------------------------------------

FILL = """
import resource, sys
from pathlib import Path
from reconciler.errors import LedgerError
from reconciler.ledger import FileStore
store = FileStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store.write(b"x" * 5000, store.read()[1])
except LedgerError as error:
    print(error.code, error.hint, sep="|")
"""


def test_a_full_disk_leaves_the_version_before_and_says_what_to_do(store, path, process):
    store.write(b"one", "")
    code, hint = process(FILL, path).communicate(timeout=20)[0].split("|")
    assert code == "ledger-write"
    assert "make room" in hint
    assert store.read()[0] == b"one"
    assert [file.name for file in path.parent.glob(".*.tmp")] == []


@pytest.mark.parametrize("call", ["fsync", "replace", "hardlink and copy"])
@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "make room"), (errno.EROFS, "the right to write"), (errno.EIO, "")]
)
def test_whatever_fails_the_version_before_is_intact(store, path, monkeypatch, call, number, words):
    version = store.write(b"one", "")

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    elif call == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(Path, "hardlink_to", fail)
        monkeypatch.setattr("shutil.copyfileobj", fail)
    with pytest.raises(LedgerError) as caught:
        store.write(b"two", version)
    assert words in caught.value.hint
    assert str(path) in caught.value.message
    monkeypatch.undo()
    assert store.read() == (b"one", version)
    store.write(b"two", version)
    assert store.read()[0] == b"two"


def test_a_folder_that_cant_be_made_is_an_error_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="can't be written"):
        FileStore(tmp_path / "file" / "prod.json").write(b"one", "")


def test_a_file_system_without_locks_is_named_as_the_reason(store, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", fail)
    with pytest.raises(LedgerError) as caught:
        store.write(b"one", "")
    assert "has no locks" in caught.value.hint


WRITE = """
import sys
from dataclasses import replace
from pathlib import Path
from reconciler.ledger import FileStore, decode, encode
from reconciler.model import Address, Entry, Ledger, Origin
store = FileStore(Path(sys.argv[1]))
content, version = store.read()
entries = {Address("oauth_apps", f"k{n}"): Entry("p", str(n), "n" * 50, Origin.CREATED) for n in range(300)}
ledger = decode(content, where="") if content else Ledger("prod", "l", entries=entries)
while True:
    ledger = replace(ledger, serial=ledger.serial + 1)
    version = store.write(encode(ledger), version)
    print(ledger.serial, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_a_sound_ledger_with_all_it_confirmed(store, path, process):
    confirmed = 0
    for pause in (0.0, 0.004, 0.011, 0.017, 0.025):
        child = process(WRITE, path)
        lines = [child.stdout.readline()]
        time.sleep(pause)
        child.kill()
        lines += child.stdout.readlines()
        confirmed = max([confirmed, *(int(line) for line in lines if line.endswith("\n"))])
        ledger = decode(store.read()[0], where="")
        assert len(ledger.entries) == 300
        assert ledger.serial in (confirmed, confirmed + 1)
        if confirmed > 1:
            assert decode(Path(store.backup).read_bytes(), where="").serial in (confirmed - 1, confirmed)
    assert confirmed >= 5


# --- the lock of a swap ------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from reconciler.ledger.file_lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def test_a_lock_that_is_held_too_long_is_an_error_and_goes_with_its_holder(tmp_path, process):
    guard = tmp_path / "guard"
    child = process(HOLD, guard)
    child.stdout.readline()
    with pytest.raises(LedgerError, match="another process"), exclusive(guard, patience=0.05):
        pass
    child.kill()
    with exclusive(guard, patience=5):
        pass


def test_threads_of_one_process_keep_each_other_out(tmp_path):
    guard = tmp_path / "guard"
    with (
        exclusive(guard),
        pytest.raises(LedgerError, match="another process"),
        exclusive(guard, patience=0.05),
    ):
        pass
