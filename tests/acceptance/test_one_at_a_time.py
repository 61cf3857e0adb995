"""One run at a time: leases, kills and Ctrl-C."""

from __future__ import annotations

import json
import signal

import pytest

SPEC = "specs/stack.yaml"


def test_of_two_applies_at_once_one_proceeds_and_the_other_names_it(place):
    place.write(place.viewers())
    place.fault("write=1,do=hang")
    first = place.start("apply", SPEC, "--yes")
    place.wait_until_held()
    lock = json.loads(place.lock.read_text())
    assert str(first.pid) in json.dumps(lock)
    with place.untouched():
        refused = place.apply("--format", "json", code=4).says(str(first.pid))
        assert refused.json["errors"][0]["code"] == "locked"
        # looking takes no lease
        place.run("plan", SPEC)
    place.relax()
    place.end(first, 0)
    assert not place.lock.exists()
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


def test_ctrl_c_lets_calls_finish_and_lists_what_was_not_done(place):
    place.write(place.both())
    place.fault("method=POST,path=custom-app-integrations$,do=hang")
    process = place.start("apply", SPEC, "--yes", "--format", "json", "--parallelism", "1")
    place.wait_until_held()
    process.send_signal(signal.SIGINT)
    place.relax()
    ended = place.end(process, 130).says("stopping")
    statuses = {result["address"]: result["status"] for result in ended.json["results"]}
    assert statuses["oauth_apps.app"] == "done"
    assert statuses["connect_integrations.viewer"] == "skipped"
    assert set(place.apps()) == {"app"}
    assert "oauth_apps.app" in place.remembered()
    assert not place.lock.exists()
    place.apply()
    assert place.is_settled()
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_was_not_done_after_a_stop_is_listed_for_people_too(place, number):
    place.write(place.viewers())
    place.fault("method=POST,path=custom-app-integrations$,do=hang")
    process = place.start("apply", SPEC, "--yes")
    place.wait_until_held()
    process.send_signal(number)
    place.relax()
    place.end(process, 130).says("connect_integrations.viewer", "skipped")


def test_a_killed_run_is_taken_over_at_once_and_nothing_is_made_twice(place):
    place.write(place.both())
    place.fault("method=POST,path=credentials/secrets$,when=after,do=hang")
    process = place.start("apply", SPEC, "--yes")
    place.wait_until_held()
    process.kill()
    place.end(process, -signal.SIGKILL)
    place.relax()
    assert place.lock.exists()
    place.apply()
    assert place.is_settled()
    assert len(place.databricks("GET", "oauth2/custom-app-integrations")["apps"]) == 1
    assert len(place.secrets_of(place.principals()["robot"]["id"])) == 1
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


def test_a_lease_can_be_ended_by_hand_and_its_holder_stops(place):
    place.write(place.viewers())
    place.fault("write=1,do=hang")
    first = place.start("apply", SPEC, "--yes")
    place.wait_until_held()
    place.run("ledger", "unlock", SPEC).says(str(first.pid))
    assert not place.lock.exists()
    place.apply()
    place.relax()
    place.end(first, 4)
    place.apply()
    assert place.is_settled()
    assert {wire["valid"] for wire in place.wiring().values()} == {True}
