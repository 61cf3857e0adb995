"""What sounds like a secret, whatever the case and the sign between words."""

import pytest

from reconciler.secrets import sounds_secret, without_secrets

SECRET = [
    "ANTHROPIC_API_KEY",
    "API_KEY",
    "apiKey",
    "APIKey",
    "apikey",
    "api-key",
    "Client_Secret",
    "clientSecret",
    "CLIENTSECRET",
    "token",
    "accessToken",
    "access_token",
    "authtoken",
    "credentials",
    "credentials_json",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "dbPassword",
    "private_key",
    "privateKeyPem",
    "secret_value",
    "secretKey",
    "tokens",
    "api_keys",
    "bearer",
    "jwt",
    "connection_string",
    "connStr",
    "cert_key",
    "tls-key",
    "subscriptionKey",
    "Ocp-Apim-Subscription-Key",
    "key",
    "sasToken",
    "aws_secret_access_key",
    "client_secret_2",
    "db_pass",
    "github_pat",
    "AccessKey",
    "signing_secret",
    "refreshToken",
    "auth_key",
]
OPEN = [
    "token_uri",
    "token_url",
    "tokenUrl",
    "token_endpoint",
    "tokenEndpoint",
    "secret_id",
    "secretName",
    "client_id",
    "token_endpoint_auth_method",
    "token_type",
    "max_tokens",
    "maxTokens",
    "use_token",
    "has_secret",
    "public_key",
    "key_id",
    "kid",
    "scopes",
    "auth_type",
    "authorization_uri",
    "monkey",
    "tokenizer",
    "secretary",
    "passport",
    "bypass",
    "keyspace",
    "password_policy",
    "token_lifetime",
    "jwks_uri",
    "jwt_audience",
    "private_key_id",
    "subject_token_type",
    "access_policy",
]


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_is_known_by_its_noun(name):
    assert sounds_secret(name)
    assert sounds_secret(name.upper()) or name != name.lower()


@pytest.mark.parametrize("name", OPEN)
def test_what_is_only_about_a_secret_is_none(name):
    assert not sounds_secret(name)


def test_secrets_are_left_out_however_deep():
    assert without_secrets({"a": {"apiKey": 1, "b": 2}, "c": [{"token": 3}]}) == {"a": {"b": 2}, "c": [{}]}
