"""Durations in the forms that other tools take: refused, and the hint is what to write."""

from __future__ import annotations

import pytest

SPEC = "service_principals: {p: {client_secret: {lifetime: %s}}}\n"

HINTS = {
    "365": "365d for days",
    "'90'": "90d for days",
    "1y": "write 365d",
    "12w": "write 84d",
    "2 years": "write 730d",
    "6mo": "write 180d",
    "P90D": "write 90d",
    "P1Y2M": "write 425d",
    "PT36H": "write 36h",
    "P1DT12H": "write 36h",
    "1.5d": "write 36h",
    "90D": "write 90d",
    "90 d": "write 90d",
    "90days": "write 90d",
    "1d 12h": "write 36h",
    "1h30m": "write 90m",
    "15min": "write 15m",
    "731d": "write 730d, or less",
    "17545h": "write 730d, or less",
    "0d": "write a duration such as 365d",
}


@pytest.mark.parametrize("written", HINTS)
def test_the_hint_is_what_to_write(specs, head, written):
    (found,) = specs.problems(head, SPEC % written)
    assert HINTS[written] in found.hint
    assert "quotes" not in found.hint


@pytest.mark.parametrize(
    "written", ["6M", "soon", "P", "1 fortnight", "-3d", "true", "[90d]", "1e3d", "P1.5.2D"]
)
def test_what_nobody_can_tell_is_told_the_form(specs, head, written):
    (found,) = specs.problems(head, SPEC % written)
    assert "a number with s, m, h or d" in found.hint


@pytest.mark.parametrize("written", ["365h", "2160h", "730d", "17520h", "60m"])
def test_any_unit_will_do(specs, head, written):
    assert specs.codes(head, SPEC % written) == []


def test_a_variable_that_holds_one_gets_the_form_as_well(specs, head):
    for value in ("365", "1y"):
        (found,) = specs.problems(head, f"vars: {{l: {value}}}\n", SPEC % "'${vars.l}'")
        assert "a number with s, m, h or d" in found.hint
