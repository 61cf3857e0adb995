"""What an audit found: findings with the objects that they are about, the map of the estate, its dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.errors import Location, Severity
from reconciler.model.wanted import ProviderSpec


@dataclass(frozen=True, order=True)
class Subject:
    """One live object.

    Attributes:
        stack: who manages it; "" for nobody.
        noun: what it is, in words.
    """

    provider: str
    kind: str
    id: str
    name: str = ""
    stack: str = ""
    noun: str = ""

    @property
    def ident(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return self.provider, self.kind, self.id


@dataclass(frozen=True)
class Finding:
    """Something that is wrong; the first of its objects is the one that has to change.

    Attributes:
        advice: what to do next.
        at: the line that declares the object, else its provider's; None without a spec.
    """

    severity: Severity
    code: str
    message: str
    advice: str
    objects: tuple[Subject, ...]
    at: Location | None = None


@dataclass(frozen=True)
class MapObject:
    """An object on the map.

    Attributes:
        uses: the app or principal whose credential it has.
        contents: how much content has it; None where that isn't known.
        note: what else is worth knowing, in a few words.
    """

    subject: Subject
    uses: Subject | None = None
    contents: int | None = None
    note: str = ""


@dataclass(frozen=True, order=True)
class DatedEvent:
    """A day to remember: a secret ends, or a stack rotates it."""

    day: str
    what: str
    subject: Subject


@dataclass(frozen=True)
class Audit:
    """All that one look at the estate came to."""

    findings: tuple[Finding, ...]
    providers: Mapping[str, ProviderSpec]
    things: Sequence[MapObject] = ()
    dates: Sequence[DatedEvent] = ()
    made: str = ""

    @cached_property
    def summary(self) -> Mapping[str, int]:
        """How many findings of each severity there are."""
        return {each.value: sum(f.severity is each for f in self.findings) for each in Severity}

    def reaches(self, threshold: str) -> bool:
        """Whether a finding is as bad as `error` or `warning`; never for anything else."""
        worst = {"error": ("error",), "warning": ("error", "warning")}.get(threshold, ())
        return any(self.summary[name] for name in worst)
