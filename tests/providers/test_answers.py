"""What an answer means, and what a message says (and doesn't say)."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import pytest
import requests
import responses

from reconciler import errors
from reconciler.providers import Pace, http
from reconciler.providers import _size_limits as limits
from reconciler.providers._connections import Connections
from reconciler.providers.http import Client, FixedHeaders, Hints
from reconciler.secrets import Secret

URL = "https://api.test/things"

# status, body, content type → error, remote code, part of the message
FORMATS: dict[str, tuple[int, Any, str, type[errors.AnswerError], str, str]] = {
    "standard": (
        404,
        {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such app", "details": []},
        "application/json",
        errors.NotFoundError,
        "RESOURCE_DOES_NOT_EXIST",
        "no such app",
    ),
    "standard with a status that doesn't say it": (
        400,
        {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "it is there"},
        "application/json",
        errors.ConflictError,
        "RESOURCE_ALREADY_EXISTS",
        "it is there",
    ),
    "numeric code": (
        403,
        {"error_code": 403, "message": "Invalid access token."},
        "application/json",
        errors.ForbiddenError,
        "403",
        "Invalid access token.",
    ),
    "1.2": (400, {"error": "old words"}, "application/json", errors.InvalidRequestError, "", "old words"),
    "SCIM": (
        409,
        {"schemas": ["x"], "status": "409", "scimType": "uniqueness", "detail": "already exists."},
        "application/scim+json",
        errors.ConflictError,
        "uniqueness",
        "already exists.",
    ),
    "SCIM without a type, and with nothing to say": (
        400,
        {"schemas": ["x"], "status": "400", "detail": "null"},
        "application/scim+json",
        errors.InvalidRequestError,
        "SCIM_400",
        "answered 400 SCIM_400",
    ),
    "OAuth": (
        401,
        {"error": "invalid_client", "error_description": "Client authentication failed"},
        "application/json",
        errors.UnauthorizedError,
        "invalid_client",
        "Client authentication failed",
    ),
    "text": (
        400,
        "MALFORMED_REQUEST: vpc is wrong",
        "text/plain",
        errors.InvalidRequestError,
        "MALFORMED_REQUEST",
        "vpc is wrong",
    ),
    "HTML": (
        403,
        "<html><body><pre>Not <b>here</b></pre></body></html>",
        "text/html",
        errors.ForbiddenError,
        "",
        "Not here",
    ),
    "empty": (403, "", "", errors.ForbiddenError, "", "Forbidden"),
    "Connect": (
        403,
        {"code": 22, "error": "You don't have permission to perform this operation.", "payload": None},
        "application/json",
        errors.ForbiddenError,
        "22",
        "permission",
    ),
    "Connect without a code": (
        404,
        {"error": "no object"},
        "application/json",
        errors.NotFoundError,
        "",
        "no object",
    ),
    "Connect without anything": (
        400,
        {"code": None},
        "application/json",
        errors.InvalidRequestError,
        "",
        "400",
    ),
    "Connect unlicensed": (
        402,
        {"code": 221, "error": "not licensed"},
        "application/json",
        errors.UnlicensedError,
        "221",
        "not licensed",
    ),
    "Connect throttled under another status": (
        400,
        {"code": 277, "error": "slow"},
        "application/json",
        errors.ThrottledError,
        "277",
        "slow",
    ),
    "a list where an object belongs": (400, [1], "application/json", errors.InvalidRequestError, "", "400"),
    "a status that nobody knows": (
        418,
        {"message": "tea"},
        "application/json",
        errors.AnswerError,
        "",
        "tea",
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_refusal_is_understood(
    client: Client, web: responses.RequestsMock, name: str
) -> None:
    status, body, content_type, kind, code, words = FORMATS[name]
    text = body if isinstance(body, str) else json.dumps(body)
    web.add("GET", URL, body=text, status=status, content_type=content_type or "application/octet-stream")
    with pytest.raises(errors.AnswerError) as caught:
        client.get("/things")
    assert type(caught.value) is kind
    assert caught.value.remote_code == code
    assert words in caught.value.message
    assert (caught.value.provider, caught.value.method, caught.value.path) == ("acme", "GET", "/things")
    assert caught.value.status == status


def test_a_reason_phrase_of_the_gateway_is_used_when_the_body_is_empty(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("GET", URL, status=403, headers={"X-Databricks-Reason-Phrase": "IP not allowed"})
    with pytest.raises(errors.ForbiddenError, match="IP not allowed"):
        client.get("/things")


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"X-Correlation-ID": "c-1"}, {"error": "x"}, "c-1"),
        ({"x-request-id": "r-1"}, {"error": "x"}, "r-1"),
        (
            {"x-request-id": "r-1"},
            {
                "error_code": "X",
                "details": [{"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": "i-1"}],
            },
            "i-1",
        ),
    ],
)
def test_request_ids_are_kept(
    client: Client, web: responses.RequestsMock, headers: dict[str, str], body: Any, expected: str
) -> None:
    web.add("GET", URL, status=400, headers=headers, json=body)
    with pytest.raises(errors.AnswerError) as caught:
        client.get("/things")
    assert caught.value.request_id == expected


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "client_id 2c1e"), (403, "client_id 2c1e: an admin is wanted"), (402, "the licence lacks it")],
)
def test_a_refused_credential_is_named_and_never_shown(
    client: Client, web: responses.RequestsMock, status: int, hint: str
) -> None:
    web.add("GET", URL, status=status, json={"message": "the-bearer-token is bad; Bearer the-bearer-token"})
    with pytest.raises(errors.AnswerError) as caught:
        client.get("/things")
    assert hint in caught.value.hint
    assert "the-bearer-token" not in str(caught.value)
    assert "(sensitive)" in str(caught.value)


def test_a_credential_that_is_renewed_and_refused_again_is_refused(web: responses.RequestsMock) -> None:
    class Hopeful(FixedHeaders):
        def renew(self, refused: Any) -> bool:
            return True

    web.add("GET", URL, status=401)
    client = Client(provider="acme", base="https://api.test", sign_in=Hopeful())
    with pytest.raises(errors.UnauthorizedError):
        client.get("/things")
    assert client.calls == 2


@pytest.mark.parametrize("echo", ["plain", "json", "url"])
def test_a_secret_that_the_server_echoes_is_blotted_out(
    client: Client, web: responses.RequestsMock, echo: str
) -> None:
    value = 's3cr&t "quoted" välue'
    forms = {"plain": value, "json": json.dumps(value), "url": requests.utils.quote(value, safe="")}
    web.add("POST", URL, status=400, json={"message": f"can't take {forms[echo]}"})
    with pytest.raises(errors.InvalidRequestError) as caught:
        client.post("/things", {"config": {"list": [{"client_secret": Secret(value)}]}})
    shown = "".join(traceback.format_exception(caught.value))
    assert forms[echo] not in caught.value.message
    assert "(sensitive)" in caught.value.message
    assert value not in shown


def test_a_blot_is_not_blotted_again(client: Client, web: responses.RequestsMock) -> None:
    web.add("POST", URL, status=400, json={"message": "sens and sensitive and the t"})
    with pytest.raises(errors.InvalidRequestError) as caught:
        client.post("/things", {"a": Secret("sens"), "b": Secret("sensitive"), "c": Secret("t")})
    assert "(sensitive) and (sensitive) and the t" in caught.value.message


def test_a_servers_words_are_one_bounded_line_without_control_characters(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("GET", URL, status=400, json={"message": "a\x1b[31m\r\nb\u202e " + "x" * 10_000})
    with pytest.raises(errors.InvalidRequestError) as caught:
        client.get("/things")
    assert "a [31m b x" in caught.value.message
    assert len(caught.value.message) < 700


@pytest.mark.parametrize(("body", "kind"), [("<html>Log in</html>", "text/html"), ("<!doctype html>", "")])
def test_a_login_page_in_place_of_json_is_unreadable_for_a_read(
    client: Client, web: responses.RequestsMock, body: str, kind: str
) -> None:
    web.add("GET", URL, body=body, content_type=kind or "application/json")
    with pytest.raises(errors.UnreadableError, match="page of HTML") as caught:
        client.get("/things")
    assert "ACME_HOST" in caught.value.hint
    assert client.calls == 1


@pytest.mark.parametrize("body", ["<html>Log in</html>", '{"id": "1", "secr'])
def test_an_unreadable_yes_to_a_create_is_a_lost_answer(
    client: Client, web: responses.RequestsMock, body: str
) -> None:
    web.add("POST", URL, body=body)
    with pytest.raises(errors.LostAnswerError) as caught:
        client.post("/things", {})
    assert client.calls == 1
    assert "secr" not in str(caught.value)


def test_damaged_json_is_read_again(client: Client, web: responses.RequestsMock) -> None:
    web.add("GET", URL, body='{"apps": [')
    web.add("GET", URL, json={"apps": []})
    assert client.get("/things") == {"apps": []}


@pytest.mark.parametrize(
    ("method", "kind"), [("GET", errors.UnreadableError), ("POST", errors.LostAnswerError)]
)
def test_json_that_is_nested_without_end_is_damaged(
    client: Client, web: responses.RequestsMock, method: str, kind: type[errors.RemoteError]
) -> None:
    web.add(method, URL, body="[" * 200_000)
    with pytest.raises(kind, match="damaged JSON"):
        client.call(method, "/things")


@pytest.mark.parametrize("body", ["[" * 99_000, '{"message": ' * 8_000])
def test_a_refusal_that_is_nested_without_end_is_still_a_refusal(
    client: Client, web: responses.RequestsMock, body: str
) -> None:
    web.add("GET", URL, status=403, body=body)
    with pytest.raises(errors.ForbiddenError):
        client.get("/things")


def test_a_refusal_that_can_just_be_read_is_still_a_refusal(
    client: Client, web: responses.RequestsMock
) -> None:
    for depth in range(700, 1000, 4):  # at some of them, reading succeeds and writing doesn't
        web.upsert("GET", URL, status=403, body=f'{{"message": {"[" * depth}{"]" * depth}}}')
        with pytest.raises(errors.ForbiddenError):
            client.get("/things")


def test_an_address_is_not_told_in_a_hint_for_it_may_come_from_a_variable(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("GET", URL, body=requests.exceptions.ConnectionError(ConnectionRefusedError()))
    with pytest.raises(errors.UnreachableError, match="no answer to GET /things") as caught:
        client.get("/things")
    assert caught.value.hint == "is the address of acme right? check ACME_HOST and the network"
    assert "api.test" not in str(caught.value)


def test_an_unreadable_yes_to_a_patch_is_asked_again(client: Client, web: responses.RequestsMock) -> None:
    web.add("PATCH", URL, body="<html>", content_type="text/html")
    web.add("PATCH", URL, json={})
    assert client.patch("/things", {}) == {}


@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_yes_is_fine(client: Client, web: responses.RequestsMock, status: int) -> None:
    web.add("PUT", URL, status=status)
    assert client.put("/things", {}) is None


@pytest.mark.parametrize(("status", "body"), [(204, ""), (200, ""), (200, "{}")])
def test_a_delete_is_answered_with_nothing_whatever_its_type(
    client: Client, web: responses.RequestsMock, status: int, body: str
) -> None:
    web.add("DELETE", URL, status=status, body=body, content_type="text/plain; charset=utf-8")
    client.delete("/things")
    assert client.calls == 1


COMPLAINTS = [
    {"error_code": "INTERNAL_ERROR", "message": "no"},
    {"code": 1, "error": "no"},
    {"error": "no"},
    {"code": 4, "message": "no"},
    {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "no", "status": "500"},
]


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT", "POST"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, json.dumps(complaint)) for complaint in COMPLAINTS),
        (200, "[]"),
        (200, '"no"'),
        (200, "{"),
        (200, "upstream connect error"),
        (202, "{}"),
        (203, "{}"),
        (206, "{}"),
    ],
)
def test_a_yes_that_the_api_does_not_document_is_a_lost_answer(
    client: Client, web: responses.RequestsMock, method: str, status: int, body: str
) -> None:
    web.add(method, URL, status=status, body=body, content_type="application/json")
    with pytest.raises(errors.LostAnswerError, match="may have taken effect"):
        client.call(method, "/things", body={})


def test_a_delete_answered_with_an_error_is_asked_again(client: Client, web: responses.RequestsMock) -> None:
    web.add("DELETE", URL, json=COMPLAINTS[0])
    web.add("DELETE", URL, status=404, json={"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"})
    client.delete("/things")
    assert client.calls == 2


@pytest.mark.parametrize("body", ["default backend - 404", "404 page not found"])
def test_a_proxys_404_in_plain_text_does_not_pass_for_a_deletion(
    client: Client, web: responses.RequestsMock, body: str
) -> None:
    web.add("DELETE", URL, status=404, body=body, content_type="text/plain")
    with pytest.raises(errors.UnreadableError):
        client.delete("/things")


def test_a_probe_that_is_answered_with_an_error_has_proved_nothing(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("POST", URL, json=COMPLAINTS[1])
    with pytest.raises(errors.UnreadableError):
        client.probe("/things")


@pytest.mark.parametrize("body", ["{}", "[]", "0"])
def test_an_answer_of_endless_values_is_refused_before_it_is_built(
    client: Client, web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(limits, "_NESTS_LIMIT", 1000)
    monkeypatch.setattr(limits, "_VALUES_LIMIT", 1000)
    monkeypatch.setattr(json, "loads", pytest.fail)
    web.add("GET", URL, body=f"[{chr(44).join([body] * 1002)}]")
    with pytest.raises(errors.UnreadableError, match="too long"):
        client.get("/things")


def test_a_login_page_does_not_pass_for_a_deletion(client: Client, web: responses.RequestsMock) -> None:
    web.add("DELETE", URL, body="<html>Log in</html>", content_type="text/html")
    with pytest.raises(errors.LostAnswerError, match="page of HTML"):
        client.delete("/things")


def test_an_answer_without_an_end_is_refused(
    client: Client, web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_LIMIT", 1000)
    web.add("GET", URL, json={"x": "y" * 2000})
    with pytest.raises(errors.UnreachableError, match="too long"):
        client.get("/things")


# -- redirects


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_write_follows_a_redirect(
    client: Client, web: responses.RequestsMock, method: str, status: int
) -> None:
    web.add(method, URL, status=status, headers={"Location": "https://api.test/elsewhere?code=s3cret"})
    with pytest.raises(errors.LostAnswerError, match=r"https://api\.test/elsewhere") as caught:
        client.call(method, "/things", body={})
    assert "ACME_HOST" in caught.value.hint
    assert "s3cret" not in str(caught.value)
    assert client.calls == 1


@pytest.mark.parametrize(
    "target",
    [
        "/things",
        "/v2/things?page=2",
        "https://evil.test/things",
        "http://api.test/things",
        "https://api.test:8443/",
        "//evil.test/",
        # urlsplit and urllib3 don't agree on whose host this is
        "https://evil.test\\@api.test/things",
        "https://evil.test:443\\@api.test:443/things",
        "//evil.test\\@api.test/things",
        "https://me@api.test/things",
        "/\\evil.test/things",
        "/thi ngs",
        "/thi\x1cngs",
        "https://[api.test/things",
    ],
)
def test_a_read_takes_its_credential_nowhere_else(
    client: Client, web: responses.RequestsMock, target: str
) -> None:
    web.add("GET", URL, status=302, headers={"Location": target})
    with pytest.raises(errors.RedirectedError):
        client.get("/things")
    assert [call.request.url for call in web.calls] == [URL]


# -- the request itself


def test_a_secret_is_opened_in_the_body_and_nowhere_else(
    client: Client, web: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.add("POST", URL, json={})
    client.post("/things", {"config": {"client_secret": Secret("open-sesame"), "b": 1}})
    sent = web.calls[0].request
    assert json.loads(sent.body) == {"config": {"client_secret": "open-sesame", "b": 1}}
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Authorization"] == "Bearer the-bearer-token"
    assert sent.headers["User-Agent"].startswith("reconcile/")
    assert "open-sesame" not in caplog.text
    assert "the-bearer-token" not in caplog.text
    assert "POST /things -> 200 in 0 ms" in caplog.text


def test_a_query_is_not_logged(
    client: Client, web: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.add("GET", URL, json={})
    client.get("/things", {"filter": "hidden-words"})
    assert "hidden-words" in str(web.calls[0].request.url)
    assert "hidden-words" not in caplog.text


def test_an_unsendable_value_is_a_bug_of_ours(client: Client) -> None:
    with pytest.raises(errors.InternalError):
        client.post("/things", {"x": object()})


def test_a_netrc_file_takes_no_part(
    client: Client, web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.test login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    web.add("GET", URL, json={})
    client.get("/things")
    unsigned = Client(provider="acme", base="https://api.test", sign_in=FixedHeaders())
    unsigned.get("/things")
    assert web.calls[0].request.headers["Authorization"] == "Bearer the-bearer-token"
    assert "Authorization" not in web.calls[1].request.headers


@pytest.mark.parametrize("value", ["Key abc\ndef", "Key abc\u2603"])
def test_a_header_that_cannot_be_sent_does_not_end_up_in_a_message(value: str) -> None:
    bad = FixedHeaders("somebody", {"Authorization": Secret(value)})
    client = Client(provider="acme", base="http://127.0.0.1:1", sign_in=bad, hints=Hints())
    with pytest.raises(errors.UnreachableError, match="can't be sent") as caught:
        client.get("/things")
    assert "abc" not in "".join(traceback.format_exception(caught.value))


def test_the_servers_date_of_the_first_read_is_kept(client: Client, web: responses.RequestsMock) -> None:
    web.add("POST", URL, json={}, headers={"Date": "Mon, 01 Jan 2029 00:00:00 GMT"})
    web.add("GET", URL, json={}, headers={"Date": "Tue, 01 Jan 2030 00:00:00 GMT"})
    web.add("GET", URL, json={}, headers={"Date": "Wed, 01 Jan 2031 00:00:00 GMT"})
    client.post("/things", {})
    client.get("/things")
    client.get("/things")
    assert client.date == "2030-01-01T00:00:00Z"


# -- side by side


def test_reads_side_by_side_come_back_in_order(client: Client, web: responses.RequestsMock) -> None:
    for number in range(20):
        web.add("GET", f"https://api.test/things/{number}", json=number)
    assert client.map(lambda number: client.get(f"/things/{number}"), range(20)) == list(range(20))


def test_the_first_error_of_reads_side_by_side_is_raised(client: Client, web: responses.RequestsMock) -> None:
    web.add("GET", "https://api.test/things/0", json=0)
    web.add("GET", "https://api.test/things/1", status=403)
    with pytest.raises(errors.ForbiddenError):
        client.map(lambda number: client.get(f"/things/{number % 2}"), range(50))


def test_reads_inside_reads_do_not_wait_for_each_other_for_ever(client: Client) -> None:
    def outer(number: int) -> int:
        return sum(client.map(lambda inner: inner * number, range(5)))

    assert client.map(outer, range(40)) == [10 * number for number in range(40)]


def test_never_more_requests_are_in_flight_than_agreed(web: responses.RequestsMock) -> None:
    import threading

    lock, now, most = threading.Lock(), 0, 0

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.005)
        with lock:
            now -= 1
        return 200, {}, "{}"

    web.add_callback("GET", URL, callback=answer)
    client = Client(
        provider="acme", base="https://api.test", sign_in=FixedHeaders(), connections=Connections(Pace(3))
    )
    threads = [threading.Thread(target=lambda: client.get("/things")) for _ in range(12)]
    for thread in threads:
        thread.start()
    client.map(lambda _: client.get("/things"), range(12))
    for thread in threads:
        thread.join()
    client.close()
    assert most == 3
