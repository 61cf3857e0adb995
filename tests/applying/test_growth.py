"""What a change takes of this process doesn't depend on how many others there are."""

import pytest

from reconciler.applying import executor
from reconciler.applying.supplied_secrets import check_supplied
from reconciler.model import Address, Resource
from tests.work import calls

from .conftest import KINDS, Stage, integration

FEW, MANY = 10, 100


def apps(number):
    """A stack of so many apps, each with its integration."""
    found = {}
    for n in range(number):
        app, viewer = Address("oauth_apps", f"app-{n}"), Address("connect_integrations", f"viewer-{n}")
        found[app] = Resource(app, "databricks", {"name": app.key, "confidential": True, "scopes": ["a"]})
        found[viewer] = integration(viewer, app)
    return Stage(resources=found)


def create(stage):
    return stage.plan()


def replace(stage):
    stage.apply()
    for address in [address for address in stage.resources if address.kind == "oauth_apps"]:
        stage.change(address, name=f"{address.key}-renamed")
    return stage.plan()


def edit(stage):
    stage.apply()
    for address, resource in list(stage.resources.items()):
        if address.kind == "connect_integrations":
            stage.change(address, config={**resource.attributes["config"], "host": "other"})
    return stage.plan()


def refused(stage):
    apps = len(stage.resources) // 2
    stage.remote.troubles_at = dict.fromkeys(range(apps + 1, 2 * apps + 1), "refused")
    return stage.plan()


def destroy(stage):
    stage.apply()
    return stage.planned_destroy()


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Nothing is written while a call is under way: so many writes, however quick the machine is."""
    monkeypatch.setattr(executor, "GATHER", 1e9)


@pytest.mark.parametrize("planned", [create, refused, edit, replace, destroy])
def test_ten_times_as_many_changes_take_ten_times_the_work(planned):
    def taken(number):
        stage = apps(number)
        plan, snapshot = planned(stage)
        return calls(lambda: stage.carry_out(plan, snapshot))

    assert taken(MANY) < 1.02 * MANY / FEW * taken(FEW)


def test_to_ask_for_supplied_secrets_takes_no_more_of_each_change_in_a_large_plan():
    def taken(number):
        stage = apps(number)
        plan, _ = stage.plan()
        return calls(check_supplied, plan, stage.ledger, KINDS)

    assert taken(MANY) < 1.02 * MANY / FEW * taken(FEW)
