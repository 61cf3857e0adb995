"""A credential goes to its own host, whatever a spec names; Connect's key, too."""

from __future__ import annotations

import pytest
import responses

from reconciler import errors
from reconciler.model import ProviderSpec, SecretInput
from reconciler.providers import connect
from reconciler.secrets import Secret
from tests.providers.sign_in import (
    FOREIGN,
    HOST,
    M2M,
    OTHER,
    Make,
    secret_from,
)

# -- credentials stay at home


def test_the_environments_credential_goes_to_the_environments_host_only(make: Make) -> None:
    with pytest.raises(errors.CredentialError, match=f"DATABRICKS_HOST {HOST}") as caught:
        make({**M2M, "DATABRICKS_HOST": HOST}, OTHER)
    assert caught.value.code == "credential-elsewhere"
    assert "DATABRICKS_CLIENT_SECRET" in caught.value.message


@pytest.mark.parametrize(
    "variable", ["DATABRICKS_CLIENT_SECRET", "DATABRICKS_TOKEN", "CONNECT_API_KEY", "AWS_SECRET_ACCESS_KEY"]
)
def test_naming_a_conventional_variable_does_not_take_its_credential_elsewhere(
    make: Make, variable: str
) -> None:
    with pytest.raises(errors.CredentialError) as caught:
        make({"DATABRICKS_HOST": HOST}, OTHER, token=secret_from(variable))
    assert caught.value.code == "credential-elsewhere"
    assert "dosevalue" not in str(caught.value)


def test_a_conventional_variable_inside_longer_text_is_found_as_well(make: Make) -> None:
    hidden = SecretInput("env X", "x${env.X}${env.DATABRICKS_TOKEN}", Secret("v"))
    with pytest.raises(errors.CredentialError) as caught:
        make({"DATABRICKS_HOST": HOST}, OTHER, token=hidden)
    assert caught.value.code == "credential-elsewhere"


def test_a_second_account_signs_in_with_variables_of_its_own(make: Make) -> None:
    api = make({**M2M, "DATABRICKS_HOST": HOST}, OTHER, client_id="c2", client_secret=secret_from("SECOND"))
    assert api.signed_in_as == "client_id c2"


def test_the_same_host_in_other_words_is_the_same_host(make: Make) -> None:
    api = make({**M2M, "DATABRICKS_HOST": "ACCOUNTS.cloud.databricks.com:443/"})
    assert api.signed_in_as == "client_id cid"


@pytest.mark.parametrize("auth_type", ["github-oidc", "env-oidc", "azure-cli"])
def test_an_ambient_identity_stays_at_home_even_if_the_spec_asks_for_it(make: Make, auth_type: str) -> None:
    environment = {
        "DATABRICKS_HOST": HOST,
        "DATABRICKS_OIDC_TOKEN": "jwt",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://gh.test/",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
    }
    with pytest.raises(errors.CredentialError) as caught:
        make(environment, OTHER, auth_type=auth_type)
    assert caught.value.code == "credential-elsewhere"


@pytest.mark.parametrize(
    ("allowed", "fits"),
    [
        ("accounts.cloud.databricks.com", True),
        ("a.test, ACCOUNTS.cloud.databricks.com", True),
        ("accounts.cloud.databricks.com:443", True),
        ("cloud.databricks.com", False),
        ("a.test", False),
    ],
)
def test_only_allowed_hosts_get_a_credential(make: Make, allowed: str, *, fits: bool) -> None:
    environment = {**M2M, "RECONCILE_ALLOWED_HOSTS": allowed}
    if fits:
        make(environment)
        return
    with pytest.raises(errors.CredentialError) as caught:
        make(environment)
    assert caught.value.code == "host-not-allowed"


@pytest.mark.parametrize(
    "address",
    [
        "http://accounts.cloud.databricks.com",
        "https://user:dosepw@accounts.test",
        "ftp://x",
        "https://",
        "https://evil.test\\@accounts.test",
        "https://evil.test\\.accounts.test",
        "https://evil .test",
        "https://evil\t.test",
        "https://evil\x00.test",
    ],
)
def test_an_address_that_no_credential_should_go_to_is_refused(make: Make, address: str) -> None:
    with pytest.raises(errors.CredentialError) as caught:
        make(M2M, address)
    assert "dosepw" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint", ["https://evil.test\\@sso.test/token", "https://sso.test /", "http://[x"]
)
def test_a_discovered_token_endpoint_that_two_readers_read_differently_gets_nothing(
    web: responses.RequestsMock, make: Make, endpoint: str
) -> None:
    web.add("GET", "https://sso.test/x", json={"token_endpoint": endpoint})
    with pytest.raises(errors.CredentialError):
        make({**M2M, "DATABRICKS_DISCOVERY_URL": "https://sso.test/x"}).preflight()
    assert len(web.calls) == 1


@pytest.mark.parametrize("address", ["http://localhost:8000", "http://127.0.0.1:1", "http://[::1]:9"])
def test_plain_http_is_fine_on_this_machine(make: Make, address: str) -> None:
    assert make(M2M, address).address == address


# -- Connect and other types


@pytest.mark.parametrize(
    "server",
    ["https://connect.test/rsconnect/", "https://CONNECT.test:443/rsconnect", "connect.test/rsconnect"],
)
def test_connects_key_goes_to_its_own_address(server: str) -> None:
    spec = ProviderSpec("connect", "connect", "https://connect.test/rsconnect/__api__")
    api = connect(spec, {"CONNECT_SERVER": server, "CONNECT_API_KEY": "k"})
    assert api.address == "https://connect.test/rsconnect"
    assert api.http.base == "https://connect.test/rsconnect/__api__"
    assert api.signed_in_as == "API key from CONNECT_API_KEY"


@pytest.mark.parametrize("variable", FOREIGN)
@pytest.mark.parametrize("kind", ["databricks", "connect"])
def test_no_credential_of_the_tool_goes_to_a_host_that_only_the_spec_names(variable: str, kind: str) -> None:
    key = "token" if kind == "databricks" else "api_key"
    spec = ProviderSpec("p", kind, "https://evil.test", "acc", {key: secret_from(variable)})
    homes = {"DATABRICKS_HOST": HOST, "CONNECT_SERVER": "https://connect.test"}
    with pytest.raises(errors.CredentialError) as caught:
        connect(spec, {**homes, variable: "canary", "DATABRICKS_OIDC_TOKEN_ENV": "OUR_OIDC"})
    assert caught.value.code == "credential-elsewhere"
    assert "canary" not in str(caught.value)


def test_allowed_hosts_may_be_all_below_a_domain() -> None:
    environment = {"CONNECT_API_KEY": "k", "RECONCILE_ALLOWED_HOSTS": "*.example.org, other.test"}
    assert connect(ProviderSpec("c", "connect", "https://a.b.example.org"), environment)
    for host in ("example.org", "example.org.evil.test", "badexample.org"):
        with pytest.raises(errors.CredentialError) as caught:
            connect(ProviderSpec("c", "connect", f"https://{host}"), environment)
        assert caught.value.code == "host-not-allowed"


@pytest.mark.parametrize(
    "server",
    [
        "https://connect.test:8443",
        "http://connect.test",
        "https://other.test",
        "https://connect.test/content/xyz",
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_connects_key_goes_to_no_other_origin(server: str, *, stated: bool) -> None:
    settings = {"api_key": secret_from("CONNECT_API_KEY")} if stated else {}
    spec = ProviderSpec("connect", "connect", "https://connect.test", "", settings)
    with pytest.raises(errors.CredentialError) as caught:
        connect(spec, {"CONNECT_SERVER": server, "CONNECT_API_KEY": "k"})
    assert caught.value.code == "credential-elsewhere"


def test_a_second_server_has_a_key_of_its_own() -> None:
    spec = ProviderSpec("c2", "connect", "https://two.test", "", {"api_key": secret_from("KEY_TWO")})
    api = connect(spec, {"CONNECT_SERVER": "https://one.test", "CONNECT_API_KEY": "k"})
    assert api.signed_in_as == "API key from KEY_TWO"


def test_a_databricks_credential_never_goes_to_connect() -> None:
    spec = ProviderSpec(
        "connect", "connect", "https://c.test", "", {"api_key": secret_from("DATABRICKS_TOKEN")}
    )
    with pytest.raises(errors.CredentialError) as caught:
        connect(spec, {})
    assert caught.value.code == "credential-elsewhere"


def test_a_missing_key_or_address_of_connect_is_said() -> None:
    with pytest.raises(errors.CredentialError, match="CONNECT_API_KEY"):
        connect(ProviderSpec("connect", "connect", "https://c.test"), {})
    with pytest.raises(errors.CredentialError) as caught:
        connect(ProviderSpec("connect", "connect", ""), {"CONNECT_API_KEY": "k"})
    assert "CONNECT_SERVER" in caught.value.hint
