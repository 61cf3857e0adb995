"""What each provider is asked for: kinds, workspaces, templates, and the parents of what lives inside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.kinds import Kind, Registry, Scope, principal_of
from reconciler.matching import Match, moved_entries
from reconciler.model import (
    Address,
    Intent,
    Ledger,
    PrincipalRef,
    Ref,
    Resource,
    Snapshot,
    Stack,
    WorkspaceRef,
)


@dataclass
class ReadRequest:
    """What one provider is asked for.

    Attributes:
        kinds: names of kinds.
        workspaces: ids of workspaces whose assignments matter.
        hosts: a workspace is named by its host, so all workspaces have to be known.
        templates: templates that only their server can judge.
        principals: (sort, name) of principals that the spec names.
        holders: attribute → keys that the ledger remembers of what is read one by one (ids of groups).
        attributes: the additive attributes that are mentioned.
    """

    kinds: set[str] = field(default_factory=set)
    workspaces: set[str] = field(default_factory=set)
    hosts: bool = False
    templates: set[str] = field(default_factory=set)
    principals: set[tuple[str, str]] = field(default_factory=set)
    holders: dict[str, set[str]] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)


def wanted_of(stack: Stack, ledger: Ledger, apis: Collection[str], kinds: Registry) -> dict[str, ReadRequest]:
    """Provider → what it is asked for, by the spec and by all that the ledger owns or may have made."""
    found = {name: ReadRequest() for name in stack.providers}
    for resource in stack.resources.values():
        one, kind = found[resource.provider], kinds[resource.address.kind_name]
        one.kinds.add(kind.name)
        if template := kind.unfamiliar(resource.attributes):
            one.templates.add(template)
        _mention(one, kind, resource)
    for provider, address, applied in _remembered(ledger):
        if provider in found and address.kind_name in kinds:
            found[provider].kinds.add(address.kind_name)
            fields = kinds[address.kind_name].fields
            found[provider].workspaces.update(workspaces_in(kinds[address.kind_name], applied))
            found[provider].attributes |= fields.additive & set(applied)
            for attribute in fields.holders:
                found[provider].holders.setdefault(attribute, set()).update(_keys(applied.get(attribute)))
    for name, kind_name in _receivers(stack, ledger, kinds):
        if name in apis:
            found[name].kinds.add(kind_name)
    return {name: one for name, one in found.items() if one.kinds}


def _mention(one: ReadRequest, kind: Kind[object], resource: Resource) -> None:
    """What the additive attributes of a resource name."""
    fields = kind.fields
    if resource.attributes.keys().isdisjoint((fields.workspaces, *fields.additive, *fields.principals)):
        return
    keys = workspaces_in(kind, resource.attributes)
    one.workspaces.update(key for key in keys if key.isdigit())
    one.hosts |= not all(key.isdigit() for key in keys)
    one.attributes |= fields.additive & set(resource.attributes)
    for attribute in fields.principals:
        named = resource.attributes.get(attribute)
        plain = [
            key for key in _keys(named) if not isinstance(named, Mapping) or not isinstance(named[key], Ref)
        ]
        one.principals |= {principal_of(fields, attribute, key) for key in plain}


def workspaces_in(kind: Kind[object], attributes: Mapping[str, object]) -> list[str]:
    """The workspaces that attributes of a kind name, by id or host."""
    named = attributes.get(kind.fields.workspaces) if kind.fields.workspaces else None
    return _keys(named)


def _keys(named: object) -> list[str]:
    return [str(key) for key in named] if isinstance(named, Mapping) else []


def _receivers(stack: Stack, ledger: Ledger, kinds: Registry) -> Iterator[tuple[str, str]]:
    """Provider and kind of whatever may hold a credential of ours, whoever made it."""
    addresses = {*stack.resources, *ledger.entries}
    if any(a.kind_name in kinds and kinds[a.kind_name].fields.referred_by for a in addresses):
        for name, spec in stack.providers.items():
            for kind in kinds.values():
                if kind.fields.shows_referred and kind.provider_type == spec.type:
                    yield name, kind.name


def _remembered(ledger: Ledger) -> Iterator[tuple[str, Address, Mapping[str, object]]]:
    """Provider, address and applied attributes of all that the ledger owns, or may have made."""
    for address, entry in ledger.entries.items():
        yield entry.provider, address, entry.applied
    for provider, address, _ in open_creates(ledger):
        yield provider, address, {}


def open_creates(ledger: Ledger) -> Iterator[tuple[str, Address, Intent]]:
    """Provider, address and intent of creates that may have taken effect, or may still."""
    for address, intent in ledger.pending.intents.items():
        yield intent.provider, address, intent
    for tombstone in ledger.pending.given_up:
        yield tombstone.intent.provider, tombstone.address, tombstone.intent


def scope_of(
    provider: str,
    one: ReadRequest,
    stack: Stack,
    kinds: Registry,
    workspaces: tuple[WorkspaceRef, ...],
    principals: Mapping[tuple[str, str], tuple[PrincipalRef, ...]],
) -> Scope:
    """What to look at besides the bulk lists of one provider."""
    hosts = {workspace.host: workspace.id for workspace in workspaces}
    resources = [each for each in stack.resources.values() if each.provider == provider]
    keys = {
        key.lower()
        for each in resources
        for key in workspaces_in(kinds[each.address.kind_name], each.attributes)
    }
    return Scope(
        workspaces=sorted(one.workspaces | {hosts[key] for key in keys if key in hosts}),
        holders=_holders(one, resources, kinds, principals),
        attributes=frozenset(one.attributes),
        named=names_in(provider, stack, kinds),
    )


def _holders(
    one: ReadRequest,
    resources: Iterable[Resource],
    kinds: Registry,
    principals: Mapping[tuple[str, str], tuple[PrincipalRef, ...]],
) -> dict[str, list[str]]:
    """Attribute → the ids, on record or found by their names, of what is read one by one."""
    found = {attribute: set(keys) for attribute, keys in one.holders.items()}
    for each in resources:
        fields = kinds[each.address.kind_name].fields
        for attribute in fields.holders & set(each.attributes):
            for name in _keys(each.attributes[attribute]):
                refs = principals.get(principal_of(fields, attribute, name), ())
                found.setdefault(attribute, set()).update(ref.id for ref in refs if ref.name == name)
    return {attribute: sorted(keys) for attribute, keys in found.items() if keys}


def names_in(provider: str, stack: Stack, kinds: Registry) -> list[str]:
    """The natural keys of the wanted objects of one provider, sorted."""
    wanted = (each for each in stack.resources.values() if each.provider == provider)
    names = (each.attributes.get(kinds[each.address.kind_name].fields.name) for each in wanted)
    return sorted({name for name in names if isinstance(name, str)})


# --- what lives inside other objects ---------------------------------------------------------------------


def is_inside(kind: Kind[object]) -> bool:
    """Whether objects of a kind live inside others, and are listed by parent."""
    return bool(kind.fields.parent)


def parents_of(
    kind: Kind[object], stack: Stack, ledger: Ledger, snapshot: Snapshot, matches: Mapping[Address, Match]
) -> dict[str, set[str]]:
    """Provider → ids of the live objects in which objects of a kind matter; "" for the account itself."""
    found: dict[str, set[str]] = {}
    for resource in stack.resources.values():
        if resource.address.kind_name == kind.name:
            owner = owner_of(kind, resource)
            match = matches.get(owner) if isinstance(owner, Address) else None
            if isinstance(owner, str):
                found.setdefault(resource.provider, set()).add(owner)
            elif match is not None and match.live is not None:
                found.setdefault(resource.provider, set()).add(match.live.id)
    for provider, parent in _remembered_parents(kind, stack, ledger):
        lives = (objects for (name, _), objects in snapshot.objects.items() if name == provider)
        if (not parent and not kind.owner) or any(parent in objects for objects in lives):
            found.setdefault(provider, set()).add(parent)
    return found


def owner_of(kind: Kind[object], resource: Resource) -> Address | str:
    """The address that a resource lives in, or the id of that object; "" for the account itself."""
    owner = resource.attributes.get(kind.fields.parent)
    if resource.address.parent is not None:
        return resource.address.parent
    return owner.address if isinstance(owner, Ref) else str(owner or "")


def _remembered_parents(kind: Kind[object], stack: Stack, ledger: Ledger) -> Iterable[tuple[str, str]]:
    for address, entry in moved_entries(ledger.entries, stack.moved).items():
        if address.kind_name == kind.name:
            yield entry.provider, entry.parent
    for provider, address, intent in open_creates(ledger):
        if address.kind_name == kind.name:
            yield provider, intent.parent
