"""What a spec names in the keys of additive attributes, workspaces and groups, against what exists. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.kinds import Fields
from reconciler.model import Entry, PrincipalRef, Resource, Snapshot
from reconciler.planning.context import PlanningContext


def by_id(
    snapshot: Snapshot, provider: str, fields: Fields, attribute: str, named: Mapping[str, Any]
) -> dict[str, Any]:
    """The keys of an additive attribute by remote id.

    An unknown host keeps its name, and blocks (see `named_trouble`); so does a name of a principal that isn't
    exactly one's, which is left out here.
    """
    if attribute == fields.workspaces:
        hosts = {w.host: w.id for w in snapshot.workspaces.get(provider, ())}
        return {hosts.get(str(key).lower(), str(key)): value for key, value in named.items()}
    if attribute in fields.principals:
        sort = fields.principals[attribute]
        found = ((name, bearers(snapshot, provider, sort, name)) for name in named)
        return {refs[0].id: name for name, refs in found if len(refs) == 1}
    return dict(named)


def bearers(snapshot: Snapshot, provider: str, sort: str, name: str) -> list[PrincipalRef]:
    """The principals that have exactly this name."""
    found = snapshot.principals.get(provider, {}).get((sort, name), ())
    return [ref for ref in found if ref.name == name]


def gone(
    snapshot: Snapshot,
    provider: str,
    fields: Fields,
    attribute: str,
    named: Iterable[str],
    entry: Entry | None,
) -> dict[str, str]:
    """Id → name of principals that the spec names, that are on record, and that nobody goes by any more."""
    sort = fields.principals.get(attribute, "")
    ours = (entry.applied.get(attribute) if entry else None) or {}
    if not sort or not ours:
        return {}
    lost = {name for name in named if not bearers(snapshot, provider, sort, name)}
    return {live_id: name for live_id, name in ours.items() if name in lost}


def named_trouble(context: PlanningContext, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if a workspace or a principal that the spec names can't be told, or refuses."""
    for name in sorted(context.fields(resource.address).principals):
        trouble = _principal_trouble(context, resource, name)
        if trouble:
            return trouble
    return _workspace_trouble(context, resource)


def _principal_trouble(
    context: PlanningContext, resource: Resource, attribute: str
) -> tuple[str, str] | None:
    fields, snapshot = context.fields(resource.address), context.snapshot
    named, sort = resource.attributes.get(attribute), fields.principals[attribute]
    if not isinstance(named, Mapping) or attribute in resource.lifecycle.ignore:
        return None
    entry = context.matches[resource.address].entry
    lost = gone(snapshot, resource.provider, fields, attribute, named, entry).values()
    for name in sorted(named):
        if name in lost or resource.lifecycle.ignores(f"{attribute}.{name}"):
            continue
        found = snapshot.principals.get(resource.provider, {}).get((sort, name), ())
        refs = bearers(snapshot, resource.provider, sort, name)
        if not refs:
            close = ", ".join(sorted(ref.name for ref in found))
            return "principal-missing", f"there is no {sort} {name}" + (f", but {close}" if close else "")
        if len(refs) > 1:
            ids = ", ".join(sorted(ref.id for ref in refs))
            return "principal-ambiguous", f"several {sort}s have the name {name}: {ids}"
        refusal = snapshot.blocked.get((resource.provider, f"{sort} {refs[0].id}"))
        if refusal:
            return "principal-refused", f"{sort} {name} ({refs[0].id}): {refusal}"
    return None


def _workspace_trouble(context: PlanningContext, resource: Resource) -> tuple[str, str] | None:
    fields, snapshot = context.fields(resource.address), context.snapshot
    name = fields.workspaces
    named = resource.attributes.get(name)
    if not isinstance(named, Mapping):
        return None
    named = {key: level for key, level in named.items() if not resource.lifecycle.ignores(f"{name}.{key}")}
    first: dict[str, str] = {}
    for given in named:
        key = next(iter(by_id(snapshot, resource.provider, fields, name, {given: None})))
        if key in first:
            return (
                "workspace-twice",
                f"{first[key]} and {given} are the same workspace, {key}; name it once",
            )
        first[key] = str(given)
    for key in first:
        if not key.isdigit():
            return (
                "workspace-missing",
                f"no workspace of the account has the host {key}; name it by its numeric id, "
                f"or as <deployment name> with its domain",
            )
        refusal = snapshot.blocked.get((resource.provider, f"workspace {key}"))
        if refusal:
            return "workspace-refused", f"workspace {key}: {refusal}"
    return None
