"""What a fault does to a request, and what it leaves behind."""

import http.client
import json

import pytest

from reconciler import sandbox as box
from reconciler.sandbox.faults import parse
from tests.waiting import wait_until

ACCOUNT = f"/api/2.0/accounts/{box.ACCOUNT_ID}"

APPS = "oauth2/custom-app-integrations"
BODY = {"name": "x", "scopes": ["a"]}


def apps(api):
    return [app["integration_id"] for app in api.account("GET", APPS).json.get("apps", [])]


def create(api):
    return api.account("POST", APPS, BODY)


# -- the language


@pytest.mark.parametrize(
    "line",
    [
        "",
        "do=nothing",
        "do=200",
        "write=1",
        "write=x,do=500",
        "write=0,do=500",
        "when=later,do=500",
        "server=azure,do=500",
        "path=(,do=500",
        "rate=2,do=500",
        "do=stale",
        "do=late",
        "shoe=1,do=500",
        "do",
    ],
)
def test_a_line_that_means_nothing_is_refused_with_words(line):
    with pytest.raises(ValueError, match="fault"):
        parse(line)


def test_a_comma_can_stand_inside_a_value():
    assert parse(r"path=/a{1\,2}$,do=500").path == "/a{1,2}$"


def test_a_bad_fault_is_400_at_the_control_endpoint(api):
    reply = api.call("POST", "/_sandbox/faults", {"spec": "do=nothing"})
    assert reply.status == 400
    assert "do= takes" in reply.json["error"]


# -- which request


def test_the_nth_write_is_counted_from_when_the_fault_was_added(api):
    create(api)
    api.fault("write=2,do=500")
    statuses = []
    for _ in range(3):
        apps(api)
        statuses.append(create(api).status)
    assert statuses == [200, 500, 200]


def test_the_nth_counts_among_what_the_other_selectors_let_through(api):
    api.fault("method=DELETE,path=custom-app,write=1,do=503")
    key = create(api).json["integration_id"]
    assert api.account("DELETE", f"{APPS}/{key}").status == 503
    assert api.account("DELETE", f"{APPS}/{key}").status == 200


def test_token_requests_and_verify_are_no_writes(api):
    guid = api.new_integration()["guid"]
    api.fault("write=1,do=500")
    assert api.token(box.CLIENT_ID, box.CLIENT_SECRET).status == 200
    assert api.connect("POST", f"v1/oauth/integrations/{guid}/verify").status == 400
    assert create(api).status == 500


def test_times_says_how_often_and_without_it_a_fault_has_no_end(api):
    api.fault("method=GET,times=2,do=500")
    assert [api.account("GET", APPS).status for _ in range(3)] == [500, 500, 200]
    api.fault("method=GET,do=500")
    assert {api.account("GET", APPS).status for _ in range(9)} == {500}


def test_a_rate_strikes_some_and_the_same_ones_every_time(api):
    def struck():
        api.control("DELETE", "faults")
        api.fault("rate=0.3,seed=4,do=500")
        return [api.account("GET", APPS).status for _ in range(60)]

    first = struck()
    assert 5 < first.count(500) < 40
    assert struck() == first


def test_a_server_can_be_singled_out(api):
    api.fault("server=connect,do=500")
    assert api.account("GET", APPS).status == 200
    assert api.connect("GET", "v1/user").status == 500


# -- when


@pytest.mark.parametrize("do", ["500", "502", "429", "reset", "html", "cut", "nocode", "hang"])
@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_before_leaves_nothing_and_after_leaves_the_effect(api, do, when, made):
    api.fault(f"write=1,when={when},do={do}")
    create(api)
    assert len(apps(api)) == made
    entry = api.control("GET", "log")["requests"][0]
    assert (entry["write"], entry["effect"], entry["fault"]) == (1, bool(made), 1)
    assert api.control("GET", "faults")["faults"][0]["hits"] == 1


# -- how


def test_each_api_says_no_in_its_own_words(api):
    api.fault("do=429,retry_after=2")
    standard = api.account("GET", APPS)
    assert standard.headers["Retry-After"] == "2"
    assert standard.json["error_code"] == "RESOURCE_EXHAUSTED"
    assert api.scim("GET", "ServicePrincipals").json["status"] == "429"
    assert api.connect("GET", "v1/user").json["code"] == 277
    assert api.token("a", "b").json["error"] == "invalid_request"


def test_a_gateway_and_a_login_page_are_html(api):
    api.fault("request=1,do=502")
    api.fault("request=2,do=html")
    for status in (502, 200):
        reply = api.account("GET", APPS)
        assert reply.status == status
        assert reply.headers["Content-Type"].startswith("text/html")


def test_a_redirect_points_where_it_is_told(api):
    api.fault("request=1,do=redirect")
    api.fault("request=2,do=redirect,to=https://sso.example/login")
    reply = api.connect("GET", "v1/user")
    assert (reply.status, reply.headers["Location"]) == (302, "/__api__/v1/user")
    assert api.connect("GET", "v1/user").headers["Location"] == "https://sso.example/login"


def test_scim_throttling_is_a_500(api):
    api.fault("do=scim500")
    reply = api.scim("GET", "ServicePrincipals")
    assert reply.status == 500
    assert reply.json["detail"].startswith("REQUEST_LIMIT_EXCEEDED")


def test_nocode_has_the_status_that_it_is_given(api):
    api.fault("do=nocode,status=403")
    reply = api.connect("GET", "v1/user")
    assert (reply.status, reply.json) == (403, {"error": "no code"})


def test_a_stale_create_is_missing_from_so_many_lists_but_not_by_id(api):
    api.fault("write=1,stale=2")
    key = create(api).json["integration_id"]
    assert api.account("GET", f"{APPS}/{key}").status == 200
    assert [apps(api) for _ in range(3)] == [[], [], [key]]


def test_a_stale_delete_leaves_a_ghost_in_so_many_lists(api):
    key = create(api).json["integration_id"]
    api.fault("write=1,stale=2")
    assert api.account("DELETE", f"{APPS}/{key}").status == 200
    assert api.account("GET", f"{APPS}/{key}").status == 404
    assert [apps(api) for _ in range(3)] == [[key], [key], []]


def test_pages_of_one_listing_share_its_lag(api):
    api.knobs(page_size=1)
    first = create(api).json["integration_id"]
    api.fault("write=1,stale=1")
    second = create(api).json["integration_id"]

    def listing():
        seen, token = [], ""
        while True:
            page = api.account("GET", APPS, page_token=token).json
            seen += [app["integration_id"] for app in page["apps"]]
            token = page.get("next_page_token", "")
            if not token:
                return seen

    assert [listing(), listing()] == [[first], [first, second]]


def test_the_lag_knob_holds_for_both_apis(api):
    api.knobs(list_lag=1)
    api.new_principal(displayName="new")
    api.new_integration()
    counts = [
        (
            api.scim("GET", "ServicePrincipals").json["totalResults"],
            len(api.connect("GET", "v1/oauth/integrations").json),
        )
        for _ in range(2)
    ]
    assert counts == [(0, 1), (1, 2)]


def test_a_late_effect_comes_after_its_answer_was_lost(api):
    api.fault("write=1,late=0.05")
    assert create(api).mishap == "reset"
    assert apps(api) == []
    assert api.control("GET", "faults")["faults"][0]["pending"] == 1
    wait_until(lambda: apps(api))
    assert len(apps(api)) == 1


def test_a_shuffled_list_has_all_and_in_another_order(api):
    keys = [api.new_app()["integration_id"] for _ in range(20)]
    api.fault("request=1,do=shuffle")
    shuffled = apps(api)
    assert shuffled != keys
    assert sorted(shuffled) == sorted(keys)
    assert apps(api) == keys


# -- over a socket


class Client:
    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)

    def send(self, method, path, body=None, token=box.TOKEN):
        raw = None if body is None else json.dumps(body)
        self.connection.request(method, path, raw, {"Authorization": f"Bearer {token}"})

    def receive(self):
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")

    def call(self, *args):
        self.send(*args)
        return self.receive()


@pytest.fixture
def client(server):
    made = Client(server)
    yield made
    made.connection.close()


@pytest.fixture
def other(server):
    made = Client(server)
    yield made
    made.connection.close()


def fault(other, spec):
    assert other.call("POST", "/_sandbox/faults", {"spec": spec})[0] == 200


def wait_for(other, **counts):
    def is_so():
        shown = other.call("GET", "/_sandbox/faults")[1]["faults"][0]
        return all(shown[name] == count for name, count in counts.items())

    wait_until(is_so)


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_client_can_be_killed_exactly_while_its_request_is_held(client, other, when, made):
    fault(other, f"write=1,when={when},do=hang")
    client.send("POST", f"{ACCOUNT}/{APPS}", BODY)
    wait_for(other, hits=1, held=1)
    assert other.call("GET", "/_sandbox/log")[1]["requests"][0]["held"] == when
    client.connection.close()
    wait_for(other, held=0)
    listed = other.call("GET", f"{ACCOUNT}/{APPS}")[1]
    assert len(listed.get("apps", [])) == made


def test_a_held_request_goes_on_when_the_fault_is_removed(client, other):
    fault(other, "write=1,do=hang")
    client.send("POST", f"{ACCOUNT}/{APPS}", BODY)
    wait_for(other, held=1)
    assert other.call("GET", f"{ACCOUNT}/{APPS}")[1] == {}
    assert other.call("DELETE", "/_sandbox/faults")[1] == {"removed": 1}
    status, app = client.receive()
    assert status == 200
    assert app["integration_id"]


def test_a_hang_may_last_for_so_many_seconds(client, other):
    fault(other, "request=1,do=hang,seconds=0.1")
    assert client.call("GET", f"{ACCOUNT}/workspaces")[0] == 200


def test_a_reset_gives_no_answer(client, other):
    fault(other, "request=1,do=reset")
    client.send("GET", f"{ACCOUNT}/workspaces")
    with pytest.raises(ConnectionError):
        client.receive()


def test_a_cut_body_is_shorter_than_it_says(client, other):
    fault(other, "request=1,when=after,do=cut")
    client.send("GET", f"{ACCOUNT}/workspaces")
    with pytest.raises(http.client.IncompleteRead):
        client.receive()


def test_a_closed_server_lets_go_of_what_it_holds_without_effect():
    with box.SandboxServer(faults=["write=1,do=hang"]) as server:
        client, other = Client(server), Client(server)
        client.send("POST", f"{ACCOUNT}/{APPS}", BODY)
        wait_for(other, held=1)
        other.connection.close()
    client.connection.close()
    assert server.sandbox.state.dump()["databricks"]["apps"] == []
