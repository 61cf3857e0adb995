"""What is still used isn't revoked: by an integration that the plan leaves out, or by one that isn't ours."""

import pytest

from .judging import settle
from .stories import REPLACE, ROTATE, make, prepared

SECRET = "service_principals.robot.client_secret"


def apps(rig):
    return {app["integration_id"]: app["client_id"] for app in rig.state()["databricks"]["apps"]}


@pytest.mark.parametrize("more", [("--replace", "oauth_apps.viewer"), ()])
def test_an_app_that_is_replaced_by_itself_lives_until_its_integration_is_switched(rig, more):
    with prepared(rig, REPLACE):
        (old,) = apps(rig)
        ended = rig.approving(rig.apply("--target", "oauth_apps.viewer", *more))
        assert ended.code == 0, ended.text
        assert old in apps(rig)
        settle(rig, REPLACE)
        assert old not in apps(rig)


def test_a_secret_that_is_rotated_by_itself_lives_until_its_integration_has_another(rig):
    with prepared(rig, ROTATE):
        (old,) = rig.secrets()
        ended = rig.apply("--target", SECRET, "--replace", SECRET)
        assert ended.code == 0, ended.text
        assert old in rig.secrets()
        settle(rig)
        assert old not in rig.secrets()


def connect(rig, method, path, body=None):
    return rig.call(
        method, f"/__api__/v1/{path}", body, {"authorization": f"Key {rig.env['CONNECT_API_KEY']}"}
    )


def test_an_app_that_a_foreign_integration_uses_outlives_its_successor(rig):
    make(rig)
    ((old, client_id),) = apps(rig).items()
    config = {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": "cust-success.cloud.databricks.com",
        "client_id": client_id,
        "client_secret": "given by hand",
    }
    made = connect(
        rig, "POST", "oauth/integrations", {"name": "foreign", "template": "databricks", "config": config}
    )
    rig.write(REPLACE.spec)
    assert rig.apply().code == 0
    assert old in apps(rig)
    waiting = rig.run("plan", "spec.yaml")
    assert "foreign" in waiting.text, "it isn't said why the old one stays"
    connect(rig, "DELETE", f"oauth/integrations/{made['guid']}")
    settle(rig, REPLACE)
    assert old not in apps(rig)
