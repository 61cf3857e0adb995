"""What a spec names in the keys of additive attributes, workspaces and groups, against what exists. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds import Fields, principal_of, renamed
from reconciler.model import Entry, PrincipalRef, Resource, Snapshot
from reconciler.planning.context import PlanningContext

CONTENT = "content"  # the sort of what isn't a principal
CONTENT_MISSING = "content-missing"
_CANDIDATES = 5  # names that come close, at most


def by_id(
    snapshot: Snapshot, provider: str, fields: Fields, attribute: str, named: Mapping[str, Any]
) -> dict[str, Any]:
    """The keys of an attribute by remote id.

    An unknown host keeps its name, and blocks (see `workspace_trouble`); a name of a principal that isn't
    exactly one's is left out here, and holds its list up (see `list_troubles`).
    """
    if attribute == fields.workspaces:
        hosts = snapshot.hosts.get(provider, {})
        return {hosts.get(str(key).lower(), str(key)): value for key, value in named.items()}
    if attribute not in fields.principals:
        return dict(named)
    found: dict[str, Any] = {}
    for key, value in named.items():
        sort, name = principal_of(fields, attribute, key)
        if attribute in fields.by_name and value != name:  # one of the stack's own
            known = isinstance(value, str)
            found[renamed(fields, attribute, key, value.lower()) if known else key] = (
                value.lower() if known else value
            )
            continue
        refs = bearers(snapshot, provider, sort, name)
        if len(refs) == 1:
            is_kept = attribute in fields.by_name
            found[key if is_kept else renamed(fields, attribute, key, refs[0].id)] = name
    return found


def bearers(snapshot: Snapshot, provider: str, sort: str, name: str) -> list[PrincipalRef]:
    """The principals that have exactly this name."""
    found = snapshot.principals.get(provider, {}).get((sort, name), ())
    return [ref for ref in found if ref.name == name]


def gone(
    snapshot: Snapshot,
    provider: str,
    fields: Fields,
    attribute: str,
    named: Any,
    entry: Entry | None,
) -> dict[str, str]:
    """Key → name of principals that the spec names, that are on record, and that nobody goes by any more."""
    ours = (entry.applied.get(attribute) if entry else None) or {}
    if attribute not in fields.principals or not isinstance(ours, Mapping) or not isinstance(named, Mapping):
        return {}
    asked = snapshot.principals.get(provider, {})
    lost = {
        one
        for key in named
        if (one := principal_of(fields, attribute, key)) in asked
        and not bearers(snapshot, provider, *one)
        and (provider, f"{one[0]} named {one[1]}") not in snapshot.blocked
    }
    return {
        key: str(name)
        for key, name in ours.items()
        if (principal_of(fields, attribute, key)[0], name) in lost
    }


def called(fields: Fields, attribute: str, key: str, name: Any) -> str:
    """How people call what a key stands for: `group analysts (2143)`; "" where the key says it all."""
    if attribute not in fields.principals:
        return ""
    sort, live_id = principal_of(fields, attribute, key)
    if not isinstance(name, str) or name == live_id:
        return f"{sort} {live_id}"
    return f"{sort} {name} ({live_id})"


def list_troubles(
    context: PlanningContext, resource: Resource, *, anew: bool = False
) -> dict[str, tuple[str, str]]:
    """Attribute → (code, words) of the lists whose names can't all be told: such a list isn't written.

    Args:
        anew: the object is made, so that what `lifecycle.ignore` names counts as well.
    """
    found = {}
    for attribute in sorted(context.fields(resource.address).principals.keys() & resource.attributes.keys()):
        named = resource.attributes[attribute]
        if isinstance(named, Mapping) and (anew or attribute not in resource.lifecycle.ignore):
            trouble = _list_trouble(context, resource, attribute, named, anew=anew)
            if trouble:
                found[attribute] = trouble
    return found


def _list_trouble(
    context: PlanningContext, resource: Resource, attribute: str, named: Mapping[str, Any], *, anew: bool
) -> tuple[str, str] | None:
    fields = context.fields(resource.address)
    entry, live = context.matches[resource.address].entry, context.matches[resource.address].live
    if attribute in fields.apart and live is not None and attribute not in live.attributes:
        refusal = context.snapshot.blocked.get((resource.provider, f"{attribute} {live.id}"))
        return "principal-refused", f"{attribute} couldn't be looked at: {refusal or 'nobody tells why'}"
    lost = gone(context.snapshot, resource.provider, fields, attribute, named, entry)
    left_out = {(principal_of(fields, attribute, key)[0], name) for key, name in lost.items()}
    for key in sorted(named):
        one = principal_of(fields, attribute, key)
        is_own = attribute in fields.by_name and named[key] != one[1]
        is_ignored = not anew and resource.lifecycle.ignores(f"{attribute}.{key}")
        if is_own or one in left_out or is_ignored:
            continue
        if trouble := _name_trouble(context.snapshot, resource.provider, *one):
            return trouble
    return None


def _name_trouble(snapshot: Snapshot, provider: str, sort: str, name: str) -> tuple[str, str] | None:
    if refusal := snapshot.blocked.get((provider, f"{sort} named {name}")):
        return "principal-refused", f"{sort} {name}: {refusal}"
    refs = bearers(snapshot, provider, sort, name)
    if not refs:
        found = snapshot.principals.get(provider, {}).get((sort, name), ())
        close = ", ".join(sorted(ref.name for ref in found)[:_CANDIDATES])
        code = CONTENT_MISSING if sort == CONTENT else "principal-missing"
        return code, f"there is no {sort} {name}" + (f", but {close}" if close else "")
    if len(refs) > 1:
        ids = ", ".join(sorted(ref.id for ref in refs))
        return "principal-ambiguous", f"several {sort}s have the name {name}: {ids}"
    refusal = snapshot.blocked.get((provider, f"{sort} {refs[0].id}"))
    return ("principal-refused", f"{sort} {name} ({refs[0].id}): {refusal}") if refusal else None


def workspace_trouble(context: PlanningContext, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if a workspace that the spec names can't be told, or refuses."""
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
