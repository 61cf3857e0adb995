"""What must be true in the end, whatever was interrupted."""


def assert_whole(rig, apps=("viewer",), integrations=("as-robot", "as-viewer")):
    """One of each, one secret of ours, credentials that work, nothing open, nothing foreign touched,
    and an empty plan."""
    plan = rig.run("plan", "spec.yaml", "--detailed-exitcode")
    assert plan.code == 0, f"the plan isn't empty: {plan.text}"
    databricks = rig.state()["databricks"]
    found = [app["name"] for app in databricks["apps"] if app["integration_id"] not in rig.foreign]
    assert found == list(apps), f"apps: {found}"
    robots = [sp for sp in databricks["service_principals"] if sp["displayName"] == "robot"]
    assert len(robots) == 1, f"service principals: {robots}"
    secrets = [one for one in rig.secrets() if one not in rig.foreign]
    assert len(secrets) == 1, f"secrets: {secrets}"
    wiring = rig.wiring()
    names = sorted(one["name"] for one in wiring)
    assert names == sorted(integrations), f"integrations: {names}"
    assert all(one["valid"] for one in wiring), f"a dead credential: {wiring}"
    ledger = rig.ledger()
    assert not ledger["pending"].get("intents"), f"still open: {ledger['pending']}"
    left = {
        address: entry["formers"] for address, entry in ledger["resources"].items() if entry.get("formers")
    }
    assert not left, f"still to go: {left}"
    assert_foreign_untouched(rig)
    assert not rig.failures, f"dead at some instant: {rig.failures}"


def assert_foreign_untouched(rig):
    """What others made is there still."""
    gone = rig.foreign - rig.ids()
    assert not gone, f"foreign objects are gone: {gone}"


def assert_gone(rig):
    """Nothing of ours is left, and nothing is on record."""
    databricks = rig.state()["databricks"]
    assert databricks["apps"] == []
    assert [sp for sp in databricks["service_principals"] if sp["displayName"] == "robot"] == []
    assert rig.wiring() == []
    ledger = rig.ledger()
    assert ledger["resources"] == {}
    assert not ledger["pending"].get("intents")


def settle(rig, story=None, runs=2):
    """At most two undisturbed runs; then the plan is empty and everything is there once, and works."""
    for _ in range(runs):
        ended = rig.apply()
        if ended.code == 0:
            break
    assert ended.code == 0, f"it doesn't settle: {ended.text}"
    if story is None:
        assert_whole(rig)
    else:
        assert_whole(rig, apps=story.apps, integrations=story.integrations)
