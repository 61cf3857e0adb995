"""Federation policies: pipelines sign in without any secret, for one service principal or account-wide."""

from __future__ import annotations

import pytest

SPEC = "specs/stack.yaml"
GITHUB = "https://token.actions.githubusercontent.com"


def wanted(**more):
    own = {
        "service_principal": "${service_principals.robot.id}",
        "issuer": GITHUB,
        "subject": "repo:acme/apps:environment:prod",
        "audiences": ["https://github.com/acme"],
        **more,
    }
    whole = {"issuer": "https://gitlab.example.org", "subject_claim": "user_login", "description": "all"}
    return {
        "service_principals": {"robot": {}},
        "federation_policies": {"github-main": own, "everybody": whole},
    }


def policies(place, principal=""):
    inside = f"servicePrincipals/{principal}/" if principal else ""
    found = place.databricks("GET", f"{inside}federationPolicies").get("policies", [])
    return {row["policy_id"]: row for row in found}


def test_they_are_made_after_their_principal_changed_in_place_and_deleted(inside):
    inside.write(wanted())
    inside.apply()
    robot = inside.principals()["robot"]["id"]
    (made,) = policies(inside, robot).values()
    assert made["oidc_policy"]["subject"] == "repo:acme/apps:environment:prod"
    assert set(policies(inside)) == {"everybody"}
    assert inside.is_settled()

    inside.write(wanted(audiences=[], subject="repo:acme/apps:pull_request"))
    assert inside.actions() == {"federation_policies.github-main": "update"}
    inside.apply()
    (changed,) = policies(inside, robot).values()
    assert changed["uid"] == made["uid"]
    assert "audiences" not in changed["oidc_policy"]
    assert inside.is_settled()

    inside.write({"service_principals": {"robot": {}}})
    inside.apply()  # no approval: this stack made them
    assert policies(inside, robot) == policies(inside) == {}
    assert inside.is_settled()


def test_a_change_by_hand_is_drift_and_is_put_right(inside):
    inside.write(wanted())
    inside.apply()
    robot = inside.principals()["robot"]["id"]
    body = {"oidc_policy": {"issuer": GITHUB, "subject": "repo:evil/apps:pull_request"}}
    inside.databricks("PATCH", f"servicePrincipals/{robot}/federationPolicies/github-main", body)
    inside.run("drift", SPEC, code=2).says("repo:evil/apps:pull_request")
    inside.apply()
    assert inside.is_settled()


def test_the_same_policy_id_under_another_principal_is_another_policy(inside):
    inside.write({"service_principals": {"robot": {}, "other": {}}})
    inside.apply()
    other = inside.principals()["other"]["id"]
    body = {"oidc_policy": {"issuer": GITHUB, "subject": "repo:a/b:pull_request"}}
    inside.databricks("POST", f"servicePrincipals/{other}/federationPolicies?policy_id=github-main", body)
    want = wanted()
    want["service_principals"]["other"] = {}
    inside.write(want)
    assert inside.actions() == {
        "federation_policies.github-main": "create",
        "federation_policies.everybody": "create",
    }
    inside.apply()
    assert inside.is_settled()
    assert set(policies(inside, other)) == {"github-main"}


def test_another_principal_is_a_replace(inside):
    want = wanted()
    want["service_principals"]["other"] = {}
    inside.write(want)
    inside.apply()
    want["federation_policies"]["github-main"]["service_principal"] = "${service_principals.other.id}"
    inside.write(want)
    assert inside.actions() == {"federation_policies.github-main": "replace"}
    inside.approve()
    assert policies(inside, inside.principals()["robot"]["id"]) == {}
    assert inside.is_settled()


def test_a_lost_ledger_takes_them_over_again(inside):
    inside.write(wanted())
    inside.apply()
    inside.ledger.unlink()
    actions = inside.actions()
    assert set(actions.values()) == {"adopt"}
    inside.apply()
    assert inside.is_settled()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_makes_no_second_one(inside, when):
    inside.write(wanted())
    inside.fault(f"method=POST,path=federationPolicies,request=1,when={when},do=reset")
    inside.run("apply", SPEC, "--yes", code=1)
    inside.relax()
    inside.apply()
    assert inside.is_settled()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"issuer": "http://idp.example.org"}, "insecure-url"),
        ({"service_principal": None}, "subject-unused"),
        ({"subject": None}, "subject-missing"),
        ({"policy_id": "Main"}, "policy-id"),
        ({"subject": "repo:acme@1/apps:pull_request"}, "subject-form"),
        ({"subject": "repo:acme/apps:environment:*"}, "subject-form"),
        ({"subject": "repo:acme/apps"}, "subject-form"),
    ],
)
def test_what_cant_work_is_said_offline(inside, wrong, code):
    want = wanted(**wrong)
    own = want["federation_policies"]["github-main"]
    want["federation_policies"]["github-main"] = {k: v for k, v in own.items() if v is not None}
    inside.write(want)
    is_warning = code == "subject-form"
    ended = inside.run("validate", SPEC, "--format", "json", code=0 if is_warning else 1)
    assert [finding["code"] for finding in ended.json["findings"]] == [code]


def test_a_key_that_is_no_policy_id_needs_one(inside):
    want = wanted()
    want["federation_policies"]["Git_Hub"] = want["federation_policies"].pop("github-main")
    inside.write(want)
    inside.run("validate", SPEC, code=1).says("policy-id", "policy_id:")
    want["federation_policies"]["Git_Hub"]["policy_id"] = "github-main"
    inside.write(want)
    inside.run("validate", SPEC)


@pytest.mark.parametrize(
    "subject",
    [
        "repo:acme@12/apps@34:environment:prod",
        "repo:acme/apps:ref:refs/heads/main",
        "repo:acme/apps:pull_request",
    ],
)
def test_both_forms_of_githubs_subjects_are_fine(inside, subject):
    inside.write(wanted(subject=subject))
    assert inside.run("validate", SPEC, "--format", "json").json["findings"] == []
