"""Before an app or a principal goes, a run looks again at the servers that it wrote to itself."""

import pytest

from reconciler.model import ReplaceOrder, Resource

from .conftest import APP, ROBOT, SERVICE, VIEWER, Address, replace


def lend(stage, address):
    """Somebody makes an integration by hand that refers to what an address has now."""
    stage.remote.of("connect_integrations")["foreign"] = {
        **stage.remote.of("connect_integrations")[stage.ledger.entries[VIEWER].id],
        "attributes": {
            "name": "foreign",
            "config": {"client_id": stage.ledger.entries[address].computed["client_id"]},
        },
    }


def codes(stage):
    return [problem.code for problem in stage.plan()[0].problems]


def test_an_app_that_somebody_took_up_in_mid_run_stays_and_goes_when_nobody_uses_it(made):
    old = made.ledger.entries[APP].id
    made.remote.meanwhile["update connect_integrations"] = lambda: lend(made, APP)
    made.change(APP, name="renamed")
    assert set(made.apply().values()) == {"done"}
    assert old in made.remote.of("oauth_apps")
    assert made.pending() == {}
    assert "still-in-use" in codes(made)
    del made.remote.of("connect_integrations")["foreign"]
    assert made.pending() == {str(APP): "delete"}
    made.settle()


def test_a_principal_that_somebody_took_up_in_mid_run_stays(made):
    for address in (SERVICE, ROBOT, ROBOT.inside("client_secret")):
        del made.resources[address]
    robot = made.ledger.entries[ROBOT].id
    made.remote.meanwhile["delete connect_integrations"] = lambda: lend(made, ROBOT)
    made.apply()
    assert robot in made.remote.of("service_principals")
    assert made.ledger.entries[ROBOT].id == robot
    assert made.pending() == {}


def test_what_goes_before_its_successor_is_made_isnt_replaced_then(made):
    old = made.ledger.entries[APP].id
    made.change(APP, name="renamed")
    made.change(SERVICE, name="renamed, too")
    lifecycle = replace(made.resources[APP].lifecycle, replace=ReplaceOrder.DELETE_FIRST)
    made.resources[APP] = replace(made.resources[APP], lifecycle=lifecycle)
    # the look finds what wasn't there when it was planned
    listed = type(made).plan

    def plan(self, **options):
        found = listed(self, **options)
        lend(self, APP)
        return found

    made.plan = plan.__get__(made)
    assert made.apply(parallelism=1)[str(APP)] == "failed"
    assert [*made.remote.of("oauth_apps")] == [old]


@pytest.mark.parametrize("parallelism", [1, 8])
def test_many_apps_that_go_cost_one_list_of_each_server(stage, parallelism):
    apps = [Address("oauth_apps", f"app-{n}") for n in range(30)]
    for address in apps:
        stage.resources[address] = Resource(
            address, "databricks", {"name": address.key, "confidential": False, "scopes": ["a"]}
        )
    stage.settle()
    for address in apps:
        del stage.resources[address]
    stage.change(VIEWER, name="renamed")
    stage.plan()
    stage.remote.lists.clear()
    stage.plan()
    planned = stage.remote.lists.count("connect_integrations")
    stage.remote.lists.clear()
    stage.apply(parallelism=parallelism)
    assert [*stage.remote.of("oauth_apps")] == [stage.ledger.entries[APP].id]
    # before the rename has ended, and after it
    assert 1 <= stage.remote.lists.count("connect_integrations") - planned <= 2


def test_an_integration_that_this_run_deleted_holds_nothing_up_though_a_list_shows_it_still(made):
    viewer, app = made.ledger.entries[VIEWER].id, made.ledger.entries[APP].id
    ghost = dict(made.remote.of("connect_integrations")[viewer])
    made.remote.meanwhile["delete connect_integrations"] = lambda: made.remote.of(
        "connect_integrations"
    ).update({viewer: ghost})
    for address in (VIEWER, APP):
        del made.resources[address]
    assert set(made.apply().values()) == {"done"}
    assert app not in made.remote.of("oauth_apps")
