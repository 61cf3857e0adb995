"""The ledger for people and programs: what a stack owns and what isn't settled.

Never marks, sealed copies, or attributes: a value that came from the environment is resolved in there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model import Address, Credential, CredentialState, Entry, Intent, Ledger, shown_record
from reconciler.rendering.terminal import PLAIN, Look, Palette, columns, padded
from reconciler.rendering.things import LedgerView

_INDENT = "    "
_NOTED = ("client_id", "login_url", "callback_url")


def ledger_text(view: LedgerView, look: Look = PLAIN) -> str:
    """What a stack owns, by address, and what an interrupted run left open."""
    ledger, palette = view.ledger, look.palette
    title = palette.strong(f"Ledger of stack {palette.clean(ledger.stack)}")
    about = palette.quiet(f"lineage {palette.clean(ledger.lineage)} {palette.dot} serial {ledger.serial}")
    remotes = _pairs_block(sorted(_remotes(ledger).items()), palette, "  ")
    blocks = ["\n".join([title, "  " + about, *remotes])]
    blocks += [
        _entry_block(address, entry, view.outputs.get(str(address), {}), palette)
        for address, entry in sorted(ledger.entries.items())
    ]
    blocks.append(_pending_block(ledger, palette))
    owned = sum(bool(entry.id) for entry in ledger.entries.values())
    blocks.append(f"{owned} owned, {_unsettled(ledger)} unsettled.")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _remotes(ledger: Ledger) -> Mapping[str, str]:
    return {name: shown_record(record) for name, record in ledger.remotes.items()}


def _pairs_block(pairs: list[tuple[str, str]], palette: Palette, start: str) -> list[str]:
    labels = [palette.clean(name) for name, _ in pairs]
    width = max(map(columns, labels), default=0)
    values = [palette.clean(value) for _, value in pairs]
    return [
        f"{start}{padded(label, width)}  {value}"
        for label, value in zip(labels, values, strict=True)
        if value
    ]


def _entry_block(address: Address, entry: Entry, noted: Mapping[str, str], palette: Palette) -> str:
    title = "  " + palette.strong(palette.clean(address))
    pairs = [(f"{name}:", value) for name, value in _facts(entry) if value]
    pairs += [(f"{name.replace('_', ' ')}:", noted[name]) for name in _NOTED if name in noted]
    return "\n".join([title, *_pairs_block(pairs, palette, _INDENT)])


def _facts(entry: Entry) -> Iterator[tuple[str, str]]:
    yield "id", entry.id or "(none: only predecessors are left)"
    yield "name", entry.name
    yield "provider", entry.provider
    since = entry.created_at or entry.recorded_at
    yield "origin", f"{entry.origin.value} {since}".strip()
    yield "inside", entry.parent
    yield "depends on", ", ".join(map(str, entry.depends_on))
    if entry.credential:
        yield "secret", _credential_words(entry.credential)
    for former in entry.formers:
        when = f", not before {former.revoke_after}" if former.revoke_after else ""
        yield "to be removed", former.id + when


def _credential_words(credential: Credential) -> str:
    ends = f", expires {credential.expires_at}" if credential.expires_at else ""
    custody = ", a sealed copy is kept" if credential.sealed else ", not kept"
    return f"{_STATES[credential.state]}{custody}{ends}"


_STATES = {
    CredentialState.FRESH: "made, not delivered to anyone yet",
    CredentialState.SENDING: "being delivered when a run ended",
    CredentialState.HELD: "delivered",
    CredentialState.CONDEMNED: "to be revoked",
    CredentialState.QUARANTINED: "to be revoked, once a paused run can't deliver it any more",
}


def _pending_block(ledger: Ledger, palette: Palette) -> str:
    clean = palette.clean
    pending = ledger.pending
    lines = [
        f"    {clean(address)}  {clean(_intent_words(intent))}"
        for address, intent in sorted(pending.intents.items())
    ]
    lines += [
        f"    {clean(given.address)}  {clean(f'{given.intent.why} given up {given.given_up}')}"
        for given in pending.given_up
    ]
    return "\n".join(["  " + palette.careful("Not settled yet"), *lines]) if lines else ""


def _intent_words(intent: Intent) -> str:
    runner = intent.runner
    return f"{intent.why} begun {intent.at} by {runner.owner} on {runner.host}, pid {runner.pid}"


def _unsettled(ledger: Ledger) -> int:
    return len(ledger.pending.intents) + len(ledger.pending.given_up)


def ledger_json(view: LedgerView, _: Look = PLAIN) -> dict[str, Any]:
    """The same for programs (`reconcile.ledger-view/1`: not the file's own format)."""
    ledger = view.ledger
    return {
        "format": "reconcile.ledger-view/1",
        "stack": ledger.stack,
        "lineage": ledger.lineage,
        "serial": ledger.serial,
        "remotes": dict(sorted(_remotes(ledger).items())),
        "resources": {str(address): _entry_json(entry) for address, entry in sorted(ledger.entries.items())},
        "outputs": {name: dict(fields) for name, fields in view.outputs.items()},
        "pending": {
            "intents": {
                str(address): _intent_json(intent)
                for address, intent in sorted(ledger.pending.intents.items())
            },
            "given_up": [
                {"address": str(given.address), "given_up": given.given_up, **_intent_json(given.intent)}
                for given in ledger.pending.given_up
            ],
        },
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "provider": entry.provider,
        "id": entry.id or None,
        "name": entry.name,
        "origin": entry.origin.value,
        "created_at": entry.created_at or None,
        "parent": entry.parent or None,
        "depends_on": [str(address) for address in entry.depends_on],
        "secret": _credential_json(entry.credential) if entry.credential else None,
        "formers": [
            {"id": former.id, "revoke_after": former.revoke_after or None} for former in entry.formers
        ],
    }


def _credential_json(credential: Credential) -> dict[str, Any]:
    return {
        "state": credential.state.value,
        "expires_at": credential.expires_at or None,
        "has_sealed_copy": bool(credential.sealed),
    }


def _intent_json(intent: Intent) -> dict[str, Any]:
    return {
        "why": intent.why,
        "at": intent.at,
        "owner": intent.runner.owner,
        "host": intent.runner.host,
        "pid": intent.runner.pid,
    }
