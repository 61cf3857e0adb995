"""What sounds like a secret: one rule for names of fields and of variables, wherever they are met."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

# camelCase, snake_case, kebab-case and CAPITALS as words: APIKey is API and Key
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# behind the noun these only say which one, or how it is written
_QUALIFIERS: Final = frozenset(
    [
        "value",
        "val",
        "text",
        "txt",
        "string",
        "str",
        "raw",
        "plain",
        "plaintext",
        "encoded",
        "base64",
        "b64",
        "json",
        "pem",
        "hex",
        "data",
        "content",
        "current",
        "new",
        "next",
        "old",
        "previous",
        "primary",
        "secondary",
        "v",
    ]
)
_NOUNS: Final = (
    "secret", "password", "passwort", "passwd", "passphrase", "passcode", "pwd", "token", "credential",
    "creds", "bearer", "jwt", "privatepem", "connectionstring", "connstring", "connstr",
)  # fmt: skip
# written as one word, a key is one of these; as a word of its own it is any but the open ones
_KEYS: Final = tuple(
    f"{word}key"
    for word in [
        "api",
        "access",
        "private",
        "secret",
        "auth",
        "signing",
        "encryption",
        "shared",
        "master",
        "account",
        "storage",
        "ssh",
        "hmac",
        "subscription",
        "cert",
        "certificate",
        "tls",
        "ssl",
        "client",
        "session",
        "webhook",
        "service",
        "app",
        "application",
        "admin",
    ]
)
_WORDS: Final = frozenset({"key", "pass", "pw", "cred", "pat", "sas", "otp", "pin", "cookie", "dsn", "psk"})
_OPEN: Final = frozenset(
    [
        "public",
        "publishable",
        "partition",
        "sort",
        "foreign",
        "kms",
        "cache",
        "object",
        "idempotency",
        "group",
        "index",
        "lookup",
        "host",
    ]
)
# a limit or a switch that speaks of secrets holds none: max_tokens, use_token
_ABOUT: Final = frozenset(
    [
        "max",
        "min",
        "num",
        "number",
        "count",
        "use",
        "uses",
        "has",
        "is",
        "needs",
        "enable",
        "enabled",
        "require",
        "requires",
        "allow",
        "allows",
        "show",
        "hide",
        "send",
        "include",
        "skip",
    ]
)


@lru_cache(4096)
def sounds_secret(name: str) -> bool:
    """Whether a name says that what it names is a secret: `apiKey`, `ANTHROPIC_API_KEY`, `Client-Secret`.

    The last noun decides, so that what is only about a secret isn't one: `token_uri`, `secret_name`.
    """
    found = [word.lower() for word in _WORD.findall(name)]
    if not found or (found[0] in _ABOUT and len(found) > 1):
        return False
    words = [_singular(word) for word in found]
    while len(words) > 1 and not _ends_secret(words) and (words[-1] in _QUALIFIERS or words[-1].isdigit()):
        words.pop()
    return _ends_secret(words)


def _ends_secret(words: list[str]) -> bool:
    if words[-1] in _WORDS:
        return words[-1] != "key" or not _OPEN.intersection(words[-2:-1])
    return "".join(words).endswith((*_NOUNS, *_KEYS))


def _singular(word: str) -> str:
    return word if word.endswith("ss") else word.removesuffix("s") or word


def without_secrets(value: Any) -> Any:
    """A mapping, and those inside it, without the keys that sound secret."""
    if isinstance(value, str):
        return value  # most are, and the other questions take longer
    if isinstance(value, Mapping):
        return {key: without_secrets(item) for key, item in value.items() if not sounds_secret(str(key))}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value
