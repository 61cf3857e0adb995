"""Groups and roles of service principals: by name, additive, and only what this stack added is taken back."""

from dataclasses import replace

import pytest

from reconciler import sandbox as box
from tests.acceptance.test_content import an_hour_later

GROUP = "scim/v2/Groups"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
def team(inside):
    return Team(inside)


class Team:
    """A stack of one principal, and the groups of the account."""

    def __init__(self, place):
        self.place = place
        self.ids = {name: self.new(name) for name in ("analysts", "readers")}

    def new(self, name, *members):
        body = {"displayName": name, "members": [{"value": one} for one in members]}
        return self.place.databricks("POST", GROUP, body)["id"]

    def patch(self, where, **operation):
        self.place.databricks("PATCH", where, {"schemas": [PATCH], "Operations": [operation]})

    def add(self, group, member):
        self.patch(f"{GROUP}/{self.ids[group]}", op="add", path="members", value=[{"value": member}])

    def members(self, group):
        found = self.place.databricks("GET", f"{GROUP}/{self.ids[group]}")
        return {each["value"] for each in found.get("members", ())}

    @property
    def robot(self):
        return self.place.principals()["robot"]["id"]

    def roles(self):
        return {role["value"] for role in self.place.principals()["robot"].get("roles", ())}

    def wants(self, **attributes):
        self.place.write({"service_principals": {"robot": attributes}})

    def applies(self, **attributes):
        self.wants(**attributes)
        return self.place.apply()


def test_a_principal_joins_its_groups_by_name_and_the_sdk_reads_it_back(team):
    from databricks.sdk import AccountClient

    said = team.applies(groups=["analysts", "readers"], roles=["account_admin"])
    said.says(f"group analysts ({team.ids['analysts']})", "roles.account_admin")
    assert team.place.is_settled()
    account = AccountClient(host=team.place.url, account_id=box.ACCOUNT_ID, token=box.TOKEN)
    for group in team.ids.values():
        assert [each.value for each in account.groups.get(group).members] == [team.robot]
    assert [role.value for role in account.service_principals.get(team.robot).roles] == ["account_admin"]
    team.applies(groups=[], roles=[])
    assert team.members("analysts") == team.members("readers") == team.roles() == set()
    assert team.place.is_settled()


def test_memberships_and_roles_of_others_survive_and_what_was_there_before_is_not_ours(team):
    team.applies()
    other = team.place.databricks("POST", "scim/v2/ServicePrincipals", {"displayName": "other"})["id"]
    team.add("analysts", team.robot)
    team.add("readers", other)
    team.patch(f"scim/v2/ServicePrincipals/{team.robot}", op="add", path="roles", value=[{"value": "theirs"}])
    team.applies(groups=["analysts", "readers"], roles=["ours", "theirs"])
    team.applies(groups=[], roles=[])
    assert (team.members("analysts"), team.members("readers")) == ({team.robot}, {other})
    assert team.roles() == {"theirs"}


def test_a_membership_that_others_took_and_gave_again_is_theirs(team):
    team.applies(groups=["analysts"])
    one = {"op": "remove", "path": f'members[value eq "{team.robot}"]'}
    team.patch(f"{GROUP}/{team.ids['analysts']}", **one)
    an_hour_later(team.place)
    team.applies(groups=[])
    team.add("analysts", team.robot)
    team.applies(groups=[])
    assert team.members("analysts") == {team.robot}


def test_leaving_groups_out_forgets_what_was_added(team):
    team.applies(groups=["analysts"])
    team.applies()
    team.applies(groups=[])
    assert team.members("analysts") == {team.robot}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("attribute", ["groups", "roles"])
def test_what_a_lost_answer_added_is_taken_back_by_the_record(team, moment, attribute):
    team.applies()
    team.place.fault(f"method=PATCH,path=scim,when={moment},do=reset")
    team.wants(**{attribute: ["analysts"]})
    team.place.run("apply", "specs/stack.yaml", "--yes", code=1)
    team.place.relax()
    team.place.run("apply", "specs/stack.yaml", "--yes")
    assert team.place.is_settled()
    team.applies(**{attribute: []})
    assert (team.members("analysts"), team.roles()) == (set(), set())


def test_who_joined_in_between_stays_a_member(team):
    team.applies()
    robot, handle, asked = team.robot, team.place.sandbox.handle, []

    def meanwhile(request):
        if request.path.endswith(f"{GROUP}/{team.ids['analysts']}") and request.method == "GET":
            asked.append(request)
            if len(asked) == 2:  # the plan's read is over, and the look just before the write comes
                team.place.sandbox.handle = handle
                team.add("analysts", robot)
        return handle(request)

    team.wants(groups=["analysts"])
    team.place.sandbox.handle = meanwhile
    team.place.apply()
    team.applies(groups=[])
    assert team.members("analysts") == {robot}


@pytest.mark.parametrize("name", ["Analysts", "nobody", 'a" or displayName sw "'])
def test_a_name_that_is_nobodys_blocks_before_anything_is_made(team, name):
    team.wants(groups=["readers", name])
    with team.place.untouched():
        team.place.plan(code=1)
    team.place.apply(code=1).says("principal-missing")
    assert "robot" not in team.place.principals()


def test_a_group_that_went_later_is_told_of_and_left_out(team):
    team.applies(groups=["analysts", "readers"])
    team.place.databricks("DELETE", f"{GROUP}/{team.ids['analysts']}")
    assert "principal-gone" in team.place.run("plan", "specs/stack.yaml").says("analysts").text
    assert team.place.is_settled()
    team.applies(groups=["readers"])
    assert team.members("readers") == {team.robot}


def test_a_renamed_group_keeps_its_member_and_another_of_its_name_gets_one(team):
    team.applies(groups=["analysts"])
    team.patch(f"{GROUP}/{team.ids['analysts']}", op="replace", path="displayName", value="scientists")
    team.place.apply().says("principal-gone")
    assert team.members("analysts") == {team.robot}
    team.applies(groups=["scientists"])
    assert team.members("analysts") == {team.robot}
    team.ids["new"] = team.new("analysts")
    team.applies(groups=["analysts"])
    assert (team.members("analysts"), team.members("new")) == (set(), {team.robot})


@pytest.mark.parametrize("groups", [["analysts", "analysts"], [" "], [3], ["${env.HOME}"]])
def test_a_name_that_cannot_be_meant_is_an_error_offline(team, groups):
    team.wants(groups=groups)
    team.place.run("validate", "specs/stack.yaml", code=1)


def test_a_group_is_looked_up_and_read_once_for_all_its_members(team):
    robots = {f"robot-{number}": {"groups": ["analysts"]} for number in range(5)}
    team.place.write({"service_principals": robots})
    team.place.apply()
    before = len(team.place.control("GET", "log")["requests"])
    assert team.place.is_settled()
    asked = team.place.control("GET", "log")["requests"][before:]
    assert len([each for each in asked if "/Groups" in each["path"]]) == 2


def test_a_name_that_the_account_refuses_to_look_up_holds_its_list_up_alone(team):
    team.applies(groups=["analysts"])
    handle = team.place.sandbox.handle

    def refusing(request):
        is_odd = "odd" in request.query.get("filter", "")
        return (
            replace(handle(request), status=400, body=b'{"detail": "no such filter"}')
            if is_odd
            else handle(request)
        )

    team.wants(groups=["analysts", "odd"], display_name="renamed")
    team.place.sandbox.handle = refusing
    team.place.apply(code=1).says("principal-refused", "odd")
    team.place.sandbox.handle = handle
    assert "renamed" in team.place.principals()
