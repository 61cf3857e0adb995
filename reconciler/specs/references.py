"""The `${…}` language: text to its parts. What a reference means is another module's business."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple, Union

# an escaped opening, a whole reference, or an opening that never closes
_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_WHOLE = re.compile(r"\$\{([^{}]*)\}")
_ENV = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\Z", re.DOTALL)

ROOTS = frozenset({"vars", "env", "file", "providers", "inputs"})
FORMS = (
    "${vars.NAME}, ${env.NAME}, ${env.NAME:-default}, ${file.PATH}, "
    "${providers.NAME.callback_url}, ${inputs.NAME.FIELD} or ${KIND.KEY.ATTRIBUTE}"
)


class MalformedError(ValueError):
    """Text with a `${` that starts no reference; its message says why."""


class Reference(NamedTuple):
    """One `${root.rest}`.

    Attributes:
        text: as written.
        root: `vars`, `env`, `file`, `providers`, `inputs` or a kind.
        rest: what follows the first dot; of `env` the variable's name.
        default: of `${env.NAME:-default}`, else None.
    """

    text: str
    root: str
    rest: str
    default: str | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The rest at its dots."""
        return tuple(self.rest.split("."))

    @property
    def is_supplied(self) -> bool:
        """Whether the user supplies it through a variable or a file, and nothing else could stand for it."""
        return self.root in ("env", "file") and self.default is None


def parts(text: str, kinds: Collection[str] = ()) -> tuple[Union[str, Reference], ...]:
    """A text as plain pieces and references, `$${` already the literal `${`; adjacent plain pieces are one.

    Args:
        kinds: those that a reference may begin with.

    Raises:
        MalformedError: a `${` that isn't closed, or holds no reference.
    """
    if whole := _WHOLE.fullmatch(text):
        return (_reference(text, whole.group(1), kinds),)  # most texts that refer are nothing else
    found: list[Union[str, Reference]] = []
    plain, end = "", 0
    for token in _TOKEN.finditer(text):
        plain += text[end : token.start()]
        end = token.end()
        if token.group() == "$${":
            plain += "${"
            continue
        if token.group(1) is None:
            raise MalformedError("a ${ has no } after it")
        if plain:
            found.append(plain)
        plain = ""
        found.append(_reference(token.group(), token.group(1), kinds))
    plain += text[end:]
    return (*found, plain) if plain or not found else tuple(found)


def _reference(text: str, inner: str, kinds: Collection[str]) -> Reference:
    root, dot, rest = inner.partition(".")
    if not dot or not rest or not (root in ROOTS or root in kinds):
        raise MalformedError(f"{text} is no reference")
    if root != "env":
        return Reference(text, root, rest)
    match = _ENV.match(rest)
    if not match:
        raise MalformedError(f"{text} names no environment variable")
    return Reference(text, root, match.group(1), match.group(2))
