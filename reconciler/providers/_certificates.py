"""Which certificate authorities are trusted: a provider's own file, else the one that a variable names."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from reconciler.model import ProviderSpec
from reconciler.providers._credential_hosts import refusal

# As the tools around us know them; the first that is set counts.
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def expanded(name: str, environment: Mapping[str, str]) -> Path:
    """A path with `~` as the home of this environment."""
    home = environment.get("HOME") or environment.get("USERPROFILE") or str(Path.home())
    path = Path(name)
    return Path(home, *path.parts[1:]) if path.parts[:1] == ("~",) else path


def bundle(spec: ProviderSpec, environment: Mapping[str, str]) -> str | None:
    """The file or folder of authorities that a variable names; None for the usual ones.

    Raises:
        CredentialError: it isn't there, can't be read, or holds no certificate.
    """
    for variable in BUNDLES:
        name = environment.get(variable, "").strip()
        if name:
            return usable(spec, name, environment, source=variable)
    return None


@cache
def _load(path: str, changed: int) -> None:
    """Tries the file; once, however many providers trust it."""
    ssl.create_default_context(cafile=path)


def usable(spec: ProviderSpec, name: str, environment: Mapping[str, str], *, source: str) -> str:
    """The path of a file of authorities, once it has been looked into.

    Raises:
        CredentialError: it can't be used; says why, and where its name comes from.
    """
    path = expanded(name, environment)
    where, mend = f"the CA certificate {path} ({source})", f"correct or unset {source}"
    if path.is_dir():
        return str(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        words = f"{where} can't be read: {error.strerror or type(error).__name__}"
        raise refusal(spec, words, hint=mend) from None
    if b"-----BEGIN CERTIFICATE-----" not in text and b"-----BEGIN TRUSTED CERTIFICATE-----" not in text:
        hint = "convert it: openssl x509 -inform der -in FILE -out FILE.pem"
        raise refusal(spec, f"{where} isn't a PEM certificate", hint=hint)
    try:
        _load(str(path), path.stat().st_mtime_ns)
    except (OSError, ValueError):
        words = f"{where} is damaged: no certificate can be taken from it"
        raise refusal(spec, words, hint=mend) from None
    return str(path)
