"""What a mistyped command line is told: what was meant, and exit 1."""

from __future__ import annotations

import pytest

from reconciler.cli.main import main


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("aply", "apply"),
        ("Plan", "plan"),
        ("ledger sho", "show"),
        ("ledger moveprovider", "move-provider"),
        ("plan --detailed-exitcodes", "--detailed-exitcode"),
        ("apply --aprove x", "--approve"),
        ("ledger show --quite", "--quiet"),
        ("plan --formt=json", "--format"),
        ("plan --format jsn", "json"),
        ("--versoin", "--version"),
    ],
)
def test_is_told_what_was_meant(capsys, words, meant):
    assert main(words.split()) == 1
    told = capsys.readouterr()
    assert f"did you mean {meant}?" in told.err
    assert told.out == ""


def test_what_resembles_nothing_is_told_the_choices(capsys):
    assert main(["xyzzy"]) == 1
    assert "validate" in capsys.readouterr().err


def test_a_variable_that_is_no_text_is_named(capsys):
    assert main(["validate", "--var", "stage=a\udcff"]) == 1
    assert "--var stage: the value isn't text in UTF-8" in capsys.readouterr().err
