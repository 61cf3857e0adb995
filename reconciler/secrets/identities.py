"""Identities: the private keys, from the environment, that open sealed copies."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from reconciler.errors import CredentialError, Problem, Severity
from reconciler.secrets.leak_register import remember

if TYPE_CHECKING:
    from pyrage import ssh, x25519

    PrivateKey = ssh.Identity | x25519.Identity

KEY_VARIABLE = "RECONCILE_AGE_KEY"
KEY_FILE_VARIABLE = "RECONCILE_AGE_KEY_FILE"

_HINT = "give what `age-keygen` prints (AGE-SECRET-KEY-1…), or an OpenSSH ed25519 key without passphrase"
_BEGIN, _END = "-----BEGIN ", "-----END "
_OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----"
_OPENSSH_END = "-----END OPENSSH PRIVATE KEY-----"
_OPENSSH_MAGIC = b"openssh-key-v1\0"
_READABLE_BY_OTHERS = 0o004


class Identities:
    """Private keys; false when there are none.

    Attributes:
        warnings: what should be mended, as a key file that everybody may read.
    """

    # A closure, as in Secret: pyrage's own identity objects give their key to str().
    __slots__ = ("_count", "_keys", "warnings")

    def __init__(self, keys: Sequence[PrivateKey] = (), warnings: Sequence[Problem] = ()) -> None:
        kept = tuple(keys)

        def opened() -> tuple[PrivateKey, ...]:
            return kept

        self._keys: Callable[[], tuple[PrivateKey, ...]] = opened
        self._count = len(kept)
        self.warnings = tuple(warnings)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Identities:
        """The keys of `RECONCILE_AGE_KEY` and of the file that `RECONCILE_AGE_KEY_FILE` names.

        Either may hold several keys, age's and OpenSSH's, with blank lines and `#` comments between them.
        A line for an age plugin (a hardware key) is passed over where there is another key.

        Raises:
            CredentialError: `age-key`: a key is damaged, encrypted or of another kind, or the file can't be
                read; says where, never what stands there.
        """
        keys: list[PrivateKey] = []
        warnings: list[Problem] = []
        plugins: list[str] = []
        if environment.get(KEY_VARIABLE, "").strip():
            keys += _keys_in(environment[KEY_VARIABLE], KEY_VARIABLE, plugins)
        if environment.get(KEY_FILE_VARIABLE, "").strip():
            path = Path(environment[KEY_FILE_VARIABLE].strip()).expanduser()
            text, mode = _read(path)
            keys += _keys_in(text, f"{path} ({KEY_FILE_VARIABLE})", plugins)
            if mode & _READABLE_BY_OTHERS and os.name == "posix":
                warnings.append(_too_open(path))
        if plugins and not keys:
            raise _unfit(plugins[0], "a key of an age plugin, which isn't supported")
        return cls(keys, warnings)

    def reveal(self) -> tuple[PrivateKey, ...]:
        """The keys themselves, for pyrage."""
        return self._keys()

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Identities({self._count})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("private keys can't be copied or pickled")


def _read(path: Path) -> tuple[str, int]:
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return stream.read(), os.fstat(stream.fileno()).st_mode
    except OSError as error:
        message = f"{path} ({KEY_FILE_VARIABLE}) can't be read: {error.strerror}"
    except UnicodeDecodeError:
        message = f"{path} ({KEY_FILE_VARIABLE}) holds no text"
    raise CredentialError(message, code="age-key", hint=f"correct or unset {KEY_FILE_VARIABLE}")


def _too_open(path: Path) -> Problem:
    return Problem(
        Severity.WARNING,
        "age-key-readable",
        f"everybody on this machine can read {path} ({KEY_FILE_VARIABLE})",
        hint=f"chmod 600 {path}",
    )


def _keys_in(text: str, where: str, plugins: list[str]) -> list[PrivateKey]:
    """The keys of one place; where keys of plugins stand is added to those of other places."""
    found, known = [], len(plugins)
    for number, piece in _pieces(text):
        remember(piece)
        at = f"{where}, line {number}"
        if piece.upper().startswith("AGE-PLUGIN-"):
            plugins.append(at)
        else:
            found.append(_openssh(piece, at) if piece.startswith(_BEGIN) else _age(piece, at))
    if not found and len(plugins) == known:
        raise _unfit(where, "there is no private key")
    return found


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Every key with the number of its first line: a line by itself, or a block from BEGIN to END."""
    block: list[str] = []
    first = 0
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if block:
            block.append(line)
            if line.startswith(_END):
                yield first, "\n".join(block) + "\n"
                block = []
        elif line.startswith(_BEGIN):
            first, block = number, [line]
        elif line and not line.startswith("#"):
            yield number, line
    if block:
        yield first, "\n".join(block) + "\n"


def _age(line: str, at: str) -> PrivateKey:
    from pyrage import IdentityError, x25519

    try:
        return x25519.Identity.from_str(line)
    except IdentityError:
        raise _unfit(at, "no whole age key (AGE-SECRET-KEY-1…)") from None


def _openssh(block: str, at: str) -> PrivateKey:
    from pyrage import IdentityError, ssh

    first, *body = block.splitlines()
    if "AGE ENCRYPTED FILE" in first:
        raise _unfit(at, "an encrypted file of keys", "decrypt it first: age -d KEYS")
    if first != _OPENSSH:
        raise _unfit(at, "no OpenSSH key", "ssh-keygen -p -f KEY rewrites an older form as OpenSSH's")
    try:
        content = base64.b64decode("".join(body[:-1]), validate=True)
    except ValueError:
        content = b""
    if body[-1:] != [_OPENSSH_END] or not content.startswith(_OPENSSH_MAGIC):
        raise _unfit(at, "a damaged OpenSSH key")
    if _cipher(content) != b"none":
        raise _unfit(at, "an SSH key with a passphrase", "take it off a copy: ssh-keygen -p -N '' -f COPY")
    if b"ssh-ed25519" not in content:
        raise _unfit(at, "an SSH key of another kind than ed25519")
    try:
        return ssh.Identity.from_buffer(block.encode())
    except IdentityError:
        raise _unfit(at, "a damaged OpenSSH key") from None


def _cipher(content: bytes) -> bytes:
    start = len(_OPENSSH_MAGIC) + 4
    length = int.from_bytes(content[start - 4 : start], "big")
    return content[start : start + length]


def _unfit(at: str, words: str, hint: str = _HINT) -> CredentialError:
    return CredentialError(f"{at}: {words}", code="age-key", hint=hint)
