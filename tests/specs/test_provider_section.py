"""Where the remote systems are: one form per address, defaults of the environment, and what they lend."""

from __future__ import annotations

import pytest

from reconciler.model import Sourced
from reconciler.specs import urls

ADDRESSES = {
    "https://connect.example.org": "https://connect.example.org",
    "https://Connect.Example.org:443/": "https://connect.example.org",
    "https://connect.example.org/__api__": "https://connect.example.org",
    "https://connect.example.org/dev/__api__/": "https://connect.example.org/dev",
    "https://connect.example.org/Dev//": "https://connect.example.org/Dev",
    "https://connect.example.org:8443/x": "https://connect.example.org:8443/x",
    "connect.example.org": "https://connect.example.org",
    "connect.example.org:3939/x/": "https://connect.example.org:3939/x",
    "HTTPS://connect.example.org": "https://connect.example.org",
    "http://localhost:80/": "http://localhost",
    "http://127.0.0.1:8765": "http://127.0.0.1:8765",
    "http://[::1]:8765/": "http://[::1]:8765",
    " https://connect.example.org ": "https://connect.example.org",
}


@pytest.mark.parametrize("written", ADDRESSES)
def test_an_address_has_one_form(written):
    assert urls.provider_address(written) == ADDRESSES[written]
    assert urls.provider_address(ADDRESSES[written]) == ADDRESSES[written]


BROWSED = {
    (
        "databricks",
        "https://accounts.cloud.databricks.com/login?account_id=7a99",
    ): "accounts.cloud.databricks.com",
    ("databricks", "https://accounts.azuredatabricks.net/#/users"): "accounts.azuredatabricks.net",
    ("databricks", "accounts.gcp.databricks.com/api/2.0/"): "accounts.gcp.databricks.com",
    ("connect", "https://connect.example.org/connect/#/content/listing"): "connect.example.org",
    ("connect", "https://example.org/prod/connect/#/apps/1"): "example.org/prod",
    ("connect", "https://example.org/connect/"): "example.org/connect",
}


@pytest.mark.parametrize(("kind", "written"), BROWSED)
def test_an_address_out_of_a_browser_is_cut_down(specs, kind, written):
    spec = f"version: 1\nstack: x\nproviders:\n  p: {{type: {kind}, ACCOUNT}}\n"
    account = "account_id: a" if kind == "databricks" else "api_key: '${env.K}'"
    field = "host" if kind == "databricks" else "url"
    stated = specs.load(spec.replace("ACCOUNT", f"{account}, {field}: '{written}'"), K="k")
    variable = {"DATABRICKS_HOST" if kind == "databricks" else "CONNECT_SERVER": written}
    found = specs.load(spec.replace("ACCOUNT", account), K="k", **variable)
    for stack in (stated, found):
        assert stack.providers["p"].address == f"https://{BROWSED[kind, written]}"


@pytest.mark.parametrize(
    ("type_and_more", "variables"),
    [
        ("connect", {"CONNECT_SERVER": "https://x.example.org?a=1"}),
        ("connect, url: 'https://x.example.org?a=1'", {}),
        ("databricks, account_id: a", {"DATABRICKS_HOST": "https://u@x.example.org"}),
        ("databricks, host: h", {"DATABRICKS_ACCOUNT_ID": "../x"}),
    ],
)
def test_a_wrong_address_is_one_error_and_not_a_missing_one_besides(specs, type_and_more, variables):
    spec = f"version: 1\nstack: x\nproviders:\n  p: {{type: {type_and_more}}}\n"
    (found,) = specs.problems(spec, **variables)
    assert found.code in ("provider-address", "account-id")
    assert ("databricks" in found.hint) == ("DATABRICKS_HOST" in variables)


@pytest.mark.parametrize(
    "host",
    [
        "adb-1234567890123456.7.azuredatabricks.net",
        "dbc-a1b2c3d4-e5f6.cloud.databricks.com",
        "1234567890123456.7.gcp.databricks.com",
    ],
)
def test_the_host_of_a_workspace_is_no_account(specs, host):
    spec = f"version: 1\nstack: x\nproviders:\n  p: {{type: databricks, account_id: a, host: {host}}}\n"
    (found,) = specs.problems(spec)
    assert (found.code, found.at.line) == ("provider-address", 4)
    assert "workspace" in found.message
    assert "https://accounts." in found.hint


def test_a_file_of_profiles_may_hold_what_is_missing(specs, tmp_path):
    (tmp_path / ".databrickscfg").write_text("[DEFAULT]\n")
    spec = "version: 1\nstack: x\nproviders:\n  d: {type: databricks}\n"
    assert specs.codes(spec, HOME=str(tmp_path)) == []
    assert specs.codes(spec, HOME="/", DATABRICKS_CONFIG_FILE=str(tmp_path / ".databrickscfg")) == []
    assert specs.codes(spec, HOME=str(tmp_path / "no")) == ["provider-unset"] * 2


@pytest.mark.parametrize(
    "written",
    ["ftp://x", "https://", "https://u:p@x", "https://u@x", "https://x?o=1", "https://x#a",
     "https://x:99999", "https://a b",
     "http://[::1", "https:///path", "a\\b", "${x}", "https://x\\@evil.example.org", "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_address_is_refused(specs, written):
    with pytest.raises(urls.AddressError):
        urls.provider_address(written)
    spec = "version: 1\nstack: x\nproviders:\n  c:\n    type: connect\n    url: ${env.U}\n"
    (found,) = specs.problems(spec, U=written)
    assert (found.code, found.address, found.at.line) == ("provider-address", "providers.c", 6)
    assert written not in found.message


ALLOWED = {
    ("https://a.example.org", "a.example.org"): True,
    ("https://a.example.org", "b.example.org, A.example.org"): True,
    ("https://a.example.org", "*.example.org"): True,
    ("https://example.org", "*.example.org"): False,
    ("https://evilexample.org", "*.example.org"): False,
    ("https://a.example.org.evil.com", "a.example.org *.example.org"): False,
    ("https://a.example.org", "a.example.org:443"): True,
    ("https://a.example.org:8443", "a.example.org:443"): False,
    ("https://a.example.org:8443", "a.example.org"): True,
    ("http://[::1]:80", "[::1]:80"): True,
    ("http://[::1]:81", "[::1]:80"): False,
    ("http://[::1]:81", "[::1]"): True,
}


@pytest.mark.parametrize(("address", "listed"), ALLOWED)
def test_listed_hosts_are_allowed(address, listed):
    assert urls.is_allowed(address, listed) is ALLOWED[address, listed]


def test_a_host_that_is_not_listed_is_refused(specs, head):
    (found,) = specs.problems(head, RECONCILE_ALLOWED_HOSTS="*.cloud.databricks.com")
    assert (found.code, found.address, found.at.line, found.at.column) == (
        "host-not-allowed",
        "providers.connect",
        5,
        28,
    )
    assert specs.codes(head, RECONCILE_ALLOWED_HOSTS="*.cloud.databricks.com connect.example.org") == []
    bare = "version: 1\nstack: x\nproviders: {c: {type: connect}}\n"
    assert specs.codes(bare, RECONCILE_ALLOWED_HOSTS="a", CONNECT_SERVER="https://b") == ["host-not-allowed"]


def test_addresses_default_to_the_environment(specs):
    spec = "version: 1\nstack: x\nproviders: {d: {type: databricks}, c: {type: connect}}\n"
    environment = {
        "DATABRICKS_HOST": "https://H.example.org/",
        "DATABRICKS_ACCOUNT_ID": "a-1",
        "CONNECT_SERVER": "c.example.org/__api__",
    }
    providers = specs.load(spec, **environment).providers
    assert (providers["d"].address, providers["d"].account_id) == ("https://h.example.org", "a-1")
    assert providers["c"].address == "https://c.example.org"
    assert providers["d"].from_environment
    assert providers["c"].from_environment
    named = specs.load(
        spec.replace("{type: connect}", "{type: connect, url: other.example.org}"), **environment
    )
    assert not named.providers["c"].from_environment


def test_an_address_that_nobody_names_is_said_so(specs):
    spec = "version: 1\nstack: x\nproviders:\n  d: {type: databricks}\n  c: {type: connect}\n"
    found = specs.problems(spec)
    assert [(p.code, p.address, p.at.line) for p in found] == [
        ("provider-unset", "providers.d", 4),
        ("provider-unset", "providers.d", 4),
        ("provider-unset", "providers.c", 5),
    ]  # fmt: skip
    assert {word for p in found for word in p.hint.split() if word.isupper()} == {
        "DATABRICKS_HOST", "DATABRICKS_ACCOUNT_ID", "CONNECT_SERVER",
    }  # fmt: skip
    assert {p.severity.value for p in specs.problems(spec, strict=False)} == {"warning"}
    # a profile may hold what is missing
    assert specs.codes(spec.replace("{type: databricks}", "{type: databricks, profile: prod}")) == [
        "provider-unset"
    ]


@pytest.mark.parametrize("account", ["../x", "a/b", "a b", "7?x"])
def test_an_account_id_is_no_path(specs, account):
    spec = f"version: 1\nstack: x\nproviders: {{d: {{type: databricks, host: h, account_id: '{account}'}}}}\n"
    assert specs.codes(spec) == ["account-id"]


def test_plain_http_is_for_this_machine_only(specs):
    spec = "version: 1\nstack: x\nproviders:\n  w: {type: workbench, url: 'http://%s'}\n"
    assert specs.complaints(spec % "w.example.org") == ["insecure-url 4:24"]
    for here in ("localhost", "x.localhost:1", "127.0.0.1", "127.1.2.3:8765", "[::1]:80"):
        assert specs.codes(spec % here) == []


def test_what_a_provider_lends_shows_no_value_of_a_strange_variable(specs):
    spec = """\
    version: 1
    stack: x
    providers:
      d: {type: databricks, host: "${env.DATABRICKS_HOST}", account_id: a}
      c: {type: connect, url: "${env.OUR_SERVER}/x"}
    oauth_apps: {a: {scopes: [sql], redirect_urls: ["${providers.c.callback_url}", "${providers.d.host}/y"]}}
    """
    environment = {"OUR_SERVER": "https://Inner.example.org", "DATABRICKS_HOST": "https://d.example.org"}
    first, second = specs.resource("oauth_apps.a", spec, **environment).attributes["redirect_urls"]
    value = "https://inner.example.org/x/__oauth__/integrations/callback"
    assert first == Sourced("env OUR_SERVER", value, "${providers.c.callback_url}")
    assert second == "https://d.example.org/y"


CHOICES = {
    "": ("provider-ambiguous", "one, two"),
    "provider: tow": ("provider-unknown", "did you mean two?"),
    "provider: databricks": ("provider-type", "one, two"),
    "provider: '${env.X}'": ("provider-unknown", "name"),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_resource_needs_one_provider_of_its_type(specs, choice):
    spec = f"""\
version: 1
stack: x
providers:
  databricks: {{type: databricks, host: h, account_id: a}}
  one: {{type: connect, url: o.example.org}}
  two: {{type: connect, url: t.example.org}}
connect_integrations:
  i: {{template: ours, config: {{}}, {choice}}}
"""
    (found,) = specs.problems(spec, X="one")
    assert (found.code, found.address, found.at.line) == (CHOICES[choice][0], "connect_integrations.i", 8)
    assert CHOICES[choice][1] in found.text
    chosen = spec.replace(choice, "").replace("config: {},", "config: {}, provider: two,")
    assert specs.resource("connect_integrations.i", chosen).provider == "two"


def test_a_resource_without_any_provider_of_its_type_says_so(specs):
    assert specs.codes("version: 1\nstack: x\nservice_principals: {s: {}}\n") == ["provider-missing"]


def test_a_certificate_is_looked_for_beside_the_file_that_names_it(specs):
    specs.write(
        "providers: {c: {type: connect, url: c.example.org, ca_certificate: tls/ca.pem}}\n", "shared/p.yaml"
    )
    stack = specs.load("version: 1\nstack: x\nimports: [shared/p.yaml]\n")
    assert stack.providers["c"].settings["ca_certificate"] == "shared/tls/ca.pem"
