"""A stack's file and all that it imports, checked against the schema and merged into sections."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from yaml import Mark

from reconciler.errors import Location
from reconciler.kinds import Registry
from reconciler.model import Address, Resource
from reconciler.packages import PackageError, brought
from reconciler.secrets.file_access import is_within_checkout
from reconciler.specs.problems import Problems, Refusal
from reconciler.specs.schema import Schemas, schemas_of
from reconciler.specs.schema_errors import SchemaErrors
from reconciler.specs.yaml_nodes import Block, Node, Scalar, Series, child, location, places, plain
from reconciler.specs.yaml_reader import read

_MAX_FILES: Final = 1000


class SectionItem(NamedTuple):
    """One named thing of a section: where its key stands, and what it says."""

    mark: Mark
    node: Node

    @property
    def at(self) -> Location:
        """Where its key stands."""
        return location(self.mark)


@dataclass(frozen=True)
class Sources:
    """All that was written.

    Attributes:
        file: the stack's own file, as given.
        root: its tree.
        sections: `vars`, `providers` and the kinds, merged over all files.
        policies: every `policy:`, with the file that it stands in.
        faulty: `section.key` of what the schema complains about.
        files: resolved paths of all files that were read.
        kinds: what it may ask for: this tool's kinds, and those of packages that it names.
        packages: the names of the latter.
    """

    file: str
    root: Block
    sections: Mapping[str, Mapping[str, SectionItem]]
    kinds: Registry
    packages: tuple[str, ...] = ()
    policies: tuple[tuple[str, Block], ...] = ()
    faulty: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    def entries(self, section: str) -> Mapping[str, SectionItem]:
        """What a section holds, by name."""
        return self.sections[section]

    def places(self, address: Address) -> Mapping[str, Location]:
        """Where the attributes of a resource stand, by their dotted paths."""
        entry = self.sections[address.kind].get(address.key)
        node = entry.node if entry else None
        node = child(node, address.part) if address.part else node
        return dict(places(node)) if isinstance(node, Block) else {}

    def place(self, resource: Resource, path: str) -> Location | None:
        """Where an attribute stands; if it is left out, its parent."""
        known = self.places(resource.address)
        while path and path not in known:
            path = path.rpartition(".")[0]
        return known.get(path, resource.at)

    def blocks(self, section: str) -> Iterator[tuple[str, Location, Block]]:
        """What a section holds, as far as it is a mapping."""
        for name, entry in self.sections[section].items():
            if isinstance(entry.node, Block):
                yield name, entry.at, entry.node


@dataclass
class _Gathering:
    """Files read so far, and what they hold.

    Attributes:
        holders: variable → the files that declare it, with what each says.
        importers: file → the files that import it.
    """

    problems: Problems
    kinds: Registry
    packages: tuple[str, ...] = ()
    sections: dict[str, dict[str, SectionItem]] = field(default_factory=dict)
    policies: list[tuple[str, Block]] = field(default_factory=list)
    faulty: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    way: list[tuple[str, str]] = field(default_factory=list)
    holders: dict[str, list[tuple[str, SectionItem]]] = field(default_factory=dict)
    importers: dict[str, set[str]] = field(default_factory=dict)

    @property
    def schemas(self) -> Schemas:
        """The schemas of the kinds."""
        return schemas_of(self.kinds)

    def begin(self, root: Block) -> None:
        """Takes from the stack's file which kinds there are."""
        self.kinds, self.packages = _met(root, self.kinds, self.problems)
        self.sections.update({name: {} for name in ("vars", "providers", *self.schemas.sections)})


def gather(file: str, problems: Problems, kinds: Registry) -> Sources | None:
    """A stack's file with its imports; None when the file itself can't be read.

    Args:
        kinds: those of this tool.
    """
    gathering = _Gathering(problems, kinds)
    root = _take(file, gathering, is_import=False)
    if root is None:
        return None
    _settle(gathering)
    return Sources(
        file,
        root,
        gathering.sections,
        gathering.kinds,
        gathering.packages,
        tuple(gathering.policies),
        frozenset(gathering.faulty),
        frozenset(gathering.seen),
    )


def _take(file: str, gathering: _Gathering, *, is_import: bool) -> Block | None:
    identity = os.path.realpath(file) if "\0" not in file else file
    gathering.seen.add(identity)
    try:
        root = read(file)
    except Refusal as refusal:
        gathering.problems.error(refusal.code, refusal.message, refusal.at, hint=refusal.hint)
        return None
    if not is_import:
        gathering.begin(root)
    _check(root, gathering, is_import=is_import)
    _merge(root, identity, gathering)
    policy = root.items.get("policy")
    if isinstance(policy, Block):
        gathering.policies.append((file, policy))
    gathering.way.append((identity, file))
    for imported, at in _imports(root, file, gathering):
        _follow(imported, at, gathering)
    gathering.way.pop()
    return root


def _met(root: Block, kinds: Registry, problems: Problems) -> tuple[Registry, tuple[str, ...]]:
    """The kinds that a stack may ask for, and the names of those that packages bring."""
    known, names = dict(kinds), dict[str, None]()
    wanted = root.items.get("kinds")
    for item in wanted.items if isinstance(wanted, Series) else ():
        name = item.value if isinstance(item, Scalar) else None
        if not isinstance(name, str) or name in names:
            continue
        try:
            found = brought(name, known)
        except PackageError as error:
            problems.error(error.code, error.message, item.at, hint=error.hint)
            continue
        known.update({kind.name: kind for kind in found})
        names[name] = None
    return (known, tuple(names)) if names else (kinds, ())


def _check(root: Block, gathering: _Gathering, *, is_import: bool) -> None:
    name, written = "import" if is_import else "stack", plain(root)
    schemas = gathering.schemas
    if schemas.acceptor(name)(written):
        return
    allowed = (
        "an imported file holds only providers, vars, resources, policy and imports" if is_import else ""
    )
    complaints = SchemaErrors(root, sections=schemas.sections, allowed=allowed)
    for problem in complaints.of(schemas.validator(name).iter_errors(written)):
        gathering.problems.add(problem)
        if problem.address:
            gathering.faulty.add(problem.address)
    for problem in complaints.waived:
        gathering.problems.defer(problem)


def _merge(root: Block, identity: str, gathering: _Gathering) -> None:
    for section, entries in gathering.sections.items():
        block = root.items.get(section)
        if not isinstance(block, Block):
            continue
        for name, node in block.items.items():
            item = SectionItem(block.marks[name], node)
            if section == "vars":
                gathering.holders.setdefault(name, []).append((identity, item))
            elif name in entries:
                _twice(section, name, entries[name].at, item.at, gathering.problems)
            else:
                entries[name] = item


def _settle(gathering: _Gathering) -> None:
    """Decides between files that declare one variable: who imports overrides what it imports."""
    for name, holders in gathering.holders.items():
        files = {identity for identity, _ in holders}
        final = [
            each
            for each in holders
            if len(holders) == 1 or not files & (_above(each[0], gathering.importers) - {each[0]})
        ]
        # `X:` says only that somebody must give it
        given = [entry for _, entry in final or holders[:1] if not _is_unset(entry.node)]
        for other in given[1:]:
            _twice("vars", name, given[0].at, other.at, gathering.problems)
        gathering.sections["vars"][name] = (given or [(final or holders)[0][1]])[0]


def _above(file: str, importers: Mapping[str, set[str]]) -> set[str]:
    """All files that import a file, directly or through others."""
    found: set[str] = set()
    waiting = [file]
    while waiting:
        new = importers.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found


def _is_unset(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _twice(section: str, name: str, first: Location, second: Location, problems: Problems) -> None:
    address = f"{section}.{name}"
    message = f"{address} is defined twice: at {first} and at {second}"
    problems.error("duplicate-address", message, second, address=address, hint="rename or remove one of them")


def _imports(root: Block, file: str, gathering: _Gathering) -> Iterator[tuple[str, Location]]:
    """The files that a file imports, in order, each with the place that names it."""
    wanted = root.items.get("imports")
    for item in wanted.items if isinstance(wanted, Series) else ():
        if isinstance(item, Scalar) and isinstance(item.value, str) and item.value:
            yield from ((found, item.at) for found in _matches(item.value, item.at, file, gathering.problems))


def _matches(pattern: str, at: Location, file: str, problems: Problems) -> list[str]:
    path = os.path.normpath(os.path.join(os.path.dirname(file), pattern))  # noqa: PTH118, PTH120 - keeps it relative
    if "${" in pattern:
        problems.error("import", "imports can't hold references", at, hint="write the path itself")
        return []
    if os.path.isabs(pattern):  # noqa: PTH117 - as the other paths here
        problems.error("import-outside", "imports are relative to the file", at, hint=_relative(file))
        return []
    if not glob.has_magic(path):
        if Path(path).is_file():
            return [path] if _is_inside(path, file, at, problems) else []
        problems.error("import-missing", f"there is no file {pattern} to import", at, hint=_relative(file))
        return []
    own = Path(file).resolve()
    # a pattern that covers the importing file means the others
    found = [name for name in sorted(glob.glob(path, recursive=True)) if Path(name).is_file()]  # noqa: PTH207 - keeps it relative
    found = [name for name in found if Path(name).resolve() != own]
    found = [name for name in found if _is_inside(name, file, at, problems)]
    if not found:
        problems.error("import-missing", f"no file matches {pattern}", at, hint=_relative(file))
    return found


def _is_inside(path: str, file: str, at: Location, problems: Problems) -> bool:
    """Whether a file belongs to the same checkout, wherever links lead: a spec may come from a stranger."""
    if is_within_checkout(Path(file).resolve().parent, Path(path).resolve()):
        return True
    problems.error(
        "import-outside", f"{path} lies outside of the checkout", at, hint="imports stay within it"
    )
    return False


def _relative(file: str) -> str:
    return f"paths are relative to {file}"


def _follow(imported: str, at: Location, gathering: _Gathering) -> None:
    identity = str(Path(imported).resolve())
    gathering.importers.setdefault(identity, set()).add(gathering.way[-1][0])
    on_the_way = [name for name, _ in gathering.way]
    if identity in on_the_way:
        ring = [shown for _, shown in gathering.way[on_the_way.index(identity) :]] + [imported]
        gathering.problems.error(
            "import-cycle", f"files import each other: {' → '.join(ring)}", at, hint="cut the ring"
        )
    elif len(gathering.seen) >= _MAX_FILES:
        gathering.problems.error(
            "import", f"more than {_MAX_FILES} files are imported", at, hint="narrow the pattern"
        )
    elif len(gathering.way) >= 50:
        gathering.problems.error(
            "import", "imports go more than 50 files deep", at, hint="import more directly"
        )
    elif identity not in gathering.seen:
        _take(imported, gathering, is_import=True)
