"""What is shown, without anything that a variable or file gave, whoever put it into words."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar, cast

from reconciler.errors import Location, ReconcileError, SpecError
from reconciler.model import Address, Lifecycle, Live, Plan, ProviderSpec, Stack
from reconciler.rendering import Format, Renderer
from reconciler.secrets.given_values import is_any_given, veiled

Shown = TypeVar("Shown")
# which thing it is and where it stands, and what isn't shown but asked
_AS_THEY_ARE = (Enum, Address, Location, Lifecycle, Live, ProviderSpec, Stack)
# fields that programs go by: names, moments, and what tells one version from another
_NAMES = frozenset({"address", "code", "kind", "provider", "stack"})
_MOMENTS = frozenset({"created", "made", "day", "at", "since", "given_up", "revoke_after", "created_at"})
_MOMENTS |= {"updated_at", "recorded_at", "expires_at"}
_VERSIONS = frozenset({"tool_version", "lineage", "epoch", "live_digest", "salt", "mark"})
_FOR_PROGRAMS = _NAMES | _MOMENTS | _VERSIONS


def redacted_format(form: Format) -> Format:
    """The same format, whose words are veiled before they are set: documents stay what they are."""
    if not is_any_given():
        return form
    names = {field.name for field in fields(form)} - {"join"}
    renderers: Any = {name: _after(getattr(form, name)) for name in names}
    return replace(form, **renderers)


def _after(renderer: Renderer) -> Renderer:
    return lambda thing, look: renderer(redacted(thing), look)


def redacted(value: Shown) -> Shown:
    """The same, all text in it veiled."""
    return cast(Shown, _redacted(value)) if is_any_given() else value


def _redacted(value: Any) -> Any:
    if isinstance(value, _AS_THEY_ARE):
        return value
    if isinstance(value, str):
        return veiled(value)
    if isinstance(value, Mapping):
        return {key: _redacted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        make = getattr(value, "_make", type(value))  # a tuple whose items have names is made by that
        return make(map(_redacted, value))
    if isinstance(value, ReconcileError):
        return _redacted_error(value)
    return _redacted_fields(value) if is_dataclass(value) else value


def _redacted_fields(value: Any) -> Any:
    said = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    shown = {name: item if name in _FOR_PROGRAMS else _redacted(item) for name, item in said.items()}
    if not isinstance(value, Plan):
        return replace(value, **shown)
    plan = _Shown(**shown)
    vars(plan)["of"] = value
    return plan


class _Shown(Plan):
    """A plan in other words; its digest is that of the plan, which is what is approved."""

    @property
    def digest(self) -> str:
        """The digest of the plan itself."""
        plan: Plan = vars(self)["of"]
        return plan.digest


def _redacted_error(error: ReconcileError) -> ReconcileError:
    shown = SpecError(_redacted(error.problems)) if isinstance(error, SpecError) else copy(error)
    shown.message, shown.hint, shown.stack = veiled(error.message), veiled(error.hint), error.stack
    return shown
