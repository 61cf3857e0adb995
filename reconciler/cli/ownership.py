"""What belongs to somebody already: owned by a ledger, or named by a spec, in some folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler import specs
from reconciler.errors import ReconcileError, SpecError, UsageError
from reconciler.exporting.selection import Ident
from reconciler.ledger import claims, open_ledger
from reconciler.model import Ledger, Resource, Sourced, Stack, mark_of
from reconciler.providers import KINDS
from reconciler.surveying import Estate


@dataclass(frozen=True)
class Belongings:
    """Owners by the mark of a remote system.

    Attributes:
        ids: (system, kind, remote id) → owner, in words.
        names: (system, kind, name) → owner; holds where exactly one object has the name.
        stacks: folder and name of every stack that is there.
    """

    ids: Mapping[tuple[str, str, str], str]
    names: Mapping[tuple[str, str, str], str]
    stacks: frozenset[tuple[Path, str]]

    def check_name(self, name: str, folder: Path) -> None:
        """Whether a new stack may have a name.

        Raises:
            UsageError: one of that name is there already.
        """
        if (folder, name) in self.stacks:
            raise UsageError(f"a stack {name} is in {folder} already", hint="choose another with --stack")
        if (folder / ".reconcile" / f"{name}.json").exists():
            words = f"{folder} has the ledger of a stack {name}"
            raise UsageError(words, hint="choose another name with --stack")

    def claims(self, estate: Estate) -> dict[Ident, str]:
        """The objects of an estate that belong to somebody."""
        found: dict[Ident, str] = {}
        ids = {
            (system, kind, live_id.casefold()): owner for (system, kind, live_id), owner in self.ids.items()
        }
        for (provider, kind), lives in estate.snapshot.objects.items():
            system = estate.providers[provider].system
            for live in lives.values():
                owner = ids.get((system, kind, live.id.casefold()))
                by_name = self.names.get((system, kind, live.name))
                if owner is None and by_name and len(estate.snapshot.named(provider, kind, live.name)) == 1:
                    owner = by_name
                if owner is not None:
                    found[(provider, kind, live.id)] = owner
        return found


def belongings(
    stacks: Sequence[Stack], target: Path | None, name: str, say: Callable[[str], None]
) -> Belongings:
    """What the ledgers and specs in the folders of the stacks, and of a new file, speak of.

    Raises:
        LedgerError: a ledger can't be read: who knows what it owns.
    """
    folders = sorted({Path(stack.file).parent for stack in stacks} | ({target.parent} if target else set()))
    known = {Path(stack.file).resolve() for stack in stacks}
    beside = list(_beside(folders, known, say))
    ids: dict[tuple[str, str, str], str] = {}
    names: dict[tuple[str, str, str], str] = {}
    for folder in folders:
        ids.update(_claimed(Stack(name, str(folder / "exported.yaml"), {}, {})))
    for stack in stacks:
        if stack.ledger_url not in (None, "none"):
            ids.update(_claimed(stack))
        _add(stack, open_ledger(stack, environment=os.environ).ledger, ids, names)
    for stack in beside:
        _add(stack, _ledger(stack), ids, names)
    stack_names = {(Path(stack.file).parent, stack.name) for stack in (*stacks, *beside)}
    return Belongings(ids, names, frozenset(stack_names))


def _claimed(stack: Stack) -> dict[tuple[str, str, str], str]:
    """What the ledgers beside that of a stack own."""
    return {key: f"the stack {owner}" for key, owner in claims(stack, environment=os.environ).items()}


def _add(
    stack: Stack, ledger: Ledger, ids: dict[tuple[str, str, str], str], names: dict[tuple[str, str, str], str]
) -> None:
    """What a stack owns, and what its spec names."""
    words = f"the stack {stack.name}"
    ids.update(dict.fromkeys(_owned(ledger), words))
    for resource in stack.resources.values():
        system = stack.providers[resource.provider].system
        kind = resource.address.kind_name
        if resource.lifecycle.adopt:
            ids[(system, kind, resource.lifecycle.adopt.id)] = words
        elif resource.address not in ledger.entries and (text := _name(resource)):
            names[(system, kind, text)] = words


def _beside(folders: Iterable[Path], known: set[Path], say: Callable[[str], None]) -> Iterator[Stack]:
    """The other stacks in the folders, as far as they can be read."""
    for folder in folders:
        files: list[Path] = []
        with suppress(UsageError, SpecError):
            files = specs.find([folder]) if folder.is_dir() else []
        for file in files:
            if file.resolve() in known:
                continue
            try:
                yield specs.load(file, KINDS, environment=os.environ, strict=False)
            except SpecError:
                say(f"{file} has errors: what it names may be listed here again")


def _ledger(stack: Stack) -> Ledger:
    with suppress(ReconcileError):
        return open_ledger(stack, environment=os.environ).ledger
    return Ledger(stack.name, "", is_new=True)


def _owned(ledger: Ledger) -> Iterator[tuple[str, str, str]]:
    for address, entry in ledger.entries.items():
        system = mark_of(ledger.remotes.get(entry.provider, ""))
        for live_id in (entry.id, *(former.id for former in entry.formers)):
            yield system, address.kind_name, live_id


def _name(resource: Resource) -> str:
    kind = KINDS.get(resource.address.kind_name)
    value = resource.attributes.get(kind.fields.name) if kind and kind.fields.name else None
    return str(value.value if isinstance(value, Sourced) else value or "")
