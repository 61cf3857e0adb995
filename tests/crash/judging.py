"""What must be true in the end, whatever was interrupted."""


def assert_whole(rig, apps=("viewer",), integrations=("as-robot", "as-viewer")):
    """One of each, one secret of ours, credentials that work, nothing open, and an empty plan."""
    plan = rig.run("plan", "spec.yaml", "--detailed-exitcode")
    assert plan.code == 0, plan.text
    databricks = rig.state()["databricks"]
    assert [app["name"] for app in databricks["apps"]] == list(apps)
    robots = [sp for sp in databricks["service_principals"] if sp["displayName"] == "robot"]
    assert len(robots) == 1
    assert len(databricks["secrets"][robots[0]["id"]]) == 1
    wiring = rig.wiring()
    assert sorted(one["name"] for one in wiring) == sorted(integrations)
    assert all(one["valid"] for one in wiring)
    ledger = rig.ledger()
    assert not ledger["pending"].get("intents")
    assert not any(entry.get("formers") for entry in ledger["resources"].values())
    assert not rig.failures


def assert_gone(rig):
    """Nothing of ours is left, and nothing is on record."""
    databricks = rig.state()["databricks"]
    assert databricks["apps"] == []
    assert [sp for sp in databricks["service_principals"] if sp["displayName"] == "robot"] == []
    assert rig.wiring() == []
    ledger = rig.ledger()
    assert ledger["resources"] == {}
    assert not ledger["pending"].get("intents")
