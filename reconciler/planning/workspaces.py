"""Workspaces as a spec names them, by id or by deployment host, against those that exist. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model import Resource
from reconciler.planning.situation import Situation


def workspaces_by_id(situation: Situation, resource: Resource, named: Mapping[str, Any]) -> dict[str, Any]:
    """The spec's workspaces by numeric id; an unknown host keeps its name (and blocks, see `trouble`)."""
    hosts = {w.host: w.id for w in situation.snapshot.workspaces.get(resource.provider, ())}
    return {hosts.get(str(key).lower(), str(key)): value for key, value in named.items()}


def workspace_trouble(situation: Situation, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if a workspace that the spec names doesn't exist or refuses assignments."""
    name = situation.fields(resource.address).workspaces
    named = resource.attributes.get(name)
    if not isinstance(named, Mapping):
        return None
    named = {key: level for key, level in named.items() if not resource.lifecycle.ignores(f"{name}.{key}")}
    first: dict[str, str] = {}
    for given in named:
        key = next(iter(workspaces_by_id(situation, resource, {given: None})))
        if key in first:
            return (
                "workspace-twice",
                f"{first[key]} and {given} are the same workspace, {key}; name it once",
            )
        first[key] = str(given)
    for key in workspaces_by_id(situation, resource, named):
        if not key.isdigit():
            return (
                "workspace-missing",
                f"no workspace of the account has the host {key}; name it by its numeric id, "
                f"or as <deployment name> with its domain",
            )
        refusal = situation.snapshot.blocked.get((resource.provider, f"workspace {key}"))
        if refusal:
            return "workspace-refused", f"workspace {key}: {refusal}"
    return None
