"""Proof of a receiver that can be read back: whether it holds what is on record, secret and all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.errors import RemoteError
from reconciler.matching import at_path, leaves, same_leaf
from reconciler.model import Live, Proof, Ref, Resource, SecretInput, Verification
from reconciler.secrets import Fingerprint, Secret
from reconciler.verifying.context import APPLY, VerifyContext, stated
from reconciler.verifying.credential_checks import absence


def held_proof(context: VerifyContext, api: Any, resource: Resource) -> Verification:
    """What can be told by reading it; that somebody took it up since can't."""
    address, kind = resource.address, context.kinds[resource.address.kind_name]
    snapshot, provider, live = context.snapshot, resource.provider, context.live(address)
    if (provider, kind.name) not in snapshot.objects:
        return Verification(address, Proof.NOT_VERIFIABLE, f"what {provider} has is on another machine")
    name = kind.fields.name
    if refusal := snapshot.blocked.get((provider, f"{name} {resource.attributes.get(name)}")):
        return Verification(address, Proof.NOT_VERIFIABLE, refusal)
    if live is None:
        return Verification(address, Proof.BROKEN, absence(context, address))
    if troubles := list(_unlike(context, resource, live)):
        return Verification(address, Proof.BROKEN, "; ".join(troubles))
    status, words = _secret(context, api, resource, live)
    if status is Proof.VERIFIED and kind.takes_up:
        words = f"{words}; if it is new there, {kind.takes_up}"
    return Verification(address, status, words)


def _unlike(context: VerifyContext, resource: Resource, live: Live) -> Iterator[str]:
    """Fields that aren't as the spec and the objects that it refers to say."""
    fields = context.kinds[resource.address.kind_name].fields
    for path, value in leaves(resource.attributes):
        if path == fields.name or resource.lifecycle.ignores(path) or isinstance(value, SecretInput):
            continue
        wanted = _referred(context, value) if isinstance(value, Ref) else stated(value)
        there = at_path(live.attributes, path)
        if wanted is not None and not same_leaf(path, wanted, there, fields):
            yield f"its {path} is {there or '(none)'} instead of {wanted}: {APPLY}"


def _referred(context: VerifyContext, ref: Ref) -> str | None:
    live = None if ref.is_secret else context.live(ref.address)
    return live.computed.get(ref.attribute) if live else None


def _secret(context: VerifyContext, api: Any, resource: Resource, live: Live) -> tuple[Proof, str]:
    kind = context.kinds[resource.address.kind_name]
    value = at_path(resource.attributes, kind.fields.holds)
    if value is None:
        return Proof.VERIFIED, "it is as the spec says, and has no secret"
    try:
        held = kind.held(api, live.id)
    except RemoteError as error:
        return Proof.NOT_VERIFIABLE, error.message
    if held is None:
        return Proof.BROKEN, f"it holds no secret: {APPLY}"
    fits = _fits(context, value, held)
    if fits is None:
        return (
            Proof.NOT_VERIFIABLE,
            "whether its secret is the right one can't be told: no mark is on record",
        )
    if not fits:
        return Proof.BROKEN, f"it holds another secret than the one on record: {APPLY}"
    return Proof.VERIFIED, "it holds the secret on record"


def _fits(context: VerifyContext, value: Any, held: Secret) -> bool | None:
    """Whether a secret is the one that the spec means; None where nothing is known of that."""
    if isinstance(value, SecretInput):
        if value.mark:
            return Fingerprint(value.salt, value.mark).matches(held)
        return Fingerprint.of(value.secret).matches(held) if isinstance(value.secret, Secret) else None
    entry = context.entries.get(value.source) if isinstance(value, Ref) else None
    credential = entry.credential if entry else None
    if credential is None or not credential.mark:
        return None
    return Fingerprint(credential.salt, credential.mark).matches(held)
