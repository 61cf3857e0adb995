"""Reads the whole of the remote systems, in bulk and side by side, whoever manages what: the estate.

Needs reading rights only. A list that fails or breaks off stops here: it is never read as "nothing exists".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from reconciler.kinds import Registry, Scope
from reconciler.model import Live, ProviderSpec, Snapshot

KINDS = ("connect_integrations", "oauth_apps", "service_principals")
SECRETS = "service_principals.client_secret"

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
        for kind in KINDS
        if kinds[kind].provider_type == spec.type
    ]
    scopes = scopes or {}
    with ThreadPoolExecutor(max_workers=max(1, len(keys) + len(asked))) as pool:
        preflights = [pool.submit(apis[name].preflight) for name in asked]
        lists = [pool.submit(kinds[k].observe, apis[name], scopes.get(name, Scope())) for name, k in keys]
        objects = {key: _by_id(each.result()) for key, each in zip(keys, lists, strict=True)}
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
            found = [pool.submit(kinds[SECRETS].observe, apis[name], Scope(parents=i)) for name, i in wanted]
            inside = {(n, SECRETS): _by_id(f.result()) for (n, _), f in zip(wanted, found, strict=True)}
            snapshot = replace(snapshot, objects={**snapshot.objects, **inside})
    ourselves = {name: apis[name].principal() for name in asked}
    return Estate(asked, snapshot, ourselves)


def _by_id(lives: Iterable[Live]) -> dict[str, Live]:
    return {live.id: live for live in lives}
