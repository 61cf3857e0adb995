"""What a remote system says when it says no: every body format of both APIs, read into one error tree.

The formats are those of the Databricks account API (standard, numeric code, 1.2, SCIM, OAuth, `CODE: text`,
HTML, empty) and of Posit Connect (`code` and `error`, either of which may be missing).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler import errors
from reconciler.secrets import SENSITIVE, Secret
from reconciler.secrets.given_values import veiled

TEXT_LIMIT = 500  # characters of a server's own words in a message
SHORTEST_SECRET = 4  # characters; blotting out less would only make holes in words

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_CODED_TEXT = re.compile(r"([A-Z][A-Z_]{3,}): (.*)", re.DOTALL)
_PREFORMATTED = re.compile(r"<pre>(.*?)</pre>|<title>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")

# SCIM hides its throttling in a 500; Connect numbers it.
_THROTTLED_CODES = frozenset({"REQUEST_LIMIT_EXCEEDED", "277"})
# The token endpoint, and some services, say it in words only.
_THROTTLED_SAYINGS = ("temporarily throttled", "token bucket limit has been exceeded")

_BY_CODE: Mapping[str, type[errors.AnswerError]] = {
    "RESOURCE_DOES_NOT_EXIST": errors.NotFoundError,
    "ALREADY_EXISTS": errors.ConflictError,
    "RESOURCE_ALREADY_EXISTS": errors.ConflictError,
    "RESOURCE_CONFLICT": errors.ConflictError,
    "ABORTED": errors.ConflictError,
    "221": errors.UnlicensedError,  # OAuthIntegrationsNotLicensed: its status is not documented for sure
}
_BY_STATUS: Mapping[int, type[errors.AnswerError]] = {
    400: errors.InvalidRequestError,
    401: errors.UnauthorizedError,
    402: errors.UnlicensedError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    410: errors.NotFoundError,
    422: errors.InvalidRequestError,
    429: errors.ThrottledError,
}


@dataclass(frozen=True)
class ErrorBody:
    """A refusal in the remote system's own words.

    Attributes:
        code: its error code as text, `RESOURCE_DOES_NOT_EXIST` or `228`; "" if it names none.
        message: its text, not yet cleaned; "" if it has none.
        request_id: what its support asks for; "" if unknown.
        is_page: it came as HTML or loose text: a proxy or a login page spoke, not the API.
    """

    code: str = ""
    message: str = ""
    request_id: str = ""
    is_page: bool = False

    @property
    def is_throttling(self) -> bool:
        """Whether the request was turned away for the rate, whatever the status says."""
        words = self.message.lower()
        return self.code in _THROTTLED_CODES or any(saying in words for saying in _THROTTLED_SAYINGS)


def clean(text: str, secrets: Iterable[Secret] = ()) -> str:
    """One line without control characters, of bounded length, with every given secret blotted out."""
    # before it is cut: half a value is found by nobody
    line = " ".join(_CONTROL.sub(" ", veiled(_blotted(text, secrets))).split())
    return line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 1] + "…"


def _blotted(text: str, secrets: Iterable[Secret]) -> str:
    forms = {
        form
        for secret in secrets
        for value in _parts(secret.reveal())
        # A server may echo a value plain, inside JSON, or inside a URL.
        for form in (value, json.dumps(value)[1:-1], quote(value, safe=""))
        if len(form) >= SHORTEST_SECRET
    }
    if not forms:
        return text
    # In one pass, the longest first: a blot must not be blotted again.
    found = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))
    return found.sub(SENSITIVE, text)


def _parts(value: str) -> Iterator[str]:
    """A value, and what is secret inside it: x of `Bearer x`, the password of `Basic …`."""
    scheme, _, rest = value.partition(" ")
    yield from filter(None, (value, rest))
    if scheme == "Basic":
        yield from filter(None, [base64.b64decode(rest).decode().partition(":")[2]])


def looks_like_page(content_type: str, text: str) -> bool:
    """Whether a body is HTML, by its label or by its first character."""
    return "html" in content_type.lower() or text.lstrip()[:1] == "<"


def read_complaint(status: int, reason: str, headers: Mapping[str, str], text: str) -> ErrorBody:
    """The refusal that an answer carries; never raises, whatever the body is.

    Args:
        reason: the reason phrase of the status line.
        headers: of the answer, names in any case.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    request_id = lower.get("x-correlation-id") or lower.get("x-request-id") or ""
    fallback = lower.get("x-databricks-reason-phrase") or reason or ""
    if looks_like_page(lower.get("content-type", ""), text):
        return ErrorBody("", _page_words(text) or fallback, request_id, is_page=True)
    try:
        body = json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):  # nested without end
        code, words = _coded(text)
        return ErrorBody(code, words or fallback, request_id, is_page=not code)
    if not isinstance(body, Mapping):
        return ErrorBody("", fallback, request_id)
    try:
        code, words = _from_object(status, body)
    except RecursionError:  # it could just be read, and not be written again
        return ErrorBody("", fallback, request_id)
    return ErrorBody(code, words or fallback, _request_id(body) or request_id)


def is_complaint(body: Mapping[str, Any]) -> bool:
    """Whether an object is a refusal in one of these formats, whatever the status says."""
    return (
        not body.keys().isdisjoint({"error_code", "error", "errors", "error_description", "scimType"})
        or {"code", "message"} <= body.keys()
        or {"detail", "status"} <= body.keys()
        or any("Error" in str(schema) for schema in _listed(body.get("schemas")))
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _page_words(text: str) -> str:
    found = _PREFORMATTED.search(text)
    return _TAG.sub(" ", found.group(1) or found.group(2) or "").strip() if found else ""


def _coded(text: str) -> tuple[str, str]:
    found = _CODED_TEXT.match(text.strip())
    return (found.group(1), found.group(2)) if found else ("", text.strip())


def _from_object(status: int, body: Mapping[str, Any]) -> tuple[str, str]:
    if "detail" in body and ("schemas" in body or "scimType" in body or "status" in body):
        code, words = _coded(_text(body["detail"]))
        # A detail of "null" is SCIM's way of saying nothing at all.
        words = "" if words == "null" else words
        return code or _text(body.get("scimType")) or f"SCIM_{status}", words
    if "error_code" in body:
        return _text(body["error_code"]), _text(body.get("message"))
    if "error_description" in body:
        return _text(body.get("error")), _text(body["error_description"])
    words = _text(body.get("error")) or _text(body.get("message"))
    return _text(body.get("code")), words


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _request_id(body: Mapping[str, Any]) -> str:
    details = body.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and _text(detail.get("@type")).endswith("RequestInfo"):
            return _text(detail.get("request_id"))
    return ""


def error_type(status: int, complaint: ErrorBody) -> type[errors.AnswerError]:
    """The kind of error that a status and a complaint mean together."""
    if status == 429 or complaint.is_throttling:
        return errors.ThrottledError
    if 300 <= status < 400:
        return errors.RedirectedError
    if status >= 500:
        return errors.ServerError
    if status == 404 and complaint.is_page:
        # A proxy's 404 says nothing about the object: it must not pass for "already deleted".
        return errors.UnreadableError
    return _BY_CODE.get(complaint.code) or _BY_STATUS.get(status, errors.AnswerError)
