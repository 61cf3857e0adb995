"""Kinds of other packages: found by their entry points, and loaded only when a stack names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import UsageError
from reconciler.kinds import Kind, Registry, parts_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "reconcile.kinds"


class PackageError(UsageError):
    """A kind that a stack names can't be had from a package."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.code = code


@cache
def installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of all packages, by name; nothing of them is imported."""
    from importlib.metadata import entry_points  # costs time, and few stacks ask

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUP):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def with_packages(own: Registry, names: Sequence[str]) -> Registry:
    """This tool's kinds, and those that a stack names.

    Raises:
        PackageError: one isn't installed, is broken, or would take the place of another kind.
    """
    return _with_packages(tuple(own.items()), tuple(names)) if names else own


@cache
def _with_packages(own: tuple[tuple[str, Kind[Any]], ...], names: tuple[str, ...]) -> Registry:
    known = dict(own)
    for name in dict.fromkeys(names):
        for kind in brought(name, dict(own)):
            if kind.name in known:
                raise _taken(kind.name, f"the package's {name}")
            known[kind.name] = kind
    return known


def brought(name: str, own: Registry) -> Sequence[Kind[Any]]:
    """What the entry point of that name brings: a kind, or several (such as one with its parts).

    Raises:
        PackageError: there is none, or it can't be used.
    """
    if name in own:
        raise _taken(name, "a package's")
    points = installed().get(name, ())
    if not points:
        raise _unknown(name)
    if len(points) > 1:
        message = f"several packages bring a kind {name}: {', '.join(map(_package, points))}"
        raise PackageError("kind-twice", message, "uninstall all but one of them")
    try:
        found = points[0].load()
    except Exception as error:
        raise _broken(points[0], f"{type(error).__name__}: {error}") from error
    return _usable(points[0], found, own)


def _usable(point: EntryPoint, found: object, own: Registry) -> Sequence[Kind[Any]]:
    kinds = list(found.values()) if isinstance(found, Mapping) else _listed(found)
    if not kinds or not all(isinstance(kind, Kind) for kind in kinds):
        raise _broken(point, f"{point.value} is no reconciler.kinds.Kind")
    for kind in kinds:
        if fault := _fault(kind, kinds):
            raise _broken(point, fault)
        if kind.name in own:
            raise _taken(kind.name, f"that of {_package(point)}")
    return kinds


def _listed(found: object) -> list[Any]:
    return list(found) if isinstance(found, Iterable) and not isinstance(found, str) else [found]


def _fault(kind: Kind[Any], kinds: Sequence[Kind[Any]]) -> str:
    """What a kind doesn't say of itself; "" if it says all that it must."""
    for attribute in ("name", "noun", "provider_type", "fields"):
        if not hasattr(kind, attribute):
            return f"a kind without {attribute}"
    if kind.owner and kind.owner not in [each.name for each in kinds]:
        return f"{kind.name} is a part of {kind.owner}, which the package doesn't bring"
    if not kind.owner and kind.schema is None:
        return f"the kind {kind.name} brings no schema"
    missing = [part.name for part in parts_of({each.name: each for each in kinds}, kind.name) if kind.owner]
    return f"{missing[0]} is a part of a part" if missing else ""


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _unknown(name: str) -> PackageError:
    known = sorted(installed())
    close = get_close_matches(name, known, n=1)
    brought = f"packages bring {', '.join(known)}" if known else f"no installed package brings one ({GROUP})"
    hint = f"did you mean {close[0]}?" if close else f"install the package that brings it; {brought}"
    return PackageError("kind-unknown", f"there is no kind {name}", hint)


def _broken(point: EntryPoint, words: str) -> PackageError:
    message = f"the kind {point.name} of the package {_package(point)} can't be used: {words}"
    hint = "`reconcile conformance MODULE` says what is wrong with a kind; ask those who made it"
    return PackageError("kind-broken", message, hint)


def _taken(name: str, whose: str) -> PackageError:
    message = f"{name} is a kind of this tool, and {whose} can't take its place"
    return PackageError("kind-taken", message, f"take {name} out of kinds:")
