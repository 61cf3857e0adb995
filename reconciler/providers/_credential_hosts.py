"""Which address a credential belongs to: the environment's own go nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reconciler.errors import CredentialError
from reconciler.model import ProviderSpec, SecretInput, Sourced, Text
from reconciler.secrets import Secret
from reconciler.secrets.tool_credentials import (
    CONNECT,
    DATABRICKS,
    IDENTITIES,
    TOOL,
    is_allowed_host,
    owner_of,
)

ALLOWED_HOSTS = "RECONCILE_ALLOWED_HOSTS"
ELSEWHERE = "credential-elsewhere"

_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# urlsplit and urllib3 don't agree on where a host ends that has one of these around it.
_AMBIGUOUS = re.compile(r"[\\\s\x00-\x1f\x7f]")
_MENTION = re.compile(r"\benv[. ]([A-Za-z_][A-Za-z0-9_]*)")

# provider type → the variable that names its address in the environment
_HOMES: Mapping[str, str] = {DATABRICKS: "DATABRICKS_HOST", CONNECT: "CONNECT_SERVER"}


def refusal(spec: ProviderSpec, words: str, *, hint: str = "", code: str | None = None) -> CredentialError:
    """The error of a provider whose credential, or address, is no good."""
    return CredentialError(f"provider {spec.name}: {words}", hint=hint, at=spec.at, code=code)


def normalised(address: str) -> str:
    """An address with a scheme, without a trailing slash and `/__api__`; "" stays ""."""
    address = address.strip()
    if address and "://" not in address:
        address = "https://" + address
    address = address.rstrip("/").removesuffix("/__api__").rstrip("/")
    return "" if address.endswith(":") else address  # a scheme and nothing more


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address: what a credential is good for.

    Raises:
        CredentialError: it isn't an http(s) URL with a host, or not to every reader the same one.
    """
    try:
        parts = urlsplit(normalised(address))
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().rstrip(".")
        port = parts.port or _PORTS.get(scheme, 0)
    except ValueError:
        scheme, host, port = "", "", 0
    if scheme not in _PORTS or not host or _AMBIGUOUS.search(address) or _has_user(address):
        shown = "…@" * ("@" in address) + address.rpartition("@")[2]  # before it, there may be a password
        raise CredentialError(f"{shown!r} isn't an address: https://host, with a port or path if need be")
    return scheme, host, port


def place(address: str) -> tuple[tuple[str, str, int], str]:
    """Origin and path prefix: Connect serves what publishers made on its own origin, below other paths."""
    return origin(address), urlsplit(normalised(address)).path


def _has_user(address: str) -> bool:
    try:
        return "@" in urlsplit(normalised(address)).netloc
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Whether an address means this machine, where plain http harms nobody."""
    return origin(address)[1] in _LOOPBACK


def checked_address(spec: ProviderSpec, address: str, environment: Mapping[str, str]) -> str:
    """The address, if credentials may go there at all.

    Raises:
        CredentialError: plain http beyond loopback, a user name inside, or not among RECONCILE_ALLOWED_HOSTS.
    """
    if _has_user(address):
        raise refusal(spec, "its address holds a user name or password", hint="remove it")
    scheme, host, port = origin(address)
    if scheme == "http" and not is_loopback(address):
        raise refusal(
            spec,
            f"no credential is sent over plain http to {host}",
            hint="use https://",
            code="insecure-url",
        )
    allowed = environment.get(ALLOWED_HOSTS, "").strip()
    if allowed and not is_allowed_host(host, port, allowed):
        raise refusal(
            spec,
            f"{host} is not among the hosts of {ALLOWED_HOSTS}",
            code="host-not-allowed",
        )
    return address


def is_elsewhere(address: str, variable: str, environment: Mapping[str, str]) -> bool:
    """Whether the environment names another address than this one by the given variable."""
    home = environment.get(variable, "").strip()
    # an account's API is all of its host; a person may have copied the address of any page there
    where = place if variable == _HOMES[CONNECT] else origin
    return bool(home) and where(home) != where(address)


def elsewhere(spec: ProviderSpec, address: str, names: str, variable: str, home: str) -> CredentialError:
    """The refusal to send a credential to an address that it doesn't belong to."""
    return CredentialError(
        f"provider {spec.name} is at {spec.told(address)}, but {names} belongs to {variable} {home}",
        hint="a credential goes to its own address only: give this provider one of its own",
        at=spec.at,
        code=ELSEWHERE,
    )


def stated(
    spec: ProviderSpec, key: str, address: str, environment: Mapping[str, str]
) -> tuple[str | Secret, str] | None:
    """A setting that the spec states itself, and where it came from; None if it states none.

    Raises:
        CredentialError: its variable is unset, or it is a credential of another address.
    """
    value = spec.settings.get(key)
    if value is None or value == "":
        return None
    for variable in _mentions(value):
        _refuse_foreign(spec, variable, address, environment)
    at = spec.places.get(key) or spec.at
    if isinstance(value, SecretInput):
        if value.secret is None:
            raise CredentialError(
                f"provider {spec.name}: {key} comes from {value.source}, which is unset", at=at
            )
        return _as_secret(value.secret), value.source
    if isinstance(value, Sourced):
        return value.value, value.source
    if isinstance(value, Text):
        parts = [part.value if isinstance(part, Sourced) else str(part) for part in value.parts]
        return "".join(parts), "the spec"
    return (value if isinstance(value, Secret) else str(value)), "the spec"


def _as_secret(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(str(value))


def _mentions(value: Any) -> set[str]:
    if isinstance(value, Text):
        return {name for part in value.parts for name in _mentions(part)}
    if isinstance(value, (SecretInput, Sourced)):
        return set(_MENTION.findall(f"{value.source} {value.expression}"))
    return set()


def _refuse_foreign(spec: ProviderSpec, variable: str, address: str, environment: Mapping[str, str]) -> None:
    owner, name = owner_of(variable, environment), variable.upper()
    home = _HOMES.get(owner, "")
    if home and name not in IDENTITIES and (owner != spec.type or is_elsewhere(address, home, environment)):
        raise elsewhere(spec, address, variable, home, environment.get(home, "(unset)"))
    if owner == TOOL:
        raise refusal(
            spec,
            f"{variable} is a credential of the ledger, not of a provider",
            code=ELSEWHERE,
        )
