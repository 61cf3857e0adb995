"""Rule sets and federation policies over HTTP."""

from __future__ import annotations

from reconciler.sandbox.databricks.apps import Identity
from reconciler.sandbox.databricks.paging import asked, page
from reconciler.sandbox.databricks.signin import account_route
from reconciler.sandbox.messages import Answer, Refusal, json_answer
from reconciler.sandbox.routes import Call

_BASE = "/api/2.0/accounts/{account}"
_CONTROL = "/api/2.0/preview/accounts/{account}/access-control"
_POLICIES = (f"{_BASE}/federationPolicies", f"{_BASE}/servicePrincipals/{{principal}}/federationPolicies")


def get_rule_set(call: Call, _: Identity) -> Answer:
    """A rule set; both parameters have to be there, the etag may be empty."""
    query = call.request.query
    if not query.get("name") or "etag" not in query:
        raise Refusal(400, "INVALID_PARAMETER_VALUE", "name and etag are required.")
    return json_answer(call.state.account.rule_sets.shown(query["name"], query["etag"]))


def put_rule_set(call: Call, _: Identity) -> Answer:
    """The inner object, with a new etag."""
    return json_answer(call.state.account.rule_sets.put(call.request.json_object()))


def assignable_roles(call: Call, _: Identity) -> Answer:
    """The roles that can be granted on a resource."""
    return json_answer({"roles": call.state.account.rule_sets.roles(call.request.query.get("resource", ""))})


def create_policy(call: Call, _: Identity) -> Answer:
    """The whole policy; the body is one, without envelope."""
    policy_id = call.request.query.get("policy_id", "")
    body = call.request.json_object()
    return json_answer(call.state.account.federation.create(_owner(call), body, policy_id))


def list_policies(call: Call, _: Identity) -> Answer:
    """A page; `policies` is absent when there are none."""
    federation = call.state.account.federation
    rows, token = federation.page(_owner(call), *asked(call))
    return page("policies", [federation.shown(row) for row in rows], token)


def get_policy(call: Call, _: Identity) -> Answer:
    """One policy."""
    federation = call.state.account.federation
    return json_answer(federation.shown(federation.get(_owner(call), call.params["id"])))


def update_policy(call: Call, _: Identity) -> Answer:
    """The whole policy."""
    mask, body = call.request.query.get("update_mask", ""), call.request.json_object()
    return json_answer(call.state.account.federation.update(_owner(call), call.params["id"], body, mask))


def delete_policy(call: Call, _: Identity) -> Answer:
    """200 with an empty object."""
    call.state.account.federation.delete(_owner(call), call.params["id"])
    return json_answer({})


def _owner(call: Call) -> str:
    owner = call.params.get("principal", "")
    if owner and owner not in call.state.account.principals.table:
        raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Service principal {owner} does not exist.")
    return owner


ROUTES = (
    account_route("GET", f"{_CONTROL}/rule-sets", get_rule_set),
    account_route("PUT", f"{_CONTROL}/rule-sets", put_rule_set),
    account_route("GET", f"{_CONTROL}/assignable-roles", assignable_roles),
    *(account_route("POST", base, create_policy) for base in _POLICIES),
    *(account_route("GET", base, list_policies) for base in _POLICIES),
    *(account_route("GET", f"{base}/{{id}}", get_policy) for base in _POLICIES),
    *(account_route("PATCH", f"{base}/{{id}}", update_policy) for base in _POLICIES),
    *(account_route("DELETE", f"{base}/{{id}}", delete_policy) for base in _POLICIES),
)
