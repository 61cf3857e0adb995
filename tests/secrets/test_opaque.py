"""A secret keeps to itself, whichever way it is looked at."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import logging
import marshal
import pickle
import pprint
import reprlib
import string
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import yaml
from deepdiff import DeepDiff
from hypothesis import given
from hypothesis import strategies as st

from reconciler.secrets import SENSITIVE, Fingerprint, Secret
from tests.work import calls


@dataclasses.dataclass
class Holder:
    held: Any


# neither end occurs in any text of ours
VALUES = st.text().map(lambda text: f"q9Zx7{text}xZ9q7")


def _logged(secret: Secret) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "%s %r %s", (secret, secret, [secret]), None)
    handler.emit(record)
    return stream.getvalue()


def _traceback(secret: Secret) -> str:
    try:
        {}[secret]
    except KeyError as error:
        error.args += (f"about {secret}",)
        return "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True, compact=True).format()
        )


SHOWN: dict[str, Callable[[Secret], object]] = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "format": lambda secret: format(secret, ">40"),
    "f-string": lambda secret: f"{secret} {secret!r} {secret!s:>5}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "template": lambda secret: string.Template("$x").substitute(x=secret),
    "in a list": lambda secret: str([secret, {"a": (secret,)}]),
    "as a key": lambda secret: str({secret: 1}),
    "in a dataclass": lambda secret: repr(Holder(secret)),
    "pprint": lambda secret: pprint.pformat({"a": [secret]}),
    "reprlib": lambda secret: reprlib.repr([secret]),
    "JSON with a default": lambda secret: json.dumps({"a": secret}, default=str),
    "log": _logged,
    "traceback with locals": _traceback,
    "print": lambda secret: print(secret, file=io.StringIO()),
    "dir": dir,
    "hash": hash,
    "slots": lambda secret: [repr(getattr(secret, name)) for name in type(secret).__slots__],
    "deepdiff": lambda secret: str(DeepDiff({"a": secret}, {"a": Secret("z" * 9)}).to_dict()),
    "deepdiff of another type": lambda secret: repr(DeepDiff({"a": secret}, {"a": "b"}, view="tree")),
    "fingerprint": lambda secret: repr(Fingerprint.of(secret)),
}

REFUSED: dict[str, Callable[[Secret], object]] = {
    "JSON": json.dumps,
    "JSON in a list": lambda secret: json.dumps([secret]),
    "JSON key": lambda secret: json.dumps({secret: 1}),
    "JSON of vars": lambda secret: json.dumps(secret, default=vars),
    "vars": vars,
    "YAML": yaml.dump,
    "marshal": marshal.dumps,
    **{f"pickle {n}": partial(pickle.dumps, protocol=n) for n in range(6)},
    "pickle inside": lambda secret: pickle.dumps(Holder(secret)),
    "state": lambda secret: secret.__getstate__(),
    "reduce": lambda secret: secret.__reduce__(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": lambda secret: dataclasses.asdict(Holder(secret)),
    "astuple": lambda secret: dataclasses.astuple(Holder([secret])),
    "length": len,  # type: ignore[dict-item]
    "iteration": lambda secret: list(secret),
    "unpacking": lambda secret: [*secret],
    "index": lambda secret: secret[0],
    "membership": lambda secret: "a" in secret,
    "concatenation": lambda secret: secret + "a",
    "concatenation from the left": lambda secret: "a" + secret,
    "repetition": lambda secret: secret * 2,
    "percent as format": lambda secret: secret % (),
    "join": lambda secret: ",".join([secret]),
    "bytes": bytes,
    "int": int,
    "order": lambda secret: secret < Secret("b"),
    "order with text": lambda secret: secret >= "b",
    "sorting": lambda secret: sorted([secret, Secret("b")]),
    "writing": lambda secret: io.StringIO().write(secret),
}


@pytest.mark.parametrize("way", SHOWN)
@given(value=VALUES)
def test_no_way_of_showing_a_secret_shows_it(way: str, value: str) -> None:
    shown = str(SHOWN[way](Secret(value)))
    assert value not in shown
    assert "q9Zx7" not in shown
    assert "xZ9q7" not in shown


@pytest.mark.parametrize("way", REFUSED)
@given(value=VALUES)
def test_what_would_copy_or_open_a_secret_is_refused_without_naming_it(way: str, value: str) -> None:
    secret = Secret(value)
    with pytest.raises((TypeError, ValueError)) as raised:
        REFUSED[way](secret)
    text = "".join(traceback.format_exception(raised.value))
    assert "q9Zx7" not in text
    assert "xZ9q7" not in text


def test_the_text_of_a_secret_says_that_it_is_one() -> None:
    assert f"{Secret('abc')}" == str(Secret("abc")) == repr(Secret("abc")) == SENSITIVE == "(sensitive)"


def test_equality_and_hash_are_identity() -> None:
    one, other = Secret("same value"), Secret("same value")
    assert one == one
    assert one != other
    assert one != "same value"
    assert len({one, other, one}) == 2


def test_an_empty_secret_is_as_true_as_any() -> None:
    assert Secret("")
    assert Secret("a")


def test_reveal_gives_the_value() -> None:
    assert Secret("ab\ncd").reveal() == "ab\ncd"


def test_what_is_no_text_is_refused_without_being_quoted() -> None:
    with pytest.raises(TypeError, match=r"^a secret is text, not list$"):
        Secret(["hidden"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^a secret is text, not Secret$"):
        Secret(Secret("hidden"))  # type: ignore[arg-type]


def test_the_thousandth_secret_is_made_in_as_many_steps_as_the_first() -> None:
    values = [f"{number:032x}" for number in range(1000)]
    steps = [calls(Secret, value) for value in values]
    assert sum(steps[900:]) < 1.2 * sum(steps[:100])


def test_a_fingerprint_tells_same_from_other() -> None:
    mark = Fingerprint.of(Secret("one"))
    assert mark.matches(Secret("one"))
    assert mark.matches("one")
    assert not mark.matches(Secret("two"))
    assert not Fingerprint("", "").matches(Secret(""))
    assert Fingerprint.of(Secret("one")) != mark
    assert Fingerprint.of(Secret("one"), mark.salt) == mark
