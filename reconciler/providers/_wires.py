"""A stand-in for the network: requests that somebody in this process answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

# method, URL, headers and body → status, headers and body; raises OSError where no answer comes
Wire = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Iterable[tuple[str, str]], bytes]]


class WireAdapter(HTTPAdapter):
    """Asks a function where others open a connection."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        """The answer of the function, as if it had come over a connection."""
        body = request.body or b""
        sent = body if isinstance(body, bytes) else str(body).encode()
        status, headers, content = self._wire(
            request.method or "", request.url or "", dict(request.headers), sent
        )
        answer = urllib3.HTTPResponse(
            body=io.BytesIO(content), headers=dict(headers), status=status, preload_content=False
        )
        return self.build_response(request, answer)
