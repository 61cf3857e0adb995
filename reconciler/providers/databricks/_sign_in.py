"""Signing in to a Databricks account: client credentials, a ready token, OIDC exchange, or the SDK.

One token serves a whole run; it is renewed shortly before it expires, and once more when it is refused.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from reconciler.errors import (
    AnswerError,
    CredentialError,
    RedirectedError,
    ServerError,
    ThrottledError,
    UnreadableError,
)
from reconciler.providers import _credential_hosts as hosts
from reconciler.providers._connections import Connections
from reconciler.providers.databricks._delegated import Delegated, subject
from reconciler.providers.databricks._settings import (
    DEFAULT_OIDC_VARIABLE,
    FAMILIES,
    GITHUB_TOKEN,
    GITHUB_URL,
    HOST,
    Settings,
)
from reconciler.providers.http import Client, Effect, FixedHeaders, Hints, SignIn, is_token
from reconciler.secrets import Secret

TRUST = "name the file of its authority in REQUESTS_CA_BUNDLE or SSL_CERT_FILE"
_NOT_THE_ACCOUNT = (
    "check the account id, and that host is the account's (https://accounts…), not a workspace's"
)
EXPIRY_MARGIN = 60.0  # seconds before its end at which a token is renewed, at most
MARGIN_PART = 0.25  # of its life: a short-lived one would else be renewed for every request
SHORT_LIFE = 300.0  # seconds that a token without `expires_in` is trusted for
SCOPE = "all-apis"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"


class Principal(SignIn, Protocol):
    """A sign-in that may know its own name."""

    def principal(self) -> str:
        """Who we are as the API spells creators: an application id or a user name; "" if unknown."""


def sign_in(settings: Settings, connections: Connections) -> Principal:
    """The sign-in that the settings ask for.

    Raises:
        CredentialError: a part of it is missing, or its support isn't installed.
    """
    kind = settings.auth_type
    if kind == "pat":
        return _ready(settings)
    if kind == "oauth-m2m":
        return Exchanged(settings, _client_credentials(settings), connections)
    if kind in ("env-oidc", "file-oidc", "github-oidc"):
        return Exchanged(settings, _exchange_of_jwt(settings, connections), connections)
    return Delegated(settings)


def _ready(settings: Settings) -> Principal:
    token = _needed(settings, "token")
    return Ready(f"token from {settings.found['token'].source}", {"Authorization": _bearer(token)}, token)


@dataclass(frozen=True)
class Ready(FixedHeaders):
    """A token that was handed to us; it can't be renewed."""

    token: Secret | None = None

    def principal(self) -> str:
        """Whom the token names, if it can be read."""
        return subject(self.token) if self.token else ""


@dataclass(frozen=True)
class _Grant:
    """How to ask the token endpoint.

    Attributes:
        form: makes the form; reads the JWT anew each time.
        identity: who asks, for people.
        client_id: of whom the token will be; "" if only the token tells.
        basic: the Authorization header of the token call, if any.
    """

    form: Callable[[], Mapping[str, Any]]
    identity: str
    client_id: str
    basic: Secret | None = None


class Exchanged:
    """A token from the account's token endpoint, fetched once and shared by all threads."""

    def __init__(self, settings: Settings, grant: _Grant, connections: Connections) -> None:
        self.identity = grant.identity
        self._settings = settings
        self._grant = grant
        self._connections = connections
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._header: Mapping[str, Secret] = {}
        self._ends = self._margin = 0.0
        self._was_refused = False

    def headers(self) -> Mapping[str, Secret]:
        """The Authorization header; fetches a token if there is none that lasts."""
        with self._lock:
            if self._token is None or self._connections.pace.clock() > self._ends - self._margin:
                self._fetch()
                self._was_refused = False
            return self._header

    def renew(self, refused: Mapping[str, Secret]) -> bool:
        """A fresh token, unless another thread has brought it; not when a fresh one is refused at once."""
        with self._lock:
            if refused is not self._header:
                return True
            if self._was_refused and self._connections.pace.clock() < self._ends:
                return False
            self._fetch()
            self._was_refused = True
            return True

    def principal(self) -> str:
        """The client id, or whom the token names."""
        if self._grant.client_id:
            return self._grant.client_id
        self.headers()
        return subject(self._token) if self._token else ""

    def _fetch(self) -> None:
        url = _token_endpoint(self._settings, self._connections)
        signed = {"Authorization": self._grant.basic} if self._grant.basic else None
        started = self._connections.pace.clock()
        try:
            body = _call(
                self._settings, self._connections, "POST", url, self.identity, signed, self._grant.form()
            )
        except CredentialError as error:
            looked_at = sorted({setting.source for setting in self._settings.found.values()})
            hint = f"looked at {', '.join(looked_at)}; {error.hint}"
            raise CredentialError(error.message, hint=hint, code=error.code) from None
        token = body.get("access_token") if isinstance(body, Mapping) else None
        if not isinstance(token, Secret):
            raise CredentialError(f"provider {self._settings.provider}: the token endpoint answered no token")
        lasts = body.get("expires_in")
        self._token = _checked(self._settings.provider, "the token endpoint", token)
        self._header = {"Authorization": _bearer(self._token)}
        life = float(lasts) if isinstance(lasts, (int, float)) else SHORT_LIFE
        self._ends, self._margin = started + life, min(EXPIRY_MARGIN, life * MARGIN_PART)


def prove(settings: Settings, connections: Connections, client_id: str, secret: Secret) -> None:
    """Asks for a token with a client's own secret, and drops the token.

    Raises:
        CredentialError: the secret isn't accepted.
        RemoteError: the token endpoint can't be asked.
    """
    basic = Secret("Basic " + base64.b64encode(f"{client_id}:{secret.reveal()}".encode()).decode())
    url = _token_endpoint(settings, connections)
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    body = _call(settings, connections, "POST", url, f"client_id {client_id}", {"Authorization": basic}, form)
    if not isinstance(body, Mapping) or not isinstance(body.get("access_token"), Secret):
        raise UnreadableError(f"{settings.provider}: the token endpoint answered no token")


def _client_credentials(settings: Settings) -> _Grant:
    client_id, secret = settings.text("client_id"), _needed(settings, "client_secret")
    if not client_id:
        raise _lacking(settings, "client_id")
    basic = Secret("Basic " + base64.b64encode(f"{client_id}:{secret.reveal()}".encode()).decode())
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    return _Grant(lambda: form, f"client_id {client_id}", client_id, basic)


def _exchange_of_jwt(settings: Settings, connections: Connections) -> _Grant:
    client_id = settings.text("client_id")  # of a service principal's policy; none for an account-wide one
    source, read = _jwt_source(settings, connections)

    def form() -> Mapping[str, Any]:
        fields: dict[str, Any] = {
            "grant_type": EXCHANGE,
            "subject_token": read(),
            "subject_token_type": JWT,
            "scope": SCOPE,
        }
        return {**fields, "client_id": client_id} if client_id else fields

    who = f" for client_id {client_id}" if client_id else ""
    return _Grant(form, f"OIDC token from {source}{who}", client_id)


def _jwt_source(settings: Settings, connections: Connections) -> tuple[str, Callable[[], Secret]]:
    if settings.auth_type == "file-oidc":
        path = settings.text("oidc_token_filepath")
        if not path:
            raise _lacking(settings, "oidc_token_filepath")
        return path, lambda: _from_file(settings, path)
    if hosts.is_elsewhere(settings.address, HOST, settings.environment):
        home = settings.environment[HOST]
        raise CredentialError(
            f"provider {settings.provider}: the CI system's token belongs to {HOST} {home}",
            hint="give this provider a credential of its own",
            code=hosts.ELSEWHERE,
        )
    if settings.auth_type == "github-oidc":
        return "GitHub Actions", lambda: _from_github(settings, connections)
    variable = settings.text("oidc_token_env") or DEFAULT_OIDC_VARIABLE
    return variable, lambda: _from_variable(settings, variable)


def _from_variable(settings: Settings, variable: str) -> Secret:
    token = settings.environment.get(variable, "").strip()
    if not token:
        raise CredentialError(f"provider {settings.provider}: {variable} holds no OIDC token")
    return Secret(token)


def _from_file(settings: Settings, path: str) -> Secret:
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        words = f"provider {settings.provider}: the OIDC token file {path} can't be read"
        raise CredentialError(f"{words} ({type(error).__name__})") from None
    if not token:
        raise CredentialError(f"provider {settings.provider}: the OIDC token file {path} is empty")
    return Secret(token)


def _from_github(settings: Settings, connections: Connections) -> Secret:
    url, token = settings.environment.get(GITHUB_URL, ""), settings.environment.get(GITHUB_TOKEN, "")
    if not url or not token:
        raise CredentialError(
            f"provider {settings.provider}: {GITHUB_URL} and {GITHUB_TOKEN} are not set",
            hint="the job needs `permissions: id-token: write`",
        )
    audience = settings.text("token_audience") or settings.account_id
    signed = {"Authorization": _bearer(_checked(settings.provider, GITHUB_TOKEN, Secret(token)))}
    body = _call(
        settings, connections, "GET", url, "the GitHub Actions job", signed, query={"audience": audience}
    )
    value = body.get("value") if isinstance(body, Mapping) else None
    if not isinstance(value, str) or not value:
        raise CredentialError(f"provider {settings.provider}: GitHub Actions answered no OIDC token")
    return Secret(value)


def _token_endpoint(settings: Settings, connections: Connections) -> str:
    discovery = settings.text("discovery_url")
    if not discovery:
        # Documented, so that no discovery call is needed (docs/facts/databricks.md §8.2).
        return f"{settings.address}/oidc/accounts/{settings.account_id}/v1/token"
    body = _call(settings, connections, "GET", discovery, "nobody", None)
    endpoint = body.get("token_endpoint") if isinstance(body, Mapping) else None
    if not isinstance(endpoint, str):
        raise CredentialError(
            f"provider {settings.provider}: DATABRICKS_DISCOVERY_URL names no token_endpoint"
        )
    if hosts.origin(endpoint)[0] == "http" and not hosts.is_loopback(endpoint):
        raise CredentialError(f"provider {settings.provider}: the token endpoint is plain http")
    return endpoint


def _call(
    settings: Settings,
    connections: Connections,
    method: str,
    url: str,
    identity: str,
    signed: Mapping[str, Secret] | None,
    form: Mapping[str, Any] | None = None,
    *,
    query: Mapping[str, str] | None = None,
) -> Any:
    """One call outside the account API; asking for a token twice harms nobody, so it is repeated."""
    parts = urlsplit(url)
    client = Client(
        provider=settings.provider,
        base=f"{parts.scheme}://{parts.netloc}",
        sign_in=FixedHeaders(identity, signed),
        hints=Hints(address=HOST, shown="" if settings.is_private else settings.address, trust=TRUST),
        ca_file=settings.ca_file,
        connections=connections,
    )
    fields = {**dict(parse_qsl(parts.query)), **(query or {})}
    try:
        return client.call(method, parts.path, query=fields, form=form, effect=Effect.READ).body
    except (ServerError, ThrottledError, UnreadableError) as error:
        if error.status == 404:
            error.hint = _NOT_THE_ACCOUNT
        raise
    except AnswerError as error:
        where = "its address" if settings.is_private else settings.address
        raise CredentialError(
            f"provider {settings.provider}: signing in to {where} as {identity} was refused: "
            + error.message.removeprefix(f"{settings.provider}: "),
            hint=_NOT_THE_ACCOUNT
            if error.status in (404, 405) or isinstance(error, RedirectedError)
            else "check the credential, the account id and the federation policy",
        ) from None


def _bearer(token: Secret) -> Secret:
    return Secret(f"Bearer {token.reveal()}")


def _checked(provider: str, source: str, secret: Secret) -> Secret:
    if not is_token(secret):
        raise CredentialError(f"provider {provider}: {source} holds characters that no header takes")
    return secret


def _needed(settings: Settings, key: str) -> Secret:
    setting = settings.found.get(key)
    if setting is None:
        raise _lacking(settings, key)
    return _checked(settings.provider, setting.source, setting.secret)


def _lacking(settings: Settings, key: str) -> CredentialError:
    keys = ", ".join(FAMILIES.get(settings.auth_type, (key,)))
    return CredentialError(
        f"provider {settings.provider}: {key} is missing", hint=f"{settings.auth_type} needs {keys}"
    )
