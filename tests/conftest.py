"""What holds for every test."""

import pytest

from reconciler.secrets import leak_register


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets of one test may be words that another prints: nothing is remembered beyond a test."""
    monkeypatch.setattr(leak_register, "_REGISTER", leak_register._Register())
