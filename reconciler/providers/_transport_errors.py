"""What an exception of the HTTP library means: in words, whether the request may have arrived, what next."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import requests
import urllib3

CONNECT_SECONDS = 5.0
READ_SECONDS = 25.0  # together 30: the lease check of a write counts on no more (rule 16)

# What an exception says: words, whether the request may have arrived, whether to try again; first match wins.
_EXPLANATIONS: tuple[tuple[tuple[type[BaseException], ...], str, bool, bool], ...] = (
    ((ssl.SSLCertVerificationError,), "the server's certificate isn't trusted", False, False),
    ((requests.exceptions.ProxyError,), "the proxy can't be reached", False, True),
    ((urllib3.exceptions.NameResolutionError,), "its name can't be resolved", False, True),
    (  # before ConnectTimeoutError, which it is one of in some releases of urllib3
        (urllib3.exceptions.NewConnectionError, ConnectionRefusedError),
        "the connection was refused",
        False,
        True,
    ),
    (
        (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError),
        f"no connection within {CONNECT_SECONDS:.0f} s",
        False,
        True,
    ),
    (
        (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError),
        f"no whole answer within {CONNECT_SECONDS + READ_SECONDS:.0f} s",
        True,
        True,
    ),
    ((requests.exceptions.ContentDecodingError,), "its answer can't be decoded or is too long", True, False),
    ((requests.exceptions.ChunkedEncodingError,), "the answer broke off", True, True),
)


def is_untrusted(error: BaseException) -> bool:
    """Whether a certificate was refused."""
    return any(isinstance(item, ssl.SSLCertVerificationError) for item in _chain(error))


def explain(error: OSError) -> tuple[str, bool, bool]:
    """The row of the table above that fits.

    The exception's text isn't used: it quotes queries and, for a bad header, the credential.
    """
    if isinstance(error, ValueError):
        return f"it can't be sent ({type(error).__name__})", False, False
    found = list(_chain(error))
    for kinds, words, arrived, transient in _EXPLANATIONS:
        if any(isinstance(item, kinds) for item in found):
            return words, arrived, transient
    return "the connection broke", True, True


def _chain(error: BaseException) -> Iterator[BaseException]:
    todo, seen = [error], set[int]()
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        linked = (*item.args, getattr(item, "reason", None), item.__cause__, item.__context__)
        todo.extend(link for link in linked if isinstance(link, BaseException))
