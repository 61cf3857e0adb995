"""The parts of a stack that are no resource (its name, ledger, guard, moves) and the stack as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from reconciler.errors import Location, ReconcileError
from reconciler.kinds import Registry
from reconciler.model import FILES, Address, Guard, Move, ProviderSpec, Resource, Sourced, Stack
from reconciler.model.values import KEY
from reconciler.secrets import Recipients
from reconciler.secrets.given_values import spare
from reconciler.specs.digest import digest
from reconciler.specs.handoff_inputs import named_files
from reconciler.specs.places import Place, is_unknown
from reconciler.specs.resolver import Resolver
from reconciler.specs.yaml_nodes import Block, Node, Scalar, Series, location

_LEDGER_SCHEMES: Final = ("file", "s3", "gs", "az")


def outlined(resolver: Resolver, providers: Mapping[str, ProviderSpec]) -> Stack:
    """The stack without what is in it: its name, its remote systems, its ledger."""
    return Stack(
        name=_name(resolver),
        file=resolver.sources.file,
        providers={**providers, FILES: ProviderSpec.of_files()},
        resources={},
        kinds=resolver.sources.packages,
        ledger_url=_ledger(resolver),
    )


def assemble(resolver: Resolver, outline: Stack, resources: Mapping[Address, Resource]) -> Stack:
    """The stack of a spec; what is wrong with its parts goes to the problems."""
    root = resolver.sources.root
    stack = replace(
        outline,
        resources=resources,
        moved=_moved(resolver, resources),
        forget=tuple(_forgotten(resolver, resources)),
        approve=tuple(address for address, _ in _addresses(root.items.get("approve"), resolver.kinds)),
        guard=_guard(resolver),
        heal=_healed(resolver),
        inputs=resolver.handoff_inputs.files,
        recipients=_recipients(resolver),
    )
    open_addresses = (each.address for each in stack.remotes.values() if not each.is_private)
    keys = (address.key for address in resources)
    spare(stack.name, stack.file, *stack.providers, *keys, *open_addresses)
    return replace(stack, digest=digest(stack))


def receive(resolver: Resolver) -> None:
    """Reads the handoffs that `inputs:` names."""
    for name, (mark, block) in named_files(resolver.sources.root.items.get("inputs")).items():
        node = block.items.get("handoff")
        value = resolver.value(node, Place("inputs", name, mark, ("handoff",))) if node else None
        if isinstance(value, str) and value:
            resolver.handoff_inputs.take(name, value, location(mark))


def _name(resolver: Resolver) -> str:
    root = resolver.sources.root
    node = root.items.get("stack")
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
        return ""  # the schema says so
    at = root.place("stack")
    value = resolver.value(node, Place("stack", "", root.marks["stack"]))
    if is_unknown(value):
        return ""
    if isinstance(value, Sourced):
        message = f"the stack's name comes from {value.source}, and names are shown everywhere"
        resolver.problems.error("stack-name", message, at, hint="give it with --var")
        return ""
    if not isinstance(value, str) or not KEY.match(value):
        hint = "use letters, digits, - and _, at most 100, the first a letter or digit"
        resolver.problems.error("stack-name", f"{str(value)[:60]!r} can't be the stack's name", at, hint=hint)
        return ""
    return value


def _ledger(resolver: Resolver) -> str | None:
    root = resolver.sources.root
    node = root.items.get("ledger")
    if isinstance(node, Scalar):
        return "none" if node.value == "none" else None
    url = node.items.get("url") if isinstance(node, Block) else None
    if not isinstance(node, Block) or url is None:
        return None
    at = node.place("url")
    value = resolver.value(url, Place("ledger", "", node.marks["url"], ("url",)))
    text = value.value if isinstance(value, Sourced) else value
    if not isinstance(text, str) or not text:
        return None
    try:
        parsed = urlsplit(text)
    except ValueError:
        parsed = urlsplit("")
    if parsed.scheme not in _LEDGER_SCHEMES or "@" in parsed.netloc or "://" not in text:
        hint = "write file://, s3://, gs:// or az:// and a path; credentials come from the environment"
        resolver.problems.error("ledger-url", "ledger.url isn't the address of a ledger", at, hint=hint)
        return None
    return text


def _healed(resolver: Resolver) -> tuple[str, ...]:
    """The kinds of `watch: {heal: …}`; the schema judges them."""
    block = resolver.sources.root.items.get("watch")
    node = block.items.get("heal") if isinstance(block, Block) else None
    items = node.items if isinstance(node, Series) else ()
    return tuple(
        sorted({item.value for item in items if isinstance(item, Scalar) and isinstance(item.value, str)})
    )


def _recipients(resolver: Resolver) -> tuple[str, ...]:
    """Public keys to which generated secrets are sealed; each is tried, since a mistake shows too late."""
    block = resolver.sources.root.items.get("secrets")
    node = block.items.get("recipients") if isinstance(block, Block) else None
    if not isinstance(block, Block) or not isinstance(node, Series):
        return ()
    at = block.place("recipients")
    found = [resolver.value(item, Place("secrets", "", item.mark, ("recipients",))) for item in node.items]
    texts = tuple(text for text in found if isinstance(text, str) and text and not is_unknown(text))
    try:
        return Recipients.parse(texts).texts if texts else ()
    except ReconcileError as error:
        resolver.problems.error("recipient", error.message, at, hint=error.hint)
        return ()


def _guard(resolver: Resolver) -> Guard:
    node = resolver.sources.root.items.get("guard")
    if not isinstance(node, Block):
        return Guard()
    guard = Guard()
    for key, highest in (("max_deletes", None), ("max_delete_percent", 100)):
        if key not in node.items:
            continue
        at = node.place(key)
        value = resolver.value(node.items[key], Place("guard", "", node.marks[key], (key,)))
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= (highest or value):
            guard = replace(guard, **{key: value})
        elif isinstance(node.items[key], Scalar) and not is_unknown(value):
            # a literal is judged by the schema already, in the same words
            said = isinstance(value, (int, float)) and not _is_reference(node.items[key])
            if not said and _is_reference(node.items[key]):
                hint = "let the variable hold a whole number" + (f", at most {highest}" if highest else "")
                resolver.problems.error("type", f"{key} must be a whole number", at, hint=hint)
    return guard


def _is_reference(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str) and "${" in node.value


def _addresses(node: Node | None, kinds: Registry) -> Iterator[tuple[Address, Location]]:
    """The addresses of a list, as far as they are any."""
    for item in node.items if isinstance(node, Series) else ():
        address = _address(item, kinds)
        if address:
            yield address, item.at


def _address(node: Node | None, kinds: Registry) -> Address | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    try:
        address = Address.parse(node.value)
    except ValueError:
        return None
    return address if address.kind_name in kinds else None


def _forgotten(resolver: Resolver, resources: Mapping[Address, Resource]) -> Iterator[Address]:
    for address, at in _addresses(resolver.sources.root.items.get("forget"), resolver.kinds):
        if address in resources:
            message = f"{address} is to be forgotten and is still in the spec"
            hint = "take it out of one of them"
            resolver.problems.error("forget", message, at, address=str(address), hint=hint)
        yield address


def _moved(resolver: Resolver, resources: Mapping[Address, Resource]) -> tuple[Move, ...]:
    node = resolver.sources.root.items.get("moved")
    moves: dict[Address, Move] = {}
    for item in node.items if isinstance(node, Series) else ():
        if not isinstance(item, Block):
            continue
        source, target = (_address(item.items.get(end), resolver.kinds) for end in ("from", "to"))
        if source and target:
            if fault := _fault(source, target, moves, resources):
                hint = "a move leads from an address that is gone to the one that it has now"
                resolver.problems.error("moved", fault, item.at, address=str(target), hint=hint)
            moves.setdefault(source, Move(source, target))
    return tuple(moves.values())


def _fault(
    source: Address, target: Address, moves: Mapping[Address, Move], resources: Mapping[Address, Resource]
) -> str:
    if source.kind_name != target.kind_name:
        return f"{source} can't move to {target}: that is another kind"
    if source in resources:
        return f"{source} is said to have moved and is still in the spec"
    if source in moves:
        return f"{source} is said to have moved twice"
    if any(move.target == target for move in moves.values()):
        return f"two addresses are said to have moved to {target}"
    return ""
