"""Who may use and who may manage a principal: under an etag, grant by grant, with all others kept."""

import pytest

from reconciler import sandbox as box

MANAGER, USER = "roles/servicePrincipal.manager", "roles/servicePrincipal.user"
SETS = f"/api/2.0/preview/accounts/{box.ACCOUNT_ID}/access-control/rule-sets"


@pytest.fixture
def safe(inside):
    return Safe(inside)


class Safe:
    """A stack of one principal, and what is granted on it."""

    def __init__(self, place):
        self.place = place
        for name in ("analysts", "readers"):
            place.databricks("POST", "scim/v2/Groups", {"displayName": name})
        for name in ("ann@example.org", "bob@example.org"):
            place.databricks("POST", "scim/v2/Users", {"userName": name})
        self.place.write({"service_principals": {"robot": {}}})
        self.place.apply()
        self.before = self.granted()

    def wants(self, grants, **others):
        robot = {} if grants is None else {"grants": grants}
        self.place.write({"service_principals": {"robot": robot, **others}})

    def applies(self, grants, code=0, **others):
        self.wants(grants, **others)
        return self.place.apply(code=code)

    def application(self, name="robot"):
        return self.place.principals()[name]["applicationId"]

    @property
    def name(self):
        return f"accounts/{box.ACCOUNT_ID}/servicePrincipals/{self.application()}/ruleSets/default"

    def rules(self):
        headers = {"Authorization": f"Bearer {box.TOKEN}"}
        return self.place.call("GET", f"{SETS}?name={self.name}&etag=", None, headers)

    def granted(self):
        rules = self.rules().get("grant_rules", ())
        return {(rule["role"], one) for rule in rules for one in rule["principals"]}

    def grant(self, role, principal):
        rules = self.rules()
        listed = [*rules.get("grant_rules", ()), {"role": role, "principals": [principal]}]
        body = {"name": self.name, "rule_set": {**rules, "grant_rules": listed}}
        self.place.call("PUT", SETS, body, {"Authorization": f"Bearer {box.TOKEN}"})


def test_grants_are_added_beside_those_of_others_and_the_sdk_reads_them_back(safe):
    from databricks.sdk import AccountClient

    safe.grant(USER, "users/bob@example.org")
    said = safe.applies({"use": ["group:analysts"], "manage": ["user:ann@example.org"]})
    said.says("group analysts", "user ann@example.org")
    assert safe.place.is_settled()
    account = AccountClient(host=safe.place.url, account_id=box.ACCOUNT_ID, token=box.TOKEN)
    read = account.access_control.get_rule_set(name=safe.name, etag="")
    told = {(rule.role, one) for rule in read.grant_rules for one in rule.principals}
    theirs = {*safe.before, (USER, "users/bob@example.org")}
    assert told == {*theirs, (USER, "groups/analysts"), (MANAGER, "users/ann@example.org")}
    safe.applies({})
    assert (safe.granted(), safe.place.is_settled()) == (theirs, True)


def test_what_was_granted_before_is_not_ours_and_leaving_it_out_forgets(safe):
    safe.grant(USER, "groups/analysts")
    safe.applies({"use": ["group:analysts", "group:readers"]})
    safe.applies({})
    assert safe.granted() == {*safe.before, (USER, "groups/analysts")}
    safe.applies({"use": ["group:readers"]})
    safe.applies(None)
    safe.applies({})
    assert (USER, "groups/readers") in safe.granted()


def test_a_principal_of_the_stack_may_be_granted_before_it_exists(safe):
    safe.applies({"use": ["service_principal:helper"]}, helper={})
    assert safe.granted() == {*safe.before, (USER, f"servicePrincipals/{safe.application('helper')}")}
    assert safe.place.is_settled()
    safe.applies({"use": [f"service_principal:{safe.application('helper').upper()}"]}, helper={})
    assert safe.place.is_settled()
    safe.applies({}, helper={})
    assert safe.granted() == safe.before


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_a_lost_answer_granted_is_taken_back_by_the_record(safe, moment):
    safe.wants({"use": ["group:analysts"]})
    safe.place.fault(f"method=PUT,path=rule-sets,when={moment},do=reset,times=1")
    safe.place.apply()
    assert safe.place.is_settled()
    safe.applies({})
    assert safe.granted() == safe.before


@pytest.mark.parametrize(("times", "code"), [(1, 0), (7, 0), (20, 1)])
def test_somebody_else_changes_the_rules_between_our_read_and_our_write(safe, times, code):
    handle, left = safe.place.sandbox.handle, [times]

    def meanwhile(request):
        if request.method == "PUT" and "rule-sets" in request.path and left[0]:
            left[0] -= 1
            safe.place.sandbox.handle = handle
            name = f"user-{left[0]}@example.org"
            safe.place.databricks("POST", "scim/v2/Users", {"userName": name})
            safe.grant(USER, f"users/{name}")
            safe.place.sandbox.handle = meanwhile
        return handle(request)

    safe.wants({"use": ["group:analysts"]})
    safe.place.sandbox.handle = meanwhile
    safe.place.apply(code=code)
    assert len(safe.granted()) == len(safe.before) + min(times, 8) + (code == 0)


def test_who_granted_the_same_in_between_keeps_it(safe):
    handle = safe.place.sandbox.handle

    def meanwhile(request):
        if request.method == "PUT" and "rule-sets" in request.path:
            safe.place.sandbox.handle = handle
            safe.grant(USER, "groups/analysts")
        return handle(request)

    safe.wants({"use": ["group:analysts"]})
    safe.place.sandbox.handle = meanwhile
    safe.place.apply()
    safe.applies({})
    assert safe.granted() == {*safe.before, (USER, "groups/analysts")}


@pytest.mark.parametrize("grantee", ["group:Analysts", "user:nobody@example.org"])
def test_a_grantee_who_is_nobody_holds_the_grants_up_alone(safe, grantee):
    safe.wants({"use": ["group:readers", grantee]})
    with safe.place.untouched():
        safe.place.apply(code=1).says("principal-missing", grantee.partition(":")[2])
    assert safe.place.actions(code=1) == {"service_principals.robot": "blocked"}


@pytest.mark.parametrize(
    "grants",
    [
        {"own": ["group:a"]},
        {"use": ["analysts"]},
        {"use": ["group:"]},
        {"use": ["team:analysts"]},
        {"use": ["service_principal:nobody"]},
        {"use": ["service_principal:robot"]},
    ],
)
def test_another_form_is_an_error_offline(safe, grants):
    safe.wants(grants)
    safe.place.run("validate", "specs/stack.yaml", code=1).says("principal-form")


def test_two_principals_that_wait_for_each_other_are_a_cycle(safe):
    safe.wants({"use": ["service_principal:helper"]}, helper={"grants": {"use": ["service_principal:robot"]}})
    safe.place.run("validate", "specs/stack.yaml", code=1).says("robot", "helper")
