"""The HTTP client that both providers share: retries by idempotency, bounded answers, one error tree.

A call ends in an answer or in an error of `reconciler.errors` that says whether
the request may have taken effect: that is what recovery after a crash rests on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urljoin

import requests

from reconciler import errors
from reconciler.providers import _retries as retries
from reconciler.providers._bodies import content_type, encoded
from reconciler.providers._connections import Connections, Credentials
from reconciler.providers._deadlines import deadline
from reconciler.providers._error_bodies import clean
from reconciler.providers._exchange import (
    EFFECTS,
    Answer,
    Effect,
    Failure,
    FixedHeaders,
    Hints,
    Received,
    Sent,
    SignIn,
    is_token,
)
from reconciler.providers._field_types import misfit
from reconciler.providers._parallel import Batch, Pool
from reconciler.providers._responses import ResponseReader
from reconciler.providers._size_limits import BODY_LIMIT
from reconciler.providers._transport_errors import CONNECT_SECONDS, READ_SECONDS, explain, is_untrusted
from reconciler.providers.once import Reads, retold
from reconciler.secrets import Secret

__all__ = [
    "READ_SECONDS",
    "Answer",
    "Client",
    "Effect",
    "FixedHeaders",
    "Hints",
    "SignIn",
    "is_token",
]

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

# told path, query and JSON of an answer to a GET
Hear = Callable[[str, Mapping[str, Any], Any], None]


class _Seen:
    """What was seen of one remote system, whoever asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.date = ""
        self.times: list[float] = []  # seconds that each answer took
        self.hear: Hear | None = None
        self._lock = threading.Lock()

    def count(self) -> None:
        """One more attempt."""
        with self._lock:
            self.calls += 1


class Client:
    """Calls to one remote system.

    Args:
        provider: its name in the spec, for messages.
        base: URL that every path is appended to.
        ca_file: PEM file of the only authorities to trust; None for the usual ones. TLS is always verified.
        connections: how it is reached and how fast it may be asked, shared with whoever else asks the same
            system; None for own ones.

    Attributes:
        gate: called just before every attempt of every write; raises to stop it (the lease check).
        before_read: called just before every attempt of every read, and its sign-in; raises to stop it.
        stopped: whether the run is to end: what is turned away then isn't sent again.
        reads: what was read already, by whoever shares it; None to ask each time.
    """

    def __init__(
        self,
        *,
        provider: str,
        base: str,
        sign_in: SignIn,
        hints: Hints | None = None,
        ca_file: str | None = None,
        connections: Connections | None = None,
    ) -> None:
        self.provider = provider
        self.base = base.rstrip("/")
        self.gate: Callable[[], None] | None = None
        self.before_read: Callable[[], None] | None = None
        self.stopped: Callable[[], bool] = lambda: False
        self.reads: Reads | None = None
        self._sign_in = sign_in
        self._judge = ResponseReader(provider, sign_in, hints or Hints())
        self._verify: str | bool = ca_file or True
        self._connections = connections or Connections()
        self._flow = self._connections.flow
        pace = self._connections.pace
        self.clock, self.sleep = pace.clock, pace.sleep
        self._pool = Pool(pace.parallelism)
        self._seen = _Seen()
        self._signs_in_as = provider  # in the words of what it raises

    def named(self, provider: str) -> Client:
        """The same under another name, with a gate of its own; connections, pace and sign-in are shared."""
        other = copy(self)
        other.provider = provider
        other.gate = other.before_read = other.reads = None
        other._judge = replace(self._judge, provider=provider)
        return other

    def once(self, key: Hashable, read: Callable[[], Result]) -> Result:
        """What a read says: of all that share their reads and ask this system, the first makes it."""
        if self.reads is None:
            return read()
        return self.reads.once((self._seen, key), read, provider=self.provider)

    @property
    def system(self) -> Hashable:
        """What is one for all names of this client."""
        return self._seen

    @property
    def calls(self) -> int:
        """Attempts made so far, under whatever name."""
        return self._seen.calls

    @property
    def date(self) -> str:
        """The server's Date in its first answer to a read, RFC 3339; "" before it or without it."""
        return self._seen.date

    def listen(self, hear: Hear) -> None:
        """Tells every answer to a GET from now on, under whatever name it was asked; secrets stay wrapped."""
        self._seen.hear = hear

    @property
    def latency(self) -> float:
        """Seconds that an answer took, as a rule: the median of those so far; 0 before the first."""
        times = sorted(self._seen.times)
        return times[len(times) // 2] if times else 0.0

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON at a path.

        Raises:
            RemoteError: no usable answer; never LostAnswerError, since a read has no effect.
        """
        return self.call("GET", path, query=query).body

    def post(self, path: str, body: Any) -> Any:
        """Creates. Sent again only when it certainly didn't arrive or was turned away for the rate.

        Raises:
            LostAnswerError: it may have taken effect.
            RemoteError: it took no effect.
        """
        return self.call("POST", path, body=body).body

    def put(self, path: str, body: Any, *, yes: Callable[[Any], bool] | None = None) -> Any:
        """States a whole value; repeated as long as it makes sense."""
        return self.call("PUT", path, body=body, yes=yes).body

    def patch(self, path: str, body: Any, *, yes: Callable[[Any], bool] | None = None) -> Any:
        """States some values in full; repeated as long as it makes sense."""
        return self.call("PATCH", path, body=body, yes=yes).body

    def probe(self, path: str) -> Any:
        """A POST that changes nothing; twice is enough, its 500 may well be the true answer."""
        return self.call("POST", path, effect=Effect.READ, attempts=2).body

    def delete(self, path: str) -> None:
        """Deletes; an object that is gone already is done."""
        try:
            self.call("DELETE", path)
        except errors.NotFoundError:
            log.debug("%s: DELETE %s: gone already", self.provider, path)

    def map(self, func: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Reads side by side; the first error cancels the rest and is raised."""
        return self.begin(func, items).results()

    def begin(self, func: Callable[[Item], Result], items: Iterable[Item]) -> Batch[Result]:
        """Starts reads side by side, to be collected later: `with client.begin(…) as batch:`."""
        return self._pool.begin(func, items)

    def close(self) -> None:
        """Ends idle threads and connections; the client may be used again."""
        self._pool.close()
        self._connections.close()

    def misshapen(self, method: str, path: str, what: str) -> errors.RemoteError:
        """The error for a 2xx whose JSON isn't what the API promises; a create may have taken effect."""
        kind = errors.UnreadableError if method == "GET" else errors.LostAnswerError
        return self._judge.error(kind, method, path, f"the answer to {method} {path} {what}")

    def refused(self, method: str, path: str, what: str) -> errors.RemoteError:
        """The error for a 2xx whose effect was none, or was undone."""
        return self._judge.error(errors.InvalidRequestError, method, path, what)

    def must_fit(
        self, method: str, path: str, item: Mapping[str, Any], live_id: Any, shape: Mapping[str, str]
    ) -> None:
        """Checks the types of an object's fields, see `_shapes.misfit`.

        Raises:
            RemoteError: one is of another type; its message names the object.
        """
        if words := misfit(item, shape):
            raise self.misshapen(method, path, f"shows {clean(str(live_id))} with {words}")

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        form: Mapping[str, Any] | None = None,
        effect: Effect | None = None,
        attempts: int = retries.ATTEMPTS,
        yes: Callable[[Any], bool] | None = None,
    ) -> Answer:
        """Sends a request, several times if that is harmless, and reads its answer.

        Args:
            query: parameters; never a secret.
            body: JSON, secrets wrapped.
            form: form fields instead of JSON, secrets wrapped.
            effect: what repeating it would do; by default as the method says.
            yes: see `Sent`.

        Raises:
            RemoteError: as its subclasses say.
            ReconcileError: what `gate` or the sign-in raises.
        """
        sent = Sent(method, path, effect or EFFECTS[method], query, body, form, yes)
        patience = retries.Patience(attempts, self.clock)
        doubtful = renewed = False
        failed: errors.RemoteError | None = None
        while True:
            try:
                signed = self._signed(sent, doubtful=doubtful)
                outcome = self._attempt(sent, signed)
            except errors.StoppedError:
                if sent.effect is Effect.READ or failed is None:
                    raise
                # what the last attempt proved still holds
                raise (self._judge.in_doubt(failed) if doubtful else failed) from None
            if isinstance(outcome, Answer):
                return outcome
            failed = outcome.error
            doubtful = doubtful or isinstance(failed, errors.LostAnswerError)
            if not renewed and isinstance(failed, errors.UnauthorizedError):
                renewed = True
                if self._sign_in.renew(signed):
                    continue
            if not self._waited(sent, outcome, patience):
                raise self._judge.in_doubt(failed) if doubtful else failed

    def _signed(self, sent: Sent, *, doubtful: bool) -> Mapping[str, Secret]:
        if self.before_read and sent.effect is Effect.READ:
            self.before_read()  # nobody signs in for what isn't read any more
        try:
            return self._sign_in.headers()
        except errors.ReconcileError as error:
            own = retold(error, self._signs_in_as, self.provider)
            if doubtful and isinstance(own, errors.RemoteError):
                raise self._judge.in_doubt(own) from None
            raise own from None

    def _waited(self, sent: Sent, failure: Failure, patience: retries.Patience) -> bool:
        """Whether another attempt is harmless and in time; if so, it has waited for it."""
        error = failure.error
        throttled = isinstance(error, errors.ThrottledError)
        certain = throttled or isinstance(error, errors.UnreachableError)
        if not failure.transient or (sent.effect is Effect.ONCE and not certain):
            return False
        seconds = patience.wait(throttled=throttled, pause=failure.pause)
        if seconds is None or (throttled and self.stopped()):
            if self.before_read and sent.effect is Effect.READ:
                self.before_read()  # given up because of the stop, not of the server
            return False
        log.info("%s; trying again in %.1f s", error.message, seconds)
        if throttled and failure.pause:
            self._flow.hush(seconds)  # kept by every thread, this one included
        else:
            try:
                self.sleep(seconds)
            except errors.StoppedError:
                if sent.effect is Effect.READ:
                    raise
                return False
        return True

    def _attempt(self, sent: Sent, signed: Mapping[str, Secret]) -> Answer | Failure:
        """One request in its turn."""
        with self._flow.turn(sent.path) as turn:
            outcome = self._sent(sent, signed)
            if isinstance(outcome, Answer):
                turn.succeeded()
            elif isinstance(outcome.error, errors.ThrottledError):
                turn.throttled()
        return outcome

    def _sent(self, sent: Sent, signed: Mapping[str, Secret]) -> Answer | Failure:
        """One request on the wire."""
        self._flow.beat()
        before = self.before_read if sent.effect is Effect.READ else self.gate
        if before:
            before()
        try:
            with deadline(CONNECT_SECONDS + READ_SECONDS):
                received = self._exchange(sent, signed)
        except OSError as error:  # the library's own errors are among them
            words, arrived, transient = explain(error)
            log.debug("%s: %s %s -> %s", self.provider, sent.method, sent.path, words)
            untrusted = is_untrusted(error)
            return self._judge.no_answer(
                sent, words, arrived=arrived, transient=transient, untrusted=untrusted
            )
        target = received.headers.get("Location", "")
        if 300 <= received.status < 400 and target:
            return self._judge.redirected(sent, received.status, _joined(self.base + sent.path, target))
        outcome = self._judge.judge(sent, received, [*signed.values(), *sent.secrets()])
        if isinstance(outcome, Answer) and sent.method == "GET":
            self._seen.date = self.date or outcome.date
            if self._seen.hear:
                self._seen.hear(sent.path, sent.query or {}, outcome.body)
        return outcome

    def _exchange(self, sent: Sent, signed: Mapping[str, Secret]) -> Received:
        started = self.clock()
        self._seen.count()
        response = self._connections.request(
            sent.method,
            self.base + sent.path,
            params=sent.query,
            data=encoded(sent),
            headers={"Content-Type": content_type(sent)} if sent.form or sent.body is not None else {},
            auth=Credentials(signed),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            verify=self._verify,
            stream=True,
        )
        with response:
            content = self._content(response, started)
        seconds, status = self.clock() - started, response.status_code
        self._seen.times.append(seconds)
        log.debug("%s: %s %s -> %s in %.0f ms", self.provider, sent.method, sent.path, status, seconds * 1000)
        text = content.decode("utf-8", "replace")
        return Received(response.status_code, response.reason or "", response.headers, text)

    def _content(self, response: requests.Response, started: float) -> bytes:
        chunks, size = [], 0
        for chunk in response.iter_content(65536):
            chunks.append(chunk)
            size += len(chunk)
            if size > BODY_LIMIT:
                raise requests.exceptions.ContentDecodingError
            if self.clock() - started > CONNECT_SECONDS + READ_SECONDS:
                raise requests.ReadTimeout
        return b"".join(chunks)


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        return target  # no address at all
