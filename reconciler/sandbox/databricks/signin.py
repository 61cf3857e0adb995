"""Discovery, the token endpoint, and who a bearer token belongs to: docs/facts/databricks.md, 8."""

from __future__ import annotations

import base64
from collections.abc import Callable

from reconciler.sandbox.credentials import TOKEN_USERNAME
from reconciler.sandbox.databricks.answers import oauth, standard
from reconciler.sandbox.databricks.apps import Identity
from reconciler.sandbox.messages import Answer, Refusal, Request, json_answer
from reconciler.sandbox.routes import WRITES, Call, Handler, Route

Authorised = Callable[[Call, Identity], Answer]

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
SUBJECT_TOKEN_PREFIX = "sandbox-jwt"  # noqa: S105 - what an acceptable foreign token starts with


def authorised(handler: Authorised) -> Handler:
    """A handler that answers only an account admin with a good token, on the right account."""

    def checked(call: Call) -> Answer:
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        identity = call.state.account.identity(token.strip()) if scheme == "Bearer" else None
        if identity is None:
            raise Refusal(401, "UNAUTHENTICATED", "Credential was not sent or is not valid.")
        if call.params.get("account") != call.state.world.knobs.account_id:
            message = f"No access to account '{call.params.get('account')}'."
            raise Refusal(403, "PERMISSION_DENIED", message)
        if not identity.admin:
            message = (
                "This API is disabled for users without account admin status. "
                "Contact your administrator for more information."
            )
            raise Refusal(403, "PERMISSION_DENIED", message)
        return handler(call, identity)

    return checked


def account_route(
    method: str, template: str, handler: Authorised, refuse: Callable[[Refusal], Answer] = standard
) -> Route:
    """An operation that only an account admin may call."""
    return Route(method, template, authorised(handler), refuse, "databricks", method in WRITES)


def databricks_config(call: Call) -> Answer:
    """Host metadata: without it the Python SDK can't sign in, and Go clients take us for a workspace."""
    endpoint = f"{call.request.base_url}/oidc/accounts/{{account_id}}"
    account_id = call.state.world.knobs.account_id
    return json_answer(
        {"oidc_endpoint": endpoint, "account_id": account_id, "host_type": "account", "cloud": "aws"}
    )


def authorization_server(call: Call) -> Answer:
    """OAuth metadata."""
    _account(call)
    base = f"{call.request.base_url}/oidc/accounts/{call.state.world.knobs.account_id}"
    return json_answer(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}/v1/authorize",
            "token_endpoint": f"{base}/v1/token",
            "scopes_supported": ["all-apis", "sql", "openid", "profile", "email", "offline_access"],
            "grant_types_supported": ["client_credentials", _EXCHANGE],
        }
    )


def token(call: Call) -> Answer:
    """A token for client credentials, or in exchange for a foreign one."""
    _account(call)
    form = call.request.form()
    grant = form.get("grant_type")
    if grant == "client_credentials":
        client_id, secret = _credentials(call.request, form)
        subject = call.state.account.subject_of(client_id, secret)
        if subject is None:
            raise Refusal(401, "invalid_client", "Client authentication failed")
    elif grant == _EXCHANGE:
        subject = _exchanged(call, form)
    else:
        raise Refusal(400, "unsupported_grant_type", f"Grant type {grant!r} is not supported")
    value, lifetime = call.state.account.issue_token(subject)
    scope = form.get("scope", "all-apis")
    return json_answer(
        {"access_token": value, "token_type": "Bearer", "expires_in": lifetime, "scope": scope}
    )


def _exchanged(call: Call, form: dict[str, str]) -> str:
    if form.get("subject_token_type") != _JWT:
        raise Refusal(400, "invalid_request", "subject_token_type must be a JWT")
    if not form.get("subject_token", "").startswith(SUBJECT_TOKEN_PREFIX):
        return _federated(call, form)
    if "client_id" not in form:
        return "user"
    subject = call.state.account.subject_named(form["client_id"])
    if subject is None:
        raise Refusal(400, "invalid_grant", "No federation policy matches this client")
    return subject


def _federated(call: Call, form: dict[str, str]) -> str:
    # with a client id the policies of that principal count, without one those of the account
    account, foreign = call.state.account, form.get("subject_token", "")
    named = form.get("client_id")
    row = account.principals.by_application(named or "")
    owner = "" if row is None else str(row["id"])
    claim = account.federation.subject(owner, foreign) if row is not None or named is None else None
    if claim is not None and named is None:
        if claim == TOKEN_USERNAME:
            return "user"
        row = account.principals.by_application(claim)
    if claim is None or row is None or not row["active"]:
        raise Refusal(400, "invalid_grant", "No federation policy matches this token")
    return str(row["id"])


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        raise Refusal(401, "invalid_client", "Client authentication failed") from None
    return client_id, secret


def _account(call: Call) -> None:
    if call.params.get("account") != call.state.world.knobs.account_id:
        raise Refusal(404, "invalid_request", "No such account")


_OIDC = "/oidc/accounts/{account}"
ROUTES = (
    Route("GET", "/.well-known/databricks-config", databricks_config, oauth, "databricks"),
    Route(
        "GET",
        f"{_OIDC}/.well-known/oauth-authorization-server",
        authorization_server,
        oauth,
        "databricks",
    ),
    Route("POST", f"{_OIDC}/v1/token", token, oauth, "databricks"),
)
