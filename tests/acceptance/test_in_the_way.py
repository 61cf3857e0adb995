"""A create that is refused, since there is one already that no list showed: which one, and how to take it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

GUID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"


def _principal(inside: Any) -> str:
    inside.knobs(azure=True, list_lag=0)
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"],
        "displayName": "entra-sp",
        "applicationId": GUID,
    }
    made = inside.databricks("POST", "scim/v2/ServicePrincipals", body)
    handle = inside.sandbox.handle

    def hidden(request: Any) -> Any:  # a list doesn't show it; a look-up does
        if (
            request.method == "GET"
            and request.path.endswith("/ServicePrincipals")
            and not request.query.get("filter")
        ):
            request = replace(request, query={**request.query, "filter": 'displayName eq "nobody"'})
        return handle(request)

    inside.sandbox.handle = hidden
    return str(made["id"])


def _app(inside: Any) -> str:
    inside.knobs(unique_app_names=True, list_lag=0)  # it differs in what can't be changed, so no name matches
    return str(inside.new_app(name="one", redirect_urls=["https://a.example.org/cb"])["integration_id"])


def _policy(inside: Any) -> str:
    policy = {"oidc_policy": {"issuer": "https://token.example.org", "audiences": ["a"]}}
    inside.databricks("POST", "federationPolicies?policy_id=one", policy)
    return "one"


CASES = {
    "principal": (_principal, {"service_principals": {"mine": {"application_id": GUID.upper()}}}),
    "app": (_app, {"oauth_apps": {"one": {"scopes": ["all-apis"], "confidential": False}}}),
    "policy": (
        _policy,
        {"federation_policies": {"one": {"issuer": "https://token.example.org", "audiences": ["a"]}}},
    ),
}


@pytest.mark.parametrize(("make", "want"), CASES.values(), ids=CASES)
def test_what_is_in_the_way_of_a_create_is_named_with_the_line_that_takes_it_over(
    inside: Any, make: Any, want: Any
) -> None:
    inside.knobs(list_lag=1000)
    live_id = make(inside)
    inside.write(want)
    before = inside.writes()
    (result,) = inside.run("apply", "specs/stack.yaml", "--yes", "--format", "json", code=1).json["results"]
    assert f"lifecycle: {{adopt: {live_id}}}" in result["error"]
    assert inside.writes() == before
