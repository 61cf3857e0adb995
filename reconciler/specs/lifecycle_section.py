"""The `lifecycle:` of a resource: what it comes to, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from typing import TypeVar

from reconciler.kinds import Complaint
from reconciler.model import Adopt, Lifecycle, OnDestroy, Ref, ReplaceOrder, SecretInput, Sourced, Text, Value
from reconciler.model.values import GUID
from reconciler.specs.places import is_unknown, leaves
from reconciler.specs.problems import listing, suggestion

_Choice = TypeVar("_Choice", bound=Enum)


def lifecycle(said: Mapping[str, Value]) -> Lifecycle:
    """What the block says; what can't be understood counts as left out."""
    return Lifecycle(
        prevent_destroy=said.get("prevent_destroy") is True,
        adopt=_adopt(said.get("adopt")),
        ignore=_ignored(said),
        on_destroy=_choice(OnDestroy, said.get("on_destroy"), OnDestroy.DELETE),
        replace=_choice(ReplaceOrder, said.get("replace"), ReplaceOrder.CREATE_FIRST),
    )


def lifecycle_complaints(said: Mapping[str, Value], kind: str, known: Collection[str]) -> Iterator[Complaint]:
    """What is wrong with it, beyond what the schema sees.

    Args:
        known: the attributes of the kind.
    """
    for path, leaf in leaves(said, ()):
        if isinstance(leaf, (Ref, Text)) or (isinstance(leaf, Sourced) and not is_unknown(leaf)):
            message = f"lifecycle.{'.'.join(map(str, path))} can't hold {leaf}"
            hint = "write the value itself, or use vars; a known secret comes from ${env.NAME}"
            yield Complaint("reference", message, ("lifecycle", *path), hint)
    for name in sorted(_ignored(said)):
        root = name.split(".")[0]
        if root not in known:
            message = f"lifecycle.ignore names {name}, which {kind} don't have"
            hint = suggestion(root, known, f"they have: {listing(known)}")
            yield Complaint("ignore", message, ("lifecycle", "ignore"), hint)


def _ignored(said: Mapping[str, Value]) -> frozenset[str]:
    paths = said.get("ignore")
    return (
        frozenset(path for path in paths if isinstance(path, str)) if isinstance(paths, list) else frozenset()
    )


def _adopt(said: Value) -> Adopt | None:
    if isinstance(said, Mapping):
        live_id, secret = said.get("id"), said.get("client_secret")
    else:
        live_id, secret = said, None
    if isinstance(live_id, bool) or not isinstance(live_id, (str, int)):
        return None
    text = str(live_id)
    known = secret if isinstance(secret, SecretInput) else None
    return Adopt(text.lower() if GUID.fullmatch(text) else text, known)


def _choice(choices: type[_Choice], said: Value, otherwise: _Choice) -> _Choice:
    return next((choice for choice in choices if choice.value == said), otherwise)
