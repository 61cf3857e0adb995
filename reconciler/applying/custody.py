"""Custody: the sealed copies of credentials in the ledger, and which of them open here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.applying.ledger_draft import LedgerDraft
from reconciler.model import Credential, Entry
from reconciler.secrets import Identities, Recipients, Secret, recipients_mark, seal, unseal


@dataclass(frozen=True)
class Custody:
    """For whom copies are kept, and with what they are opened.

    Attributes:
        recipients: None where no copies are kept.
        opened: remote ids of credentials whose copy the identities open.
    """

    recipients: Recipients | None
    identities: Identities
    opened: frozenset[str]

    def kept(self, credential: Credential, secret: Secret | None) -> Credential:
        """A credential with a copy sealed to the present recipients, as far as its value is known."""
        if self.recipients is None:
            return replace(credential, sealed="", sealed_to="", unopened=False)
        mark = recipients_mark(self.recipients)
        if credential.sealed and credential.sealed_to == mark:
            return credential
        value = secret or (unseal(credential.sealed, self.identities) if credential.sealed else None)
        if value is None:
            return credential
        sealed = seal(value, self.recipients)
        is_shut = unseal(sealed, self.identities) is None
        return replace(credential, sealed=sealed, sealed_to=mark, unopened=is_shut)

    def look(self, draft: LedgerDraft) -> None:
        """The edit that puts on record which copies open here."""
        draft.entries = {address: self.looked_into(entry) for address, entry in draft.entries.items()}

    def looked_into(self, entry: Entry) -> Entry:
        """An entry that says whether its copy opens here: a plan, which needs no key, tells by that what the
        next apply can do."""
        credential, is_shut = entry.credential, entry.id not in self.opened
        if credential is None or not credential.sealed or credential.unopened is is_shut:
            return entry
        return replace(entry, credential=replace(credential, unopened=is_shut))
