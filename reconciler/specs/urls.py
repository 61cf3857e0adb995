"""Addresses: how a provider's is normalised, what counts as this machine, which hosts are allowed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from reconciler.secrets.tool_credentials import is_allowed_host

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class AddressError(ValueError):
    """Text that is no address; its message says why and never repeats the text."""


# What Databricks names a workspace by; an account's host begins with `accounts`.
_WORKSPACE = re.compile(
    r"(adb-\d+\.\d+\.(azuredatabricks\.(net|cn)|databricks\.azure\.us)"
    r"|dbc-[0-9a-f]+-[0-9a-f]+\.cloud\.databricks\.(com|us|mil)"
    r"|\d+\.\d+\.gcp\.databricks\.com)"
)


def is_workspace(address: str) -> bool:
    """Whether it is certainly the address of a Databricks workspace, and so of no account."""
    return bool(_WORKSPACE.fullmatch((_split(address).hostname or "").rstrip(".")))


def provider_address(text: str, kind: str = "") -> str:
    """A provider's address in one form: no `/__api__`, no trailing slash, lower-case host, no default port.

    A bare host gets `https://`. What a browser shows is cut down: to the origin for a Databricks account,
    which has no path, and by the dashboard's part (`/connect/#/…`) for Posit Connect.

    Args:
        kind: type of the provider.

    Raises:
        AddressError: it is no http(s) address, or it holds more than an address.
    """
    text = text.strip()
    parsed = _split(text if _SCHEME.match(text) else f"https://{text}")
    if parsed.scheme not in _DEFAULT_PORTS:
        raise AddressError("isn't an http or https address")
    if parsed.username is not None or parsed.password is not None:
        raise AddressError("holds a user name or password")
    if kind == "databricks":
        return f"{parsed.scheme}://{_authority(parsed)}"
    path = parsed.path
    if kind == "connect" and "#/" in text:
        path = re.sub(r"/connect/?$", "", path)
    elif parsed.query or parsed.fragment or "?" in text or "#" in text:
        raise AddressError("holds a ? or #")
    path = re.sub(r"(/+__api__)?/*$", "", path)
    return f"{parsed.scheme}://{_authority(parsed)}{path}"


@lru_cache(1024)
def comparable(url: str) -> str:
    """A URL with the case of its host and its default port normalised; itself if it is none."""
    try:
        parsed = _split(url)
    except AddressError:
        return url
    if not parsed.scheme:
        return url
    return parsed._replace(scheme=parsed.scheme, netloc=_authority(parsed)).geturl()


def is_insecure(url: str) -> bool:
    """Whether it is plain http to another machine."""
    try:
        parsed = _split(url)
    except AddressError:
        return False
    return parsed.scheme == "http" and not is_loopback(parsed.hostname or "")


def is_url(url: str) -> bool:
    """Whether it has a scheme and, for http(s), a host."""
    try:
        parsed = _split(url)
    except AddressError:
        return False
    return bool(_SCHEME.match(url)) and (bool(parsed.hostname) or parsed.scheme not in _DEFAULT_PORTS)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_allowed(address: str, allowed: str) -> bool:
    """Whether a list of hosts (`host`, `host:port`, `*.domain`; blanks or commas between) covers it."""
    parsed = _split(address)
    port = parsed.port or _DEFAULT_PORTS.get(parsed.scheme)
    return is_allowed_host(parsed.hostname or "", port, allowed)


@lru_cache(1024)
def _split(url: str) -> SplitResult:
    try:
        parsed = urlsplit(url)
        has_port = parsed.port is not None
    except ValueError:
        raise AddressError("isn't an address") from None
    authority = parsed.netloc.rpartition("@")[2]
    host = authority.rpartition(":")[0] if has_port else authority.removesuffix(":")
    if parsed.scheme in _DEFAULT_PORTS and not _HOST.fullmatch(host):
        raise AddressError("has no valid host")
    if any(character.isspace() or character == "\\" for character in url):
        raise AddressError("holds blanks or backslashes")
    return parsed


def _authority(parsed: SplitResult) -> str:
    host = parsed.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parsed.port
    return host if port is None or port == _DEFAULT_PORTS.get(parsed.scheme) else f"{host}:{port}"


def authority(url: str) -> str:
    """Host and port of a URL in one form; "" for what is no URL."""
    try:
        return _authority(_split(url))
    except AddressError:
        return ""


def is_listed(url: str, hosts: Iterable[str]) -> bool:
    """Whether hosts of a list (`host`, `host:port`, `*.domain`) cover a URL; none does what is no URL."""
    try:
        return is_allowed(url, " ".join(hosts))
    except AddressError:
        return False
