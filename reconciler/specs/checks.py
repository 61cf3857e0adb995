"""What only both systems together can show: that apps, principals and integrations fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from reconciler.errors import Problem, Severity
from reconciler.kinds import Complaint
from reconciler.model import Address, ProviderSpec, Ref, Resource, SecretInput, Sourced, Value
from reconciler.specs import urls
from reconciler.specs.places import is_unknown
from reconciler.specs.problems import Problems, listing, meant, suggestion
from reconciler.specs.schema import Schemas, schemas_of
from reconciler.specs.sources import Sources

_SERVICE = "Service Account"
# Databricks names more scopes than any list has: whatever starts like these is known
_SCOPES: Final = frozenset(
    {
        "all-apis",
        "sql",
        "offline_access",
        "openid",
        "profile",
        "email",
        "user_impersonation",
        "access-management",
        "ai-search",
        "alerts",
        "apps",
        "authentication",
        "clusters",
        "dashboards",
        "files",
        "genie",
        "iam",
        "identity",
        "jobs",
        "mlflow",
        "model-serving",
        "pipelines",
        "scim",
        "secrets",
        "unity-catalog",
        "vector-search",
        "workspace",
    }
)
# templates whose clients have a secret unless they are public; aws and snowflake lack one as service account
_WITH_SECRET: Final = frozenset(
    {
        "databricks",
        "custom",
        "github",
        "snowflake",
        "azure",
        "azure-openai",
        "sharepoint",
        "msgraph",
        "bigquery",
        "vertex-ai",
        "drive",
        "sheets",
        "salesforce",
        "aws",
    }
)
_SERVICE_WITH_SECRET: Final = frozenset(("databricks", "custom", "azure", "azure-openai", "msgraph"))
_BARE_HOST = re.compile(r"[A-Za-z0-9_.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")
_CLIENT_ID: Final = ("config", "client_id")
_CLIENT_SECRET: Final = ("config", "client_secret")


def check(
    resources: Mapping[Address, Resource],
    providers: Mapping[str, ProviderSpec],
    handed: Mapping[str, Mapping[str, Value]],
    problems: Problems,
    sources: Sources,
) -> None:
    """Adds what doesn't fit together to the problems.

    Args:
        handed: source of a secret that comes from a handoff → what that handoff says openly.
    """
    # what seems to be missing where a key isn't known may only be misspelt
    misspelt = {problem.address for problem in problems.found if problem.code == "unknown-key"}
    templates = _templates(schemas_of(sources.kinds))

    def tell(resource: Resource, complaints: Iterator[Complaint]) -> None:
        """Says what is wrong at the place in a resource that has to change."""
        for each in complaints:
            path = ".".join(map(str, each.path))
            at = sources.place(resource, path)
            problem = Problem(each.severity, each.code, each.message, str(resource.address), at, each.hint)
            # the live value stays, whatever it is
            (problems.defer if resource.lifecycle.ignores(path) else problems.add)(problem)

    for address, resource in resources.items():
        if address.kind == "oauth_apps":
            tell(resource, _app_complaints(resource))
        elif address.kind == "connect_integrations":
            integration = _Integration(resource, is_sure=not misspelt or str(address) not in misspelt)
            tell(resource, integration.complaints(templates))
            tell(resource, _pair_complaints(integration, handed))
            app = integration.app(resources)
            if app and integration.is_viewer:
                pair = _SignIn(integration, app, app_is_sure=str(app.address) not in misspelt)
                tell(resource, pair.mode())
                tell(app, pair.redirect(providers.get(resource.provider)))
                tell(app, pair.offline())


def _templates(schemas: Schemas) -> tuple[str, ...]:
    """The templates of Connect whose keys are checked."""
    if "connect_integrations" not in schemas.sections:
        return ()
    template = schemas.expanded("connect_integrations")["properties"]["template"]
    return tuple(template["anyOf"][0]["enum"])


def text(value: Value) -> str:
    """A value as text for comparing; "" where it isn't text or isn't known."""
    return value if isinstance(value, str) else value.value if isinstance(value, Sourced) else ""


def _items(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def _shown(value: Value) -> str:
    return str(value) if isinstance(value, (str, Sourced)) else "it"


def _app_complaints(app: Resource) -> Iterator[Complaint]:
    """What is wrong with an OAuth app by itself."""
    for index, item in enumerate(_items(app.attributes.get("redirect_urls"))):
        url, path = text(item), ("redirect_urls", index)
        if url and not urls.is_url(url):
            message = f"the redirect URL {_shown(item)} isn't a URL"
            yield Complaint("redirect-url", message, path, "write it with https://")
        elif url and urls.is_insecure(url):
            message = f"the redirect URL {_shown(item)} is plain http, which shows sign-ins to the network"
            hint = "use https; plain http is for this machine only"
            yield Complaint("insecure-url", message, path, hint)
    for attribute in ("scopes", "user_authorized_scopes"):
        for index, item in enumerate(_items(app.attributes.get(attribute))):
            if isinstance(item, str) and not _is_known_scope(item):
                message = f"the scope {item} isn't one that this tool knows"
                hint = suggestion(item, _SCOPES, "Databricks may know it; check the spelling")
                yield Complaint("unknown-scope", message, (attribute, index), hint, Severity.WARNING)
    granted = app.attributes.get("scopes")
    asked = map(text, _items(app.attributes.get("user_authorized_scopes")))
    extra = {scope for scope in asked if scope} - set(map(text, _items(granted)))
    if extra and isinstance(granted, list) and not any(map(is_unknown, granted)):
        message = f"user_authorized_scopes names scopes that scopes doesn't: {listing(extra)}"
        yield Complaint("scopes-subset", message, ("user_authorized_scopes",), "add them to scopes")


def _is_known_scope(scope: str) -> bool:
    root = re.split(r"[:.]", scope)[0]
    return not scope or scope in _SCOPES or (root != scope and root in _SCOPES)


@dataclass(frozen=True)
class _Integration:
    """An integration by itself.

    Attributes:
        is_sure: what is absent in it is really left out, and not misspelt.
    """

    resource: Resource
    is_sure: bool

    @cached_property
    def config(self) -> Mapping[str, Value]:
        """What it holds for its template."""
        config = self.resource.attributes.get("config")
        return config if isinstance(config, Mapping) else {}

    @property
    def is_service(self) -> bool:
        """Whether content signs in by it, as itself."""
        return text(self.config.get("auth_type")) == _SERVICE

    @property
    def is_viewer(self) -> bool:
        """Whether people sign in by it."""
        return text(self.config.get("auth_type", "Viewer")) == "Viewer"

    @property
    def is_public(self) -> bool:
        """Whether it says that its client has no secret."""
        return text(self.config.get("auth_mode")) == "Public"

    @property
    def is_confidential(self) -> bool:
        """Whether its client has a secret, by what it says or by default."""
        return text(self.config.get("auth_mode", "Confidential")) == "Confidential"

    def app(self, resources: Mapping[Address, Resource]) -> Resource | None:
        """The app of this spec that it signs in by."""
        client = self.config.get("client_id")
        if isinstance(client, Ref) and client.address.kind == "oauth_apps":
            return resources.get(client.address)
        return None

    def complaints(self, templates: tuple[str, ...]) -> Iterator[Complaint]:
        """What is wrong with it, whatever it refers to."""
        template = text(self.resource.attributes.get("template"))
        close = meant(template, templates) if template not in templates else ""
        if close and template not in ("openai", "anthropic"):
            message = f"the template {template} isn't one that this tool knows: its keys aren't checked"
            hint = f"did you mean {close}?"
            yield Complaint("unknown-template", message, ("template",), hint, Severity.WARNING)
        host = self.config.get("workspace_host")
        if text(host) and not _BARE_HOST.fullmatch(text(host)):
            message = f"workspace_host {_shown(host)} must be a bare host name"
            hint = "leave out https://, the path and the slash: cust-success.cloud.databricks.com"
            yield Complaint("host-form", message, ("config", "workspace_host"), hint)
        if self.is_service and "auth_mode" in self.config:
            message = "auth_mode has no meaning for a Service Account"
            yield Complaint("auth-mode-unused", message, ("config", "auth_mode"), "remove it")
        yield from self._secret_complaints(template)

    def _secret_complaints(self, template: str) -> Iterator[Complaint]:
        """Whether it has a secret exactly if its template wants one."""
        if "client_secret" in self.config:
            if self.is_viewer and self.is_public:
                hint = "remove client_secret, or make it auth_mode: Confidential"
                yield Complaint("secret-unused", "a public client has no secret", _CLIENT_SECRET, hint)
        elif self.config and self.is_sure:
            hint = "add client_secret: ${KIND.KEY.client_secret}"
            if self.is_service and template in _SERVICE_WITH_SECRET:
                message = "a Service Account needs client_secret"
                yield Complaint("secret-missing", message, _CLIENT_SECRET, hint)
            elif self.is_viewer and self.is_confidential and template in _WITH_SECRET:
                message, hint = (
                    "a confidential integration needs client_secret",
                    f"{hint}, or auth_mode: Public",
                )
                yield Complaint("secret-missing", message, _CLIENT_SECRET, hint)


def _pair_complaints(
    integration: _Integration, handed: Mapping[str, Mapping[str, Value]]
) -> Iterator[Complaint]:
    """What is wrong with where a client's id and its secret are taken from."""
    client, secret = integration.config.get("client_id"), integration.config.get("client_secret")
    if isinstance(secret, SecretInput):
        yield from _handed_pair_complaints(client, secret, handed.get(secret.source, {}))
    elif (
        isinstance(client, Ref)
        and isinstance(secret, Ref)
        and secret.is_secret
        and client.address != secret.address
    ):
        message = f"client_id is taken from {client.address} and client_secret from {secret.address}"
        is_ignored = integration.resource.lifecycle.ignores("config.client_id")
        path = _CLIENT_ID if is_ignored else _CLIENT_SECRET
        yield Complaint("pair-mismatch", message, path, f"write ${{{client.address}.client_secret}}")


def _handed_pair_complaints(
    client: Value, secret: SecretInput, clear: Mapping[str, Value]
) -> Iterator[Complaint]:
    """A secret from a handoff goes with a client_id that the same handoff has, if it has any."""
    handoff, _, name = secret.expression.rpartition(".")
    partner = name.rstrip("}").replace("client_secret", "client_id")
    ids = [clear[partner]] if partner in clear else [v for k, v in clear.items() if k.endswith("client_id")]
    if ids and not is_unknown(client) and text(client) not in ids:
        message = f"client_secret is {secret.expression}, and client_id isn't what belongs to it"
        hint = "take both from one handoff" + (f": {handoff}.{partner}}}" if partner in clear else "")
        yield Complaint("pair-mismatch", message, _CLIENT_SECRET, hint)


@dataclass(frozen=True)
class _SignIn:
    """An integration and the app of the same spec by which people sign in."""

    integration: _Integration
    app: Resource
    app_is_sure: bool

    def redirect(self, server: ProviderSpec | None) -> Iterator[Complaint]:
        """The app has to know where people come back to."""
        listed = self.app.attributes.get("redirect_urls", [])
        if not server or not server.address or not isinstance(listed, list) or not self.app_is_sure:
            return
        known = {urls.comparable(text(item)) for item in listed}
        if server.callback_url not in known and not any(map(is_unknown, listed)):
            user = self.integration.resource.address
            message = f"{user} uses this app on {server.name}, whose callback URL isn't listed"
            hint = f"add ${{providers.{server.name}.callback_url}} to redirect_urls"
            yield Complaint("redirect-missing", message, ("redirect_urls",), hint)

    def mode(self) -> Iterator[Complaint]:
        """Both have to have a secret, or neither."""
        confidential = self.app.attributes.get("confidential")
        if not isinstance(confidential, bool) or not (self.integration.is_sure and self.app_is_sure):
            return
        is_other = self.integration.is_public if confidential else self.integration.is_confidential
        if is_other:
            fitting, other = ("Confidential", "Public") if confidential else ("Public", "Confidential")
            is_stated = "auth_mode" in self.integration.config
            stated = "auth_mode is" if is_stated else "auth_mode is left out, which means"
            message = f"{stated} {other}, and {self.app.address} is {fitting.lower()}"
            hint = f"write auth_mode: {fitting}, or change confidential of the app"
            yield Complaint("mode-mismatch", message, ("config", "auth_mode"), hint)

    def offline(self) -> Iterator[Complaint]:
        """People stay signed in only with a scope of its own."""
        scopes = self.app.attributes.get("scopes")
        if not isinstance(scopes, list) or any(map(is_unknown, scopes)):
            return
        if "offline_access" not in map(text, scopes):
            user = self.integration.resource.address
            message = f"{user} signs people in through this app, which has no offline_access scope"
            hint = "add offline_access, or people must sign in again every hour"
            yield Complaint("offline-access", message, ("scopes",), hint, Severity.WARNING)
