"""What only both systems together can show: that apps, principals and integrations fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from reconciler.errors import Location, Problem, Severity
from reconciler.model import Address, ProviderSpec, Ref, Resource, SecretInput, Sourced, Value
from reconciler.specs import urls
from reconciler.specs.places import is_unknown
from reconciler.specs.problems import Problems, listing, meant, suggestion
from reconciler.specs.schema import Schemas

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
_MAX_RINGS: Final = 20
_BARE_HOST = re.compile(r"[A-Za-z0-9_.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")


def check(
    resources: Mapping[Address, Resource],
    providers: Mapping[str, ProviderSpec],
    handed: Mapping[str, Mapping[str, Value]],
    problems: Problems,
    schemas: Schemas,
) -> None:
    """Adds what doesn't fit together to the problems.

    Args:
        handed: source of a secret that comes from a handoff → what that handoff says openly.
    """
    said = _Said(problems, frozenset(_misspelt(problems)))
    templates = _templates(schemas)
    for resource in resources.values():
        if resource.address.kind == "oauth_apps":
            _App(resource, said).check()
        elif resource.address.kind == "connect_integrations":
            _Integration(resource, resources, providers, handed, said, templates).check()


def _templates(schemas: Schemas) -> tuple[str, ...]:
    """The templates of Connect whose keys are checked."""
    if "connect_integrations" not in schemas.sections:
        return ()
    choices: list[str] = schemas.expanded("connect_integrations")["properties"]["template"]["anyOf"][0][
        "enum"
    ]
    return tuple(choices)


def _misspelt(problems: Problems) -> Iterator[str]:
    """Addresses with keys that aren't known: what seems to be missing there may only be misspelt."""
    return (problem.address for problem in problems.found if problem.code == "unknown-key")


@dataclass(frozen=True)
class _Said:
    """Says what is wrong, at the place in a resource that has to change."""

    problems: Problems
    misspelt: frozenset[str]

    def error(self, code: str, message: str, resource: Resource, path: str, hint: str) -> None:
        """An error at an attribute, or at what holds it."""
        self._say(Severity.ERROR, code, message, resource, path, hint)

    def warning(self, code: str, message: str, resource: Resource, path: str, hint: str) -> None:
        """A warning at an attribute, or at what holds it."""
        self._say(Severity.WARNING, code, message, resource, path, hint)

    def _say(
        self, severity: Severity, code: str, message: str, resource: Resource, path: str, hint: str
    ) -> None:
        problem = Problem(severity, code, message, str(resource.address), place(resource, path), hint)
        # the live value stays, whatever it is
        (self.problems.defer if resource.lifecycle.ignores(path) else self.problems.add)(problem)

    def is_sure(self, *resources: Resource) -> bool:
        """Whether what is absent in them is really left out."""
        return all(str(resource.address) not in self.misspelt for resource in resources)


def place(resource: Resource, path: str) -> Location | None:
    """Where an attribute stands; if it is left out, its parent."""
    while path and path not in resource.places:
        path = path.rpartition(".")[0]
    return resource.places.get(path, resource.at)


def text(value: Value) -> str:
    """A value as text for comparing; "" where it isn't text or isn't known."""
    return value.value if isinstance(value, Sourced) else value if isinstance(value, str) else ""


def _words(value: Value) -> list[str]:
    return [text(item) for item in value] if isinstance(value, list) else []


def _shown(value: Value) -> str:
    return str(value) if isinstance(value, (str, Sourced)) else "it"


@dataclass(frozen=True)
class _App:
    """An OAuth app by itself."""

    app: Resource
    said: _Said

    def check(self) -> None:
        """All its rules."""
        self._redirects()
        self._scopes()

    def _redirects(self) -> None:
        listed = self.app.attributes.get("redirect_urls")
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            url = text(item)
            if url and not urls.is_url(url):
                message = f"the redirect URL {_shown(item)} isn't a URL"
                self.said.error(
                    "redirect-url", message, self.app, f"redirect_urls.{index}", "write it with https://"
                )
            elif url and urls.is_insecure(url):
                message = (
                    f"the redirect URL {_shown(item)} is plain http, which shows sign-ins to the network"
                )
                hint = "use https; plain http is for this machine only"
                self.said.error("insecure-url", message, self.app, f"redirect_urls.{index}", hint)

    def _scopes(self) -> None:
        for attribute in ("scopes", "user_authorized_scopes"):
            listed = self.app.attributes.get(attribute)
            for index, item in enumerate(listed if isinstance(listed, list) else ()):
                self._scope(item, f"{attribute}.{index}")
        asked, granted = self.app.attributes.get("user_authorized_scopes"), self.app.attributes.get("scopes")
        extra = set(_words(asked)) - set(_words(granted)) - {""}
        if extra and isinstance(granted, list) and not any(map(is_unknown, granted)):
            message = f"user_authorized_scopes names scopes that scopes doesn't: {listing(extra)}"
            hint = "add them to scopes"
            self.said.error("scopes-subset", message, self.app, "user_authorized_scopes", hint)

    def _scope(self, item: Value, path: str) -> None:
        scope = text(item)
        if not scope or isinstance(item, Sourced) or scope in _SCOPES:
            return
        root = re.split(r"[:.]", scope)[0]
        if root == scope or root not in _SCOPES:
            hint = suggestion(scope, _SCOPES, "Databricks may know it; check the spelling")
            self.said.warning(
                "unknown-scope", f"the scope {scope} isn't one that this tool knows", self.app, path, hint
            )


@dataclass(frozen=True)
class _Integration:
    """An integration with what it refers to."""

    integration: Resource
    resources: Mapping[Address, Resource]
    providers: Mapping[str, ProviderSpec]
    handed: Mapping[str, Mapping[str, Value]]
    said: _Said
    templates: tuple[str, ...]

    def check(self) -> None:
        """All its rules."""
        self._template()
        self._host()
        if self._is_service and "auth_mode" in self._config:
            message = "auth_mode has no meaning for a Service Account"
            self.said.error("auth-mode-unused", message, self.integration, "config.auth_mode", "remove it")
        self._secret()
        self._pair()
        app = self._app
        if app and self._is_viewer:
            self._redirect(app)
            self._mode(app)
            self._offline(app)

    @property
    def _config(self) -> Mapping[str, Value]:
        config = self.integration.attributes.get("config")
        return config if isinstance(config, Mapping) else {}

    @property
    def _name(self) -> str:
        return str(self.integration.address)

    @property
    def _is_service(self) -> bool:
        return text(self._config.get("auth_type")) == _SERVICE

    @property
    def _is_viewer(self) -> bool:
        return text(self._config.get("auth_type", "Viewer")) == "Viewer"

    @property
    def _is_public(self) -> bool:
        return text(self._config.get("auth_mode")) == "Public"

    @property
    def _is_confidential(self) -> bool:
        return text(self._config.get("auth_mode", "Confidential")) == "Confidential"

    @property
    def _app(self) -> Resource | None:
        client = self._config.get("client_id")
        return (
            self.resources.get(client.address)
            if isinstance(client, Ref) and client.address.kind == "oauth_apps"
            else None
        )

    def _template(self) -> None:
        template = text(self.integration.attributes.get("template"))
        close = meant(template, self.templates) if template not in self.templates else ""
        if close and template not in ("openai", "anthropic"):
            message = f"the template {template} isn't one that this tool knows: its keys aren't checked"
            self.said.warning(
                "unknown-template", message, self.integration, "template", f"did you mean {close}?"
            )

    def _host(self) -> None:
        host = self._config.get("workspace_host")
        if text(host) and not _BARE_HOST.fullmatch(text(host)):
            message = f"workspace_host {_shown(host)} must be a bare host name"
            hint = "leave out https://, the path and the slash: cust-success.cloud.databricks.com"
            self.said.error("host-form", message, self.integration, "config.workspace_host", hint)

    def _secret(self) -> None:
        template = text(self.integration.attributes.get("template"))
        has_secret = "client_secret" in self._config
        if has_secret and self._is_viewer and self._is_public:
            message = "a public client has no secret"
            hint = "remove client_secret, or make it auth_mode: Confidential"
            self.said.error("secret-unused", message, self.integration, "config.client_secret", hint)
        needs = self._is_viewer and self._is_confidential and template in _WITH_SECRET
        needs = needs or (self._is_service and template in _SERVICE_WITH_SECRET)
        if needs and not has_secret and self._config and self.said.is_sure(self.integration):
            what = "a Service Account" if self._is_service else "a confidential integration"
            hint = "add client_secret: ${KIND.KEY.client_secret}" + (
                "" if self._is_service else ", or auth_mode: Public"
            )
            self.said.error(
                "secret-missing",
                f"{what} needs client_secret",
                self.integration,
                "config.client_secret",
                hint,
            )

    def _pair(self) -> None:
        client, secret = self._config.get("client_id"), self._config.get("client_secret")
        if isinstance(secret, SecretInput):
            self._handed_pair(client, secret)
        if not (isinstance(client, Ref) and isinstance(secret, Ref) and secret.is_secret):
            return
        if client.address != secret.address:
            message = f"client_id is taken from {client.address} and client_secret from {secret.address}"
            hint = f"write ${{{client.address}.client_secret}}"
            ignored = self.integration.lifecycle.ignores("config.client_id")
            path = "config.client_id" if ignored else "config.client_secret"
            self.said.error("pair-mismatch", message, self.integration, path, hint)

    def _handed_pair(self, client: Value, secret: SecretInput) -> None:
        """A secret from a handoff goes with a client_id that the same handoff has, if it has any."""
        clear = self.handed.get(secret.source, {})
        partner = secret.expression.rpartition(".")[2].rstrip("}").replace("client_secret", "client_id")
        ids = (
            [clear[partner]] if partner in clear else [v for k, v in clear.items() if k.endswith("client_id")]
        )
        if ids and not is_unknown(client) and text(client) not in ids:
            message = f"client_secret is {secret.expression}, and client_id isn't what belongs to it"
            hint = "take both from one handoff" + (
                f": {secret.expression.rpartition('.')[0]}.{partner}}}" if partner in clear else ""
            )
            self.said.error("pair-mismatch", message, self.integration, "config.client_secret", hint)

    def _redirect(self, app: Resource) -> None:
        server = self.providers.get(self.integration.provider)
        listed = app.attributes.get("redirect_urls", [])
        if not server or not server.address or not isinstance(listed, list) or not self.said.is_sure(app):
            return
        known = {urls.comparable(text(item)) for item in listed}
        if server.callback_url not in known and not any(map(is_unknown, listed)):
            message = f"{self._name} uses this app on {server.name}, whose callback URL isn't listed"
            hint = f"add ${{providers.{server.name}.callback_url}} to redirect_urls"
            self.said.error("redirect-missing", message, app, "redirect_urls", hint)

    def _mode(self, app: Resource) -> None:
        confidential = app.attributes.get("confidential")
        if not isinstance(confidential, bool) or not self.said.is_sure(self.integration, app):
            return
        mode, fitting = ("public", "Public") if not confidential else ("confidential", "Confidential")
        if (confidential and self._is_public) or (not confidential and self._is_confidential):
            stated = "auth_mode is" if "auth_mode" in self._config else "auth_mode is left out, which means"
            message = (
                f"{stated} {'Confidential' if not confidential else 'Public'}, and {app.address} is {mode}"
            )
            hint = f"write auth_mode: {fitting}, or change confidential of the app"
            self.said.error("mode-mismatch", message, self.integration, "config.auth_mode", hint)

    def _offline(self, app: Resource) -> None:
        scopes = app.attributes.get("scopes")
        if not isinstance(scopes, list) or any(map(is_unknown, scopes)) or "offline_access" in _words(scopes):
            return
        message = f"{self._name} signs people in through this app, which has no offline_access scope"
        hint = "add offline_access, or people must sign in again every hour"
        self.said.warning("offline-access", message, app, "scopes", hint)


def resource_cycles(resources: Mapping[Address, Resource]) -> Iterator[tuple[Address, ...]]:
    """Rings of resources that wait for each other, first and last the same."""
    waiting = {
        address: set(resource.depends_on) & resources.keys() for address, resource in resources.items()
    }
    for _ in range(_MAX_RINGS):
        ring = _ring(waiting)
        if not ring:
            return
        yield ring
        waiting.update((address, set()) for address in ring)


def _ring(waiting: Mapping[Address, set[Address]]) -> tuple[Address, ...]:
    try:
        TopologicalSorter(waiting).prepare()
    except CycleError as error:
        # graphlib tells of one ring at a time, each member needed by the next
        return tuple(reversed(error.args[1]))
    return ()
