"""What leaves the spec goes, what can't be changed is replaced, and what is protected stays."""

from __future__ import annotations

SPEC = "specs/stack.yaml"


def kinds_of(writes):
    """Writes without ids: method and the collection."""
    names = {
        "custom-app-integrations": "app",
        "/secrets": "secret",
        "ServicePrincipals": "principal",
        "oauth/integrations": "integration",
        "permissionassignments": "assignment",
    }
    return [
        (write.partition(" ")[0], next(word for mark, word in names.items() if mark in write))
        for write in writes
    ]


def test_what_leaves_the_spec_is_deleted_dependents_first(place):
    place.write(place.both())
    place.apply()
    place.write(place.viewers())
    gone = [
        "service_principals.robot",
        "service_principals.robot.client_secret",
        "connect_integrations.service",
    ]
    plan = place.plan()
    assert {change["address"]: change["action"] for change in plan["changes"]} == dict.fromkeys(
        gone, "delete"
    )
    before = len(place.writes())
    place.approve(plan)
    assert kinds_of(place.writes()[before:]) == [
        ("DELETE", "integration"),
        ("DELETE", "secret"),
        ("DELETE", "principal"),
    ]
    assert place.is_settled()
    assert set(place.apps()) == {"app"}
    assert set(place.integrations()) == {"Viewer"}
    assert place.principals() == {}
    assert set(place.remembered()) == {"oauth_apps.app", "connect_integrations.viewer"}


def test_renaming_an_app_replaces_it_and_patches_its_integration(place):
    want = place.viewers()
    place.write(want)
    place.apply()
    old, guid = place.apps()["app"], place.integrations()["Viewer"]["guid"]
    want["oauth_apps"]["app"]["name"] = "renamed"
    place.write(want)
    plan = place.plan()
    assert {change["address"]: change["action"] for change in plan["changes"]} == {
        "oauth_apps.app": "replace",
        "connect_integrations.viewer": "update",
    }
    assert plan["needs_approval"]
    before = len(place.writes())
    place.approve(plan)
    assert place.writes()[before:] == [
        "POST oauth2/custom-app-integrations",
        f"PATCH oauth/integrations/{guid}",
        f"DELETE oauth2/custom-app-integrations/{old['integration_id']}",
    ]
    assert set(place.apps()) == {"renamed"}
    wire = place.wiring()["Viewer"]
    assert (wire["guid"], wire["valid"]) == (guid, True)
    assert wire["client_id"] == place.apps()["renamed"]["client_id"]
    assert place.is_settled()


def test_where_names_are_unique_a_replace_has_to_delete_first(place):
    want = place.viewers()
    place.write(want)
    place.apply()
    place.knobs(unique_app_names=True)
    # the same name, another immutable attribute
    want["oauth_apps"]["app"]["confidential"] = False
    config = want["connect_integrations"]["viewer"]["config"]
    config["auth_mode"] = "Public"
    del config["client_secret"]
    place.write(want)
    live = place.apps(), place.integrations()
    place.approve(code=1).says("lifecycle", "replace: delete_first", "oauth_apps.app")
    assert (place.apps(), place.integrations()) == live
    want["oauth_apps"]["app"]["lifecycle"] = {"replace": "delete_first"}
    place.write(want)
    before = len(place.writes())
    place.approve()
    assert kinds_of(place.writes()[before:])[:2] == [("DELETE", "app"), ("POST", "app")]
    assert place.apps()["app"]["confidential"] is False


def test_a_protected_resource_is_neither_deleted_nor_replaced(place):
    want = place.viewers()
    want["oauth_apps"]["app"]["lifecycle"] = {"prevent_destroy": True}
    place.write(want)
    place.apply()
    want["oauth_apps"]["app"]["name"] = "renamed"
    place.write(want, approve=["oauth_apps.app"])
    with place.untouched():
        place.apply(code=1).says("oauth_apps.app", "prevent_destroy")
    # what it said when last applied counts, also when the resource has left the spec
    place.write({"service_principals": {"robot": {}}})
    place.run("apply", SPEC, "--yes", code=1).says("oauth_apps.app", "prevent_destroy")
    place.run("destroy", SPEC, "--approve", "sha256:0", code=1).says("oauth_apps.app", "prevent_destroy")
    assert set(place.apps()) == {"app"}


def test_a_principal_can_be_deactivated_or_kept_instead_of_deleted(place):
    place.write(
        {
            "service_principals": {
                "sleeper": {"lifecycle": {"on_destroy": "deactivate"}},
                "keeper": {"lifecycle": {"on_destroy": "retain"}},
                "goner": {},
                "stays": {},
            }
        }
    )
    place.apply()
    place.write({"service_principals": {"stays": {}}})
    place.apply()
    assert {name: row["active"] for name, row in place.principals().items()} == {
        "sleeper": False,
        "keeper": True,
        "stays": True,
    }
    assert set(place.remembered()) == {"service_principals.stays"}


def test_too_many_deletes_at_once_need_an_approval(place):
    robots = {f"robot-{number}": {} for number in range(10)}
    place.write({"service_principals": robots})
    place.apply()
    few = dict(list(robots.items())[:6])
    place.write({"service_principals": few})
    place.apply(code=3).says("--approve", "guard")
    assert len(place.principals()) == 10
    place.approve()
    assert set(place.principals()) == set(few)
    # with so few owned it is the number that counts
    place.write({"service_principals": {"robot-0": {}}}, guard={"max_deletes": 4})
    place.apply(code=3).says("max_deletes")


def test_a_spec_without_resources_is_refused(place):
    place.write(place.viewers())
    place.apply()
    place.write({})
    with place.untouched():
        place.apply(code=1).says("destroy")


def test_destroy_deletes_all_in_reverse_order(place):
    place.write(place.both())
    place.apply()
    theirs = place.new_app(name="theirs")["integration_id"]
    with place.untouched():
        refused = place.run("destroy", SPEC, "--yes", code=3).says("--approve sha256:")
        place.answer("yes", "destroy", SPEC, code=3)
    digest = next(word for word in refused.out.split() if word.startswith("sha256:"))
    before = len(place.writes())
    place.run("destroy", SPEC, "--approve", digest)
    deleted = kinds_of(place.writes()[before:])
    assert sorted(deleted) == sorted(
        [
            *[("DELETE", "integration")] * 2,
            *[("DELETE", kind) for kind in ("app", "principal", "secret")],
        ]
    )
    assert deleted.index(("DELETE", "secret")) < deleted.index(("DELETE", "principal"))
    assert deleted.index(("DELETE", "integration")) < deleted.index(("DELETE", "app"))
    assert [row["integration_id"] for row in place.apps().values()] == [theirs]
    assert (place.principals(), place.integrations(), place.remembered()) == ({}, {}, {})


def test_destroy_wants_the_name_of_the_stack_typed(place):
    place.write(place.viewers())
    place.apply()
    place.answer("stack", "destroy", SPEC).says("stack")
    assert (place.apps(), place.integrations()) == ({}, {})


def test_an_integration_is_changed_in_place_and_replaced_only_on_demand(place):
    want = place.viewers()
    place.write(want)
    place.apply()
    guid = place.integrations()["Viewer"]["guid"]
    config = want["connect_integrations"]["viewer"]["config"]
    config["workspace_host"] = "acme-dev.cloud.databricks.com"
    place.write(want)
    place.apply()
    assert place.integrations()["Viewer"]["guid"] == guid
    place.knobs(frozen_locator=True)
    config["workspace_host"] = "acme-prod.cloud.databricks.com"
    place.write(want)
    place.apply(code=1).says("--replace connect_integrations.viewer")
    digest = place.plan("--replace", "connect_integrations.viewer")["digest"]
    place.run("apply", SPEC, "--replace", "connect_integrations.viewer", "--approve", digest)
    assert place.integrations()["Viewer"]["guid"] != guid
    assert place.wiring()["Viewer"]["valid"]
