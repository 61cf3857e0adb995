"""HTTP/1.1 over one connection, as much of it as JSON APIs need.

The parsing of `http.server` goes through the e-mail package and is the slowest part of a request;
what stands here is a few byte splits.
"""

from __future__ import annotations

import re
import selectors
import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus

from reconciler.sandbox.messages import Answer, Request, parsed_query

_MOST_HEAD = 64 * 1024
_MOST_BODY = 16 * 1024 * 1024
_MOST_LINE = 4096  # of a chunk's size with its extensions, and of a trailer
_END = b"\r\n\r\n"
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_REASONS: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}
# close at once with RST instead of FIN: what a broken connection looks like
_LINGER_NOT = struct.pack("ii", 1, 0)


class BadRequestError(Exception):
    """What came in isn't HTTP as it is spoken here; `status` is the answer to it."""

    def __init__(self, status: int) -> None:
        super().__init__(_REASONS[status])
        self.status = status


class Connection:
    """One client's connection: reads requests, writes answers, one after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self.keep_alive = True

    def read(self) -> Request | None:
        """The next request; None if the client has closed the connection.

        Raises:
            BadRequestError: it can't be understood.
            OSError: the connection broke.
        """
        end = self._buffer.find(_END)
        while end < 0:
            if len(self._buffer) > _MOST_HEAD:
                raise BadRequestError(431)
            if not self._more():
                return None
            end = self._buffer.find(_END)
        head = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[: end + len(_END)]
        method, target, headers = _parsed_head(head)
        if "100-continue" in headers.get("expect", "").lower():
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(headers)
        if body is None:
            return None
        path, _, query = target.partition("?")
        return Request(method, path, parsed_query(query), headers, body, self.gone)

    def write(self, request: Request, answer: Answer) -> bool:
        """Send an answer, with its mishap; false if the connection can't be used any longer.

        Raises:
            OSError: the connection broke.
        """
        if answer.mishap in ("reset", "timeout"):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            return False
        keep = self.keep_alive and not answer.mishap
        keep = keep and request.headers.get("connection", "").lower() != "close"
        lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if answer.status != 204:
            lines.append(f"Content-Length: {len(answer.body)}")
        lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
        body = b"" if request.method == "HEAD" else answer.body
        if answer.mishap == "cut":
            body = body[: len(body) // 2]
        self._sock.sendall("\r\n".join(lines).encode("latin-1") + _END + body)
        return keep

    def gone(self) -> bool:
        """Whether the client has closed its end."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._sock, selectors.EVENT_READ)
                if not selector.select(0):
                    return False
            return self._sock.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True

    def _body(self, headers: Mapping[str, str]) -> bytes | None:
        if "transfer-encoding" in headers:
            # two statements about the length of one body are how requests get smuggled
            if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
                raise BadRequestError(400)
            return self._chunked()
        text = headers.get("content-length", "0")
        if not text.isdecimal():
            raise BadRequestError(400)
        length = int(text)
        if length > _MOST_BODY:
            raise BadRequestError(413)
        return self._taken(length)

    def _chunked(self) -> bytes | None:
        # how Go sends what it reads from a stream, its token requests among them
        body = bytearray()
        while True:
            line = self._line()
            if line is None:
                return None
            size = _chunk_size(line)
            if len(body) + size > _MOST_BODY:
                raise BadRequestError(413)
            if not size:
                return bytes(body) if self._trailers() else None
            chunk = self._taken(size + 2)
            if chunk is None:
                return None
            if not chunk.endswith(b"\r\n"):
                raise BadRequestError(400)
            body += chunk[:-2]

    def _trailers(self) -> bool:
        for _ in range(100):
            line = self._line()
            if not line:
                return line is not None
        raise BadRequestError(431)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        while end < 0:
            if len(self._buffer) > _MOST_LINE:
                raise BadRequestError(400)
            if not self._more():
                return None
            end = self._buffer.find(b"\r\n")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _taken(self, length: int) -> bytes | None:
        while len(self._buffer) < length:
            if not self._more():
                return None
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _more(self) -> bool:
        received = self._sock.recv(65536)
        self._buffer += received
        return bool(received)


def _chunk_size(line: bytes) -> int:
    text = line.partition(b";")[0].strip()
    if not _CHUNK_SIZE.fullmatch(text):
        raise BadRequestError(400)
    return int(text, 16)


def _parsed_head(head: str) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError(400)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError(400)
        headers[name.strip().lower()] = value.strip()
    if parts[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    target = parts[1]
    if target.startswith("http://"):
        # a client that takes this server for its proxy names the whole URL
        target = "/" + target[7:].partition("/")[2]
    return parts[0].upper(), target, headers
