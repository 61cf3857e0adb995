"""The proofs: a token request for a secret whose value is at hand, Connect's own test, else the wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from reconciler import errors
from reconciler.kinds import Registry, parts_of
from reconciler.matching import Pairing, moved_entries
from reconciler.model import (
    Address,
    Ledger,
    Proof,
    Resource,
    Stack,
    Verification,
    WorkspaceRef,
)
from reconciler.secrets import Fingerprint, Identities, Secret, unseal
from reconciler.verifying.context import APPLY, VerifyContext, source_of
from reconciler.verifying.credential_checks import app_troubles, lasting, principal_troubles, secret_troubles
from reconciler.verifying.held_secrets import held_proof
from reconciler.verifying.wiring_checks import integration_words, is_service, is_visitor

AT_ONCE = 8  # proofs
Values = Callable[[Address], "Secret | None"]

# What the remote system says of us, or of the moment, and not of the credential that it was to try.
_ABOUT_US = (
    errors.UnauthorizedError,
    errors.ForbiddenError,
    errors.ThrottledError,
    errors.RedirectedError,
    errors.UnreadableError,
)


def verify(
    stack: Stack,
    pairing: Pairing,
    apis: Mapping[str, Any],
    kinds: Registry,
    *,
    now: datetime,
    values: Values = lambda address: None,
) -> tuple[Verification, ...]:
    """What works and what doesn't: each app, secret and integration of the spec, by address.

    Args:
        pairing: with the secrets of every managed service principal.
        values: address of a secret → its value, if that is at hand.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="verify") as pool:
        workspaces = _workspaces(stack, apis, pool)
        context = VerifyContext(
            stack, pairing.entries, pairing.snapshot, kinds, pairing.matches, now, workspaces
        )
        prover = _Prover(context, apis, values)
        calls = [partial(prover.proof, stack.resources[address]) for address in sorted(stack.resources)]
        found = [future.result() for future in [pool.submit(call) for call in calls]]
    proofs = {proof.address: proof for proof in found if proof is not None}
    return tuple(prover.with_hearsay(proof, proofs) for proof in proofs.values())


def values_at_hand(stack: Stack, ledger: Ledger, identities: Identities) -> Values:
    """The values of secrets that are known: given with `adopt:`, or sealed in the ledger to a key of ours."""
    entries = moved_entries(ledger.entries, stack.moved)

    def value(address: Address) -> Secret | None:
        entry = entries.get(address)
        credential = entry.credential if entry else None
        if credential is not None and credential.sealed and identities:
            opened = unseal(credential.sealed, identities)
            if opened is not None:
                return opened
        resource = stack.resources.get(address.parent or address)
        adopt = resource.lifecycle.adopt if resource else None
        given = adopt.client_secret.secret if adopt and adopt.client_secret else None
        if not isinstance(given, Secret):
            return None
        # once it has been rotated, what the spec says is the old one
        is_other = credential is not None and credential.mark and not _fits(credential, given)
        return None if is_other else given

    return value


def _fits(credential: Any, value: Secret) -> bool:
    return Fingerprint(credential.salt, credential.mark).matches(value)


def _workspaces(
    stack: Stack, apis: Mapping[str, Any], pool: ThreadPoolExecutor
) -> dict[str, tuple[WorkspaceRef, ...]]:
    """The workspaces of every account, where an integration names one; a refusal is no reason to stop."""
    if not any("workspace_host" in (r.attributes.get("config") or {}) for r in stack.resources.values()):
        return {}
    asked = {
        name: pool.submit(_told, api)
        for name, api in apis.items()
        if stack.providers[name].type == "databricks"
    }
    told = {name: future.result() for name, future in asked.items()}
    return {name: found for name, found in told.items() if found is not None}


def _told(api: Any) -> tuple[WorkspaceRef, ...] | None:
    try:
        found: tuple[WorkspaceRef, ...] = api.workspaces()
    except errors.RemoteError:
        return None
    return found


class _Prover:
    """One proof for each address."""

    def __init__(self, context: VerifyContext, apis: Mapping[str, Any], values: Values) -> None:
        self.context = context
        self.apis = apis
        self.values = values

    def proof(self, resource: Resource) -> Verification | None:
        """The proof of one address; None where there is nothing to prove."""
        address = resource.address
        fields = self.context.kinds[address.kind_name].fields
        if fields.issues:
            return self._secret(resource) if address.part else self._app(resource)
        if fields.referred_by:
            return self._principal(resource)
        if fields.holds:
            return held_proof(self.context, self.apis[resource.provider], resource)
        return self._integration(resource) if fields.shows_referred else None

    def _app(self, resource: Resource) -> Verification:
        troubles = list(app_troubles(self.context, resource))
        return _broken(resource.address, troubles) if troubles else self._registered(resource)

    def _registered(self, resource: Resource) -> Verification:
        live = self.context.live(resource.address)
        count = len(live.attributes.get("redirect_urls") or ()) if live else 0
        words = f"registered with {count} redirect URL{'' if count == 1 else 's'}"
        return Verification(resource.address, Proof.VERIFIED, words)

    def _principal(self, resource: Resource) -> Verification | None:
        """Only where its secret's own line doesn't say it."""
        address = resource.address
        parts = parts_of(self.context.kinds, address.kind)
        if any(address.inside(part.part) in self.context.stack.resources for part in parts):
            return None
        troubles = list(principal_troubles(self.context, resource.address))
        return _broken(resource.address, troubles) if troubles else None

    def _secret(self, resource: Resource) -> Verification:
        address = resource.address
        troubles = list(secret_troubles(self.context, address))
        match, live = self.context.matches[address], self.context.live(address)
        if troubles:
            return _broken(address, troubles)
        if live is None:
            words = f"{len(match.unsure)} live secrets, and it isn't known which one is in use: "
            return _open(address, words + f"run `reconcile rotate {address.parent}`")
        value = self.values(address)
        ends = lasting(self.context, address)
        if value is None:
            return _open(address, _joined("its value isn't kept, so that it can't be tried", ends))
        return self._tried(resource, value, ends)

    def _tried(self, resource: Resource, value: Secret, ends: str) -> Verification:
        address = resource.address
        parent = self.context.live(address.parent) if address.parent else None
        client_id = parent.computed.get("client_id", "") if parent else ""
        try:
            self.context.kinds[address.kind_name].check(self.apis[resource.provider], client_id, value)
        except errors.CredentialError as error:
            words = f"it isn't accepted ({error.message}): run `reconcile rotate {address.parent}`"
            return _broken(address, [words])
        except errors.RemoteError as error:
            return _open(address, _joined(f"it couldn't be tried: {error.message}", ends))
        return Verification(address, Proof.VERIFIED, _joined("it gets a token", ends))

    def _integration(self, resource: Resource) -> Verification:
        said = list(integration_words(self.context, resource))
        troubles = [words.text for words in said if words.is_trouble]
        live = self.context.live(resource.address)
        if troubles or live is None:
            return _broken(resource.address, troubles)
        notes = [words.text for words in said]
        if is_service(live):
            return self._tested(resource, live.id, notes)
        if is_visitor(live):
            return _open(resource.address, _joined("each visitor gets a key of their own", *notes))
        server = self.apis[resource.provider].address
        login = f"log in to try it: {server}/__oauth__/integrations/{live.id}/login"
        return _open(resource.address, _joined(login, *notes))

    def _tested(self, resource: Resource, guid: str, notes: list[str]) -> Verification:
        """Connect tries the credential itself."""
        address = resource.address
        try:
            tried = self.context.kinds[address.kind_name].confirm(self.apis[resource.provider], guid)
        except _ABOUT_US as error:
            return _open(address, _joined(f"Connect didn't try it: {error.message}", *notes))
        except errors.AnswerError as error:
            return _broken(
                address, [f"Connect can't sign in with it: {error.message}; {self._cure(resource)}"]
            )
        except errors.RemoteError as error:
            return _open(address, _joined(f"Connect couldn't be asked: {error.message}", *notes))
        if not tried:
            return _open(address, _joined("Connect has no test for it", *notes))
        return Verification(address, Proof.VERIFIED, _joined("Connect signs in with it", *notes))

    def _cure(self, resource: Resource) -> str:
        source = source_of(resource, "client_secret")
        if source is not None and source.part:
            return f"run `reconcile rotate {source.parent}`, which delivers a new secret"
        return f"check its credential and what Connect can reach, and {APPLY}"

    # --- what one proof says of another -----------------------------------------------------------------

    def with_hearsay(self, proof: Verification, proofs: Mapping[Address, Verification]) -> Verification:
        """A secret whose value isn't at hand works, if an integration that holds it does."""
        address = proof.address
        if not address.part or proof.status is not Proof.NOT_VERIFIABLE:
            return proof
        live = self.context.live(address)
        for other in self.context.receivers.get(address, ()):
            works = other in proofs and proofs[other].status is Proof.VERIFIED
            if live is not None and works and self._holds(other, address, live.id):
                words = f"Connect signs in with it for {other}"
                return Verification(address, Proof.VERIFIED, _joined(words, lasting(self.context, address)))
        return proof

    def _holds(self, integration: Address, secret: Address, live_id: str) -> bool:
        """Whether it is this very secret that the integration was given."""
        entry = self.context.entries.get(integration)
        given = (
            {one.credential for one in entry.deliveries.values() if one.source == secret} if entry else set()
        )
        if given:
            return given == {live_id}
        live = self.context.live(secret)
        siblings = self.context.snapshot.within(
            self.context.stack.resources[secret].provider, secret.kind_name, live.parent if live else ""
        )
        return [one.id for one in siblings] == [live_id]


def _broken(address: Address, troubles: Iterable[str]) -> Verification:
    # two checks may come upon the same trouble
    return Verification(address, Proof.BROKEN, _joined(*dict.fromkeys(troubles)))


def _open(address: Address, words: str) -> Verification:
    return Verification(address, Proof.NOT_VERIFIABLE, words)


def _joined(*words: str) -> str:
    return "; ".join(part for part in words if part)
