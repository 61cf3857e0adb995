"""Templates that only their server can judge: whether it has them, their keys, what is secret. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from reconciler.model import Ref, Resource, SecretInput, Snapshot, Sourced, Stack
from reconciler.planning.context import PlanningContext
from reconciler.secrets import Secret


def with_template_secrets(stack: Stack, snapshot: Snapshot) -> Stack:
    """The stack, in which a value of a variable or file is a secret wherever the server says so."""
    if not snapshot.templates:
        return stack
    found = {address: _with_secrets(one, snapshot) for address, one in stack.resources.items()}
    return replace(stack, resources=found)


def _with_secrets(resource: Resource, snapshot: Snapshot) -> Resource:
    config = resource.attributes.get("config")
    known = _asked(snapshot, resource).get(_template(resource)) or {}
    if not isinstance(config, Mapping) or not any(known.values()):
        return resource
    sealed = {key: _sealed(value) if known.get(key) else value for key, value in config.items()}
    return replace(resource, attributes={**resource.attributes, "config": sealed})


def _sealed(value: Any) -> Any:
    if not isinstance(value, Sourced):
        return value
    return SecretInput(value.source, value.expression, Secret(value.value) if value.value else None)


def _asked(snapshot: Snapshot, resource: Resource) -> Mapping[str, Mapping[str, bool] | None]:
    return snapshot.templates.get(resource.provider) or {}


def _template(resource: Resource) -> str:
    said = resource.attributes.get("template")
    said = said.value if isinstance(said, Sourced) else said
    return said if isinstance(said, str) else ""


def template_trouble(context: PlanningContext, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if the server hasn't got the template of an integration, or it takes no such key."""
    asked = _asked(context.snapshot, resource)
    template = _template(resource) if asked else ""
    said = resource.attributes.get("template")
    if template not in asked:
        return None
    known, config = asked[template], resource.attributes.get("config")
    match = context.matches.get(resource.address)
    there = match.live.attributes if match is not None and match.live is not None else {}
    if known is None and there.get("template") == template:
        return None  # it has one: its list doesn't tell all
    if known is None:
        return "unknown-template", f"{resource.provider} has no template {said}; check its name"
    if not known or not isinstance(config, Mapping):
        return None
    held = there.get("config") or {}  # the server took these keys once
    for key, value in sorted(config.items(), key=lambda pair: pair[0]):
        is_settled = key in held or resource.lifecycle.ignores(f"config.{key}")
        trouble = _key_trouble(str(said), key, value, known)
        if trouble is not None and not (is_settled and trouble[0] == "template-key"):
            return trouble
    return None


def _key_trouble(template: str, key: str, value: object, known: Mapping[str, bool]) -> tuple[str, str] | None:
    if key not in known:
        close = get_close_matches(key, sorted(known), n=1)
        hint = f"did you mean {close[0]}?" if close else f"it takes: {', '.join(sorted(known))}"
        return "template-key", f"the template {template} takes no config.{key}; {hint}"
    if known[key] and not _is_reference(value):
        words = f"the server says that config.{key} is secret, and it must be a reference"
        hint = "write ${env.NAME} or ${file.PATH}, and keep the value elsewhere"
        return "literal-secret", f"{words}; {hint}"
    return None


def _is_reference(value: object) -> bool:
    return isinstance(value, (Sourced, SecretInput, Ref))
