"""Any other way to sign in to a Databricks account, left to databricks-sdk; and whom a token names."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from typing import Any

from reconciler.errors import CredentialError
from reconciler.providers import _credential_hosts as hosts
from reconciler.providers.databricks._settings import FAMILIES, HOST, SIGN_IN_EXTRA, Settings
from reconciler.providers.http import READ_SECONDS
from reconciler.secrets import Secret

SDK_SECONDS = 20.0  # for its own retries, instead of five minutes


class Delegated:
    """Any other way to sign in, left to databricks-sdk, which is imported only here and only now."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._config: Any = None
        self.identity = f"{settings.auth_type or 'databricks-sdk'} " + (
            f"profile {settings.profile}" if settings.profile else "from the environment"
        )
        if not settings.profile_has_host and hosts.is_elsewhere(settings.address, HOST, settings.environment):
            raise CredentialError(
                f"provider {settings.provider}: {settings.auth_type} belongs to {HOST}",
                hint="name a profile that has a host, or give this provider a credential of its own",
                code=hosts.ELSEWHERE,
            )

    def headers(self) -> Mapping[str, Secret]:
        """What the SDK would send; it keeps and renews tokens itself."""
        with self._lock:
            try:
                if self._config is None:
                    self._config = self._configured()
                found = self._config.authenticate()
            except (ValueError, OSError, RuntimeError) as error:
                raise self._refused(error) from None
            return {name: Secret(str(value)) for name, value in found.items()}

    def renew(self, refused: Mapping[str, Secret]) -> bool:
        """The SDK renews what can be renewed before it is refused."""
        return False

    def principal(self) -> str:
        """Whom the token names, if it can be read."""
        header = self.headers().get("Authorization")
        return subject(Secret(header.reveal().partition(" ")[2])) if header else ""

    def _configured(self) -> Any:
        try:
            from databricks.sdk.core import Config  # two seconds, only for those who need it
        except ImportError:
            words = f"provider {self._settings.provider}: signing in by {self.identity} needs databricks-sdk"
            raise CredentialError(words, hint=SIGN_IN_EXTRA) from None
        chosen: dict[str, Any] = {
            "profile": self._settings.profile or None,
            "config_file": self._settings.config_file or None,
            "auth_type": self._settings.auth_type or None,
            "http_timeout_seconds": READ_SECONDS,
            "retry_timeout_seconds": SDK_SECONDS,
        }
        # Given by name they win over the environment, whose credential may belong to another account.
        for key in FAMILIES.get(self._settings.auth_type, ()):
            if key in self._settings.found:
                chosen[key] = self._settings.found[key].secret.reveal()
        return Config(host=self._settings.address, account_id=self._settings.account_id, **chosen)

    def _refused(self, error: Exception) -> CredentialError:
        # What follows `Config:` lists every setting.
        reason = str(error).partition(" Config:")[0].split("\n")[0][:300]
        return CredentialError(f"provider {self._settings.provider}: signing in by {self.identity}: {reason}")


def subject(token: Secret) -> str:
    """The `sub` of a JWT, not verified: it serves as evidence of who made an object, not as proof."""
    if token.reveal().count(".") != 2:
        return ""
    middle = token.reveal().split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (ValueError, RecursionError):
        return ""
    subject = claims.get("sub") if isinstance(claims, Mapping) else None
    return subject if isinstance(subject, str) else ""
