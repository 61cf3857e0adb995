"""The sample package of somebody else, installed for as long as a test runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import packages

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes the entry points of a package known, as an installation would."""

    def installed(points, name="acme-vault"):
        folder = tmp_path / "site"
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{key} = {value}\n" for key, value in points.items())
        (info / "entry_points.txt").write_text(f"[{packages.GROUP}]\n{lines}")
        monkeypatch.syspath_prepend(str(folder))
        packages.installed.cache_clear()

    monkeypatch.syspath_prepend(str(SAMPLE))
    packages.installed.cache_clear()
    yield installed
    packages.installed.cache_clear()
