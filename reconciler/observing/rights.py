"""Which objects are asked for what stands apart, and who of access lists is looked up by id. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.kinds import Registry, principal_of
from reconciler.matching import Match
from reconciler.model import Address, Live, Snapshot, Stack


def wanted_apart(
    stack: Stack, snapshot: Snapshot, kinds: Registry, matches: Mapping[Address, Match]
) -> list[tuple[str, str, str, Live]]:
    """Provider, kind, attribute and object, where an attribute that stands apart is managed."""
    return [
        (resource.provider, address.kind_name, attribute, live)
        for address, resource in stack.resources.items()
        for attribute in sorted(kinds[address.kind_name].fields.apart & set(resource.attributes))
        if (live := matches[address].live) is not None
    ]


def unknown_principals(
    stack: Stack, snapshot: Snapshot, kinds: Registry, matches: Mapping[Address, Match]
) -> dict[str, set[tuple[str, str]]]:
    """Provider → (sort, id) of who is only live, or only on record, and was found by no name."""
    known = {
        (provider, sort, ref.id)
        for provider, named in snapshot.principals.items()
        for (sort, _), refs in named.items()
        for ref in refs
    }
    found: dict[str, set[tuple[str, str]]] = {}
    for address, match in matches.items():
        fields, attributes = kinds[address.kind_name].fields, stack.resources[address].attributes
        if match.live is None or not fields.access or fields.access not in attributes:
            continue
        provider = stack.resources[address].provider
        record = match.entry.applied.get(fields.access) if match.entry else None
        there = set(match.live.attributes.get(fields.access) or ())
        for key in there ^ set(record if isinstance(record, Mapping) else ()):
            one = principal_of(fields, fields.access, key)
            if (provider, *one) not in known:
                found.setdefault(provider, set()).add(one)
    return found
