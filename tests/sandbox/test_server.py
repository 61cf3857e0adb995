"""The sandbox over a socket, its control endpoints, its state file, and `serve`."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from reconciler import sandbox as box
from reconciler.sandbox.core import Sandbox
from tests.waiting import wait_until

ACCOUNT = f"/api/2.0/accounts/{box.ACCOUNT_ID}"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADERS = {"Authorization": f"Bearer {box.TOKEN}"}


def ask(server, method, path, body=None, headers=HEADERS):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        raw = None if body is None else json.dumps(body)
        connection.request(method, path, raw, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def raw(server, text):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
        sock.sendall(text)
        received = b""
        while part := sock.recv(65536):
            received += part
        return received


# -- the server


def test_it_takes_a_free_port_and_says_how_to_reach_it(server):
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert server.env == {
        "DATABRICKS_HOST": server.url,
        "DATABRICKS_ACCOUNT_ID": box.ACCOUNT_ID,
        "DATABRICKS_CLIENT_ID": box.CLIENT_ID,
        "DATABRICKS_CLIENT_SECRET": box.CLIENT_SECRET,
        "CONNECT_SERVER": server.url,
        "CONNECT_API_KEY": box.ADMINISTRATOR_KEY,
    }


def test_a_port_in_use_is_an_os_error(server):
    with pytest.raises(OSError, match="in use"):
        box.SandboxServer(port=server.port)


def test_one_connection_carries_many_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    socks = set()
    for n in range(50):
        body = json.dumps({"displayName": f"p{n}"})
        connection.request("POST", f"{ACCOUNT}/scim/v2/ServicePrincipals", body, HEADERS)
        assert connection.getresponse().read()
        socks.add(id(connection.sock))
    connection.close()
    assert len(socks) == 1


def test_a_silent_or_slow_connection_holds_up_nobody(server):
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    silent[0].sendall(b"GET /api HTTP/1.1\r\nHos")
    try:
        assert ask(server, "GET", f"{ACCOUNT}/workspaces")[0] == 200
    finally:
        for sock in silent:
            sock.close()


def test_requests_from_many_threads_lose_nothing(server):
    def work():
        for _ in range(25):
            ask(server, "POST", f"{ACCOUNT}/scim/v2/ServicePrincipals", {"displayName": "p"})

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = ask(server, "GET", f"{ACCOUNT}/scim/v2/ServicePrincipals?count=1")[1]
    assert listed["totalResults"] == 200
    assert ask(server, "GET", "/_sandbox/stats")[1]["requests"] == 201


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", b"400"),
        (CHUNKED + b"-1\r\n", b"400"),
        (CHUNKED + b"2\r\nabcd\r\n", b"400"),
        (CHUNKED + b"x" * 5000, b"400"),
        (CHUNKED + b"fffffff\r\n", b"413"),
        (CHUNKED + b"0\r\n" + b"a: b\r\n" * 101, b"431"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20000, b"431"),
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(server, text, status):
    assert raw(server, text).startswith(b"HTTP/1.1 " + status)


def test_a_body_in_chunks_of_any_size_is_one_body(server):
    form = b"grant_type=client_credentials&scope=all-apis&client_id=%s&client_secret=%s" % (
        box.CLIENT_ID.encode(),
        box.CLIENT_SECRET.encode(),
    )
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    path = f"/oidc/accounts/{box.ACCOUNT_ID}/v1/token"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for size in (1, 7, len(form)):
        pieces = (form[n : n + size] for n in range(0, len(form), size))
        # no length is known of what comes from an iterator, nor of a reader in Go
        connection.request("POST", path, pieces, kind, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, "access_token" in json.loads(answer.read())) == (200, True)
    connection.request("PATCH", "/nowhere", iter([b"{", b"}"]), HEADERS, encode_chunked=True)
    assert connection.getresponse().status == 404
    connection.close()


def test_extensions_and_trailers_of_chunks_are_read_and_forgotten(server):
    head = b"POST /_sandbox/knobs HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n"
    body = b'A;name=value\r\n{"page_siz\r\n5\r\ne":7}\r\n0\r\nChecksum: x\r\n\r\n'
    assert b'"page_size":7' in raw(server, head + body)


def test_the_host_says_that_it_is_an_account(server):
    shown = ask(server, "GET", "/.well-known/databricks-config", headers={})[1]
    assert shown["host_type"] == "account"
    assert shown["oidc_endpoint"] == f"{server.url}/oidc/accounts/{{account_id}}"


def test_a_client_that_wants_to_close_or_to_continue_is_heard(server):
    head = b"POST /_sandbox/knobs HTTP/1.1\r\nConnection: close\r\nExpect: 100-continue\r\n"
    answer = raw(server, head + b'Content-Length: 15\r\n\r\n{"page_size":7}')
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert b'"page_size":7' in answer
    assert raw(server, b"GET /_sandbox/knobs HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")
    through = raw(server, b"GET http://x/_sandbox/knobs HTTP/1.0\r\n\r\n")
    assert through.startswith(b"HTTP/1.1 200")
    head_only = raw(server, b"HEAD /x HTTP/1.0\r\n\r\n")
    assert head_only.startswith(b"HTTP/1.1 404")
    assert head_only.endswith(b"\r\n\r\n")


def test_latency_is_added_without_holding_up_others():
    with box.SandboxServer(knobs=box.Knobs(latency_ms=100)) as server:
        start = time.monotonic()
        threads = [
            threading.Thread(target=ask, args=(server, "GET", f"{ACCOUNT}/workspaces")) for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - start >= 0.1
        assert ask(server, "GET", "/_sandbox/stats")[1]["max_concurrent"] > 1


# -- control endpoints


def test_the_log_tells_what_was_asked_and_never_with_what(api):
    api.new_app(name="secret-name")
    api.account("GET", "workspaces", page_size=3)
    reply = api.call("GET", "/_sandbox/log")
    first, second = reply.json["requests"]
    assert "secret-name" not in reply.text
    assert (first["method"], first["status"], first["write"], first["effect"]) == (
        "POST",
        200,
        1,
        True,
    )
    assert first["started"] <= first["finished"]
    assert (second["write"], second["effect"], second["query"]) == (0, None, {"page_size": "3"})
    since = api.call("GET", "/_sandbox/log", since=first["id"]).json["requests"]
    assert since == [second]
    api.control("DELETE", "log")
    assert api.control("GET", "log") == {"requests": []}


def test_a_refused_write_has_no_effect_in_the_log(api):
    api.account("POST", "oauth2/custom-app-integrations", {})
    entry = api.control("GET", "log")["requests"][0]
    assert (entry["status"], entry["effect"]) == (400, False)


def test_counts_go_by_method_and_path_template(api):
    robot = api.new_principal()
    api.new_secret(robot)
    api.connect("GET", "v1/user", at="/dev")
    api.call("GET", "/nowhere")
    stats = api.control("GET", "stats")
    assert stats["by"] == {
        "GET (unknown)": 1,
        "GET /__api__/v1/user": 1,
        "POST /api/2.0/accounts/{account}/scim/v2/ServicePrincipals": 1,
        "POST /api/2.0/accounts/{account}/servicePrincipals/{principal}/credentials/secrets": 1,
    }
    assert (stats["requests"], stats["writes"], stats["max_concurrent"]) == (4, 2, 1)
    api.control("POST", "stats")
    assert api.control("GET", "stats")["requests"] == 0


def test_the_state_can_be_seen_without_secrets_and_hashes(api):
    api.new_secret(api.new_principal())
    api.new_app()
    api.new_integration()
    text = json.dumps(api.control("GET", "state"))
    assert "sha256" not in text
    assert "_secrets" not in text
    assert '"apps"' in text


def test_wiring_shows_whether_what_connect_holds_still_works(api):
    app = api.new_app()
    config = {"workspace_host": "h", **{k: app[k] for k in ("client_id", "client_secret")}}
    guid = api.new_integration(config=config)["guid"]
    (wire,) = api.control("GET", "wiring")["integrations"]
    assert (wire["guid"], wire["kind"], wire["valid"]) == (guid, "oauth_app", True)
    api.account("DELETE", f"oauth2/custom-app-integrations/{app['integration_id']}")
    assert api.control("GET", "wiring")["integrations"][0]["valid"] is False


@pytest.mark.parametrize("body", [{"nmae": 1}, {"page_size": "3"}, {"shuffle": 1}, {"page_size": 0}, [1]])
def test_a_bad_knob_is_refused_and_changes_nothing(api, body):
    before = api.control("GET", "knobs")
    assert api.call("POST", "/_sandbox/knobs", body).status == 400
    assert api.control("GET", "knobs") == before


def test_a_reset_leaves_only_the_seeds(api):
    api.new_app()
    api.control("POST", "reset")
    assert api.account("GET", "oauth2/custom-app-integrations").json == {}


def test_an_unknown_control_endpoint_lists_the_known_ones(api):
    reply = api.call("GET", "/_sandbox/nothing")
    assert reply.status == 404
    assert "GET /_sandbox/stats" in reply.json["endpoints"]


def test_one_fault_can_be_removed_and_a_wrong_number_is_404(api):
    api.fault("do=500")
    assert api.call("DELETE", "/_sandbox/faults/7").status == 404
    assert api.call("DELETE", "/_sandbox/faults/1").json == {"removed": 1}
    assert api.control("GET", "faults") == {"faults": []}


# -- the state file


def test_a_state_file_brings_everything_back_but_no_readable_secret(tmp_path):
    path = tmp_path / "state.json"
    with box.SandboxServer(state_file=path) as server:
        app = ask(
            server,
            "POST",
            f"{ACCOUNT}/oauth2/custom-app-integrations",
            {"name": "x", "scopes": ["a"], "confidential": True},
        )[1]
        principals = f"{ACCOUNT}/scim/v2/ServicePrincipals"
        robot = ask(server, "POST", principals, {"displayName": "r"})[1]
        secrets = f"{ACCOUNT}/servicePrincipals/{robot['id']}/credentials/secrets"
        secret = ask(server, "POST", secrets, {})[1]
        listed = ask(server, "GET", secrets)[1]
        body = {
            "template": "databricks",
            "config": {
                "workspace_host": "h",
                "client_id": app["client_id"],
                "client_secret": app["client_secret"],
            },
        }
        key = {"Authorization": f"Key {box.ADMINISTRATOR_KEY}"}
        path_dev = "/dev/__api__/v1/oauth/integrations"
        ask(server, "POST", path_dev, body, key)
        integrations = ask(server, "GET", path_dev, None, key)[1]
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert app["client_secret"] not in text
    assert secret["secret"] not in text
    with box.SandboxServer(state_file=path) as server:
        assert ask(server, "GET", secrets)[1] == listed
        assert ask(server, "GET", path_dev, None, key)[1] == integrations
        for pair in (
            (app["client_id"], app["client_secret"]),
            (robot["applicationId"], secret["secret"]),
        ):
            body = dict(zip(("client_id", "client_secret"), pair, strict=True))
            assert ask(server, "POST", "/_sandbox/check-credential", body)[1]["valid"] is True
        new = ask(server, "POST", principals, {"displayName": "r"})[1]
        assert int(new["id"]) > int(robot["id"])
    assert list(tmp_path.iterdir()) == [path]


def test_the_state_file_follows_within_moments(tmp_path):
    path = tmp_path / "state.json"
    with box.SandboxServer(state_file=path) as server:
        ask(server, "POST", f"{ACCOUNT}/scim/v2/ServicePrincipals", {"displayName": "followed"})
        wait_until(lambda: path.exists() and "followed" in path.read_text())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other/1"}', "\x00", '{"a": 1}'])
def test_a_damaged_state_file_is_a_clear_error(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"state\.json is damaged"):
        Sandbox(state_file=path)
    assert path.read_text() == text


# -- serve


@pytest.fixture
def served(tmp_path):
    code = "from reconciler.sandbox import serve; serve(port=0, state_file='state.json')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_what_to_export_and_ends_well_on_a_signal(served, tmp_path, number):
    lines = [served.stdout.readline().rstrip() for _ in range(6)]
    exported = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    assert lines[0].startswith("export DATABRICKS_HOST=http://127.0.0.1:")
    assert exported["CONNECT_API_KEY"] == box.ADMINISTRATOR_KEY
    host, port = exported["CONNECT_SERVER"].removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    key = {"Authorization": f"Key {exported['CONNECT_API_KEY']}"}
    connection.request("GET", "/__api__/v1/user", headers=key)
    assert connection.getresponse().status == 200
    connection.close()
    served.send_signal(number)
    assert served.wait(10) == 0
    assert (tmp_path / "state.json").exists()


def test_serve_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="page_size"):
        box.serve(page_size=0)
    with pytest.raises(ValueError, match="do= takes"):
        box.serve(port=0, faults=["do=nothing"])
    for knob in ("speed=1", "shuffle=perhaps", "page_size=many"):
        with pytest.raises(ValueError, match=f"knob.*{knob.partition('=')[0]}"):
            box.serve(port=0, knobs=[knob])


def test_the_package_needs_nothing_but_the_standard_library():
    code = (
        "import sys, reconciler.sandbox\n"
        "ours = {n for n in sys.modules if n.startswith('reconciler.')}\n"
        "assert all(n.startswith('reconciler.sandbox') for n in ours), ours\n"
        "tops = {n.partition('.')[0] for n in sys.modules}\n"
        "foreign = {'requests', 'responses', 'urllib3', 'yaml', 'jsonschema', 'deepdiff'}\n"
        "assert not foreign & tops\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": "."})
