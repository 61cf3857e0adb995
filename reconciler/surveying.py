"""Reads the whole of the remote systems, in bulk and side by side, whoever manages what: the estate.

Needs reading rights only. A list that fails or breaks off stops here: it is never read as "nothing exists".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from reconciler.kinds import Kind, Registry, Scope
from reconciler.model import Live, Lives, ProviderSpec, Snapshot
from reconciler.model.live import bare_host

# of what was listed, the principals whose secrets are of interest: provider → remote ids
Parents = Callable[[Snapshot], Mapping[str, Collection[str]]]


@dataclass(frozen=True)
class Estate:
    """All that is live in some remote systems at one time.

    Attributes:
        providers: the systems that were read, by name.
        snapshot: their objects.
        ourselves: provider → the application id or user name that this tool signs in with; "" if unknown.
    """

    providers: Mapping[str, ProviderSpec]
    snapshot: Snapshot
    ourselves: Mapping[str, str]

    def is_ourselves(self, provider: str, live: Live) -> bool:
        """Whether a service principal is the one that this tool signs in as."""
        name = self.ourselves.get(provider, "").casefold()
        return bool(name) and live.computed.get("client_id", "").casefold() == name


def survey(
    providers: Mapping[str, ProviderSpec],
    apis: Mapping[str, Any],
    kinds: Registry,
    *,
    parents: Parents | None = None,
    scopes: Mapping[str, Scope] | None = None,
) -> Estate:
    """The estate of the providers that have a client, read in bulk.

    Args:
        apis: provider → its client; a provider without one isn't asked.
        parents: names the principals whose secrets are listed, one call each; nobody's if left out.
        scopes: provider → what to look at besides, such as workspaces.

    Raises:
        RemoteError, CredentialError: a read failed; nothing can be said.
    """
    asked = {name: providers[name] for name in sorted(apis)}
    keys = [
        (name, kind)
        for name, spec in asked.items()
        for kind in sorted(kinds)
        if kinds[kind].provider_type == spec.type and kinds[kind].is_listed
    ]
    scopes = scopes or {}
    with ThreadPoolExecutor(max_workers=max(1, len(keys) + len(asked))) as pool:
        preflights = [pool.submit(apis[name].preflight) for name in asked]
        lists = [pool.submit(_listed, apis[name], kinds[k], scopes.get(name, Scope())) for name, k in keys]
        objects = {key: each.result() for key, each in zip(keys, lists, strict=True)}
        problems = tuple(problem for each in preflights for problem in each.result())
        snapshot = Snapshot(
            objects=objects,
            identities={name: apis[name].identity() for name in asked},
            dates={name: apis[name].http.date for name in asked},
            blocked={(n, subject): words for n in asked for subject, words in apis[n].troubles.items()},
            problems=problems,
        )
        if parents is not None:
            wanted = sorted((name, sorted(ids)) for name, ids in parents(snapshot).items() if ids)
            found = {
                (name, part.name): pool.submit(part.observe, apis[name], Scope(parents=ids))
                for name, ids in wanted
                for part in kinds.values()
                if part.owner and part.provider_type == asked[name].type
            }
            inside = {key: Lives(each.result()) for key, each in found.items()}
            snapshot = replace(snapshot, objects={**snapshot.objects, **inside})
    ourselves = {name: apis[name].principal() for name in asked}
    return Estate(asked, snapshot, ourselves)


def _listed(api: Any, kind: Kind[Any], scope: Scope) -> Lives:
    """The list of a kind; one that a run read already isn't read again."""
    found = kind.listed(api)
    complete = kind.completing(api, scope)
    return found.but(seen=complete) if complete else found


def workspace_rights(
    estate: Estate, apis: Mapping[str, Any], kinds: Registry
) -> tuple[dict[str, tuple[str, str]], dict[tuple[str, str], frozenset[str]]]:
    """The workspaces that integrations name, and who may use them, itself or by a group.

    Returns:
        host → provider and workspace; provider and workspace → remote ids of principals, absent where the
        workspace doesn't tell.

    Raises:
        RemoteError: a read failed; nothing can be said.
    """
    receivers = {kind.name for kind in kinds.values() if kind.fields.shows_referred}
    wanted = {_bare(live.attributes) for lives in _of(estate, receivers) for live in lives} - {""}
    granted = next((kind for kind in kinds.values() if kind.fields.workspaces), None)
    hosts: dict[str, tuple[str, str]] = {}
    assigned: dict[tuple[str, str], frozenset[str]] = {}
    for name, spec in estate.providers.items():
        principals = list(estate.snapshot.of(name, granted.name).values()) if granted else []
        if granted is None or spec.type != granted.provider_type or not wanted or not principals:
            continue
        here = {each.host: each.id for each in apis[name].workspaces() if each.host in wanted}
        hosts.update((host, (name, workspace)) for host, workspace in here.items())
        by_id = _levels(apis[name], granted, principals, sorted(set(here.values())))
        assigned.update(((name, workspace), ids) for workspace, ids in by_id.items())
    return hosts, assigned


def _levels(
    api: Any, kind: Kind[Any], principals: Sequence[Live], workspaces: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Workspace → the principals that may use it; a list per workspace, side by side."""
    if not workspaces:
        return {}
    direct = {live.id: live.computed.get("group_ids", "").split() for live in principals}
    above = _groups_above(api) if any(direct.values()) else {}
    groups = {group for ids in direct.values() for group in ids}
    around = {group: _closure(group, above) for group in groups}
    everyone = [*principals, *(Live(g, "", {}) for g in sorted({g for ids in around.values() for g in ids}))]
    complete = kind.completing(api, Scope(workspaces=workspaces))
    levels = list(map(complete, everyone)) if complete else everyone
    found: dict[str, frozenset[str]] = {}
    for workspace in workspaces:
        if f"workspace {workspace}" in api.troubles:
            continue
        may = {live.id for live in levels if workspace in (live.attributes.get("workspaces") or {})}
        by_group = {one for one, ids in direct.items() if any(may & around[group] for group in ids)}
        found[workspace] = frozenset(may | by_group)
    return found


def _groups_above(api: Any) -> dict[str, list[str]]:
    """Group → the groups that it is a member of; a list, whose pages don't tell members."""
    return {
        str(group["id"]): [str(each["value"]) for each in group.get("groups") or () if each.get("value")]
        for group in api.groups()
    }


def _closure(group: str, above: Mapping[str, Sequence[str]]) -> frozenset[str]:
    found, waiting = {group}, [group]
    while waiting:
        new = set(above.get(waiting.pop(), ())) - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


def _of(estate: Estate, kinds: Collection[str]) -> list[Collection[Live]]:
    return [lives.values() for (_, name), lives in estate.snapshot.objects.items() if name in kinds]


def _bare(attributes: Mapping[str, Any]) -> str:
    """The host of the workspace that a Service Account integration with Databricks names."""
    config = attributes.get("config") or {}
    if attributes.get("template") != "databricks" or config.get("auth_type") != "Service Account":
        return ""
    return bare_host(config.get("workspace_host"))
