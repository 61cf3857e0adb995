"""One Posit Connect server: its client, and what it says about itself before anything is done."""

from __future__ import annotations

import secrets as entropy
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any

from reconciler.errors import (
    ForbiddenError,
    NotFoundError,
    Problem,
    Severity,
    UnreadableError,
)
from reconciler.model import PrincipalRef, ProviderSpec
from reconciler.providers import _certificates as certificates
from reconciler.providers import _credential_hosts as hosts
from reconciler.providers._connections import Connections
from reconciler.providers._pace import USUAL, Pace
from reconciler.providers._required_ids import must_have
from reconciler.providers._size_limits import Tally
from reconciler.providers._wires import Wire
from reconciler.providers.connect import _people as people
from reconciler.providers.connect._content import integrations_of
from reconciler.providers.http import Client, FixedHeaders, Hints, is_token
from reconciler.secrets import Fingerprint, Secret

_SALT = entropy.token_hex(16)
SERVER, API_KEY, CA_FILE = "CONNECT_SERVER", "CONNECT_API_KEY", "CONNECT_CA_CERTIFICATE"
LICENCE = "oauth-integrations"


class ConnectServer:
    """The Server API of one Posit Connect server.

    Args:
        pace: how fast it may be asked.
        wire: answers in the place of the network; None for the network.

    Attributes:
        provider: its name in the spec.
        http: the client; `http.gate`, `http.calls`, `http.date` are of use to callers.
        address: of the server, without `/__api__`.
        troubles: subject, `user named ada` → what was wrong with it alone in the last observation.
        one_at_a_time: what is read, changed and written whole → held meanwhile: who writes last wins.

    Raises:
        CredentialError: address or API key is missing, or the key belongs elsewhere.
    """

    def __init__(
        self,
        spec: ProviderSpec,
        environment: Mapping[str, str],
        *,
        pace: Pace = USUAL,
        wire: Wire | None = None,
    ) -> None:
        self.provider = spec.name
        self.address = _address(spec, environment)
        self.troubles: dict[str, str] = {}
        self.one_at_a_time: Mapping[str, threading.Lock] = defaultdict(threading.Lock)
        key, source = _api_key(spec, environment, self.address)
        ca_file = _ca_file(spec, environment, self.address)
        self.signed_in_as = f"API key from {source}"
        self.http = Client(
            provider=spec.name,
            base=f"{self.address}/__api__",
            sign_in=FixedHeaders(self.signed_in_as, {"Authorization": Secret(f"Key {key.reveal()}")}),
            hints=Hints(
                shown="" if spec.is_private else self.address,
                address=f"url: or {SERVER}",
                unauthorized="check that the key is of this server and hasn't expired",
                forbidden="it has to be the key of an administrator",
                trust=f"name the file of its authority in ca_certificate: or {CA_FILE}",
                unlicensed=f"Connect's licence lacks {LICENCE} (server_settings, license)",
            ),
            ca_file=ca_file,
            connections=Connections(pace, wire),
        )
        self._mark = (self.address, source, Fingerprint.of(key, _SALT).mark, ca_file, spec.is_private)
        self._ourselves: dict[str, Mapping[str, Any]] = {}  # shared with all that have another name for it
        self._lock = threading.Lock()

    def named(self, provider: str) -> ConnectServer:
        """The same server under the name that another stack gives it: one pace, own words."""
        other = copy(self)
        other.provider, other.http = provider, self.http.named(provider)
        return other

    def is_same(self, other: object) -> bool:
        """Whether another client asks the same server as the same identity, in every respect."""
        return isinstance(other, ConnectServer) and self._mark == other._mark

    def identity(self) -> str:
        """Who we are as `Live.created_by` may show it: integrations don't tell who made them."""
        return ""

    def principal(self) -> str:
        """Who we are among the objects that are managed: nobody, keys belong to people."""
        return ""

    @property
    def is_administrator(self) -> bool | None:
        """Whether the key's user is an administrator; None if the server doesn't tell.

        Raises:
            RemoteError: the key is refused, or the server can't be asked.
        """
        role = str(self._who().get("user_role") or "")
        return role == "administrator" if role else None

    def preflight(self) -> tuple[Problem, ...]:
        """What stands in the way before the first change: rights, licence, a switch that is off.

        Raises:
            RemoteError: the key is refused, or this isn't the API of Connect.
        """
        settings, _ = self.http.map(lambda read: read(), self.first_reads())
        return tuple(self._problems(settings))

    def first_reads(self) -> tuple[Callable[[], Mapping[str, Any]], ...]:
        """What is asked whatever a spec says: what the server is, and who we are there."""
        return self._settings, self._who

    def _problems(self, settings: Mapping[str, Any]) -> list[Problem]:
        found = []
        if not self.is_administrator:
            role = self._who().get("user_role") or "not known"
            found.append(
                self._warning(
                    "not-administrator",
                    f"the role of the {self.signed_in_as} is {role}: lists may be incomplete",
                    "use the key of an administrator: changes will be refused",
                )
            )
        licence = settings.get("license")
        if isinstance(licence, Mapping) and _is_off(licence.get(LICENCE)):
            words = f"the licence of this server lacks {LICENCE}: changes will be refused (402)"
            found.append(self._warning("unlicensed", words, "ask Posit about the tier"))
        if _is_off(settings.get("oauth_integrations_enabled")):
            words = "OAuth integrations are switched off on this server"
            hint = "set Applications.OAuthIntegrationsEnabled in Connect's configuration"
            found.append(self._warning("integrations-disabled", words, hint))
        return found

    def _warning(self, code: str, message: str, hint: str) -> Problem:
        return Problem(Severity.WARNING, code, f"provider {self.provider}: {message}", hint=hint)

    def _settings(self) -> Mapping[str, Any]:
        return self.http.once("settings", self._told)

    def _told(self) -> Mapping[str, Any]:
        try:
            # Not under /v1; version and licence may be hidden or of other types (docs/facts/connect.md §9.2).
            settings = self.http.get("/server_settings")
        except (ForbiddenError, NotFoundError):
            return {}
        return settings if isinstance(settings, Mapping) else {}

    def _get(self, path: str) -> Any:
        try:
            return self.http.get(path)
        except (NotFoundError, UnreadableError) as error:
            if error.status == 404 and not error.hint:
                error.hint = (
                    f"is the path in url: or {SERVER} right (without the dashboard's /connect/), "
                    "and is the server new enough for OAuth integrations?"
                )
            raise

    def _who(self) -> Mapping[str, Any]:
        with self._lock:
            if "user" not in self._ourselves:
                user = self.http.once("user", self._user)
                self._ourselves["user"] = must_have(self.http, "GET", "/v1/user", user)
            return self._ourselves["user"]

    def _user(self) -> Any:
        try:
            return self._get("/v1/user")
        except ForbiddenError:
            return {}  # a machine's identity without a user

    def templates(self) -> Mapping[str, Mapping[str, bool]] | None:
        """The server's templates, each with its keys and whether they are secret; None if it doesn't tell.

        Raises:
            RemoteError: the list failed.
        """
        found = self._templates()
        return None if found is None else {str(one.get("id")): dict(_keys(one)) for one in found}

    def defaults(self) -> Mapping[str, Mapping[str, Any]]:
        """What the server fills into the `config` of each template; nothing where it doesn't tell.

        Raises:
            RemoteError: the list failed.
        """
        return {str(one.get("id")): dict(_defaults(one)) for one in self._templates() or ()}

    def _templates(self) -> list[dict[str, Any]] | None:
        return self.http.once("templates", self._listed)

    def _listed(self) -> list[dict[str, Any]] | None:
        try:
            return self.array("/v1/oauth/templates")
        except (ForbiddenError, NotFoundError):
            return None  # an older server, or not for this key
        except UnreadableError as error:
            if error.status != 404:
                raise
            return None

    def principals(self, names: Sequence[people.Named]) -> dict[people.Named, tuple[PrincipalRef, ...]]:
        """What (sort, name) stand for, content by its GUID; the directory is never listed.

        Raises:
            RemoteError: a look-up failed, or was short: nothing can be said of anybody.
        """
        found: dict[people.Named, tuple[PrincipalRef, ...]] = {}
        for sort in people.SORTS:
            if wanted := sorted({name for of, name in names if of == sort}):
                found.update(people.look_up(self, sort, wanted))
        guids = sorted({guid for sort, guid in names if sort == "content"})
        there = self.http.map(self.integrations_of, guids)
        for guid, integrations in zip(guids, there, strict=True):
            found["content", guid] = () if integrations is None else (PrincipalRef(guid, guid),)
        return found

    def called(self, ids: Sequence[people.Named]) -> dict[people.Named, PrincipalRef | None]:
        """Who has these ids; None for those whom nobody has any more.

        Raises:
            RemoteError: a look-up failed.
        """
        found = self.http.map(
            lambda one: self.http.once(("called", one), lambda: people.called(self, one)), ids
        )
        return dict(zip(ids, found, strict=True))

    def integrations_of(self, content: str) -> tuple[str, ...] | None:
        """GUIDs of the integrations of a content item; None if there is no such item."""
        return self.http.once(("content", content), lambda: integrations_of(self, content))

    def array(self, path: str) -> list[dict[str, Any]]:
        """A bare array of objects, as Connect answers lists.

        Raises:
            RemoteError: it failed or is anything else.
        """
        found = self._get(path)
        tally = Tally(lambda words: self.http.misshapen("GET", path, words))
        tally.expect(len(found) if isinstance(found, list) else 0, 0)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self.http.misshapen("GET", path, "isn't an array of objects")
        return found


def _keys(template: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    return ((one["name"], one.get("secret") is True) for one in _parts(template))


def _defaults(template: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((one["name"], one["default"]) for one in _parts(template) if one.get("default") not in (None, ""))


def _parts(template: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in ("options", "fields"):
        for one in template.get(part) or ():
            if isinstance(one, Mapping) and isinstance(one.get("name"), str):
                yield one


def _is_off(value: Any) -> bool:
    """Whether a switch is off; its type changes between releases, and absence says nothing."""
    return value is not None and str(value).strip().lower() in ("false", "0", "no", "off")


def _address(spec: ProviderSpec, environment: Mapping[str, str]) -> str:
    address = hosts.normalised(spec.address or environment.get(SERVER, ""))
    if not address:
        raise hosts.refusal(spec, "the server's address is missing", hint=f"set url: or {SERVER}")
    return hosts.checked_address(spec, address, environment)


def _api_key(spec: ProviderSpec, environment: Mapping[str, str], address: str) -> tuple[Secret, str]:
    found = hosts.stated(spec, "api_key", address, environment)
    if found is None and environment.get(API_KEY, "").strip():
        if hosts.is_elsewhere(address, SERVER, environment):
            raise hosts.elsewhere(spec, address, API_KEY, SERVER, environment[SERVER])
        found = (environment[API_KEY], API_KEY)
    if found is None:
        words = f"no API key for {spec.told(address)}; looked at api_key: and {API_KEY}"
        raise hosts.refusal(spec, words, hint=f"set {API_KEY}")
    value, source = found
    source = source.removeprefix("env ")
    key = Secret(value.reveal().strip() if isinstance(value, Secret) else value.strip())
    if not is_token(key):
        raise hosts.refusal(spec, f"the API key from {source} holds characters that no header takes")
    return key, source


def _ca_file(spec: ProviderSpec, environment: Mapping[str, str], address: str) -> str | None:
    stated = hosts.stated(spec, "ca_certificate", address, environment)
    name = str(stated[0]) if stated else environment.get(CA_FILE, "").strip()
    if not name:
        return certificates.bundle(spec, environment)
    if "-----BEGIN" in name:
        raise hosts.refusal(spec, "ca_certificate is the name of a file, not its text")
    return certificates.usable(spec, name, environment, source="ca_certificate:" if stated else CA_FILE)
