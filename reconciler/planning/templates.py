"""Templates that only their server can judge: whether it has them, and which keys they take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from reconciler.model import Ref, Resource, SecretInput, Sourced
from reconciler.planning.context import Situation


def template_trouble(situation: Situation, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if the server hasn't got the template of an integration, or it takes no such key."""
    asked = situation.snapshot.templates.get(resource.provider)
    said = resource.attributes.get("template")
    template = said.value if isinstance(said, Sourced) else said
    if not asked or not isinstance(template, str) or template not in asked:
        return None
    known, config = asked[template], resource.attributes.get("config")
    match = situation.matches.get(resource.address)
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
