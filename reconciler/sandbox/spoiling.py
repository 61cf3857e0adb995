"""What an answer looks like when a fault has struck it."""

from __future__ import annotations

from dataclasses import replace

from reconciler.sandbox.connect.answers import api_error
from reconciler.sandbox.databricks.answers import oauth, scim, standard
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.messages import RESET, Answer, Refusal, Request, html_answer, json_answer

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    429: "RESOURCE_EXHAUSTED",
    503: "TEMPORARILY_UNAVAILABLE",
}
_CONNECT_CODES = {400: 2, 401: 30, 403: 22, 404: 4, 429: 277}
# what a proxy says, not the service behind it
_GATEWAY = {502: "502 Bad Gateway", 504: "504 Gateway Time-out"}
_LIMIT = "REQUEST_LIMIT_EXCEEDED: Your request exceeded the concurrent limit of 4 requests."


def spoilt(fault: Fault, answer: Answer, request: Request, server: str) -> Answer:
    """The answer that the client gets instead of a good one."""
    if fault.do.isdecimal():
        return _status(int(fault.do), fault, request, server)
    if fault.do == "html":
        return html_answer(200, "Log in to continue")
    if fault.do == "redirect":
        page = html_answer(302, "Found")
        return replace(page, headers=(*page.headers, ("Location", fault.to or request.path)))
    if fault.do == "cut":
        # a body has to be there for it to break off
        whole = answer if answer.body else json_answer({"cut": "off"}, answer.status)
        return replace(whole, mishap="cut")
    if fault.do == "scim500":
        return scim(Refusal(500, "", _LIMIT))
    if fault.do == "nocode":
        return json_answer({"error" if server == "connect" else "message": "no code"}, fault.status)
    return RESET


def _status(status: int, fault: Fault, request: Request, server: str) -> Answer:
    if status in _GATEWAY:
        answer = html_answer(status, _GATEWAY[status])
    elif request.path.startswith("/oidc/"):
        # what a throttled token endpoint really answers
        words = "Temporarily throttled, too many requests" if status == 429 else "Fault"
        answer = oauth(Refusal(status, "invalid_request", words))
    elif server == "connect":
        answer = api_error(Refusal(status, _CONNECT_CODES.get(status, 1), "A fault was injected."))
    elif "/scim/" in request.path:
        answer = scim(Refusal(status, "", "A fault was injected."))
    else:
        code = _CODES.get(status, "INTERNAL_ERROR")
        answer = standard(Refusal(status, code, "A fault was injected."))
    if fault.retry_after is None:
        return answer
    return replace(answer, headers=(*answer.headers, ("Retry-After", str(fault.retry_after))))
