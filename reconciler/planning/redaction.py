"""Values of variables and files: on record by their fingerprint, and shown by where they came from.

Pure. A live value that equals one is shown by its origin, too, and so is text that contains one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.errors import Problem
from reconciler.kinds import Fields
from reconciler.matching.canonical import at_path, canonical_leaf, known_as
from reconciler.model import (
    Address,
    Change,
    Entry,
    FieldChange,
    Marked,
    Resource,
    Sourced,
    Stack,
    canonical,
)
from reconciler.model.values import special
from reconciler.secrets import Fingerprint

_SHORTEST = 4  # shorter ones are hidden where they are all of a value: within text they would be met anywhere


def remembered(value: Any, before: Any, fields: Fields, path: str = "") -> Any:
    """A value as the ledger keeps it: what a variable or file gave by its origin and a fingerprint.

    Args:
        before: what is on record now; of the same value, the same mark is kept.
    """
    if isinstance(value, Mapping):
        olds = before if isinstance(before, Mapping) else {}
        return {
            key: remembered(item, olds.get(key), fields, f"{path}.{key}" if path else str(key))
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [remembered(item, before, fields, path) for item in value]
    if not isinstance(value, Sourced):
        return value
    text = canonical(canonical_leaf(path, value, fields))
    for old in origins(before):
        if isinstance(old, Marked) and old.source == value.source and old.fits(text):
            return old
    mark = Fingerprint.of(text)
    return Marked(value.source, mark.salt, mark.mark)


def origins(value: Any) -> list[Sourced | Marked]:
    """What in a value came from a variable or a file, wherever it stands."""
    return [one for one in special(value) if isinstance(one, (Sourced, Marked))]


class Veil:
    """Hides what variables and files gave to a stack.

    Args:
        resources: what is wanted, values still with their origin.
        entries: what is on record.
    """

    def __init__(
        self,
        resources: Mapping[Address, Resource],
        entries: Mapping[Address, Entry],
        settings: Iterable[Any] = (),
    ) -> None:
        self.resources = resources
        self.entries = entries
        found: list[Any] = [one for resource in resources.values() for one in resource.sourced]
        found += [one for each in settings for one in origins(each)]
        known = {one.value: f"({one.source})" for one in found if isinstance(one, Sourced) and one.value}
        # the longest first: one may contain another
        self.known = sorted(known.items(), key=lambda pair: (-len(pair[0]), pair[0]))

    def text(self, text: str) -> str:
        """Text without any of the values."""
        for value, shown in self.known:
            if text == value:
                return shown
            if len(value) >= _SHORTEST and value in text:
                text = text.replace(value, shown)
        return text

    def over(self, value: Any) -> Any:
        """The same for all text in a value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Marked):
            return str(value)
        if isinstance(value, Mapping):
            return {key: self.over(item) for key, item in value.items()}
        return [self.over(item) for item in value] if isinstance(value, (list, tuple)) else value

    def change(self, change: Change, fields: Fields) -> Change:
        """A change as it may be shown."""
        if not self.known and not self._is_marked(change, fields):
            return change
        name = self._known(change.address, fields.name, change.name, fields) if fields.name else change.name
        return replace(
            change,
            name=self.text(str(name)),
            reason=self.text(change.reason),
            fields=tuple(self._field(change.address, field, fields) for field in change.fields),
        )

    def _is_marked(self, change: Change, fields: Fields) -> bool:
        """Whether what is on record of all that a change shows came from a variable or a file."""
        entry = self.entries.get(change.address)
        if entry is None:
            return False
        return bool(origins(entry.applied if change.fields else at_path(entry.applied, fields.name)))

    def _field(self, address: Address, field: FieldChange, fields: Fields) -> FieldChange:
        before, after = (
            self.over(self._known(address, field.path, value, fields))
            for value in (field.before, field.after)
        )
        return replace(field, before=before, after=after)

    def _known(self, address: Address, path: str, value: Any, fields: Fields) -> Any:
        """A value of a field as what it came from: what is wanted there, or what was applied last."""
        resource, entry = self.resources.get(address), self.entries.get(address)
        wanted = at_path(resource.attributes, path) if resource else None
        applied = at_path(entry.applied, path) if entry else None
        sources = [*origins(wanted), *origins(applied)]
        if isinstance(wanted, Sourced) and isinstance(applied, str):
            # an earlier version kept the value itself
            sources.append(Sourced(wanted.source, applied, wanted.expression))
        return known_as(path, value, sources, fields) if sources else value

    def problems(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Findings as they may be shown."""
        return tuple(
            replace(p, message=self.text(p.message), hint=self.text(p.hint)) if self.known else p
            for p in problems
        )


def veil_of(stack: Stack, entries: Mapping[Address, Entry]) -> Veil:
    """The veil of a stack, the settings of its providers included."""
    return Veil(stack.resources, entries, [spec.settings for spec in stack.providers.values()])
