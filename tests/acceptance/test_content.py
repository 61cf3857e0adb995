"""Which content has an integration: added to what each has, and only what this stack added is taken back."""

import json

import pytest

from reconciler import sandbox as box
from tests.acceptance.test_access import Desk


@pytest.fixture
def shelf(inside):
    return Shelf(inside)


class Shelf(Desk):
    """The same with the content of the server, by name."""

    def __init__(self, place):
        super().__init__(place)
        self.content = {each["name"]: each["guid"] for each in place.connect("GET", "content")}
        self.dashboard, self.api = self.content["sales-dashboard"], self.content["churn-api"]

    def path(self, guid):
        return f"content/{guid}/oauth/integrations/associations"

    def of(self, guid):
        return [each["oauth_integration_guid"] for each in self.place.connect("GET", self.path(guid))]

    def give(self, guid, *integrations):
        body = [{"oauth_integration_guid": one} for one in [*self.of(guid), *integrations]]
        self.place.connect("PUT", self.path(guid), body)

    def other(self, name="Other"):
        from tests.acceptance.test_access import CONFIG

        body = {"name": name, "template": "databricks", "config": CONFIG}
        return self.place.connect("POST", "oauth/integrations", body)["guid"]

    def replaced(self, *more):
        plan = self.place.plan("--replace", "connect_integrations.viewer", *more)
        return self.place.run(
            "apply",
            "specs/stack.yaml",
            "--replace",
            "connect_integrations.viewer",
            "--approve",
            plan["digest"],
        )


def an_hour_later(place):
    """The ledger, as if the last run was an hour ago: no list lags so long."""
    found = json.loads(place.ledger.read_text())
    for entry in found["resources"].values():
        entry["recorded_time"] = "2020-01-01T00:00:00Z"
    place.ledger.write_text(json.dumps(found))


def test_content_gets_the_integration_beside_what_it_has_and_only_that_goes(shelf):
    other = shelf.other()
    shelf.give(shelf.dashboard, other)
    shelf.applies(content=[shelf.dashboard.upper(), shelf.api]).says(f"content {shelf.api}")
    mine = shelf.live["guid"]
    assert (shelf.of(shelf.dashboard), shelf.of(shelf.api)) == ([other, mine], [mine])
    assert shelf.place.is_settled()
    shelf.applies(content=[shelf.api])
    assert (shelf.of(shelf.dashboard), shelf.of(shelf.api)) == ([other], [mine])
    shelf.applies(content=[])
    assert (shelf.of(shelf.dashboard), shelf.of(shelf.api)) == ([other], [])
    assert shelf.place.is_settled()


def test_what_others_associated_is_not_ours_to_take_and_leaving_it_out_forgets(shelf):
    shelf.applies()
    shelf.give(shelf.dashboard, shelf.live["guid"])
    shelf.applies(content=[shelf.dashboard, shelf.api])
    shelf.applies(content=[])
    assert (shelf.of(shelf.dashboard), shelf.of(shelf.api)) == ([shelf.live["guid"]], [])
    shelf.applies(content=[shelf.api])
    shelf.applies()
    shelf.applies(content=[])
    assert shelf.of(shelf.api) == [shelf.live["guid"]]


def test_what_others_took_and_gave_again_is_theirs(shelf):
    shelf.applies(content=[shelf.api])
    shelf.place.connect("PUT", shelf.path(shelf.api), [])
    an_hour_later(shelf.place)
    shelf.applies(content=[])
    shelf.give(shelf.api, shelf.live["guid"])
    shelf.applies(content=[])
    assert shelf.of(shelf.api) == [shelf.live["guid"]]


def test_associations_of_others_do_not_make_a_plan_stale(shelf):
    shelf.applies()
    shelf.wants(content=[shelf.dashboard])
    shelf.place.run("plan", "specs/stack.yaml", "-o", "plan.json")
    other = shelf.other()
    shelf.give(shelf.dashboard, other)
    shelf.place.run("apply", "plan.json", "--yes")
    assert shelf.of(shelf.dashboard) == [other, shelf.live["guid"]]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_a_lost_answer_associated_is_taken_back_by_the_record(shelf, moment):
    shelf.applies()
    shelf.wants(content=[shelf.dashboard])
    shelf.place.fault(f"method=PUT,path=associations,when={moment},do=reset")
    shelf.place.apply(code=0 if moment == "after" else 1)
    shelf.place.relax()
    shelf.place.apply()
    assert shelf.place.is_settled()
    shelf.applies(content=[])
    assert shelf.of(shelf.dashboard) == []


def test_who_associated_it_in_between_keeps_it(shelf):
    shelf.applies()
    handle, asked, mine = shelf.place.sandbox.handle, [], shelf.live["guid"]

    def meanwhile(request):
        is_read = request.path.endswith(f"/{shelf.path(shelf.dashboard)}") and request.method == "GET"
        # once it is on record that it is to be sent, the look just before the write comes
        if is_read and shelf.dashboard in shelf.place.ledger.read_text():
            asked.append(request)
            shelf.place.sandbox.handle = handle
            shelf.give(shelf.dashboard, mine)
        return handle(request)

    shelf.wants(content=[shelf.dashboard])
    shelf.place.sandbox.handle = meanwhile
    shelf.place.apply()
    shelf.applies(content=[])
    assert (len(asked), shelf.of(shelf.dashboard)) == (1, [mine])


def test_content_that_never_was_blocks_and_content_that_went_is_told_of(shelf):
    nothing = "00000000-0000-4000-8000-000000000000"
    shelf.wants(content=[nothing])
    with shelf.place.untouched():
        shelf.place.apply(code=1).says("content-missing", nothing)
    shelf.applies(content=[shelf.dashboard, shelf.api])
    shelf.place.control("POST", "gone", {"server": "", "guids": [shelf.api]})
    shelf.place.run("plan", "specs/stack.yaml").says("content-gone", shelf.api)
    assert shelf.place.is_settled()
    shelf.applies(content=[])
    assert shelf.of(shelf.dashboard) == []


@pytest.mark.parametrize("order", ["create_first", "delete_first"])
def test_a_replace_carries_all_content_along(shelf, order):
    shelf.applies(content=[shelf.dashboard], lifecycle={"replace": order})
    other = shelf.other()
    old = shelf.live["guid"]
    shelf.give(shelf.dashboard, other)
    shelf.give(shelf.api, old)  # by somebody else
    shelf.replaced()
    new = shelf.live["guid"]
    assert new != old
    assert (sorted(shelf.of(shelf.dashboard)), shelf.of(shelf.api)) == (sorted([other, new]), [new])
    assert shelf.place.is_settled()
    shelf.applies(content=[], lifecycle={"replace": order})
    assert (shelf.of(shelf.dashboard), shelf.of(shelf.api)) == ([other], [new])


def test_a_server_that_takes_one_integration_for_an_item_carries_it_along_as_well(shelf):
    shelf.applies(content=[shelf.dashboard])
    shelf.place.knobs(connect_version="2025.06.0")
    shelf.replaced()
    assert shelf.of(shelf.dashboard) == [shelf.live["guid"]]
    assert shelf.place.is_settled()


def test_content_that_may_have_one_and_has_anothers_keeps_it_and_the_reason_is_told(shelf):
    other = shelf.other()
    shelf.give(shelf.dashboard, other)
    shelf.place.knobs(connect_version="2025.06.0")
    shelf.wants(content=[shelf.dashboard, shelf.api])
    said = shelf.place.run("apply", "specs/stack.yaml", "--yes", code=1)
    said.says("takes one integration for a content item")
    assert shelf.of(shelf.dashboard) == [other]


def test_several_integrations_come_to_one_content_item_at_the_same_time(shelf):
    from tests.acceptance.test_access import CONFIG

    many = {
        f"viewer-{number}": {"template": "databricks", "config": CONFIG, "content": [shelf.dashboard]}
        for number in range(6)
    }
    providers = {"connect": {"type": "connect", "url": "${env.CONNECT_SERVER}"}}
    shelf.place.write({"connect_integrations": many, "providers": providers})
    shelf.place.apply()
    assert len(shelf.of(shelf.dashboard)) == 6
    assert shelf.place.is_settled()


@pytest.mark.parametrize("content", [["sales-dashboard"], ["braces"], [" "], [3], ["${env.HOME}"]])
def test_content_is_named_by_guid_and_once(shelf, content):
    shelf.wants(content=[f"{{{shelf.api}}}" if each == "braces" else each for each in content])
    shelf.place.run("validate", "specs/stack.yaml", code=1)
    shelf.wants(content=[shelf.api, shelf.api.upper()])
    shelf.place.run("validate", "specs/stack.yaml", code=1).says("twice")


def test_the_posit_sdk_reads_back_what_was_written(shelf, monkeypatch):
    from posit.connect import Client

    monkeypatch.setattr("os.environ", dict(shelf.place.env))
    shelf.applies(content=[shelf.dashboard], access={"users": ["ada"], "groups": ["finance"]})
    client = Client(url=shelf.place.env["CONNECT_SERVER"], api_key=box.ADMINISTRATOR_KEY)
    integration = client.oauth.integrations.get(shelf.live["guid"])
    assert [each["app_guid"] for each in integration.associations.find()] == [shelf.dashboard]
    item = client.content.get(shelf.dashboard)
    assert [each["oauth_integration_guid"] for each in item.oauth.associations.find()] == [shelf.live["guid"]]
    assert {each["user_guid"] or each["group_guid"] for each in integration["permissions"]} == {
        shelf.ids["ada"],
        shelf.ids["finance"],
    }
