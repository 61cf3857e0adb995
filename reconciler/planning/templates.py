"""Templates that only their server can judge: whether it has them, and which keys they take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from reconciler.model import Ref, Resource, SecretInput, Sourced
from reconciler.planning.situation import Situation


def template_trouble(situation: Situation, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if the server hasn't got the template of an integration, or it takes no such key."""
    asked = situation.snapshot.templates.get(resource.provider)
    said = resource.attributes.get("template")
    template = said.value if isinstance(said, Sourced) else said
    if not asked or not isinstance(template, str) or template not in asked:
        return None
    known, config = asked[template], resource.attributes.get("config")
    if known is None:
        return "unknown-template", f"{resource.provider} has no template {said}; check its name"
    if not known or not isinstance(config, Mapping):
        return None
    for key, value in sorted(config.items(), key=lambda pair: pair[0]):
        if key not in known:
            close = get_close_matches(key, sorted(known), n=1)
            hint = f"did you mean {close[0]}?" if close else f"it takes: {', '.join(sorted(known))}"
            return "template-key", f"the template {said} takes no config.{key}; {hint}"
        if known[key] and not _is_reference(value):
            words = f"the server says that config.{key} is secret, and it must be a reference"
            hint = "write ${env.NAME} or ${file.PATH}, and keep the value elsewhere"
            return "literal-secret", f"{words}; {hint}"
    return None


def _is_reference(value: object) -> bool:
    return isinstance(value, (Sourced, SecretInput, Ref))
