"""Values that no other test has, and keys of age and OpenSSH made for the run."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pyrage import x25519

SshKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Pair(NamedTuple):
    private: str
    public: str


def age_pair() -> Pair:
    key = x25519.Identity.generate()
    return Pair(str(key), str(key.to_public()))


def ssh_pair(kind: str = "ed25519") -> Pair:
    makers: dict[
        str, Callable[[], ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey]
    ]
    makers = {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "rsa": lambda: rsa.generate_private_key(65537, 1024),  # small: no copy is sealed to it
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    }
    key = makers[kind]()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return Pair(private, f"{public} somebody@example.org")


def with_passphrase(private: str) -> str:
    """The key as its header would be with a passphrase; nobody gets to read further."""
    first, *body, last = private.splitlines()
    content = base64.b64decode("".join(body))
    none, aes = b"\0\0\0\4none", b"\0\0\0\12aes256-ctr"
    assert content.count(none) == 2
    coded = base64.b64encode(content.replace(none, aes, 1)).decode()
    lines = [coded[start : start + 70] for start in range(0, len(coded), 70)]
    return "\n".join([first, *lines, last, ""])


def fresh() -> str:
    """A value that nobody has seen before."""
    return f"dose{secrets.token_hex(16)}"


@pytest.fixture
def canary() -> str:
    return fresh()
