"""Killing, and losing answers, at every write of a create: the next runs end where an undisturbed one would."""

import pytest

WRITES = range(1, 7)  # app, principal, integration, assignment, secret, integration: in any order


def settle(rig, runs=2):
    """At most two undisturbed runs; then the plan is empty and everything is there once, and works."""
    for _ in range(runs):
        ended = rig.apply()
        if ended.code == 0:
            break
    assert ended.code == 0, ended.text
    assert_whole(rig)


def assert_whole(rig):
    plan = rig.run("plan", "spec.yaml", "--detailed-exitcode")
    assert plan.code == 0, plan.text
    databricks = rig.state()["databricks"]
    assert [app["name"] for app in databricks["apps"]] == ["viewer"]
    robots = [sp for sp in databricks["service_principals"] if sp["displayName"] == "robot"]
    assert len(robots) == 1
    assert len(databricks["secrets"][robots[0]["id"]]) == 1
    wiring = rig.wiring()
    assert sorted(one["name"] for one in wiring) == ["as-robot", "as-viewer"]
    assert all(one["valid"] for one in wiring)
    ledger = rig.ledger()
    assert not ledger["pending"].get("intents")
    assert not any(entry.get("formers") for entry in ledger["resources"].values())


def test_an_undisturbed_run_needs_no_second_one(rig):
    settle(rig, runs=1)
    assert len(rig.writes()) == len(WRITES)


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_write_is_survived(rig, number, when):
    rig.fault(f"write={number},when={when},do=hang")
    process = rig.start("apply", "spec.yaml", "--yes", "--parallelism", "1")
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    settle(rig)


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ["reset", "502", "cut", "html"])
def test_a_lost_answer_is_survived(rig, number, when, how):
    rig.fault(f"write={number},when={when},do={how}")
    first = rig.apply("--parallelism", "1")
    assert first.code in (0, 1), first.text
    rig.clear_faults()
    settle(rig)
