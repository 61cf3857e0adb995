"""The error bodies of the account API: docs/facts/databricks.md, 9.1."""

from __future__ import annotations

import uuid

from reconciler.sandbox.databricks.scim import ERROR_SCHEMA
from reconciler.sandbox.messages import Answer, Refusal, json_answer

_SCIM_TYPES = frozenset(
    {"uniqueness", "invalidFilter", "invalidSyntax", "invalidValue", "invalidPath", "noTarget"}
)


def standard(refusal: Refusal) -> Answer:
    """The common form, with a request id among its details."""
    request_id = {
        "@type": "type.googleapis.com/google.rpc.RequestInfo",
        "request_id": str(uuid.uuid4()),
    }
    body = {"error_code": refusal.code, "message": refusal.message, "details": [request_id]}
    return json_answer(body, refusal.status)


def scim(refusal: Refusal) -> Answer:
    """The form of SCIM; refusals that come before SCIM (sign-in) keep the common one."""
    if refusal.status == 401 or refusal.code == "PERMISSION_DENIED":
        return standard(refusal)
    body = {"schemas": [ERROR_SCHEMA], "status": str(refusal.status), "detail": refusal.message}
    if refusal.code in _SCIM_TYPES:
        body["scimType"] = str(refusal.code)
    return json_answer(body, refusal.status)


def oauth(refusal: Refusal) -> Answer:
    """The form of a token endpoint."""
    body = {"error": refusal.code, "error_description": refusal.message}
    return json_answer(body, refusal.status)
