"""Templates that only their server can judge: whether it has them, and which keys they take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from reconciler.model import Resource, Sourced
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
    for key in sorted(config) if isinstance(config, Mapping) and known else ():
        if key not in known and not resource.lifecycle.ignores(f"config.{key}"):
            close = get_close_matches(key, sorted(known), n=1)
            hint = f"did you mean {close[0]}?" if close else f"it takes: {', '.join(sorted(known))}"
            return "template-key", f"the template {said} takes no config.{key}; {hint}"
    return None
