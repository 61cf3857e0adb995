"""What goes in and what comes out: a request, an answer, a refusal. Plain values, no sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

JSON = (("Content-Type", "application/json"),)
HTML = (("Content-Type", "text/html; charset=utf-8"),)
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are lower case, `path` is without the query.

    `gone` tells whether the client has closed its connection; None in process, where nobody can.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    gone: Callable[[], bool] | None = None

    @classmethod
    def at(cls, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
        """The request for a whole URL, whose host is said to the server, too."""
        parts = urlsplit(url)
        return cls.of(method, f"{parts.path or '/'}?{parts.query}", {"host": parts.netloc, **headers}, body)

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """A request from its target (path and query) and headers in any case."""
        path, _, query = target.partition("?")
        return cls(method.upper(), path, parsed_query(query), lowered(headers), body)

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object.

        Raises:
            Refusal: 400, the body isn't JSON.
        """
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refusal(400, "MALFORMED_REQUEST", "The request body is not valid JSON.") from None

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Refusal: 400, it isn't one.
        """
        value = self.json()
        if not isinstance(value, dict):
            raise Refusal(400, "MALFORMED_REQUEST", "The request body must be a JSON object.")
        return value

    def form(self) -> dict[str, str]:
        """The body as form fields."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def base_url(self) -> str:
        """Where the client found this server: scheme and authority."""
        return f"http://{self.headers.get('host', 'localhost')}"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, and what happens to it on the way: `mishap` is "", reset, cut or timeout."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    mishap: str = ""


RESET = Answer(0, mishap="reset")
TIMEOUT = Answer(0, mishap="timeout")


class Refusal(Exception):  # noqa: N818 - an answer of the API, not a mistake of ours
    """The API says no: a status, a code in the dialect of the API, and words."""

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def json_answer(value: Any, status: int = 200) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, JSON, json.dumps(value, separators=(",", ":")).encode())


def html_answer(status: int, text: str) -> Answer:
    """An answer with an HTML page, as a proxy or a login gives."""
    page = f"<!DOCTYPE html><html><body><pre>{text}</pre></body></html>"
    return Answer(status, HTML, page.encode())


def parsed_query(query: str) -> Mapping[str, str]:
    """A query string as a mapping; of a repeated name the last value counts."""
    return dict(parse_qsl(query, keep_blank_values=True)) if query else NOTHING


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with lower-case names."""
    return {name.lower(): value for name, value in headers.items()}
