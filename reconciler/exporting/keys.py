"""Readable keys for any name: letters of every script by what Unicode calls them, unique and stable."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

from reconciler.model.values import KEY

Ident = tuple[str, str]  # provider, remote id

_LONGEST = 60
_LETTER = re.compile(r"(?:LETTER|SYLLABLE)(?: SMALL| FINAL)* ([A-Z]+)(?: WITH [A-Z ]+)?$")
_ALPHABETS = frozenset({"CYRILLIC", "GREEK", "HEBREW", "ARABIC", "ARMENIAN", "GEORGIAN", "COPTIC"})
_HEAD = re.compile("[^aeiou]+|.")
_TAIL = 8  # characters of an id that tell namesakes apart


def slug(name: str) -> str:
    """A name as a key: lower-case letters, digits and hyphens; "" if nothing of it can be read aloud."""
    spelt = "".join(map(_spelt, unicodedata.normalize("NFKC", name.casefold())))
    return re.sub("[^a-z0-9]+", "-", spelt.lower()).strip("-")[:_LONGEST].strip("-")


def _spelt(character: str) -> str:
    if character.isascii() or unicodedata.combining(character):
        return character if character.isascii() else ""
    called = unicodedata.name(character, "")
    if "SYLLABLE" not in called and len(apart := unicodedata.normalize("NFKD", character)) > 1:
        return "".join(map(_spelt, apart))
    if letter := _LETTER.search(called):
        return _sound(called.partition(" ")[0], letter[1].lower())
    return f"-{called}-" if unicodedata.category(character) == "So" else "-"


def _sound(script: str, letter: str) -> str:
    """What a letter stands for, from its name: `ze` is z, `alpha` is a, but `ka` of a syllabary is ka."""
    if script not in _ALPHABETS or len(letter) == 1 or letter[0] == "y":
        return letter
    if letter[0] in "aeiou" and len(letter) == 2 and script == "CYRILLIC":
        return letter[1]
    head: str = _HEAD.findall(letter)[0]
    return head


def keys(names: Mapping[Ident, str], noun: str) -> dict[Ident, str]:
    """A key for each object: of its name; namesakes have a part of their id behind it, whatever their order.

    Args:
        names: (provider, id) → name, all of one kind.
        noun: what stands for a name that can't be read aloud.
    """
    slugs = {ident: slug(name) or noun for ident, name in names.items()}
    counts = Counter(slugs.values())
    found: dict[Ident, str] = {}
    taken: set[str] = set()
    for provider, live_id in sorted(slugs):
        base, tail = slugs[(provider, live_id)], slug(live_id)
        is_clear = counts[base] == 1 and base != noun
        choices = [base] if is_clear else []
        choices += [f"{base}-{tail[:_TAIL].strip('-')}", f"{base}-{tail}"[:100].strip("-")]
        choices += [f"{base}-{tail}-{slug(provider)}"[:100].strip("-")]
        key = next((key for key in choices if key not in taken and KEY.match(key)), "")
        number = 2
        while not key:
            again = f"{base}-{number}"
            key, number = ("" if again in taken else again), number + 1
        taken.add(key)
        found[(provider, live_id)] = key
    return found
