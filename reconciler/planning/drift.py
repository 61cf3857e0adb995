"""How live differs from what was last applied: an edit of the spec alone is no drift. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.errors import Problem, Severity
from reconciler.kinds import Fields, Registry
from reconciler.matching.canonical import leaves
from reconciler.model import Action, Address, Cause, Change, Entry, FieldChange, Ledger, Live, Snapshot, Stack
from reconciler.model.times import parse_time
from reconciler.planning.access_lists import differs, in_words, is_dead
from reconciler.planning.comparison import field_changes
from reconciler.planning.named_keys import called
from reconciler.planning.redaction import Veil, veil_of


def find_drift(
    ledger: Ledger, snapshot: Snapshot, kinds: Registry, stack: Stack | None = None
) -> tuple[tuple[Change, ...], tuple[Problem, ...]]:
    """What someone else did to the objects that the ledger owns.

    Args:
        stack: what is wanted, to know which values came from variables and files: those aren't shown.

    Returns:
        Per drifted address a change whose fields lead from what was applied (`before`) to what is live
        (`after`): `delete` where the object is gone, `update` otherwise. And warnings about integrations
        that were modified in a way that can't be seen (their secret can't be read back).
    """
    changes, problems = [], []
    veil = veil_of(stack, ledger.entries) if stack else Veil({}, ledger.entries)
    for address, entry in sorted(ledger.entries.items()):
        if not entry.id or (entry.provider, address.kind) not in snapshot.objects:
            continue  # what wasn't looked at is unknown, not gone
        live = snapshot.of(entry.provider, address.kind_name).get(entry.id)
        change = _drift_of(address, entry, live, kinds[address.kind_name].fields, snapshot)
        if change is not None:
            changes.append(veil.change(change, kinds[address.kind_name].fields))
        elif live is not None and not live.active and entry.applied.get("active") is not False:
            words = f"the service principal {entry.id} is deactivated: its credentials don't work"
            problems.append(Problem(Severity.WARNING, "inactive-principal", words, str(address)))
        elif live is not None and entry.updated_at and live.updated_at != entry.updated_at:
            at = f" at {live.updated_at}" if parse_time(live.updated_at) else ""
            words = (
                f"it was modified{at}, not by this stack, and no difference shows: "
                f"its secret may have been changed"
            )
            problems.append(Problem(Severity.WARNING, "secret-unverified", words, str(address)))
    return tuple(changes), veil.problems(problems)


def _drift_of(
    address: Address, entry: Entry, live: Live | None, fields: Fields, snapshot: Snapshot
) -> Change | None:
    if live is None:
        found = [FieldChange("id", entry.id, None, Cause.DRIFT)]
        return _change(address, entry, None, Action.DELETE, "it was deleted outside of this stack", found)
    found = list(_differences(entry, live, fields, snapshot))
    if not found:
        return None
    paths = dict.fromkeys(f.path.partition(".")[0] if f.called else f.path for f in found)
    reason = f"{', '.join(paths)}: changed outside of this stack"
    return _change(address, entry, live, Action.UPDATE, reason, found)


def _differences(entry: Entry, live: Live, fields: Fields, snapshot: Snapshot) -> Iterator[FieldChange]:
    additive = {name: entry.applied.get(name) or {} for name in fields.additive}
    compared = {
        path: value
        for path, value in leaves(entry.applied)
        if value is not None
        and path.split(".")[0] not in fields.additive | {fields.access}
        and path not in fields.local
        and not (path == fields.name and not entry.named)
        and not entry.lifecycle.ignores(path)
    }
    for field in field_changes(compared, live.attributes, None, fields):
        yield FieldChange(field.path, field.after, field.before, Cause.DRIFT)
    yield from _access(entry, live, fields, snapshot)
    for name, ours in additive.items():
        there = live.attributes.get(name) or {}
        for key, value in sorted(ours.items()):
            if there.get(key) != value and not entry.lifecycle.ignores(f"{name}.{key}"):
                told = called(fields, name, key, value)
                yield FieldChange(f"{name}.{key}", value, there.get(key), Cause.DRIFT, told)


def _access(entry: Entry, live: Live, fields: Fields, snapshot: Snapshot) -> Iterator[FieldChange]:
    """The list of who may use it, where it isn't as last written; who left since then makes no difference."""
    applied = entry.applied.get(fields.access) if fields.access else None
    there = live.attributes.get(fields.access)
    if applied is None or entry.lifecycle.ignores(fields.access):
        return
    names = applied if isinstance(applied, Mapping) else {}
    lost = {key: name for key, name in names.items() if is_dead(snapshot, entry.provider, fields, key)}
    if differs(snapshot, entry.provider, fields, applied, lost, there):
        before = in_words(snapshot, entry.provider, fields, applied, names)
        after = in_words(snapshot, entry.provider, fields, there or {}, names)
        yield FieldChange(fields.access, before, after, Cause.DRIFT)


def _change(
    address: Address, entry: Entry, live: Live | None, action: Action, reason: str, found: list[FieldChange]
) -> Change:
    return Change(
        address=address,
        action=action,
        provider=entry.provider,
        id=entry.id,
        name=(live.name if live else entry.name) or address.key,
        reason=reason,
        fields=tuple(found),
        depends_on=entry.depends_on,
        live=live,
    )
