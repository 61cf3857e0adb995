"""Secrets come by reference only, land in secret fields only, and the tool's own credentials never do."""

from __future__ import annotations

import pytest

from reconciler.kinds import reference_to
from reconciler.model import Address, SecretInput
from reconciler.providers import KINDS
from reconciler.specs.reserved_variables import fits_provider, is_credential

LITERALS = {
    "plain text": "s3cr3t-value",
    "a number": "12345",
    "nothing": "",
    "a list": "[s3cr3t-value]",
    "text around a reference": "s3cr3t-value${env.S}",
    "a default": "${env.S:-s3cr3t-value}",
    "an empty default": "${env.S:-}",
    "two references": "${env.S}${env.T}",
    "an escaped reference": "$${env.S}",
    "a variable that is a literal": "${vars.literal}",
    "a variable from the environment": "${vars.sourced}",
    "an address": "${providers.connect.url}",
    "an identifier": "${oauth_apps.app.client_id}",
    "an attribute": "${oauth_apps.app.name}",
}


@pytest.mark.parametrize("kind", LITERALS)
def test_a_secret_field_takes_nothing_but_a_reference_to_a_secret(specs, head, kind):
    spec = f"""{head}vars: {{literal: s3cr3t-value, sourced: "${{env.S}}"}}
oauth_apps:
  app: {{scopes: [sql], name: a}}
connect_integrations:
  i:
    template: github
    config:
      client_id: x
      client_secret: {LITERALS[kind]}
"""
    found = specs.problems(spec, S="s3cr3t-value", T="t")
    assert [(p.code, p.address, p.at.line, p.at.column) for p in found] == [
        ("literal-secret", "connect_integrations.i", 14, 7)
    ]
    assert "s3cr3t" not in str(found)


def test_a_secret_through_a_variable_is_refused_even_where_it_is_unset(specs, head):
    spec = head + "vars: {s: '${env.S}'}\n"
    spec += "connect_integrations: {i: {template: ours, config: {client_secret: '${vars.s}'}}}\n"
    assert specs.codes(spec, strict=False) == ["env-unset", "literal-secret"]


def test_a_whole_config_from_a_variable_brings_no_secret_with_it(specs, head):
    spec = head + "vars: {c: {client_id: x, client_secret: '${env.S}'}}\n"
    spec += "connect_integrations: {i: {template: github, config: '${vars.c}'}}\n"
    assert specs.codes(spec, S="s") == ["literal-secret"]


def test_secrets_of_any_template_are_known_by_their_names(specs, head):
    config = "{api_key: one, private_key: two, aws_secret: three, token_uri: https://x}"
    found = specs.problems(f"{head}connect_integrations: {{i: {{template: ours, config: {config}}}}}")
    assert [p.code for p in found] == ["literal-secret"] * 3


@pytest.mark.parametrize(
    "name",
    ["ANTHROPIC_API_KEY", "apiKey", "token", "credentials", "Client_Secret", "dbPassword", "auth-token"],
)
def test_a_secret_is_one_however_its_name_is_spelled(specs, head, name):
    spec = f"{head}connect_integrations: {{i: {{template: ours, config: {{{name}: %s}}}}}}"
    assert specs.codes(spec % "s3cr3t-value") == ["literal-secret"]
    config = specs.resource("connect_integrations.i", spec % "'${env.S}'", S="s").attributes["config"]
    assert isinstance(config[name], SecretInput)


def test_supplied_secrets_are_wrapped_and_may_be_absent(specs, head):
    specs.write("from-a-file\n", "secret.txt")
    config = "{client_id: x, client_secret: '${env.S}', api_key: '${file.secret.txt}'}"
    spec = f"{head}connect_integrations: {{i: {{template: ours, config: {config}}}}}"
    config = specs.resource("connect_integrations.i", spec, S="s3cr3t").attributes["config"]
    assert [type(config[key]) for key in ("client_secret", "api_key")] == [SecretInput, SecretInput]
    assert config["client_secret"].secret.reveal() == "s3cr3t"
    assert config["api_key"].secret.reveal() == "from-a-file"
    assert config["client_secret"].source == "env S"
    assert "s3cr3t" not in repr(config)
    stack = specs.load(spec)  # strict: plans need no secrets
    assert [(p.code, p.severity.value) for p in stack.problems] == [("env-unset", "warning")]
    address = Address("connect_integrations", "i")
    assert stack.resources[address].attributes["config"]["client_secret"].secret is None


EXPOSED = {
    "by itself": "${oauth_apps.app.client_secret}",
    "inside text": "the ${oauth_apps.app.client_secret} is",
    "through another integration": "${connect_integrations.i.config.client_secret}",
    "of a service principal": "${service_principals.sp.client_secret}",
}


@pytest.mark.parametrize("way", EXPOSED)
def test_a_secret_is_not_put_where_people_can_read_it(specs, head, way):
    spec = f"""{head}service_principals: {{sp: {{}}}}
oauth_apps: {{app: {{scopes: [sql]}}}}
connect_integrations:
  i: {{template: github, config: {{client_id: x, client_secret: "${{env.S}}"}}}}
  j:
    description: {EXPOSED[way]}
    template: ours
    config: {{}}
"""
    found = specs.problems(spec, S="s3cr3t")
    assert [(p.code, p.address, p.at.line) for p in found] == [
        ("secret-exposed", "connect_integrations.j", 11)
    ]


def test_a_config_that_is_copied_keeps_its_secrets_secret(specs, head):
    spec = f"""{head}connect_integrations:
  i: {{template: github, config: {{client_id: x, client_secret: "${{env.S}}"}}}}
  j: {{template: ours, config: {{nested: "${{connect_integrations.i.config}}"}}}}
"""
    nested = specs.resource("connect_integrations.j", spec, S="s").attributes["config"]["nested"]
    assert isinstance(nested["client_secret"], SecretInput)


CREDENTIALS = [
    "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_TOKEN", "DATABRICKS_PASSWORD",
    "ARM_CLIENT_SECRET",
    "CONNECT_API_KEY", "GOOGLE_CREDENTIALS", "DATABRICKS_OIDC_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "RECONCILE_AGE_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY",
    "OUR_OIDC",
]  # fmt: skip
PLACES = {
    "a plain field": 'oauth_apps: {a: {scopes: [sql], name: "${env.%s}"}}',
    "text": 'oauth_apps: {a: {scopes: [sql], name: "x ${env.%s:-y}"}}',
    "a secret field": 'connect_integrations: {i: {template: ours, config: {client_secret: "${env.%s}"}}}',
    "a variable": 'vars: {a: {b: ["${env.%s}"]}}',
    "the ledger": 'ledger: {url: "s3://${env.%s}/"}',
    "an adoption": (
        'oauth_apps: {a: {scopes: [sql], lifecycle: {adopt: {id: x, client_secret: "${env.%s}"}}}}'
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CREDENTIALS)
def test_the_tools_own_credentials_cannot_be_taken(specs, head, name, place):
    environment = {name: "s3cr3t", "DATABRICKS_OIDC_TOKEN_ENV": "OUR_OIDC"}
    found = specs.problems(f"{head}{PLACES[place] % name}\n", **environment)
    assert [p.code for p in found] == ["credential-reference"]
    assert "s3cr3t" not in str(found)


PROVIDERS = {
    "{type: connect, url: https://c, api_key: '${env.CONNECT_API_KEY}'}": [],
    "{type: connect, url: https://c, api_key: '${env.STAGE_API_KEY}'}": [],
    "{type: databricks, host: h, account_id: a, client_id: '${env.DATABRICKS_CLIENT_ID}'}": [],
    "{type: databricks, host: h, account_id: a, client_secret: '${env.DATABRICKS_CLIENT_SECRET}'}": [],
    "{type: databricks, host: h, account_id: a, token: '${env.DATABRICKS_TOKEN}'}": [],
    # one system's credential sent to another, or shown
    "{type: connect, url: https://c, api_key: '${env.DATABRICKS_TOKEN}'}": ["credential-reference"],
    "{type: databricks, host: h, account_id: a, token: '${env.CONNECT_API_KEY}'}": ["credential-reference"],
    "{type: databricks, host: h, account_id: a, token: '${env.AWS_SECRET_ACCESS_KEY}'}": [
        "credential-reference"
    ],
    "{type: databricks, host: h, account_id: a, client_id: '${env.DATABRICKS_TOKEN}'}": [
        "credential-reference"
    ],
    "{type: databricks, host: h, account_id: a, profile: '${env.DATABRICKS_TOKEN}'}": [
        "credential-reference"
    ],
    "{type: connect, url: 'https://${env.CONNECT_API_KEY}.example.org'}": ["credential-reference"],
    "{type: connect, url: 'https://x/${env.GITHUB_TOKEN}'}": ["credential-reference"],
    "{type: workbench, url: 'https://x/${env.MY_PASSWORD}'}": ["credential-reference"],
    "{type: connect, url: 'https://x/${file.f}'}": ["credential-reference"],
    "{type: connect, url: https://c, api_key: literal}": ["literal-secret"],
    "{type: connect, url: https://c, api_key: '${vars.k}'}": ["literal-secret"],
    "{type: databricks, host: h, account_id: a, token: 7}": ["literal-secret"],
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_takes_credentials_of_its_own_system_where_they_stay_hidden(specs, provider):
    specs.write("token", "f")
    names = [
        "CONNECT_API_KEY",
        "STAGE_API_KEY",
        "DATABRICKS_CLIENT_ID",
        "DATABRICKS_CLIENT_SECRET",
        "DATABRICKS_TOKEN",
    ]
    names += ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MY_PASSWORD", "K"]
    spec = f"version: 1\nstack: x\nvars: {{k: '${{env.K}}'}}\nproviders: {{p: {provider}}}\n"
    found = specs.problems(spec, **dict.fromkeys(names, "s3cr3t"))
    assert [p.code for p in found] == PROVIDERS[provider]
    assert "s3cr3t" not in str(found)


def test_provider_secrets_are_wrapped(specs):
    spec = "version: 1\nstack: x\nproviders: {c: {type: connect, url: c.example.org, api_key: '${env.K}'}}\n"
    key = specs.load(spec, K="s3cr3t").providers["c"].settings["api_key"]
    assert isinstance(key, SecretInput)
    assert key.secret.reveal() == "s3cr3t"


def test_names_of_credentials_are_known_in_any_case():
    assert is_credential("databricks_token", {})
    assert not is_credential("DATABRICKS_HOST", {})
    assert not is_credential("", {})
    assert not fits_provider("connect_api_key", "databricks", "token", is_secret=True)


def test_a_secret_reference_of_an_app_is_kept_as_a_reference(specs, head, app, viewer):
    config = specs.resource("connect_integrations.viewer", head + app + viewer).attributes["config"]
    assert config["client_secret"] == reference_to(KINDS, Address("oauth_apps", "app"), "client_secret")
