"""Throttling: who is slowed down, for how long, and how the pace recovers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
import responses

from reconciler import errors
from reconciler.providers import Pace
from reconciler.providers._connections import Connections
from reconciler.providers._retries import ATTEMPTS, LONGEST_WAIT, THROTTLED_SECONDS
from reconciler.providers._throttle import RECOVERY, Flow, Lane
from reconciler.providers.databricks._api import SCIM_PARALLEL, DatabricksAccount
from reconciler.providers.http import Client, FixedHeaders
from reconciler.sandbox import ACCOUNT_ID, Sandbox, environment

from .conftest import BASE, URL, databricks_spec

THINGS = f"{BASE}/things"
SCIM_LIMIT = {"schemas": [], "detail": "REQUEST_LIMIT_EXCEEDED: exceeded the concurrent limit of 4 requests."}
THROTTLINGS: list[dict[str, Any]] = [
    {"status": 429},
    {"status": 429, "headers": {"Retry-After": "2"}},
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"status": 500, "json": SCIM_LIMIT},
    {"status": 400, "json": {"message": "RPC token bucket limit has been exceeded"}},
]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("answer", THROTTLINGS)
def test_a_throttled_request_is_sent_again_more_often_than_any_other(
    client: Client, web: responses.RequestsMock, method: str, answer: dict[str, Any]
) -> None:
    for _ in range(3 * ATTEMPTS):
        web.add(method, THINGS, **answer)
    web.add(method, THINGS, json={"id": 1})
    assert client.call(method, "/things", body={}).body == {"id": 1}


@pytest.mark.parametrize("answer", THROTTLINGS)
def test_a_throttling_without_an_end_is_given_up_in_time_and_is_no_lost_answer(
    client: Client, web: responses.RequestsMock, moment: Any, answer: dict[str, Any]
) -> None:
    web.add("POST", THINGS, **answer)
    began = moment.now
    with pytest.raises(errors.ThrottledError):
        client.post("/things", {})
    assert THROTTLED_SECONDS - LONGEST_WAIT < moment.now - began <= THROTTLED_SECONDS
    assert min(moment.slept) > 0


def test_being_throttled_does_not_use_up_the_attempts_for_other_failures(
    client: Client, web: responses.RequestsMock
) -> None:
    for _ in range(ATTEMPTS - 1):
        web.add("GET", THINGS, status=429, headers={"Retry-After": "60"})
        web.add("GET", THINGS, status=503)
    web.add("GET", THINGS, json={"id": 1})
    assert client.get("/things") == {"id": 1}


def test_a_run_that_is_to_end_does_not_wait_out_a_throttling(
    client: Client, web: responses.RequestsMock
) -> None:
    web.add("POST", THINGS, status=429)
    client.stopped = lambda: True
    with pytest.raises(errors.ThrottledError):
        client.post("/things", {})
    assert client.calls == 1


def test_a_time_that_the_server_names_is_kept_by_every_caller(
    client: Client, web: responses.RequestsMock, moment: Any
) -> None:
    web.add("GET", THINGS, status=429, headers={"Retry-After": "7"})
    web.add("GET", f"{BASE}/others", json={})
    client.stopped = lambda: len(moment.slept) > 0
    with pytest.raises(errors.ThrottledError):
        client.get("/things")  # told once, waited once, told again
    moment.now -= 3.0
    moment.slept.clear()
    client.get("/others")
    assert moment.slept == [3.0]


def test_without_a_named_time_only_the_throttled_request_waits(
    client: Client, web: responses.RequestsMock, moment: Any
) -> None:
    web.add("GET", THINGS, status=429)
    web.add("GET", f"{BASE}/others", json={})
    client.stopped = lambda: True
    with pytest.raises(errors.ThrottledError):
        client.get("/things")
    client.get("/others")
    assert moment.slept == []


def no_time(seconds: float) -> None:
    raise errors.StoppedError


@pytest.fixture
def hurried(moment: Any) -> Iterator[Client]:
    made = Client(
        provider="acme",
        base=BASE,
        sign_in=FixedHeaders("me", {}),
        connections=Connections(replace(moment.pace, sleep=no_time)),
    )
    yield made
    made.close()


@pytest.mark.parametrize("status", [429, 503])
def test_a_read_whose_pause_is_cut_short_is_stopped(
    hurried: Client, web: responses.RequestsMock, status: int
) -> None:
    web.add("GET", THINGS, status=status, headers={"Retry-After": "40"})
    with pytest.raises(errors.StoppedError):
        hurried.get("/things")
    assert hurried.calls == 1


def test_a_write_that_was_turned_away_is_known_not_to_have_happened(
    hurried: Client, web: responses.RequestsMock
) -> None:
    web.add("POST", THINGS, status=429, headers={"Retry-After": "40"})
    with pytest.raises(errors.ThrottledError):
        hurried.post("/things", {})
    assert hurried.calls == 1


def test_a_stop_never_hides_that_a_write_may_have_arrived(
    hurried: Client, web: responses.RequestsMock
) -> None:
    web.add("PUT", THINGS, body=requests.exceptions.ReadTimeout())
    with pytest.raises(errors.LostAnswerError):
        hurried.put("/things", {})


# -- requests in flight


def enter(lane: Lane, count: int) -> list[Any]:
    turns = [lane.turn() for _ in range(count)]
    return [(turn, turn.__enter__()) for turn in turns]


def leave(turns: list[Any]) -> None:
    for turn, _ in turns:
        turn.__exit__(None, None, None)


def test_a_throttling_halves_what_may_be_in_flight_down_to_one() -> None:
    lane, limits = Lane(8), []
    for _ in range(5):
        with lane.turn() as number:
            lane.throttled(number)
        limits.append(lane.limit)
    assert limits == [4, 2, 1, 1, 1]


def test_requests_throttled_together_count_once() -> None:
    lane = Lane(8)
    turns = enter(lane, 8)
    for _, number in turns:
        lane.throttled(number)
    leave(turns)
    assert lane.limit == 4


def test_successes_widen_by_one_at_a_time_up_to_where_it_began() -> None:
    lane = Lane(8)
    with lane.turn() as number:
        lane.throttled(number)
    for _ in range(RECOVERY - 1):
        lane.succeeded()
    assert lane.limit == 4
    lane.succeeded()
    assert lane.limit == 5
    for _ in range(10 * RECOVERY):
        lane.succeeded()
    assert lane.limit == 8


def test_a_narrower_lane_lets_nobody_in_before_enough_have_left() -> None:
    lane = Lane(4)
    turns = enter(lane, 4)
    lane.throttled(turns[0][1])
    inside = threading.Event()

    def one_more() -> None:
        with lane.turn():
            inside.set()

    thread = threading.Thread(target=one_more, daemon=True)
    thread.start()
    leave(turns[:2])
    assert not inside.wait(0.05)
    leave(turns[2:])
    assert inside.wait(5)
    thread.join()


def test_a_storm_narrows_and_calm_widens_again(client: Client, web: responses.RequestsMock) -> None:
    flow = client._flow
    for _ in range(3):
        web.add("GET", THINGS, status=429)
    web.add("GET", THINGS, json={})
    client.get("/things")
    assert flow._lane.limit == 1
    for _ in range(8 * RECOVERY):
        client.get("/things")
    assert flow._lane.limit == flow.pace.parallelism


class Crowd:
    """Counts the most requests that were in flight at one time: of SCIM, and of all others.

    Each is held until as many are there as may be, and a moment longer for one too many.
    """

    def __init__(self, web: responses.RequestsMock, *, scim: int, others: int) -> None:
        self.allowed = {True: scim, False: others}
        self.changed = threading.Condition()
        self.now = {True: 0, False: 0}
        self.most = {True: 0, False: 0}
        for path in ("scim/v2/Things", "oauth2/things"):
            web.add_callback("GET", f"{URL}/api/2.0/accounts/{ACCOUNT_ID}/{path}", callback=self.answer)

    def answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        scim = "/scim/" in request.url
        with self.changed:
            self.now[scim] += 1
            self.most[scim] = max(self.most[scim], self.now[scim])
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.most[scim] >= self.allowed[scim], 5)
        time.sleep(0.01)
        with self.changed:
            self.now[scim] -= 1
        return 200, {}, "{}"


@pytest.fixture
def wide() -> Iterator[Callable[[int], DatabricksAccount]]:
    made = []

    def connected(parallelism: int) -> DatabricksAccount:
        given = {**environment(URL), "DATABRICKS_TOKEN": "dapi-x", "DATABRICKS_AUTH_TYPE": "pat"}
        made.append(DatabricksAccount(databricks_spec(), given, pace=Pace(parallelism)))
        return made[-1]

    yield connected
    for account in made:
        account.http.close()


@pytest.mark.parametrize(("parallelism", "scim", "others"), [(12, SCIM_PARALLEL, 12), (3, 3, 3)])
def test_the_limit_of_scim_binds_scim_alone(
    web: responses.RequestsMock,
    wide: Callable[[int], DatabricksAccount],
    parallelism: int,
    scim: int,
    others: int,
) -> None:
    crowd, account = Crowd(web, scim=scim, others=others), wide(parallelism)
    for path in ("scim/v2/Things", "oauth2/things"):
        account.http.map(lambda _, path=path: account.http.get(account.path(path)), range(36))
    assert crowd.most == {True: scim, False: others}


# -- requests per second


def test_requests_per_second_are_capped(web: responses.RequestsMock, moment: Any) -> None:
    web.add("GET", THINGS, json={})
    client = Client(
        provider="acme",
        base=BASE,
        sign_in=FixedHeaders(),
        connections=Connections(replace(moment.pace, rate=4.0)),
    )
    began = moment.now
    for _ in range(9):
        client.get("/things")
    assert moment.now - began == pytest.approx(2.0)


def test_time_that_nobody_used_is_not_saved_up(moment: Any) -> None:
    flow = Flow(replace(moment.pace, rate=2.0))
    flow.beat()
    moment.now += 100.0
    for _ in range(3):
        flow.beat()
    assert moment.slept == [0.5, 0.5]


def test_signing_in_counts_among_the_requests_per_second(sandbox: Sandbox, moment: Any) -> None:
    account = DatabricksAccount(databricks_spec(), environment(URL), pace=replace(moment.pace, rate=1.0))
    account.workspaces()
    account.http.close()
    assert moment.slept == [1.0]
