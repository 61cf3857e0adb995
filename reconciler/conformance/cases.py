"""What is put to the test: a kind with its parts, the examples of its schema, and its practice system."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from reconciler.conformance.places import Place, Sandbox, own_place
from reconciler.errors import UsageError
from reconciler.kinds import Kind, Registry, parts_of
from reconciler.specs import schemas_of

_VARIABLE = re.compile(r"\$\{env\.([A-Za-z_][A-Za-z0-9_]*)\}")
_VALUE = "canary-{}-Zq8XvK2mWj5t"  # what a variable of the examples holds; long enough for the tripwire


@dataclass(frozen=True)
class Case:
    """One kind to be tried.

    Attributes:
        kinds: every kind that its stack knows.
        sandbox: the practice system of its own package; None where this tool's will do.
    """

    kind: Kind[Any]
    kinds: Registry
    sandbox: Sandbox | None = None

    @property
    def name(self) -> str:
        """The section of the spec."""
        return self.kind.name

    @cached_property
    def examples(self) -> Sequence[Mapping[str, Any]]:
        """Those of its schema, each an update away from the one before."""
        found: Sequence[Mapping[str, Any]] = self.kind.document.get("examples", ())
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """Its own name, and those of its parts."""
        return frozenset({self.name, *(part.name for part in parts_of(self.kinds, self.name))})

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """A value for each variable of the environment that the examples refer to."""
        names = sorted(set(_VARIABLE.findall(json.dumps(self.examples))))
        return {name: _VALUE.format(number) for number, name in enumerate(names)}

    @property
    def secret_paths(self) -> Iterator[tuple[str, ...]]:
        """The paths of the fields that its schema marks as `writeOnly`."""
        for path in schemas_of(self.kinds).secret_paths(self.name):
            steps = tuple(step for step in path if isinstance(step, str))
            if len(steps) == len(path) and steps[0] != "lifecycle":
                yield steps

    @contextmanager
    def place(self) -> Iterator[tuple[Place, Path]]:
        """A new practice system, and a folder for the spec; both are gone afterwards."""
        with TemporaryDirectory(prefix="conformance-") as name:
            spec, system = Path(name) / "spec", Path(name) / "system"
            spec.mkdir()
            system.mkdir()
            with own_place(system, self.kind.provider_type) as own:
                if self.sandbox is None:
                    yield own, spec
                    return
                with self.sandbox(system) as place:
                    providers = {**own.providers, **place.providers}
                    environment = {**own.environment, **place.environment}
                    yield Place(providers, environment, place.break_off, own.wire), spec


def kinds_in(module: ModuleType) -> list[Kind[Any]]:
    """The kinds that a module offers: its `KIND`, or its `KINDS`.

    Raises:
        UsageError: it offers none.
    """
    many = getattr(module, "KINDS", ())
    found = list(many.values() if isinstance(many, Mapping) else many)
    own = getattr(module, "KIND", None)
    if own is not None and own not in found:
        found.insert(0, own)
    if not found or not all(isinstance(kind, Kind) for kind in found):
        raise UsageError(
            f"{module.__name__} offers no kind",
            hint="a module says KIND = … or KINDS = (…), each a reconciler.kinds.Kind",
        )
    return found


def cases_of(module: ModuleType, kinds: Registry) -> list[Case]:
    """A case for each kind of a module; a part is tried with its owner.

    Args:
        kinds: those of this tool.
    """
    found = kinds_in(module)
    known = {**kinds, **{kind.name: kind for kind in found}}
    whole = {kind.owner or kind.name: None for kind in found}
    sandbox: Sandbox | None = getattr(module, "sandbox", None)
    lost = [name for name in whole if name not in known]
    if lost:
        raise UsageError(f"{module.__name__}: the kind {lost[0]} that a part belongs to isn't there")
    return [Case(known[name], known, sandbox) for name in whole]
