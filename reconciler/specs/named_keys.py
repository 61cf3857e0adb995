"""Mappings whose keys name remote things, as workspaces do: keys may be references, and name a thing once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yaml import Mark

from reconciler.model import Sourced, Value
from reconciler.specs.places import Place, is_unknown
from reconciler.specs.problems import Problems
from reconciler.specs.yaml_nodes import Block, Node, location


def named(
    block: Block, place: Place, meaning: Callable[[str, Mark], Value], problems: Problems
) -> Mapping[str, tuple[Node, Mark]]:
    """What a mapping holds by the resolved keys; keys that can't be resolved, or name a thing again, are out.

    Args:
        meaning: what a key as written, at its place, comes to.
    """
    found: dict[str, tuple[Node, Mark]] = {}
    first: dict[str, Mark] = {}
    for key, item in block.items.items():
        mark = block.marks[key]
        name = meaning(key, mark)
        if is_unknown(name):
            continue
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            message = f"the key {key} comes to {name if isinstance(name, Sourced) else 'no text'}"
            hint = "keys are shown: give it through vars, and --var NAME=VALUE"
            problems.error("key", message, location(mark), address=place.address, hint=hint)
        elif earlier := first.get(_form(str(name))):
            message = f"{place.label} names {name} twice: first at {earlier.line + 1}:{earlier.column + 1}"
            hint = "keep one of them"
            problems.error("duplicate-key", message, location(mark), address=place.address, hint=hint)
        else:
            first[_form(str(name))] = mark
            found[str(name)] = item, mark
    return found


def _form(name: str) -> str:
    """Hosts compare without case, ids without leading zeros."""
    form = name.lower().rstrip(".")
    return form.lstrip("0") if form.isdigit() else form
