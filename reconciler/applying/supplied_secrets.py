"""Secrets that people supply: which of them an apply will need, asked before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.applying.context import secret_leaves
from reconciler.errors import CredentialError
from reconciler.kinds import Registry
from reconciler.matching import is_of_adopt
from reconciler.model import Action, Address, Change, Ledger, Plan, Ref, Resource, SecretInput

_MAKING = (Action.CREATE, Action.REPLACE)
_HANDING = (*_MAKING, Action.ADOPT, Action.UPDATE)


def check_supplied(plan: Plan, ledger: Ledger, kinds: Registry) -> None:
    """What a plan can do without, and an apply can't.

    Raises:
        CredentialError: the variable that a secret comes from isn't set.
    """
    for change in sorted(plan.pending, key=lambda one: one.address):
        resource = plan.stack.resources.get(change.address)
        if resource is None or change.action not in _HANDING:
            continue
        for value in _needed(plan, ledger, kinds, change, resource):
            if value.secret is None:
                words, hint = value.absence
                raise CredentialError(
                    f"{words}, and a secret of {change.address} comes from it",
                    code="handoff-sealed" if value.mark else "unset-variable",
                    address=str(change.address),
                    at=resource.at,
                    hint=hint,
                )


def _needed(
    plan: Plan, ledger: Ledger, kinds: Registry, change: Change, resource: Resource
) -> Iterator[SecretInput]:
    is_made = change.action in _MAKING
    is_whole = kinds[change.address.kind_name].is_written_whole
    handed = None if is_whole else {field.path for field in change.fields}
    for path, value in secret_leaves(resource.attributes):
        if resource.lifecycle.ignores(path) and not is_made:
            continue
        if isinstance(value, SecretInput):
            if not change.left:  # only what was issued here is handed over
                yield value
        elif is_made or handed is None or path in handed:
            yield from _given(plan, ledger, value)


def _given(plan: Plan, ledger: Ledger, ref: Ref) -> Iterator[SecretInput]:
    """What `adopt: {client_secret}` says of a credential whose value comes from nowhere else."""
    source = ref.source
    change = plan.by_address.get(source)
    owner: Address = source.parent or source
    resource = plan.stack.resources.get(owner)
    adopt = resource.lifecycle.adopt if resource else None
    if change is None or change.action.makes or adopt is None or adopt.client_secret is None:
        return
    entry = ledger.entries.get(source)
    is_sealed = entry is not None and entry.credential is not None and bool(entry.credential.sealed)
    if change.live is not None and is_of_adopt(source, entry, change.live, adopt) and not is_sealed:
        yield adopt.client_secret
