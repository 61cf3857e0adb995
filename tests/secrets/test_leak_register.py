"""The tripwire stops every text that has a secret in it, in whatever guise, and no other."""

from __future__ import annotations

import base64
import gc
import json
import textwrap
import threading
import urllib.parse
import uuid
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.rendering.terminal import clean
from reconciler.secrets import LeakError, Secret, checked, leak_register, tripwire
from tests.secrets.conftest import fresh, ssh_pair
from tests.work import calls


def _is_stopped(text: str) -> bool:
    try:
        tripwire(text)
    except LeakError:
        return True
    return False


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


GUISES: dict[str, Callable[[str], str]] = {
    "plain": lambda value: value,
    "JSON": json.dumps,
    "JSON beyond ASCII": lambda value: json.dumps(value, ensure_ascii=False),
    "Python": repr,
    "Python in ASCII": ascii,
    "terminal": clean,
    "ASCII terminal": lambda value: clean(value, ascii_only=True),
    "URL": lambda value: urllib.parse.quote(value, safe=""),
    "URL path": urllib.parse.quote,
    "URL in lower case": lambda value: urllib.parse.quote(value, safe="").replace("%2F", "%2f"),
    "form": urllib.parse.quote_plus,
    "Basic": lambda value: "Basic " + _base64(f"client:{value}"),
    "Basic, encoded for URLs first": lambda value: _base64(f"id:{urllib.parse.quote_plus(value)}"),
    "base64": _base64,
    "base64, second alignment": lambda value: _base64(f"a{value}b"),
    "base64, third alignment": lambda value: _base64(f"ab{value}abc"),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "base64 in a URL": lambda value: urllib.parse.quote(_base64(value), safe=""),
    "base64 in lines": lambda value: base64.encodebytes(b"x" * 70 + value.encode()).decode(),
    "base64 in JSON": lambda value: json.dumps(_base64(value)).replace("/", "\\/"),
}

# what would make an escape of the first characters that follow belongs to no encoded text
AROUND = st.text(st.characters(exclude_characters="\\%", exclude_categories=["Cs"]))


@pytest.mark.parametrize("guise", GUISES)
@given(value=st.text(min_size=8), before=AROUND, after=AROUND)
def test_a_secret_is_found_in_every_guise_and_among_any_text(
    guise: str, value: str, before: str, after: str
) -> None:
    assume(len("".join(value.split())) >= 8)
    assume("terminal" not in guise or "\\" not in value)
    Secret(value)
    assert _is_stopped(before + GUISES[guise](value) + after)


@given(value=st.text(alphabet="ab \t%41\\n\"'/+-_é€😀", min_size=8))
def test_values_full_of_signs_that_are_escaped_are_found(value: str) -> None:
    assume(len("".join(value.split())) >= 8)
    Secret(value)
    for name, guise in GUISES.items():
        assert "terminal" in name or _is_stopped(guise(value))


def test_a_backslash_and_a_sign_that_the_terminal_cannot_show_hide_nothing() -> None:
    Secret("a\\nb\\cé\x1bdefgh")
    assert _is_stopped(clean("a\\nb\\cé\x1bdefgh", ascii_only=True))


def test_a_secret_that_is_wrapped_over_lines_is_found(canary: str) -> None:
    Secret(canary)
    assert _is_stopped(f"error: the answer was\n        {canary[:20]}\n        {canary[20:]}, which is bad\n")
    assert _is_stopped("\n".join(textwrap.wrap(f"a word {canary} a word", 12)))


def test_texts_without_a_secret_pass(canary: str) -> None:
    Secret(canary)
    for text in ("", "a", "(sensitive)", canary[1:], canary[:-1], canary[:-1] + "x", "y" + canary[1:]):
        tripwire(text)
    assert checked("a report") == "a report"


@given(text=st.text())
def test_random_text_passes(text: str) -> None:
    tripwire(text[:400])


def test_values_below_eight_characters_are_not_known() -> None:
    Secret("zq7Zq7Z")
    tripwire("zq7Zq7Z")
    Secret("zq7Zq7Zz")
    assert _is_stopped("<zq7Zq7Zz>")


def test_a_secret_is_known_when_its_wrapper_is_long_gone(canary: str) -> None:
    Secret(canary)
    gc.collect()
    assert _is_stopped(canary)


def test_a_value_is_known_in_base64_though_one_with_a_newline_came_before(canary: str) -> None:
    Secret(canary + "\n")
    Secret(canary)
    assert all(_is_stopped(GUISES[guise](canary)) for guise in GUISES)


def test_the_register_keeps_no_value_and_no_piece_of_one(canary: str) -> None:
    Secret(canary)
    kept = repr(vars(leak_register._REGISTER)).encode()
    pieces = {canary[start : start + 8].encode() for start in range(len(canary) - 7)}
    assert not [piece for piece in pieces if piece in kept or piece.hex().encode() in kept]


def test_every_secret_line_of_a_private_key_is_known_and_its_frame_is_not() -> None:
    private = ssh_pair().private
    Secret("# public key: age1-a-comment-that-may-be-shown\n" + private)
    first, *body, last = private.splitlines()
    assert [line for line in body if not _is_stopped(line)] == [line for line in body if len(line) < 16]
    tripwire(first)
    tripwire(last)
    tripwire("# public key: age1-a-comment-that-may-be-shown")


def test_secrets_are_remembered_from_many_threads_at_once() -> None:
    values = [[fresh() for _ in range(200)] for _ in range(8)]
    threads = [
        threading.Thread(target=lambda mine=mine: [Secret(value) for value in mine]) for mine in values
    ]
    for thread in threads:
        thread.start()
    for _ in range(50):
        tripwire("a text that is read meanwhile")
    for thread in threads:
        thread.join()
    assert all(_is_stopped(value) for mine in values for value in mine)


def test_a_report_of_a_megabyte_is_checked_in_as_many_steps_whether_a_secret_is_known_or_thousands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        {"address": f"oauth_apps.app-{n}", "id": uuid.uuid4().hex, "reason": 'says "changed" → 20 %'}
        for n in range(9000)
    ]
    report = json.dumps(rows, indent=1)
    assert len(report) > 1_000_000
    monkeypatch.setattr(leak_register, "_REGISTER", leak_register._Register())
    Secret(fresh())
    few = calls(tripwire, report)
    values = [fresh() for _ in range(3000)]
    for value in values:
        Secret(value)
    # a few more: now and then a piece of the report looks like one of a secret, and is looked at
    assert calls(tripwire, report) < 4 * few
    assert _is_stopped(report + values[0])
    assert _is_stopped(_base64(values[-1]) + report)


def test_a_leak_is_not_swallowed_by_those_who_catch_exceptions(canary: str) -> None:
    Secret(canary)

    def careless() -> None:
        try:
            checked(f"value={canary}")
        except Exception:
            pytest.fail("caught")

    with pytest.raises(LeakError) as raised:
        careless()
    assert canary not in str(raised.value)


PART, SLICE = 16384 * 4, 1 << 18  # where a text is cut


@pytest.mark.parametrize("before", [cut + n for cut in (PART, SLICE, 2 * SLICE) for n in range(-20, 4)])
def test_a_secret_in_a_long_text_is_seen_wherever_it_stands(before: int):
    value = "dose" + "7f3b9c2a5e8d1046"
    Secret(value)
    assert _is_stopped("." * before + value + "." * 99)
    assert not _is_stopped("." * before + value[:3] + "." * 99)
