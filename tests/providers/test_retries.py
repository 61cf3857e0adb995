"""What is sent again, what never is, and how long is waited in between."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import responses
import urllib3

from reconciler import errors
from reconciler.providers._retries import ATTEMPTS, TOTAL_SECONDS
from reconciler.providers.http import Client

URL = "https://api.test/things"
MAYBE_ARRIVED = [
    requests.ReadTimeout("read timed out"),
    requests.ConnectionError(urllib3.exceptions.ProtocolError("aborted", ConnectionResetError())),
    requests.exceptions.ChunkedEncodingError("broken"),
    requests.exceptions.SSLError("EOF occurred in violation of protocol"),
]


def refused_connection() -> requests.ConnectionError:
    reason = urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


NEVER_ARRIVED = [
    refused_connection(),
    requests.ConnectTimeout("connect timed out"),
    requests.ConnectionError(urllib3.exceptions.NameResolutionError("h", None, OSError())),  # type: ignore[arg-type]
    requests.exceptions.ProxyError("proxy"),
]


def send(client: Client, method: str) -> Any:
    return client.call(method, "/things", body={"a": 1}).body


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_repeatable_call_is_sent_again_after_a_passing_failure(
    client: Client, web: responses.RequestsMock, method: str, status: int
) -> None:
    web.add(method, URL, status=status)
    web.add(method, URL, json={})
    assert send(client, method) == {}
    assert client.calls == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("error", [*MAYBE_ARRIVED, *NEVER_ARRIVED])
def test_a_repeatable_call_is_sent_again_after_a_broken_connection(
    client: Client, web: responses.RequestsMock, method: str, error: Exception
) -> None:
    web.add(method, URL, body=error)
    web.add(method, URL, json={})
    assert send(client, method) == {}


@pytest.mark.parametrize("error", MAYBE_ARRIVED)
def test_a_create_that_may_have_arrived_is_lost_and_never_sent_twice(
    client: Client, web: responses.RequestsMock, error: Exception
) -> None:
    web.add("POST", URL, body=error)
    with pytest.raises(errors.LostAnswerError, match="may have taken effect"):
        send(client, "POST")
    assert client.calls == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_a_create_answered_with_a_server_failure_is_lost_and_never_sent_twice(
    client: Client, web: responses.RequestsMock, status: int
) -> None:
    web.add("POST", URL, status=status, body="<html>bad gateway</html>", content_type="text/html")
    with pytest.raises(errors.LostAnswerError) as caught:
        send(client, "POST")
    assert caught.value.status == status
    assert client.calls == 1


def test_a_create_answered_503_with_retry_after_is_lost_all_the_same(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("POST", URL, status=503, headers={"Retry-After": "1"})
    with pytest.raises(errors.LostAnswerError):
        send(client, "POST")
    assert client.calls == 1


def test_a_create_that_the_server_does_not_implement_took_no_effect(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("POST", URL, status=501)
    with pytest.raises(errors.ServerError):
        send(client, "POST")


@pytest.mark.parametrize("error", NEVER_ARRIVED)
def test_a_create_that_never_arrived_is_sent_again(
    client: Client, web: responses.RequestsMock, error: Exception
) -> None:
    web.add("POST", URL, body=error)
    web.add("POST", URL, json={"id": 1})
    assert send(client, "POST") == {"id": 1}


@pytest.mark.parametrize("error", NEVER_ARRIVED)
def test_a_create_that_never_arrives_is_unreachable(
    client: Client, web: responses.RequestsMock, error: Exception
) -> None:
    web.add("POST", URL, body=error)
    with pytest.raises(errors.UnreachableError, match="no answer to POST /things"):
        send(client, "POST")
    assert client.calls == ATTEMPTS


def test_a_throttled_create_is_sent_again(client: Client, web: responses.RequestsMock) -> None:
    web.add("POST", URL, status=429, json={"error_code": "RESOURCE_EXHAUSTED", "message": "slow down"})
    web.add("POST", URL, json={"id": 1})
    assert send(client, "POST") == {"id": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_scims_500_that_means_429_is_sent_again(
    client: Client, web: responses.RequestsMock, method: str
) -> None:
    detail = "REQUEST_LIMIT_EXCEEDED: Your request exceeded the concurrent limit of 4 requests."
    web.add(method, URL, status=500, json={"schemas": ["…Error"], "status": "500", "detail": detail})
    web.add(method, URL, json={"id": "1"})
    assert send(client, method) == {"id": "1"}


def test_temporarily_unavailable_is_sent_again_for_reads_only(
    client: Client, web: responses.RequestsMock
) -> None:
    body = {"schemas": [], "detail": "TEMPORARILY_UNAVAILABLE: try later"}
    for method in ("GET", "POST"):
        web.add(method, URL, status=500, json=body)
        web.add(method, URL, json={})
    assert send(client, "GET") == {}
    with pytest.raises(errors.LostAnswerError):
        send(client, "POST")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_idempotent_write_whose_answers_all_get_lost_is_lost(
    client: Client, web: responses.RequestsMock, method: str
) -> None:
    web.add(method, URL, body=requests.ReadTimeout())
    with pytest.raises(errors.LostAnswerError):
        send(client, method)
    assert client.calls == ATTEMPTS


def test_a_read_without_an_answer_is_unreachable_and_not_lost(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("GET", URL, body=requests.ReadTimeout())
    with pytest.raises(errors.UnreachableError):
        client.get("/things")


def test_a_refusal_after_a_lost_attempt_leaves_a_write_in_doubt(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("PATCH", URL, body=requests.ReadTimeout())
    web.add("PATCH", URL, status=403, json={"message": "no"})
    with pytest.raises(errors.LostAnswerError, match="an earlier attempt may have taken effect") as caught:
        send(client, "PATCH")
    assert caught.value.status == 403


def test_a_refused_value_after_a_lost_attempt_is_refused_for_good(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("PATCH", URL, body=requests.ReadTimeout())
    web.add("PATCH", URL, status=400, json={"message": "bad value"})
    with pytest.raises(errors.InvalidRequestError):
        send(client, "PATCH")


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 422])
def test_a_no_is_a_no_at_once(client: Client, web: responses.RequestsMock, method: str, status: int) -> None:
    web.add(method, URL, status=status, json={"message": "no"})
    with pytest.raises(errors.AnswerError):
        send(client, method)
    assert client.calls == 1


def test_an_untrusted_certificate_is_said_at_once(client: Client, web: responses.RequestsMock) -> None:
    cause = ssl.SSLCertVerificationError("self-signed certificate")
    web.add("POST", URL, body=requests.exceptions.SSLError(cause))
    with pytest.raises(errors.UnreachableError, match="certificate isn't trusted"):
        send(client, "POST")
    assert client.calls == 1


def test_deleting_what_is_gone_is_done(client: Client, web: responses.RequestsMock) -> None:
    web.add("DELETE", URL, status=404, json={"error_code": "RESOURCE_DOES_NOT_EXIST"})
    client.delete("/things")


def test_a_page_of_html_with_404_does_not_pass_for_a_deletion(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("DELETE", URL, status=404, body="<html>nginx</html>", content_type="text/html")
    with pytest.raises(errors.UnreadableError):
        client.delete("/things")


def test_retry_after_in_seconds_is_kept(client: Client, web: responses.RequestsMock, moment: Any) -> None:
    web.add("GET", URL, status=429, headers={"Retry-After": "7"})
    web.add("GET", URL, json={})
    client.get("/things")
    assert moment.slept == [7.0]


def test_retry_after_as_a_date_is_measured_by_the_servers_own_clock(
    client: Client, web: responses.RequestsMock, moment: Any
) -> None:
    then = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    headers = {
        "Date": format_datetime(then, usegmt=True),
        "Retry-After": format_datetime(then + timedelta(seconds=12), usegmt=True),
    }
    web.add("GET", URL, status=503, headers=headers)
    web.add("GET", URL, json={})
    client.get("/things")
    assert moment.slept == [12.0]


@pytest.mark.parametrize("value", ["86400", "Wed, 01 Jan 2200 00:00:00 GMT"])
def test_retry_after_has_a_cap(client: Client, web: responses.RequestsMock, moment: Any, value: str) -> None:
    web.add("GET", URL, status=429, headers={"Retry-After": value})
    web.add("GET", URL, json={})
    client.get("/things")
    assert moment.slept == [60.0]


@pytest.mark.parametrize("value", ["soon", "nan", "-5", ""])
def test_a_senseless_retry_after_does_no_harm(
    client: Client, web: responses.RequestsMock, moment: Any, value: str
) -> None:
    web.add("GET", URL, status=503, headers={"Retry-After": value})
    web.add("GET", URL, json={})
    client.get("/things")
    assert all(0 <= seconds < 1 for seconds in moment.slept)


def test_waits_grow_and_a_run_of_failures_ends_in_time(
    client: Client, web: responses.RequestsMock, moment: Any
) -> None:
    web.add("GET", URL, status=503)
    with pytest.raises(errors.ServerError):
        client.get("/things")
    assert len(moment.slept) == ATTEMPTS - 1
    assert moment.slept == sorted(moment.slept)


def test_all_attempts_together_stay_within_two_minutes(
    client: Client, web: responses.RequestsMock, moment: Any
) -> None:
    web.add("GET", URL, status=503, headers={"Retry-After": "50"})
    started = moment.now
    with pytest.raises(errors.ServerError):
        client.get("/things")
    assert client.calls == 3
    assert moment.now - started <= TOTAL_SECONDS


def test_the_gate_is_asked_before_every_attempt_of_a_write(
    client: Client, web: responses.RequestsMock
) -> None:
    asked: list[int] = []
    client.gate = lambda: asked.append(client.calls)
    web.add("PATCH", URL, status=503)
    web.add("PATCH", URL, status=429)
    web.add("PATCH", URL, json={})
    send(client, "PATCH")
    assert asked == [0, 1, 2]


def test_a_closed_gate_stops_a_write_before_it_is_sent(client: Client, web: responses.RequestsMock) -> None:
    def closed() -> None:
        raise errors.FencedError("somebody took over")

    client.gate = closed
    web.add("POST", URL, json={})
    with pytest.raises(errors.FencedError):
        send(client, "POST")
    assert client.calls == 0


def test_reads_pass_a_closed_gate(client: Client, web: responses.RequestsMock) -> None:
    def closed() -> None:
        raise errors.FencedError("somebody took over")

    client.gate = closed
    web.add("GET", URL, json={"ok": 1})
    web.add("POST", "https://api.test/verify", json={})
    assert client.get("/things") == {"ok": 1}
    client.probe("/verify")
