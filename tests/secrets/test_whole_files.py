"""Files that are written at once or not at all."""

import errno
import os
import stat

import pytest

from reconciler.secrets.whole_files import put_whole

on_posix = pytest.mark.skipif(os.name != "posix", reason="modes and folders of POSIX")


def failing(monkeypatch, number, *, of_folders):
    """fsync fails with that error, either of folders or of files."""
    real = os.fsync

    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode) is of_folders:
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_file_takes_the_place_of_another_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    put_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@on_posix
def test_only_its_owner_reads_it_unless_it_is_prepared_for_others(tmp_path):
    seen = []

    def prepare(beside):
        seen.append((stat.S_IMODE(beside.stat().st_mode), (tmp_path / "open").exists()))
        beside.chmod(0o644)

    put_whole(tmp_path / "own", b"")
    put_whole(tmp_path / "open", b"", prepare=prepare)
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644
    assert seen == [(0o600, False)]


@on_posix
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cant_sync_folders_is_good_enough(tmp_path, monkeypatch, number):
    failing(monkeypatch, number, of_folders=True)
    put_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@on_posix
def test_a_folder_that_breaks_is_an_error(tmp_path, monkeypatch):
    failing(monkeypatch, errno.EIO, of_folders=True)
    with pytest.raises(OSError, match="Input/output"):
        put_whole(tmp_path / "file", b"new")


def test_what_cant_be_written_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")
    failing(monkeypatch, errno.ENOSPC, of_folders=False)
    with pytest.raises(OSError, match="No space"):
        put_whole(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
