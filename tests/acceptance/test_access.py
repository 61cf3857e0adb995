"""Who may use an integration: by name, whole, and never open by accident."""

import json
from dataclasses import replace

import pytest

CONFIG = {
    "auth_type": "Viewer",
    "auth_mode": "Public",
    "workspace_host": "cust-success.cloud.databricks.com",
    "client_id": "11111111-2222-3333-4444-555555555555",
}


@pytest.fixture
def desk(inside):
    return Desk(inside)


class Desk:
    """A stack of one integration, and the people of its server."""

    def __init__(self, place):
        self.place = place
        found = [*place.connect("GET", "users")["results"], *place.connect("GET", "groups")["results"]]
        self.ids = {each.get("username") or each["name"]: each["guid"] for each in found}

    def wants(self, key="viewer", **attributes):
        one = {"name": "Viewer", "template": "databricks", "config": CONFIG, **attributes}
        providers = {"connect": {"type": "connect", "url": "${env.CONNECT_SERVER}"}}
        self.place.write({"connect_integrations": {key: one}, "providers": providers})

    def applies(self, code=0, **attributes):
        self.wants(**attributes)
        return self.place.apply(code=code)

    @property
    def live(self):
        return self.place.integrations()["Viewer"]

    def listed(self):
        called = {guid: name for name, guid in self.ids.items()}
        entries = (entry["user_guid"] or entry["group_guid"] for entry in self.live["permissions"])
        return sorted(called.get(guid, guid) for guid in entries)

    def leaves(self, *names):
        self.place.control("POST", "gone", {"server": "", "guids": [self.ids[name] for name in names]})


def test_a_new_integration_is_restricted_by_the_request_that_makes_it(desk):
    said = desk.applies(access={"users": ["ada"], "groups": ["finance"]})
    assert desk.listed() == ["ada", "finance"]
    said.says(f"group finance ({desk.ids['finance']})", "user ada")
    writes = [each for each in desk.place.control("GET", "log")["requests"] if each["method"] != "GET"]
    assert [each["method"] for each in writes if "/oauth/integrations" in each["path"]] == ["POST"]
    assert desk.place.is_settled()


def test_leaving_access_out_leaves_it_alone_and_everyone_needs_an_approval(desk):
    desk.applies(access={"groups": ["finance"]})
    desk.applies()
    assert (desk.listed(), desk.place.is_settled()) == (["finance"], True)
    desk.wants(access="everyone")
    plan = desk.place.plan()
    (change,) = plan["changes"]
    assert change["fields"][0]["after"] == "everyone (open to all publishers)"
    with desk.place.untouched():
        desk.place.apply(code=3).says("opens what was restricted")
    desk.place.approve()
    assert (desk.live["permissions"], desk.place.is_settled()) == ([], True)
    desk.applies(access={"users": ["pat"]})  # closing it needs none
    assert desk.listed() == ["pat"]


def test_whoever_else_is_on_the_list_goes_and_is_called_by_name(desk):
    desk.applies(access={"users": ["ada"]})
    body = {"permissions": [{"user_guid": desk.ids[name]} for name in ("ada", "vic")]}
    desk.place.connect("PATCH", f"oauth/integrations/{desk.live['guid']}", body)
    plan = desk.place.plan()
    (field,) = plan["changes"][0]["fields"]
    assert field["before"] == [f"user ada ({desk.ids['ada']})", f"user vic ({desk.ids['vic']})"]
    assert (field["after"], field["cause"]) == ([f"user ada ({desk.ids['ada']})"], "drift")
    assert desk.place.run("drift", "specs/stack.yaml", code=2).says("user vic")
    desk.place.apply()
    assert (desk.listed(), desk.place.is_settled()) == (["ada"], True)


@pytest.mark.parametrize("name", ["Ada", "ad", "nobody"])
def test_a_name_that_is_nobodys_holds_the_list_up_and_nothing_else(desk, name):
    desk.applies(access={"users": ["ada"]})
    desk.wants(access={"users": ["ada", name]})
    with desk.place.untouched():
        desk.place.plan(code=1)
        desk.place.apply(code=1).says("principal-missing", name)
    desk.wants(description="new", access={"users": [name]})
    said = desk.place.apply(code=1).says("access stays as it is")
    assert (desk.live["description"], desk.listed()) == ("new", ["ada"])
    said.says(*(["but ada"] if name != "nobody" else []))


def test_an_integration_is_not_made_without_all_of_its_list(desk):
    desk.wants(access={"users": ["ada", "nobody"]})
    with desk.place.untouched():
        desk.place.apply(code=1).says("principal-missing")


def test_who_left_is_told_of_and_the_list_stays_while_anybody_is_left(desk):
    desk.applies(access={"users": ["ada", "vic"]})
    desk.leaves("vic")
    desk.place.run("plan", "specs/stack.yaml").says("principal-gone", "user vic")
    assert desk.place.is_settled()
    assert "vic" not in desk.place.run("drift", "specs/stack.yaml").out
    desk.applies(access={"users": ["ada", "vic", "pat"]}).says("principal-gone")
    assert desk.listed() == ["ada", "pat"]
    assert desk.place.is_settled()


@pytest.mark.parametrize("drops", [False, True])
def test_a_list_of_which_nobody_is_left_is_never_written_empty(desk, drops):
    desk.applies(access={"users": ["vic"]})
    desk.place.knobs(drop_gone_people=drops)
    desk.leaves("vic")
    desk.wants(access={"users": ["vic"]})
    if not drops:  # the server keeps it closed
        assert desk.place.is_settled()
        return
    with desk.place.untouched():
        desk.place.apply(code=1).says("access-empty", "principal-gone", "vic")
    desk.applies(access={"users": ["vic", "ada"]})
    assert desk.listed() == ["ada"]


def test_who_left_of_a_foreign_entry_makes_no_difference_until_the_next_write(desk):
    desk.applies(access={"users": ["ada"]})
    body = {"permissions": [{"user_guid": desk.ids[name]} for name in ("ada", "vic")]}
    desk.place.connect("PATCH", f"oauth/integrations/{desk.live['guid']}", body)
    desk.leaves("vic")
    assert desk.place.is_settled()
    desk.applies(access={"users": ["ada", "pat"]})
    assert desk.listed() == ["ada", "pat"]


@pytest.mark.parametrize("line", ["path=/v1/users,do=html", "path=/v1/users,do=cut"])
def test_a_look_up_that_fails_stops_the_plan_and_writes_nothing(desk, line):
    desk.applies(access={"users": ["ada"]})
    desk.wants(access={"users": ["ada", "pat"]})
    desk.place.fault(line)
    with desk.place.untouched():
        desk.place.apply(code=1)


def test_a_server_without_access_lists_blocks_the_address_alone(desk):
    desk.applies()
    desk.place.knobs(connect_version="2025.05.0")
    desk.wants(access={"users": ["ada"]})
    with desk.place.untouched():
        desk.place.apply(code=1).says("access-unsupported")
    desk.applies(access="everyone")
    assert desk.place.is_settled()


def test_an_empty_server_tells_by_the_create_itself_that_it_knows_no_lists(desk):
    desk.place.knobs(connect_version="2025.05.0")
    for each in desk.place.connect("GET", "oauth/integrations"):
        desk.place.connect("DELETE", f"oauth/integrations/{each['guid']}")
    desk.applies(code=1, access={"users": ["ada"]})
    assert desk.place.connect("GET", "oauth/integrations") == []


def test_a_replace_keeps_who_may_use_it_even_if_the_spec_does_not_say(desk):
    desk.applies(access={"groups": ["finance"]})
    desk.applies()
    old = desk.live["guid"]
    plan = desk.place.plan("--replace", "connect_integrations.viewer")
    desk.place.run(
        "apply", "specs/stack.yaml", "--replace", "connect_integrations.viewer", "--approve", plan["digest"]
    )
    assert (desk.live["guid"] != old, desk.listed()) == (True, ["finance"])


def test_a_replace_that_opens_what_was_restricted_says_both_where_it_asks(desk):
    desk.applies(access={"groups": ["finance"]})
    desk.wants(access="everyone")
    said = desk.place.run("plan", "specs/stack.yaml", "--replace", "connect_integrations.viewer")
    said.says("new identity", "opens what was restricted")


def test_what_was_restricted_and_is_gone_is_not_made_anew_for_everybody_without_an_approval(desk):
    desk.applies(access={"groups": ["finance"]})
    desk.place.connect("DELETE", f"oauth/integrations/{desk.live['guid']}")
    desk.wants(access="everyone")
    with desk.place.untouched():
        desk.place.apply(code=3).says("opens what was restricted")


@pytest.mark.parametrize(
    "access",
    [{}, {"users": []}, {"users": ["ada"], "groups": []}, "all", {"users": [" "]}, {"users": ["ada", "ada"]}],
)
def test_a_list_that_cannot_be_meant_is_an_error_offline(desk, access):
    desk.wants(access=access)
    desk.place.run("validate", "specs/stack.yaml", code=1)


def test_without_a_ledger_nothing_that_is_restricted_is_opened(desk):
    desk.applies(access={"users": ["ada"]})
    desk.wants(access="everyone")
    spec = desk.place.folder / "specs" / "stack.yaml"
    spec.write_text(spec.read_text().replace('"stack": "stack"', '"stack": "stack", "ledger": "none"'))
    desk.place.apply(code=1).says("needs-ledger")
    assert desk.listed() == ["ada"]


def test_an_ignored_list_is_left_as_it_is_and_counts_where_the_object_is_made(desk):
    desk.wants(access={"users": ["nobody"]}, lifecycle={"ignore": ["access"]})
    with desk.place.untouched():
        desk.place.apply(code=1).says("principal-missing")
    desk.applies(access={"users": ["ada"]}, lifecycle={"ignore": ["access"]})
    assert desk.listed() == ["ada"]
    desk.applies(access={"users": ["pat"]}, lifecycle={"ignore": ["access"]})
    assert (desk.listed(), desk.place.is_settled()) == (["ada"], True)


def test_what_is_due_goes_on_whatever_a_list_waits_for(desk):
    desk.applies(access={"users": ["ada"]})
    desk.wants(access={"users": ["nobody"]})
    desk.place.run("apply", "specs/stack.yaml", "--due", "--yes")


def test_a_found_integration_gets_a_list_with_an_approval_only(desk):
    body = {"name": "Viewer", "template": "databricks", "config": CONFIG}
    desk.place.connect("POST", "oauth/integrations", body)
    desk.wants(access={"groups": ["finance"]})
    desk.place.apply(code=3)
    desk.place.approve()
    assert (desk.listed(), desk.place.is_settled()) == (["finance"], True)


def test_a_name_that_two_groups_have_is_ambiguous(desk):
    twin = {"name": "finance", "guid": "11111111-2222-4333-8444-555555555555"}
    desk.place.control("POST", "seed", {"connect": {"": {"groups": [twin]}}})
    desk.wants(access={"groups": ["finance"]})
    with desk.place.untouched():
        desk.place.apply(code=1).says("principal-ambiguous", twin["guid"], desk.ids["finance"])


def test_an_answer_that_shows_fewer_than_it_counts_stops_the_plan(desk):
    desk.applies(access={"users": ["ada"]})
    handle = desk.place.sandbox.handle

    def short(request):
        answer = handle(request)
        if request.path.endswith("/v1/groups"):
            page = {"results": [], "current_page": 1, "total": 1}
            return replace(answer, body=json.dumps(page).encode())
        return answer

    desk.wants(access={"users": ["ada"], "groups": ["finance"]})
    desk.place.sandbox.handle = short
    with desk.place.untouched():
        desk.place.apply(code=1).says("0 of 1")


def test_what_was_restricted_is_opened_at_once_by_an_approval(desk):
    desk.applies(access={"groups": ["finance"]})
    desk.wants(access="everyone")
    desk.place.approve()
    assert (desk.live["permissions"], desk.place.is_settled()) == ([], True)
