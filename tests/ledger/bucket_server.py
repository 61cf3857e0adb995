"""Object stores on this machine: S3 by moto, made atomic and faulty; Google's and Azure's in small."""

import json
import logging
import socket
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
# moto tells S3 from its other services by such a header; it checks no signature
SIGNED = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")


@dataclass
class Fault:
    """What befalls the requests that fit.

    Attributes:
        do: "lose" (the request takes effect, the answer is a 500), "cut" (it does, and nothing is answered),
            "hang" (nothing happens, nothing is answered), or a status and an error code to answer with.
        times: how many requests it befalls.
        then: called after it befell one.
    """

    method: str
    key: str
    do: str
    times: int = 1
    then: Callable[[], object] = lambda: None


class BucketServer:
    """An S3 server with one empty bucket; its writes are atomic, which moto's own threads aren't.

    Attributes:
        minds: whether it minds the conditions of a write.
        log: every request: method and key.
    """

    def __init__(self):
        # they take long to import, and few need them
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        # moto's buckets are the process's, not the server's
        self.bucket = f"bucket-{uuid.uuid4().hex[:12]}"
        self.minds = True
        self.log = []
        self.faults = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def env(self):
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def __enter__(self):
        self._thread.start()
        self.call("PUT", "")
        self.log.clear()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fault(self, method, key, do, **facts):
        self.faults.append(Fault(method, key, do, **facts))

    def call(self, method, key, body=None):
        """What somebody else does to the bucket."""
        url = f"{self.url}/{self.bucket}/{key}"
        headers = {"Authorization": SIGNED, "Content-Type": "application/octet-stream"}
        request = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def put(self, key, body):
        self.call("PUT", key, body)

    def get(self, key):
        return self.call("GET", key)

    def keys(self):
        listing = self.call("GET", "").decode()
        return {part.partition("</Key>")[0] for part in listing.split("<Key>")[1:]}

    def _answer(self, environ, start_response):
        method, key = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(f"/{self.bucket}/")
        with self._lock:
            self.log.append(f"{method} {key}")
            fault = next((one for one in self.faults if (one.method, one.key) == (method, key)), None)
            if fault:
                fault.times -= 1
                self.faults = [one for one in self.faults if one.times]
            if not self.minds:
                for name in CONDITIONS:
                    environ.pop(name, None)
            answer = self._applied(environ) if not fault or fault.do in ("lose", "cut") else None
        if fault:
            answer = self._befall(fault, environ)
        status, headers, body = answer
        start_response(status, headers)
        return body

    def _applied(self, environ):
        said = []
        body = list(self._moto(environ, lambda status, headers, *_: said.extend((status, headers))))
        return said[0], said[1], body

    @staticmethod
    def _befall(fault, environ):
        fault.then()
        if fault.do in ("cut", "hang"):
            if fault.do == "hang":
                time.sleep(2)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError
        status, _, code = ("500 InternalError" if fault.do == "lose" else fault.do).partition(" ")
        text = f"<Code>{code}</Code><Message>{SECRET}</Message><Region>eu-west-1</Region>"
        body = f"<Error>{text}</Error>".encode()
        return f"{status} -", [("Content-Length", str(len(body)))], [body]


class DialectServer:
    """As much of Google's or Azure's API as a ledger needs: conditional writes, reads, one listing."""

    def __init__(self, scheme):
        self.scheme = scheme
        self.objects = {}
        self.lock = threading.Lock()
        self.count = 0
        handler = type("Handler", (_Dialect,), {"stand_in": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def env(self):
        url = f"http://127.0.0.1:{self._server.server_port}"
        if self.scheme == "gs":
            key = {"gcs_base_url": url, "disable_oauth": True}
            key |= dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
            return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key), "GOOGLE_ALLOW_HTTP": "true"}
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": "account",
            "AZURE_STORAGE_ACCOUNT_KEY": "a2V5",
            "AZURE_STORAGE_ENDPOINT": url,
            "AZURE_ALLOW_HTTP": "true",
        }

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Dialect(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: DialectServer

    def log_message(self, *_):
        pass

    @property
    def key(self):
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

    def answer(self, status, body=b"", mark=0, size=None):
        self.send_response(status)
        if mark:
            self.send_header("ETag", f'"e{mark}"')
            self.send_header("x-goog-generation", str(mark))
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body) if size is None else size))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        with self.stand_in.lock:
            _, mark = self.stand_in.objects.get(self.key, (b"", 0))
            if not self.holds(mark):
                self.answer(412)
                return
            self.stand_in.count += 1
            self.stand_in.objects[self.key] = content, self.stand_in.count
            self.answer(201, mark=self.stand_in.count)

    def holds(self, mark):
        if self.stand_in.scheme == "gs":
            return self.headers.get("x-goog-if-generation-match", str(mark)) == str(mark)
        if self.headers.get("If-None-Match") == "*" and mark:
            return False
        return self.headers.get("If-Match", f'"e{mark}"') == f'"e{mark}"'

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked or "comp" in asked:
            self.answer(200, self.listing(asked.get("prefix", [""])[0]).encode())
        elif self.key in self.stand_in.objects:
            content, mark = self.stand_in.objects[self.key]
            self.answer(200, b"" if self.command == "HEAD" else content, mark, len(content))
        else:
            self.answer(404)

    def listing(self, prefix):
        found = {k: v for k, v in self.stand_in.objects.items() if k.startswith(prefix)}
        if self.stand_in.scheme == "gs":
            rows = (
                f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00Z</LastModified>"
                f"<Size>{len(content)}</Size><ETag>e{mark}</ETag></Contents>"
                for key, (content, mark) in found.items()
            )
            return f"<ListBucketResult>{''.join(rows)}</ListBucketResult>"
        rows = (
            f"<Blob><Name>{escape(key)}</Name><Properties><Content-Length>{len(content)}</Content-Length>"
            "<Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified><Content-Type>x/y</Content-Type>"
            f"<Etag>e{mark}</Etag></Properties></Blob>"
            for key, (content, mark) in found.items()
        )
        return f"<EnumerationResults><Blobs>{''.join(rows)}</Blobs><NextMarker /></EnumerationResults>"
