"""Who decides about colours: a no beats a yes, and what machines read never has any."""

from __future__ import annotations

import argparse

import pytest

from reconciler.cli.console import Console


def console(format_name: str = "text", *, no_color: bool = False) -> Console:
    return Console.of(argparse.Namespace(format=format_name, no_color=no_color))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["FORCE_COLOR", "CLICOLOR_FORCE"])
def test_a_no_beats_a_yes(monkeypatch, name):
    assert not console().look.palette.enabled
    monkeypatch.setenv(name, "1")
    assert console().look.palette.enabled
    assert console().notes.palette.enabled
    assert not console(no_color=True).look.palette.enabled
    monkeypatch.setenv("NO_COLOR", "1")
    assert not console().look.palette.enabled
    assert not console().notes.palette.enabled


@pytest.mark.parametrize("name", ["json", "markdown", "html"])
def test_what_machines_read_has_none(monkeypatch, name):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not console(name).look.palette.enabled
