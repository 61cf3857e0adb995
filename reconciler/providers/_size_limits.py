"""How much of an answer, and of a list in many, is taken: generous for any estate, and not without end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable

BODY_LIMIT = 64 * 1024 * 1024  # bytes of one answer
LIST_LIMIT = 512 * 1024 * 1024  # characters of all pages of a list
OBJECTS_LIMIT = 200_000  # objects of a list
PAGES_LIMIT = 10_000
BARREN_LIMIT = 100  # pages in a row that show nothing new

# A megabyte of text can be a hundred megabytes of values: nesting counts before any of it is built.
_NESTS_LIMIT = 10 * OBJECTS_LIMIT
_VALUES_LIMIT = 50 * OBJECTS_LIMIT


def is_crowded(text: str) -> bool:
    """Whether a body holds more values than the longest list could."""
    if len(text) <= _NESTS_LIMIT:
        return False
    return text.count("{") + text.count("[") > _NESTS_LIMIT or text.count(",") > _VALUES_LIMIT


class Tally:
    """What has been read of one list.

    Args:
        refusal: makes the error of the list from words.
    """

    def __init__(self, refusal: Callable[[str], Exception]) -> None:
        self._refusal = refusal
        self._ids: set[Hashable] = set()
        self._pages = self._barren = self._size = 0

    def expect(self, total: int, step: int) -> None:
        """Looks at what a list says of itself before anything more is asked for.

        Raises:
            Exception: the refusal: more than is read.
        """
        if total > OBJECTS_LIMIT:
            raise self._refusal(f"counts {total:,} objects: more than {OBJECTS_LIMIT:,} aren't read")
        if step and total > step * PAGES_LIMIT:
            raise self._refusal(f"has {step} objects a page: more than {PAGES_LIMIT:,} pages aren't read")

    def add(self, ids: Collection[Hashable], size: int) -> None:
        """Counts a page.

        Raises:
            Exception: the refusal: it is too long, or goes on without showing anything new.
        """
        known = len(self._ids)
        self._ids.update(ids)
        self._pages += 1
        self._size += size
        self._barren = 0 if len(self._ids) > known else self._barren + 1
        if self._barren >= BARREN_LIMIT:
            raise self._refusal("goes on without showing anything new")
        if self._pages > PAGES_LIMIT or len(self._ids) > OBJECTS_LIMIT or self._size > LIST_LIMIT:
            raise self._refusal(
                f"has no end: {self._pages:,} pages, {len(self._ids):,} objects, {self._size:,} characters"
            )
