"""What an answer, or the lack of one, means: done, refused, or nobody knows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reconciler import errors
from reconciler.providers import _error_bodies as error_bodies
from reconciler.providers import _retries as retries
from reconciler.providers import _size_limits as limits
from reconciler.providers._exchange import Answer, Effect, Failure, Hints, Received, Sent, SignIn
from reconciler.secrets import Secret

_DOUBT = "; it may have taken effect"
# What either API documents for any call. 203 is a proxy's, 202 a promise, 206 a part.
_YES = frozenset({200, 201, 204})
_COMPLAINT_LIMIT = 100_000

# After an attempt that may have arrived, only these answers tell that the same statement is refused for good.
_DEFINITE = (errors.LostAnswerError, errors.InvalidRequestError, errors.NotFoundError, errors.ConflictError)


# Whatever object they stand in: a value shown once is wrapped before anybody else sees it.
_SECRET_KEYS = frozenset({"client_secret", "secret", "access_token"})


def _with_secrets_wrapped(item: dict[str, Any]) -> dict[str, Any]:
    if _SECRET_KEYS.isdisjoint(item):
        return item  # nearly all
    for key in _SECRET_KEYS & item.keys():
        if isinstance(item[key], str) and item[key]:
            item[key] = Secret(item[key])
    return item


def _place(url: str) -> str:
    """A URL without what may be secret in it: user name, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "what is no address"
    _, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{'…' * len(at)}{at}{host}{parts.path}"


def _is_nothing(body: Any) -> bool:
    return body is None or body == {}


def _is_no_complaint(body: Any) -> bool:
    return body is None or (isinstance(body, dict) and not error_bodies.is_complaint(body))


def _is_anything(body: Any) -> bool:
    return True


# What a yes holds where its caller doesn't say more; of reads, callers look at all of it.
_PROMISES: Mapping[str, Callable[[Any], bool]] = {
    "DELETE": _is_nothing,
    "PATCH": _is_no_complaint,
    "POST": _is_no_complaint,
    "PUT": _is_no_complaint,
}


@dataclass(frozen=True)
class ResponseReader:
    """Turns what came back into an answer or an error, in the words of one provider."""

    provider: str
    sign_in: SignIn
    hints: Hints

    def judge(self, sent: Sent, received: Received, secrets: Iterable[Secret]) -> Answer | Failure:
        """The meaning of anything but a redirect."""
        status, text = received.status, received.text
        if not 200 <= status < 300:
            return self._refused(sent, received, list(secrets))
        if status not in _YES:
            return self._no_yes(sent, status, "which this API doesn't say")
        if limits.is_crowded(text):
            return self._no_yes(sent, status, "with more than can be meant: it is too long")
        try:
            body = json.loads(text, object_hook=_with_secrets_wrapped) if text.strip() else None
        except (ValueError, RecursionError):  # nested without end
            is_page = error_bodies.looks_like_page(received.headers.get("Content-Type", ""), text)
            what = "a page of HTML" if is_page else "damaged JSON"
            return self._no_yes(sent, status, f"with {what} instead of JSON", is_page=is_page)
        if not (sent.yes or _PROMISES.get(sent.method, _is_anything))(body):
            complaint = error_bodies.read_complaint(status, "", received.headers, text[:_COMPLAINT_LIMIT])
            words = error_bodies.clean(f"{complaint.code} {complaint.message}", secrets)
            return self._no_yes(sent, status, f"with something else than a yes: {words}".rstrip(" :"))
        return Answer(status, body, retries.rfc3339(received.headers.get("Date", "")), len(text))

    def _no_yes(self, sent: Sent, status: int, what: str, *, is_page: bool = False) -> Failure:
        """A 2xx that isn't the answer that the API documents: whatever it means, it confirms nothing."""
        is_read = sent.effect is Effect.READ
        text = f"{sent.method} {sent.path} was answered {status} {what}"
        error = self.error(
            errors.UnreadableError if is_read else errors.LostAnswerError,
            sent.method,
            sent.path,
            text if is_read else text + _DOUBT,
            status=status,
            hint=f"a login page or a proxy answers: check {self.hints.address} and the credential"
            if is_page
            else "",
        )
        # A login page stays one; whether a write has arrived is worth finding out.
        return Failure(error, transient=not is_page or not is_read)

    def _refused(self, sent: Sent, received: Received, secrets: list[Secret]) -> Failure:
        status, headers = received.status, received.headers
        complaint = error_bodies.read_complaint(
            status, received.reason, headers, received.text[:_COMPLAINT_LIMIT]
        )
        kind: type[errors.RemoteError] = error_bodies.error_type(status, complaint)
        throttled = kind is errors.ThrottledError
        is_no = kind not in (errors.ServerError, errors.RedirectedError) or status == 501
        if not is_no and sent.effect is not Effect.READ:
            kind = errors.LostAnswerError
        words = error_bodies.clean(complaint.message, secrets)
        code = error_bodies.clean(complaint.code, secrets)
        text = f"{sent.method} {sent.path} was answered {status} {code}".rstrip()
        text += f": {words}" if words else ""
        text += _DOUBT if kind is errors.LostAnswerError else ""
        error = self.error(kind, sent.method, sent.path, text, status=status, hint=self._hint(kind))
        error.remote_code, error.request_id = code, error_bodies.clean(complaint.request_id, secrets)
        return Failure(
            error,
            transient=throttled or (status >= 500 and status not in (501, 505)),
            pause=retries.retry_after(headers.get("Retry-After", ""), headers.get("Date", "")),
        )

    def redirected(self, sent: Sent, status: int, url: str) -> Failure:
        """A redirect, which is never followed: whoever answers reads elsewhere won't take writes here.

        Of a write it is a lost answer: `see other` is also what is said when something has been done.
        """
        where = error_bodies.clean(_place(url))
        hint = f"check {self.hints.address}: scheme, host and path prefix; is a login page in front of it?"
        text = f"{sent.method} {sent.path} was redirected ({status}) to {where}"
        is_read = sent.effect is Effect.READ
        kind = errors.RedirectedError if is_read else errors.LostAnswerError
        text += "" if is_read else _DOUBT
        return Failure(self.error(kind, sent.method, sent.path, text, status=status, hint=hint))

    def no_answer(
        self, sent: Sent, words: str, *, arrived: bool, transient: bool, untrusted: bool = False
    ) -> Failure:
        """The connection failed; `arrived` unless it is certain that nothing was sent."""
        lost = arrived and sent.effect is not Effect.READ
        return Failure(
            self.error(
                errors.LostAnswerError if lost else errors.UnreachableError,
                sent.method,
                sent.path,
                f"no answer to {sent.method} {sent.path}: {words}" + (_DOUBT if lost else ""),
                hint="" if arrived else (untrusted and self.hints.trust) or self._where(),
            ),
            transient,
        )

    def _where(self) -> str:
        what = self.hints.shown or f"the address of {self.provider}"
        return f"is {what} right? check {self.hints.address} and the network"

    def in_doubt(self, error: errors.RemoteError) -> errors.RemoteError:
        """The error to end with when an earlier attempt of the same write may have arrived."""
        if isinstance(error, _DEFINITE):
            return error
        text = error.message.removeprefix(f"{self.provider}: ") + "; an earlier attempt may have taken effect"
        lost = self.error(
            errors.LostAnswerError, error.method, error.path, text, status=error.status, hint=error.hint
        )
        lost.remote_code, lost.request_id = error.remote_code, error.request_id
        return lost

    def _hint(self, kind: type[errors.RemoteError]) -> str:
        if kind is errors.UnlicensedError:
            return self.hints.unlicensed
        more = self.hints.unauthorized if kind is errors.UnauthorizedError else self.hints.forbidden
        if kind not in (errors.UnauthorizedError, errors.ForbiddenError):
            return ""
        return f"signed in as {self.sign_in.identity}" + (f": {more}" if more else "")

    def error(
        self,
        kind: type[errors.RemoteError],
        method: str,
        path: str,
        text: str,
        *,
        status: int | None = None,
        hint: str = "",
    ) -> errors.RemoteError:
        """An error that names the provider and the request, and nothing that was sent."""
        return kind(
            f"{self.provider}: {text}",
            provider=self.provider,
            method=method,
            path=path,
            status=status,
            hint=hint,
        )
