"""What holds for every test."""

import gc
import os
import sys

import pytest
from hypothesis import settings

from reconciler.secrets import leak_register

# Each worker, and each process of a test, imports the same files: they are compiled once, come what may.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How many examples a property is tried on, where it doesn't say; some take a multiple of it.
settings.register_profile("suite", max_examples=int(os.environ.get("EXAMPLES") or 40), deadline=None)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets of one test may be words that another prints: nothing is remembered beyond a test."""
    monkeypatch.setattr(leak_register, "_REGISTER", leak_register._Register())


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay to the end: no garbage collection need look at them again."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """Twice the cores: most tests wait for servers and processes of their own about half of the time."""
    return 2 * (os.cpu_count() or 1)
