"""References to values: text taken apart, followed and put together; rings and dead ends are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Union
from weakref import proxy

from reconciler.kinds import Registry
from reconciler.model import Ref, SecretInput, Sourced, Text, Value
from reconciler.specs.handoff_inputs import HandoffInputs
from reconciler.specs.inputs import Inputs
from reconciler.specs.named_keys import named
from reconciler.specs.places import Place, depths, is_unknown, leaves, unknown
from reconciler.specs.problems import Problems, listing
from reconciler.specs.references import FORMS, MalformedError, Reference, parts
from reconciler.specs.roots import Offers, Resources, Variables
from reconciler.specs.schema import schemas_of
from reconciler.specs.sources import Sources
from reconciler.specs.yaml_nodes import Block, Node, Scalar, Series

_PLAIN: Final = frozenset({"vars", "env", "file"})
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "stack": frozenset({"vars"}),
    "guard": frozenset({"vars"}),
    "secrets": frozenset({"vars"}),
    "inputs": frozenset({"vars"}),
    "ledger": frozenset({"vars", "env"}),
    "vars": _PLAIN,
    "providers": _PLAIN,
}
_MAX_CHAIN: Final = 25
_MAX_DEPTH: Final = 120
_MAX_EXPANDED: Final = 1_000_000
_MAX_TEXT: Final = 1024 * 1024


@dataclass
class Resolver:
    """Works out values; remembers what it has worked out, and the way to what it is working on.

    Attributes:
        handoff_inputs: what `${inputs.NAME.…}` gives; filled once the variables are known.
        substituted: `section.key` of whatever has a value that stood elsewhere.
    """

    sources: Sources
    inputs: Inputs
    problems: Problems
    kinds: Registry
    substituted: set[str] = field(default_factory=set)
    handoff_inputs: HandoffInputs = field(init=False)
    variables: Variables = field(init=False)
    offers: Offers = field(init=False)
    resources: Resources = field(init=False)
    _done: dict[str, Value] = field(default_factory=dict)
    _way: list[str] = field(default_factory=list)
    _depth: int = 0
    _expanded: int = 0

    def __post_init__(self) -> None:
        self.handoff_inputs = HandoffInputs(self.inputs, self.problems)
        self.schemas = schemas_of(self.kinds)
        spec: Resolver = proxy(self)  # no ring: all that was read goes with the last who needs it
        self.variables, self.offers, self.resources = Variables(spec), Offers(spec), Resources(spec)
        self._referable = frozenset(name for name, kind in self.kinds.items() if kind.is_referable)

    def value(self, node: Node, place: Place) -> Value:
        """A value with its references resolved; what can't be resolved becomes `unknown`."""
        if isinstance(node, Scalar) and not node.refers:
            return self._literal(node.value, place)  # most refer to nothing
        if place.is_secret and not isinstance(node, Scalar):
            return self._literal(None, place)
        self._depth += 1
        try:
            return self._compound(node, place)
        finally:
            self._depth -= 1

    def _compound(self, node: Node, place: Place) -> Value:
        if self._depth > _MAX_DEPTH:
            self._error(
                "reference-depth", "references and nesting go too deep here", place, "refer more directly"
            )
            return unknown("")
        if isinstance(node, Block):
            if place.names_things:
                return self._named(node, place)
            marks = node.marks
            return {key: self.value(item, place.below(key, marks[key])) for key, item in node.items.items()}
        if isinstance(node, Series):
            return [self.value(item, place.below(index, item.mark)) for index, item in enumerate(node.items)]
        return self._text(str(node.value), place)

    def _named(self, node: Block, place: Place) -> Value:
        """A mapping whose keys name remote things: references in them are resolved, too."""
        found = named(
            node, place, lambda key, mark: self._text(key, place._replace(mark=mark)), self.problems
        )
        return {key: self.value(item, place.below(key, mark)) for key, (item, mark) in found.items()}

    def _literal(self, value: Any, place: Place) -> Value:
        if not place.is_secret:
            return value
        self._error(
            "literal-secret",
            f"{place.path[-1]} is secret and must be a reference",
            place,
            "write ${env.NAME}, ${file.PATH} or ${KIND.KEY.client_secret}, and keep the value elsewhere",
        )
        return unknown("")

    def _text(self, text: str, place: Place) -> Value:
        if "${" not in text:
            return self._literal(text, place)
        try:
            pieces = parts(text, self._referable)
        except MalformedError as error:
            hint = f"write {FORMS}; a literal ${{ is written $${{"
            self._error("reference-syntax", str(error), place, hint)
            return unknown(text)
        only = pieces[0] if len(pieces) == 1 else None
        if place.is_secret:
            return self._secret(only, place) if isinstance(only, Reference) else self._literal(text, place)
        if isinstance(only, Reference) and only.is_supplied and place.takes_secrets:
            return self._secret(only, place)
        value = self._whole(pieces[0], place) if len(pieces) == 1 else self._joined(text, pieces, place)
        if not isinstance(value, Ref):
            self.substituted.add(f"{place.section}.{place.name}")
        return value

    def _whole(self, piece: Union[str, Reference], place: Place) -> Value:
        if isinstance(piece, str):
            return piece
        value = self._meaning(piece, place)
        if isinstance(value, (dict, list)):
            self._count(value, place)
        return self._landed(value, place, piece.text)

    def _secret(self, reference: Reference, place: Place) -> Value:
        """What a secret field holds: a reference to a secret, and nothing on the way that could show it."""
        if not self._is_allowed(reference, place):
            return unknown(reference.text)
        if reference.root in ("vars", "providers"):
            return self._literal(reference.text, place)
        if reference.root in ("env", "file"):
            if reference.default is not None:
                return self._literal(reference.text, place)
            return self.inputs.secret(reference, place)
        return self._landed(self._meaning(reference, place), place, reference.text)

    def _landed(self, value: Value, place: Place, text: str) -> Value:
        """A value at the place that it came to: secrets in secret fields, and nowhere else."""
        for path, leaf in leaves(value, place.path):
            spot = place if path == place.path else place._replace(path=path)
            secret = isinstance(leaf, SecretInput) or (isinstance(leaf, Ref) and leaf.is_secret)
            if secret and not (spot.is_secret or spot.takes_secrets):
                self._exposed(text, spot)
                return unknown(text)
            if spot.is_secret and not secret and not is_unknown(leaf):
                return self._literal(None, spot)
        return value

    def _exposed(self, text: str, place: Place) -> None:
        if self.problems.has("unknown-key", place.at):
            return  # a misspelt secret field is one mistake
        message = f"{text} is a secret, and {place.label} isn't a secret field"
        self._error("secret-exposed", message, place, "secrets belong in client_secret fields only")

    def _joined(self, text: str, pieces: Sequence[Union[str, Reference]], place: Place) -> Value:
        found: list[Union[str, Ref, Sourced]] = []
        for piece in pieces:
            value = piece if isinstance(piece, str) else self._meaning(piece, place)
            inner = value.parts if isinstance(value, Text) else (value,)
            if any(
                isinstance(part, SecretInput) or (isinstance(part, Ref) and part.is_secret) for part in inner
            ):
                self._exposed(str(getattr(piece, "text", piece)), place)
                return unknown(text)
            if isinstance(value, (Mapping, list)) or value is None:
                kinds = "a mapping" if isinstance(value, Mapping) else "a list"
                words = "nothing" if value is None else kinds
                message = f"{getattr(piece, 'text', '')} is {words} and can't stand inside text"
                self._error("reference-type", message, place, "refer to one text or number")
                return unknown(text)
            found.extend(part if isinstance(part, (str, Ref, Sourced)) else _word(part) for part in inner)
        return self._glued(text, found, place)

    def _glued(self, text: str, pieces: list[Union[str, Ref, Sourced]], place: Place) -> Value:
        if sum(len(part.value if isinstance(part, Sourced) else str(part)) for part in pieces) > _MAX_TEXT:
            self._error("expansion", "the text grows beyond 1 MiB", place, "refer to less")
            return unknown(text)
        sourced = [part for part in pieces if isinstance(part, Sourced)]
        if any(isinstance(part, Ref) for part in pieces):
            return Text(tuple(pieces))
        if not sourced:
            return "".join(str(part) for part in pieces)
        source = ", ".join(dict.fromkeys(part.source for part in sourced))
        is_known = all(part.value for part in sourced)
        value = "".join(part.value if isinstance(part, Sourced) else str(part) for part in pieces)
        # in terms of variables and files only, so that a saved plan can read it again
        written = "".join(
            part.expression if isinstance(part, Sourced) else str(part).replace("${", "$${")
            for part in pieces
        )
        return Sourced(source, value if is_known else "", written)

    def _is_allowed(self, reference: Reference, place: Place) -> bool:
        allowed = _ALLOWED.get(place.section)
        if allowed is None or reference.root in allowed:
            return True
        forms = listing(f"${{{root}.…}}" for root in allowed)
        subject = "the stack's name" if place.section == "stack" else place.section
        self._error(
            "reference", f"{reference.text} can't be used in {subject}", place, f"possible there: {forms}"
        )
        return False

    def _meaning(self, reference: Reference, place: Place) -> Value:
        if not self._is_allowed(reference, place):
            return unknown(reference.text)
        if reference.root in ("env", "file"):
            return self.inputs.plain(reference, place)
        if reference.root == "vars":
            return self.variables.meaning(reference, place)
        if reference.root == "providers":
            return self.offers.meaning(reference, place)
        if reference.root == "inputs":
            return self.handoff_inputs.meaning(reference, place)
        return self.resources.meaning(reference, place)

    def inner(self, value: Value, steps: Sequence[str], reference: Reference, place: Place) -> Value:
        """What is inside a value, step by step."""
        for step in steps:
            if isinstance(value, Mapping) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            elif isinstance(value, Sourced):
                return unknown(reference.text)
            else:
                return self.dead_end(reference, f"there is no {step} in it", place, "refer to what is there")
        return value

    def dead_end(self, reference: Reference, message: str, place: Place, hint: str) -> Value:
        """Says that a reference leads nowhere, and by which way; unknown."""
        way = [*self._way, *([reference.text] if reference.text else [])]
        shown = f"{reference.text}: {message}" if reference.text else message
        self._error(
            "reference-unknown", shown + (f" ({' → '.join(way)})" if len(way) > 2 else ""), place, hint
        )
        return unknown(reference.text)

    def follow(self, label: str, work: Callable[[], Value], place: Place) -> Value:
        """What is worked out once under a label; a ring, or a way without end, is an error."""
        if label in self._done:
            return self._done[label]
        if label in self._way:
            ring = [*self._way[self._way.index(label) :], label]
            self._error("cycle", f"these refer to each other: {' → '.join(ring)}", place, "cut the ring")
            return unknown("")
        if len(self._way) >= _MAX_CHAIN:
            message = f"references lead on over more than {_MAX_CHAIN} steps"
            self._error("reference-depth", message, place, "refer more directly")
            return unknown("")
        self._way.append(label)
        try:
            self._done[label] = work()
        finally:
            self._way.pop()
        return self._done[label]

    def know(self, label: str, value: Value) -> Value:
        """Takes a value that needs no working out, as if `follow` had found it."""
        self._done[label] = value
        return value

    def _count(self, value: Value, place: Place) -> None:
        """Keeps lists of lists of lists within bounds: shared values are cheap to hold and dear to walk."""
        for depth in depths(value):
            self._expanded += depth > 0
            if self._expanded > _MAX_EXPANDED or depth + len(place.path) > _MAX_DEPTH:
                message = f"references expand to more than {_MAX_EXPANDED} values or {_MAX_DEPTH} levels"
                self._error("expansion", message, place, "refer to smaller lists")
                raise TooLargeError

    def _error(self, code: str, message: str, place: Place, hint: str) -> None:
        self.problems.error(code, message, place.at, address=place.address, hint=hint)


class TooLargeError(Exception):
    """References that expand without bound; said in the problems already."""


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
