"""Which Databricks account, and which credential: spec, then environment, then profile file.

The variables and profile keys are those of Databricks unified authentication (docs/facts/databricks.md §8.1).
"""

from __future__ import annotations

import secrets as entropy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from reconciler.errors import CredentialError
from reconciler.model import ProviderSpec
from reconciler.providers import _certificates as certificates
from reconciler.providers import _credential_hosts as hosts
from reconciler.secrets import Fingerprint, Secret

HOST = "DATABRICKS_HOST"
DEFAULT_OIDC_VARIABLE = "DATABRICKS_OIDC_TOKEN"
SIGN_IN_EXTRA = "pip install 'reconcile-connect[sign-in]'"

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "host": (HOST,),
    "account_id": ("DATABRICKS_ACCOUNT_ID",),
    "client_id": ("DATABRICKS_CLIENT_ID",),
    "client_secret": ("DATABRICKS_CLIENT_SECRET",),
    "token": ("DATABRICKS_TOKEN",),
    "auth_type": ("DATABRICKS_AUTH_TYPE",),
    "oidc_token_env": ("DATABRICKS_OIDC_TOKEN_ENV",),
    "oidc_token_filepath": ("DATABRICKS_OIDC_TOKEN_FILEPATH", "DATABRICKS_OIDC_TOKEN_FILE"),
    "token_audience": ("DATABRICKS_TOKEN_AUDIENCE",),
    "discovery_url": ("DATABRICKS_DISCOVERY_URL",),
    "username": ("DATABRICKS_USERNAME",),
    "password": ("DATABRICKS_PASSWORD",),
    "azure_client_id": ("ARM_CLIENT_ID",),
    "azure_client_secret": ("ARM_CLIENT_SECRET",),
    "azure_tenant_id": ("ARM_TENANT_ID",),
    "google_service_account": ("DATABRICKS_GOOGLE_SERVICE_ACCOUNT",),
    "google_credentials": ("GOOGLE_CREDENTIALS",),
    "metadata_service_url": ("DATABRICKS_METADATA_SERVICE_URL",),
}
_SECRET_KEYS = frozenset({"client_secret", "token", "password", "azure_client_secret", "google_credentials"})
_SPEC_KEYS = ("client_id", "client_secret", "token", "auth_type")

# A family is one way to sign in: all of these keys have to be there.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "pat": ("token",),
    "oauth-m2m": ("client_id", "client_secret"),
    "env-oidc": ("oidc_token",),
    "file-oidc": ("oidc_token_filepath",),
    "basic": ("username", "password"),
    "azure-client-secret": ("azure_client_id", "azure_client_secret", "azure_tenant_id"),
    "google-credentials": ("google_credentials",),
    "google-id": ("google_service_account",),
    "metadata-service": ("metadata_service_url",),
}
GITHUB_URL, GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_LOOKED_AT = "DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET, DATABRICKS_TOKEN, DATABRICKS_OIDC_TOKEN, \
DATABRICKS_OIDC_TOKEN_FILEPATH, DATABRICKS_CONFIG_PROFILE"


_SALT = entropy.token_hex(16)


@dataclass(frozen=True)
class Setting:
    """One value and where it came from: `DATABRICKS_TOKEN`, `profile prod`, `the spec`."""

    value: str | Secret
    source: str

    @property
    def text(self) -> str:
        """The value of a setting that isn't a secret; a secret shows as `(sensitive)`."""
        return str(self.value)

    @property
    def known(self) -> tuple[str, str]:
        """Where it came from, and a mark by which two values are told apart in this process."""
        return self.source, Fingerprint.of(self.value, _SALT).mark

    @property
    def secret(self) -> Secret:
        """The value, wrapped."""
        return self.value if isinstance(self.value, Secret) else Secret(self.value)


@dataclass(frozen=True)
class Settings:
    """Everything that signing in needs.

    Attributes:
        address: of the account host, normalised.
        auth_type: as in Databricks unified authentication.
        found: key → value.
        profile, config_file: "" unless a profile is used.
        profile_has_host: whether it names a host, which then is the address.
        environment: for the OIDC variables of CI systems.
        is_private: the address holds what isn't to be shown.
        ca_file: the authorities to trust; None for the usual ones.
    """

    provider: str
    address: str
    account_id: str
    auth_type: str
    found: Mapping[str, Setting]
    profile: str
    config_file: str
    profile_has_host: bool
    environment: Mapping[str, str]
    is_private: bool = False
    ca_file: str | None = None

    def agree(self, other: Settings) -> bool:
        """Whether both sign in to one account as one identity, whatever the provider is called."""
        marks = {key: setting.known for key, setting in self.found.items()}
        return marks == {key: setting.known for key, setting in other.found.items()} and self == replace(
            other, provider=self.provider, found=self.found
        )

    def text(self, key: str) -> str:
        """A setting that isn't a secret; "" if it isn't set."""
        setting = self.found.get(key)
        return setting.text if setting else ""


def settle(spec: ProviderSpec, environment: Mapping[str, str]) -> Settings:
    """The settings of one provider.

    Raises:
        CredentialError: something is missing or ambiguous, or a credential belongs to another address.
    """
    profile_name, named_by = _profile_name(spec, environment)
    # As unified authentication has it: no profile named, and a host or credential is set.
    is_needed = profile_name or not (spec.address or any(environment.get(v) for v in _skip_variables()))
    profile = _Profile(spec, environment, profile_name, is_needed=bool(is_needed))
    address = _address(spec, environment, profile)
    profile.check(address, environment)
    account_id = _account_id(spec, environment, profile)
    layers = _layers(spec, environment, profile, address, by_spec=named_by == "the spec")
    found = {key: setting for layer in reversed(layers) for key, setting in layer.items()}
    return Settings(
        provider=spec.name,
        address=address,
        account_id=account_id,
        auth_type=_auth_type(spec, found, layers, profile, environment, address),
        found=found,
        profile=profile.name,
        config_file=str(profile.file) if profile.name else "",
        profile_has_host=bool(profile.values.get("host")),
        environment=environment,
        is_private=spec.is_private,
        ca_file=certificates.bundle(spec, environment),
    )


def _address(spec: ProviderSpec, environment: Mapping[str, str], profile: _Profile) -> str:
    """The account's origin; what a browser shows behind it is cut off."""
    own = profile.values.get("host", "")
    if own:
        try:
            hosts.origin(own)
        except CredentialError as error:
            words = f"the host in profile {profile.name} of {profile.file}: {error.message}"
            raise hosts.refusal(spec, words) from None
    address = hosts.normalised(spec.address or environment.get(HOST, "") or own)
    if not address:
        raise hosts.refusal(spec, "the account host is missing", hint=f"set host: or {HOST}")
    parts = urlsplit(hosts.checked_address(spec, address, environment))
    return f"{parts.scheme}://{parts.netloc}"


def _skip_variables() -> Iterator[str]:
    for key in ("host", "token", "client_id", "client_secret", "username", "password", "azure_client_id"):
        yield from VARIABLES[key]


def _profile_name(spec: ProviderSpec, environment: Mapping[str, str]) -> tuple[str, str]:
    stated = hosts.stated(spec, "profile", spec.address or "https://unused", environment)
    if stated:
        return str(stated[0]), "the spec"
    return environment.get("DATABRICKS_CONFIG_PROFILE", "").strip(), "DATABRICKS_CONFIG_PROFILE"


class _Profile:
    """One section of the profile file; empty if there is none."""

    def __init__(
        self, spec: ProviderSpec, environment: Mapping[str, str], name: str, *, is_needed: bool
    ) -> None:
        named = environment.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg"
        self.file = certificates.expanded(named, environment)
        self.spec = spec
        sections = self._sections() if is_needed else {}
        settings = sections.get("__settings__", {})
        self.name = (
            name or settings.get("default_profile", "") or ("DEFAULT" if "DEFAULT" in sections else "")
        )
        if name and name not in sections:
            known = ", ".join(sorted(set(sections) - {"__settings__"})) or "none"
            raise hosts.refusal(
                spec,
                f"{self.file} has no profile {name!r}",
                hint=f"it has: {known}",
            )
        self.values: Mapping[str, str] = sections.get(self.name, {})

    def _sections(self) -> dict[str, dict[str, str]]:
        import configparser  # few have such a file

        # DEFAULT is a section like any other here, and % is a character like any other.
        parser = configparser.ConfigParser(
            interpolation=None, default_section="\0", inline_comment_prefixes=(";", "#")
        )
        try:
            parser.read_string(self.file.read_text("utf-8-sig"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            # Its own text quotes lines of the file.
            words = f"{self.file} can't be read ({type(error).__name__})"
            raise hosts.refusal(self.spec, words) from None
        return {
            section: {key: _unquoted(value) for key, value in parser.items(section)}
            for section in parser.sections()
        }

    def check(self, address: str, environment: Mapping[str, str]) -> None:
        """A profile's credential goes to the profile's own host, and without one to the environment's."""
        host = self.values.get("host", "")
        if host and hosts.origin(host) != hosts.origin(address):
            raise hosts.elsewhere(self.spec, address, f"profile {self.name}", "its host", host)
        if host or not set(self.values) - {"host", "account_id"}:
            return
        if hosts.is_elsewhere(address, HOST, environment):
            raise hosts.elsewhere(self.spec, address, f"profile {self.name}", HOST, environment[HOST])
        if self.spec.address and not environment.get(HOST, "").strip():
            # Else whoever writes a spec could have the credential sent to wherever they like.
            raise hosts.refusal(
                self.spec,
                f"profile {self.name} has no host, and a host that only the spec "
                "names doesn't get its credential",
                hint=f"write host = … into the profile, or set {HOST}",
                code=hosts.ELSEWHERE,
            )


def _unquoted(value: str) -> str:
    """As the Databricks CLI reads it: quotes around a value aren't part of it."""
    value = value.strip()
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`"
    return value[1:-1] if is_quoted else value


def _account_id(spec: ProviderSpec, environment: Mapping[str, str], profile: _Profile) -> str:
    own = profile.values.get("account_id", "").strip()
    account_id = spec.account_id or environment.get("DATABRICKS_ACCOUNT_ID", "").strip() or own
    if not account_id:
        raise hosts.refusal(
            spec, "the account id is missing", hint="set account_id: or DATABRICKS_ACCOUNT_ID"
        )
    if own and own != account_id:
        raise hosts.refusal(
            spec,
            f"profile {profile.name} is for account {own}, not {account_id}",
            hint="state the same account_id in both, or name another profile",
            code=hosts.ELSEWHERE,
        )
    return account_id


Layer = Mapping[str, Setting]


def _layers(
    spec: ProviderSpec,
    environment: Mapping[str, str],
    profile: _Profile,
    address: str,
    *,
    by_spec: bool,
) -> list[Layer]:
    """The nearest first. A profile that the spec names is nearer than the environment."""
    stated = {}
    for key in _SPEC_KEYS:
        value = hosts.stated(spec, key, address, environment)
        if value:
            stated[key] = _setting(key, *value)
    from_file = {
        key: _setting(key, profile.values[key], f"profile {profile.name}")
        for key in VARIABLES
        if profile.values.get(key) and key not in ("host", "account_id")
    }
    from_environment = {} if hosts.is_elsewhere(address, HOST, environment) else _ambient(environment)
    if by_spec:
        return [{**from_file, **stated}, from_environment]
    return [stated, from_environment, from_file]


def _ambient(environment: Mapping[str, str]) -> Layer:
    found: dict[str, Setting] = {}
    for key, names in VARIABLES.items():
        for name in names:
            if environment.get(name, "").strip() and key not in ("host", "account_id"):
                found.setdefault(key, _setting(key, environment[name], name))
    variable = environment.get("DATABRICKS_OIDC_TOKEN_ENV", "").strip() or DEFAULT_OIDC_VARIABLE
    if environment.get(variable, "").strip():
        found["oidc_token"] = Setting(Secret(environment[variable].strip()), variable)
    return found


def _setting(key: str, value: str | Secret, source: str) -> Setting:
    source = source.removeprefix("env ")
    if isinstance(value, Secret):
        value = value.reveal()
    return Setting(Secret(value.strip()) if key in _SECRET_KEYS else value.strip(), source)


def _auth_type(
    spec: ProviderSpec,
    found: Layer,
    layers: list[Layer],
    profile: _Profile,
    environment: Mapping[str, str],
    address: str,
) -> str:
    chosen = found.get("auth_type")
    if chosen:
        return chosen.text
    complete = [family for family, keys in FAMILIES.items() if all(key in found for key in keys)]
    # What the spec says itself is meant; the rest may be somebody else's.
    nearest = [family for family in complete if any(key in layers[0] for key in FAMILIES[family])]
    families = nearest or complete
    if len(families) > 1:
        # Unified authentication looks for a token of the CI system only where nothing else is set.
        families = [family for family in families if family != "env-oidc"]
    if len(families) > 1:
        raise _ambiguous(spec, families, found)
    if families:
        return families[0]
    if not hosts.is_elsewhere(address, HOST, environment):
        if environment.get(GITHUB_URL) and environment.get(GITHUB_TOKEN):
            return "github-oidc"
        if profile.values:
            return ""  # a profile of the Databricks CLI names no credential: the SDK knows where it keeps it
    raise _missing(spec, found, environment, address)


def _ambiguous(spec: ProviderSpec, families: list[str], found: Layer) -> CredentialError:
    sources = {family: sorted({found[key].source for key in FAMILIES[family]}) for family in families}
    named = "; ".join(f"{family} ({', '.join(names)})" for family, names in sources.items())
    return hosts.refusal(
        spec,
        f"more than one way to sign in is set: {named}",
        hint="unset all but one, or choose with auth_type: or DATABRICKS_AUTH_TYPE",
    )


def _missing(
    spec: ProviderSpec, found: Layer, environment: Mapping[str, str], address: str
) -> CredentialError:
    if hosts.is_elsewhere(address, HOST, environment):
        names = ", ".join(sorted({setting.source for setting in _ambient(environment).values()}))
        if names or environment.get(GITHUB_TOKEN):
            return hosts.elsewhere(spec, address, names or GITHUB_TOKEN, HOST, environment[HOST])
    half = " (only half of a pair is set)" if {"client_id", "client_secret"} & set(found) else ""
    return hosts.refusal(
        spec,
        f"no credential for {spec.told(address)}{half}; looked at {_LOOKED_AT}",
        hint="set one of them, or auth_type: (azure-cli, databricks-cli, …) for another way to sign in",
    )
