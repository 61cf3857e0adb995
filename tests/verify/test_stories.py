"""`reconcile verify`: what works is said to work, and each break is found, with what to do."""

import json

import pyrage
import pytest
from crash.conftest import SPEC

from .conftest import ACCOUNT

HEAD = SPEC.partition("oauth_apps:")[0]

APP, SECRET = "oauth_apps.viewer", "service_principals.robot.client_secret"
VIEWER, SERVICE = "connect_integrations.as-viewer", "connect_integrations.as-robot"
FINE = {APP: "verified", SECRET: "verified", VIEWER: "not verifiable", SERVICE: "verified"}


def statuses(proofs):
    return {address: status for address, (status, _) in proofs.items()}


def test_what_was_applied_is_verified_and_a_viewer_has_to_log_in(applied, proofs):
    ended = applied.verify()
    found = proofs(ended)
    assert (ended.code, statuses(found)) == (0, FINE)
    guid = applied.hands.integration("as-viewer").rpartition("/")[2]
    assert f"{applied.server.url}/__oauth__/integrations/{guid}/login" in found[VIEWER][1]
    assert SERVICE in found[SECRET][1]


def test_nothing_is_written_and_no_lease_is_taken(applied):
    before = (applied.writes(), applied.ledger())
    lock = applied.folder / ".reconcile" / "rig.lock.json"
    lock.write_text("somebody else's, and unreadable")
    assert applied.verify().code == 0
    assert (applied.writes(), applied.ledger()) == before
    assert lock.read_text() == "somebody else's, and unreadable"


def test_what_does_not_exist_yet_is_broken_and_apply_is_named(rig, proofs):
    ended = rig.verify()
    found = proofs(ended)
    assert (ended.code, set(statuses(found).values())) == (1, {"broken"})
    assert all("run `reconcile apply`" in message for _, message in found.values())


def revoke(hands):
    (secret,) = hands.secrets()
    hands.call("DELETE", secret)


def delete_app(hands):
    hands.call("DELETE", hands.app())


def drop_callback(hands):
    hands.call("PATCH", hands.app(), {"redirect_urls": ["https://elsewhere.example.org/callback"]})


def drop_scope(hands):
    hands.call("PATCH", hands.app(), {"scopes": ["all-apis"]})


def deactivate(hands):
    hands.deactivate()


def delete_principal(hands):
    hands.call("DELETE", f"{ACCOUNT}/scim/v2/ServicePrincipals/{hands.principal()}")


def delete_integration(hands):
    hands.call("DELETE", hands.integration("as-viewer"))


def other_client(hands):
    hands.call("PATCH", hands.integration("as-viewer"), {"config": {"client_id": "foreign"}})


def other_secret(hands):
    hands.call("PATCH", hands.integration("as-robot"), {"config": {"client_secret": "foreign"}})


def other_workspace(hands):
    config = {"workspace_host": "nowhere.cloud.databricks.com"}
    hands.call("PATCH", hands.integration("as-viewer"), {"config": config})


BREAKS = {
    revoke: {SECRET: "its secret is gone", SERVICE: f"{SECRET}: its secret is gone"},
    delete_app: {APP: "deleted outside of this stack", VIEWER: f"{APP}: it was deleted"},
    drop_callback: {APP: "isn't registered", VIEWER: "/__oauth__/integrations/callback"},
    drop_scope: {APP: "the scope offline_access isn't registered", VIEWER: "lacks the scope offline_access"},
    deactivate: {SECRET: "is deactivated", SERVICE: "is deactivated"},
    delete_principal: {SECRET: "deleted outside", SERVICE: "service_principals.robot: it was deleted"},
    delete_integration: {VIEWER: "deleted outside of this stack"},
    other_client: {VIEWER: "foreign, which isn't that of oauth_apps.viewer"},
    other_secret: {SERVICE: "Connect can't sign in with it"},
    other_workspace: {VIEWER: "nowhere.cloud.databricks.com"},
}


@pytest.mark.parametrize("how", BREAKS, ids=lambda how: how.__name__)
def test_a_break_is_found_and_nothing_else_is_called_broken(applied, proofs, how):
    how(applied.hands)
    ended = applied.verify()
    found = proofs(ended)
    broken = {address: message for address, (status, message) in found.items() if status == "broken"}
    assert (ended.code, set(broken)) == (1, set(BREAKS[how])), found
    for address, words in BREAKS[how].items():
        assert words in broken[address]
        assert "reconcile " in broken[address]


def test_an_apply_mends_what_verify_found(applied):
    revoke(applied.hands)
    drop_callback(applied.hands)
    assert applied.verify().code == 1
    assert applied.apply("--refresh", "full").code == 0
    assert applied.verify().code == 0


def test_connects_own_refusal_is_quoted_and_the_secret_is_not_vouched_for(applied, proofs):
    applied.fault("path=/verify$,do=nocode,status=400")
    ended = applied.verify()
    found = proofs(ended)
    assert ended.code == 1
    assert found[SERVICE][0] == "broken"
    assert "run `reconcile rotate service_principals.robot`" in found[SERVICE][1]
    assert found[SECRET][0] == "not verifiable"


@pytest.mark.parametrize("fault", ["do=403", "do=reset", "do=html"])
def test_a_proof_that_could_not_be_made_is_no_break(applied, proofs, fault):
    applied.fault(f"path=/verify$,{fault}")
    ended = applied.verify()
    assert (ended.code, proofs(ended)[SERVICE][0]) == (0, "not verifiable")


def test_workspaces_that_cannot_be_listed_break_nothing(applied, proofs):
    other_workspace(applied.hands)
    applied.fault("path=/workspaces$,do=403")
    ended = applied.verify()
    found = proofs(ended)
    assert (ended.code, found[VIEWER][0]) == (0, "not verifiable")
    assert "whether nowhere.cloud.databricks.com is a workspace" in found[VIEWER][1]


@pytest.mark.parametrize(
    ("days", "words"), [(335, "reconcile apply"), (352, "reconcile rotate"), (400, "gone")]
)
def test_a_secret_near_its_end_is_told_of_and_one_past_it_is_broken(rig, proofs, days, words):
    lifetime = "{lifetime: 365d, rotate_before: 30d}"
    spec = (rig.folder / "spec.yaml").read_text()
    assert lifetime in spec
    if days == 352:
        rig.write(spec.replace(lifetime, "{lifetime: 365d}"))
    rig.knobs(time_shift=-days * 86_400.0)
    assert rig.apply().code == 0
    rig.knobs(time_shift=0.0)
    ended = rig.verify()
    status, message = proofs(ended)[SECRET]
    assert words in message
    assert (status, ended.code) == (("broken", 1) if days == 400 else ("verified", 0))


ADOPTING = """\
version: 1
stack: rig
providers:
  databricks: {type: databricks}
service_principals:
  robot:
    client_secret: {lifetime: 365d}
    lifecycle: {adopt: {id: "PRINCIPAL", client_secret: "${env.ROBOT_SECRET}"}}
"""


@pytest.fixture
def adopted(rig):
    """A service principal that was made by hand; its secret is at hand."""
    made = rig.hands.call("POST", f"{ACCOUNT}/scim/v2/ServicePrincipals", {"displayName": "robot"})
    path = f"{ACCOUNT}/servicePrincipals/{made['id']}/credentials/secrets"
    rig.env["ROBOT_SECRET"] = rig.hands.call("POST", path, {"lifetime": "31536000s"})["secret"]
    rig.write(ADOPTING.replace("PRINCIPAL", str(made["id"])))
    return rig


def test_a_secret_at_hand_is_tried_by_a_token_request(adopted, proofs):
    assert adopted.apply().code == 0
    ended = adopted.verify()
    status, message = proofs(ended)[SECRET]
    assert (ended.code, status, message.startswith("it gets a token")) == (0, "verified", True)
    assert adopted.env["ROBOT_SECRET"] not in ended.text


def test_a_secret_at_hand_that_is_not_accepted_is_broken(adopted, proofs):
    adopted.env["ROBOT_SECRET"] = "dose0123456789abcdef0123456789abcdef"
    ended = adopted.verify()
    assert (ended.code, proofs(ended)[SECRET][0]) == (1, "broken")
    assert adopted.env["ROBOT_SECRET"] not in ended.text


def test_after_a_rotation_the_adopted_value_is_the_old_one_and_not_tried(adopted, proofs):
    assert adopted.apply().code == 0
    assert adopted.run("rotate", "service_principals.robot", "spec.yaml", "--yes").code == 0
    ended = adopted.verify()
    assert (ended.code, proofs(ended)[SECRET][0]) == (0, "not verifiable")


def test_of_several_live_secrets_nobody_knows_which_is_in_use(adopted, proofs):
    principal = f"{ACCOUNT}/servicePrincipals/{adopted.hands.principal()}"
    adopted.hands.call("POST", f"{principal}/credentials/secrets", {"lifetime": "86400s"})
    status, message = proofs(adopted.verify())[SECRET]
    assert (status, "2 live secrets" in message) == ("not verifiable", True)
    assert "reconcile rotate service_principals.robot" in message


def test_a_secret_that_is_sealed_in_the_ledger_is_tried_with_the_key_at_hand(rig, proofs):
    key = pyrage.x25519.Identity.generate()
    spec = (rig.folder / "spec.yaml").read_text().partition("connect_integrations:")[0]
    rig.write(f"{spec}secrets: {{recipients: [{key.to_public()}]}}\n")
    assert rig.apply().code == 0
    assert proofs(rig.verify())[SECRET][0] == "not verifiable"
    rig.env["RECONCILE_AGE_KEY"] = str(key)
    status, message = proofs(rig.verify())[SECRET]
    assert (status, message.startswith("it gets a token")) == ("verified", True)


def test_a_key_for_each_visitor_leaves_nothing_to_try(rig, proofs):
    rig.write(HEAD + "connect_integrations:\n  keys: {template: connect, config: {max_role: Viewer}}\n")
    assert rig.apply().code == 0
    status, message = proofs(rig.verify())["connect_integrations.keys"]
    assert (status, "/login" in message) == ("not verifiable", False)


def test_text_has_a_line_for_each_and_a_sum(applied):
    ended = applied.run("verify", "spec.yaml")
    lines = ended.out.splitlines()
    assert lines[0] == "Verification of stack rig"
    shown = {line[18:].split()[0]: line[:18].strip() for line in lines[1:5]}
    assert shown == FINE
    assert lines[-1] == "Verify: 3 verified, 1 not verifiable."


def test_every_format_shows_every_address_and_json_keeps_its_shape(applied):
    document = json.loads(applied.verify().out)
    assert (document["format"], document["stack"]) == ("reconcile.verification/1", "rig")
    assert all(set(one) == {"address", "status", "message"} for one in document["results"])
    for form in ("text", "markdown", "html"):
        out = applied.run("verify", "spec.yaml", "--format", form).out
        assert all(one["address"] in out for one in document["results"])
