"""Whether apps, service principals and integrations fit each other: what is said, about whom, and where."""

from __future__ import annotations

import pytest

SPEC = """\
version: 1
stack: test
providers:
  databricks: {type: databricks, host: accounts.cloud.databricks.com, account_id: abc}
  one: {type: connect, url: https://One.example.org:443/prefix/}
  two: {type: connect, url: https://two.example.org}
oauth_apps:
  app:
    redirect_urls:
      - ${providers.one.callback_url}
    scopes: [all-apis, offline_access]
    confidential: true
service_principals:
  sp: {}
connect_integrations:
  viewer:
    provider: one
    template: databricks
    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: team.cloud.databricks.com
      client_id: ${oauth_apps.app.client_id}
      client_secret: ${oauth_apps.app.client_secret}
  service:
    provider: two
    template: databricks
    config:
      auth_type: Service Account
      workspace_host: team.cloud.databricks.com
      client_id: ${service_principals.sp.client_id}
      client_secret: ${service_principals.sp.client_secret}
"""


def test_what_fits_is_fine(specs):
    assert specs.codes(SPEC) == []


# what is replaced → by what → the problems: code, address, line
CASES = {
    "another server's callback": (
        "provider: one", "provider: two", [("redirect-missing", "oauth_apps.app", 9)],
    ),
    "no redirect URLs at all": (
        "    redirect_urls:\n      - ${providers.one.callback_url}\n", "",
        [("redirect-missing", "oauth_apps.app", 8)],
    ),
    "a callback URL with other case and port": (
        "${providers.one.callback_url}",
        "https://ONE.example.org:443/prefix/__oauth__/integrations/callback", [],
    ),
    "a callback URL without the prefix": (
        "${providers.one.callback_url}", "https://one.example.org/__oauth__/integrations/callback",
        [("redirect-missing", "oauth_apps.app", 9)],
    ),
    "a callback URL with a slash too many": (
        "${providers.one.callback_url}", "https://one.example.org/prefix/__oauth__/integrations/callback/",
        [("redirect-missing", "oauth_apps.app", 9)],
    ),
    "a public app for a confidential integration": (
        "confidential: true", "confidential: false", [("mode-mismatch", "connect_integrations.viewer", 21)],
    ),
    "a public app for an integration that is confidential by default": (
        "auth_mode: Confidential", "scopes: sql", [],
    ),
    "a public integration of a confidential app": (
        "auth_mode: Confidential", "auth_mode: Public",
        [
            ("mode-mismatch", "connect_integrations.viewer", 21),
            ("secret-unused", "connect_integrations.viewer", 24),
        ],
    ),
    "no secret for a confidential integration": (
        "      client_secret: ${oauth_apps.app.client_secret}\n", "",
        [("secret-missing", "connect_integrations.viewer", 19)],
    ),
    "no secret for a service account": (
        "      client_secret: ${service_principals.sp.client_secret}\n", "",
        [("secret-missing", "connect_integrations.service", 28)],
    ),
    "the secret of another object": (
        "client_secret: ${oauth_apps.app.client_secret}",
        "client_secret: ${service_principals.sp.client_secret}",
        [("pair-mismatch", "connect_integrations.viewer", 24)],
    ),
    "no offline access": (
        "[all-apis, offline_access]", "[all-apis]", [("offline-access", "oauth_apps.app", 11)],
    ),
    "a scope that nobody knows": (
        "[all-apis, offline_access]", "[all-apis, offline_acces, offline_access]",
        [("unknown-scope", "oauth_apps.app", 11)],
    ),
    "a part of a known scope": (
        "[all-apis, offline_access]", "['iam.groups:read', 'sql:read', offline_access]", [],
    ),
    "authorised scopes that aren't scopes": (
        "confidential: true", "user_authorized_scopes: [sql]", [("scopes-subset", "oauth_apps.app", 12)],
    ),
    "refresh tokens shorter than access tokens": (
        "confidential: true",
        "token_access_policy:\n      access_token_ttl_in_minutes: 60\n      refresh_token_ttl_in_minutes: 59",
        [("ttl-order", "oauth_apps.app", 14)],
    ),
    "refresh tokens as long as access tokens": (
        "confidential: true",
        "token_access_policy: {access_token_ttl_in_minutes: 60, refresh_token_ttl_in_minutes: 60}", [],
    ),
    "a session without single use": (
        "confidential: true", "token_access_policy: {absolute_session_lifetime_in_minutes: 60}",
        [("session-lifetime", "oauth_apps.app", 12)],
    ),
    "a plain http redirect": (
        "confidential: true", "confidential: true\n  other: {scopes: [sql], redirect_urls: [http://x.example.org/y]}",
        [("insecure-url", "oauth_apps.other", 13)],
    ),
    "a plain http redirect to this machine": (
        "confidential: true",
        "confidential: true\n  other: {scopes: [sql], redirect_urls: [http://localhost:8020]}", [],
    ),
    "a redirect that is no URL": (
        "confidential: true", "confidential: true\n  other: {scopes: [sql], redirect_urls: [x.example.org]}",
        [("redirect-url", "oauth_apps.other", 13)],
    ),
    "a mode for a service account": (
        "auth_type: Service Account", "auth_type: Service Account\n      auth_mode: Confidential",
        [("auth-mode-unused", "connect_integrations.service", 30)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_fit_is_blamed_on_what_has_to_change(specs, name):
    old, new, expected = CASES[name]
    assert old in SPEC
    found = specs.problems(SPEC.replace(old, new, 1))
    assert [(p.code, p.address, p.at.line) for p in found] == expected
    warnings = {"offline-access", "unknown-scope"}
    assert all((p.severity.value == "warning") == (p.code in warnings) for p in found)
    assert all(p.hint for p in found)


@pytest.mark.parametrize(
    "host", ["https://h.example.org", "h.example.org/", "h.example.org/x", "http://h", "h example"]
)
def test_a_workspace_host_is_a_bare_host(specs, host):
    found = specs.problems(
        SPEC.replace("workspace_host: team.cloud.databricks.com", f"workspace_host: '{host}'", 1)
    )
    assert [(p.code, p.address, p.at.line) for p in found] == [
        ("host-form", "connect_integrations.viewer", 22)
    ]
    assert specs.codes(SPEC.replace("team.cloud.databricks.com", "${env.H}"), H="h.example.org") == []
    assert "host-form" in specs.codes(SPEC.replace("team.cloud.databricks.com", "${env.H}"), H=host)


def test_a_mode_that_is_left_out_counts_as_confidential(specs):
    spec = SPEC.replace("      auth_mode: Confidential\n", "")
    assert specs.codes(spec) == []
    found = specs.problems(spec.replace("confidential: true", "confidential: false"))
    assert [(p.code, p.at.line) for p in found] == [("mode-mismatch", 19)]


def test_a_public_pair_needs_no_secret(specs):
    spec = SPEC.replace("auth_mode: Confidential", "auth_mode: Public").replace(
        "confidential: true", "confidential: false"
    )
    assert specs.codes(spec.replace("      client_secret: ${oauth_apps.app.client_secret}\n", "")) == []


def test_a_service_account_needs_no_callback(specs):
    spec = SPEC.replace("auth_type: Viewer\n      auth_mode: Confidential", "auth_type: Service Account", 1)
    assert specs.codes(spec.replace("provider: one", "provider: two")) == []


def test_every_server_of_an_app_is_named_once(specs):
    second = SPEC[SPEC.index("  viewer:") : SPEC.index("  service:")].replace("viewer:", "viewer-two:")
    spec = SPEC.replace("  service:", second.replace("provider: one", "provider: two") + "  service:")
    (found,) = specs.problems(spec)
    assert found.code == "redirect-missing"
    assert "connect_integrations.viewer-two" in found.message
    assert "${providers.two.callback_url}" in found.hint


def test_what_is_misspelt_is_not_called_missing_as_well(specs):
    assert specs.codes(SPEC.replace("redirect_urls:", "redirect_url:")) == ["unknown-key"]
    assert specs.codes(SPEC.replace("      client_secret: ${oauth", "      client_secrets: ${oauth")) == [
        "unknown-key"
    ]
    assert specs.codes(SPEC.replace("    confidential: true", "    confidental: false")) == ["unknown-key"]


def test_what_is_not_known_offline_is_left_alone(specs):
    spec = SPEC.replace("${providers.one.callback_url}", "${env.CALLBACK}").replace(
        "all-apis", "${env.SCOPE}"
    )
    spec = spec.replace("[${env.SCOPE}, offline_access]", '["${env.SCOPE}"]')
    assert specs.codes(spec, strict=False) == ["env-unset", "env-unset"]
    spec = SPEC.replace("url: https://One.example.org:443/prefix/", "url: '${env.URL}'")
    assert specs.codes(spec, strict=False) == ["env-unset"]


def test_a_callback_from_the_environment_counts(specs):
    spec = SPEC.replace("${providers.one.callback_url}", "${env.BASE}/__oauth__/integrations/callback")
    assert specs.codes(spec, BASE="https://one.example.org/prefix") == []
    assert specs.codes(spec, BASE="https://one.example.org") == ["redirect-missing"]


@pytest.mark.parametrize("template", ["github", "custom", "azure"])
def test_other_templates_need_a_secret_too_unless_public(specs, head, template):
    keys = {"custom": "token_uri: u, authorization_uri: u, ", "azure": "tenant_id: t, "}.get(template, "")
    spec = f"{head}connect_integrations: {{i: {{template: {template}, config: {{{keys}client_id: x}}}}}}\n"
    assert specs.codes(spec) == ["secret-missing"]
    assert specs.codes(spec.replace("client_id: x", "client_id: x, auth_mode: Public")) == []


@pytest.mark.parametrize(
    "config",
    [
        "template: aws, config: {auth_type: Service Account, role_arn: r}",
        "template: connect, config: {max_role: Admin}",
        "template: openai, config: {}",
    ],
)
def test_templates_without_a_client_need_no_secret(specs, head, config):
    assert specs.codes(f"{head}connect_integrations: {{i: {{{config}}}}}\n") == []
