"""Storms of throttling, tokens of a second, and caps: a run is slowed down and doesn't fail."""

import os
import signal
import time

import pytest
from crash.conftest import SPEC

from tests.waiting import wait_until

SCIM = "/scim/v2/ServicePrincipals"
HEAD = SPEC.partition("oauth_apps:")[0]


def many(pairs, principals=0):
    """A spec with so many apps, each with its integration, and so many service principals."""
    lines = [HEAD, "oauth_apps:"]
    for number in range(pairs):
        lines.append(f'  app-{number}: {{redirect_urls: ["${{providers.connect.callback_url}}"],')
        lines.append("    scopes: [all-apis, offline_access]}")
    lines.append("service_principals:" if principals else "")
    lines += [f"  robot-{number}: {{}}" for number in range(principals)]
    lines.append("connect_integrations:")
    for number in range(pairs):
        source = f"oauth_apps.app-{number}"
        lines.append(f"  viewer-{number}:")
        lines.append("    template: databricks")
        lines.append("    config: {auth_type: Viewer, auth_mode: Confidential,")
        lines.append("      workspace_host: cust-success.cloud.databricks.com,")
        lines.append(
            f'      client_id: "${{{source}.client_id}}", client_secret: "${{{source}.client_secret}}"}}'
        )
    return "\n".join(lines) + "\n"


def requests(rig, **like):
    log = rig.call("GET", "/_sandbox/log")["requests"]
    return [one for one in log if all(one[name] == value for name, value in like.items())]


def sign_ins(rig):
    return [one for one in requests(rig, method="POST") if one["path"].endswith("/v1/token")]


def most_in_flight(entries):
    moments = [(one["started"], 1) for one in entries] + [(one["finished"], -1) for one in entries]
    now = most = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


@pytest.mark.parametrize(
    ("pairs", "principals", "fault"),
    [
        (20, 20, "rate=0.3,do=429"),
        (10, 4, "rate=0.3,do=429,retry_after=1"),
        (2, 24, f"rate=0.3,do=scim500,path={SCIM}"),
    ],
)
def test_a_storm_of_throttling_slows_a_run_and_does_not_fail_it(rig, pairs, principals, fault):
    rig.write(many(pairs, principals))
    rig.fault(fault)
    ended = rig.apply()
    assert ended.code == 0, ended.text
    (struck,) = rig.faults()
    assert struck["hits"] >= 3
    rig.clear_faults()
    assert rig.run("plan", "spec.yaml", "--detailed-exitcode").code == 0
    assert len(rig.wiring()) == pairs  # each made once


def test_ctrl_c_does_not_wait_for_the_end_of_a_storm(rig):
    rig.fault("method=POST,path=custom-app,do=429")
    process = rig.start("apply", "spec.yaml", "--yes")
    wait_until(lambda: any(fault["hits"] for fault in rig.faults()))
    os.kill(process.pid, signal.SIGINT)
    ended = rig.end(process, limit=20)
    assert ended.code == 130, ended.text
    rig.clear_faults()
    assert rig.apply().code == 0


def test_a_run_signs_in_once(rig):
    assert rig.apply().code == 0
    assert len(sign_ins(rig)) == 1


def test_tokens_of_a_second_are_renewed_a_few_times_and_not_for_every_request(rig):
    rig.write(many(2, 40))
    rig.knobs(token_lifetime=1, latency_ms=100)
    began = time.monotonic()
    ended = rig.apply("--parallelism", "2")
    took = time.monotonic() - began
    assert ended.code == 0, ended.text
    tokens = len(sign_ins(rig))
    assert 1 < tokens <= took / 0.5 + 1
    assert len(requests(rig, server="databricks")) > 3 * tokens


def test_parallelism_reaches_every_call_but_scim_takes_four_at_most(rig):
    rig.write(many(16, 16))
    rig.knobs(latency_ms=150)
    ended = rig.apply("--parallelism", "12")
    assert ended.code == 0, ended.text
    writes = [one for one in requests(rig) if one["write"]]
    assert most_in_flight([one for one in writes if SCIM in one["path"]]) <= 4
    assert 8 < most_in_flight(requests(rig, server="databricks")) <= 12


def test_requests_per_second_are_capped_for_each_provider(rig):
    rig.write(many(4))
    ended = rig.apply("--max-rps", "4")
    assert ended.code == 0, ended.text
    for server in ("databricks", "connect"):
        starts = sorted(one["started"] for one in requests(rig, server=server))
        assert starts[-1] - starts[0] >= (len(starts) - 1) / 4 - 0.3


@pytest.mark.parametrize("rate", ["0", "nan", "fast"])
def test_a_senseless_rate_is_a_wrong_command_line(rig, rate):
    ended = rig.run("plan", "spec.yaml", "--max-rps", rate)
    assert "--max-rps" in ended.err
    assert (ended.code, requests(rig)) == (1, [])
