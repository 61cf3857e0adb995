"""Mappings whose keys name remote things, and ids as people paste them."""

from __future__ import annotations

import pytest

PRINCIPAL = "service_principals: {p: {workspaces: {%s}}}\n"
GUID = "7A99B43C-B46C-432B-B0A7-814217701909"


def test_a_key_may_be_a_reference(specs, head):
    spec = head + "vars: {ws: '123', number: 456, host: a.b.net}\n"
    keys = "'${vars.ws}': USER, '${vars.number}': ADMIN, '${vars.host}': USER"
    wanted = specs.resource("service_principals.p", spec, PRINCIPAL % keys, variables={"ws": "789"})
    assert wanted.attributes["workspaces"] == {"789": "USER", "456": "ADMIN", "a.b.net": "USER"}


def test_what_a_key_comes_to_must_be_a_workspace(specs, head):
    keys = "'${vars.ws}': USER"
    assert specs.codes(head, "vars: {ws: 'https://x'}\n", PRINCIPAL % keys) == ["key"]
    assert specs.codes(head, PRINCIPAL % keys) == ["reference-unknown"]
    assert specs.codes(head, "vars: {ws: }\n", PRINCIPAL % keys) == ["var-unset"]


@pytest.mark.parametrize("key", ["${env.WS}", "${oauth_apps.app.id}", "${vars.list}"])
def test_a_key_is_shown_and_known_beforehand(specs, head, app, key):
    found = specs.problems(head, "vars: {list: [1]}\n", app, PRINCIPAL % f"'{key}': USER", WS="123")
    assert [p.code for p in found] == ["key"]
    assert "123" not in found[0].text


@pytest.mark.parametrize(
    "keys",
    [
        "'123': USER, '${vars.ws}': ADMIN",
        "'${vars.ws}': USER, '${vars.same}': ADMIN",
        "'123': USER, '00123': ADMIN",
        "a.cloud.databricks.com: USER, A.cloud.databricks.COM: ADMIN",
    ],
)
def test_one_thing_named_twice_is_an_error(specs, head, keys):
    found = specs.problems(head, "vars: {ws: '123', same: '123'}\n", PRINCIPAL % keys)
    assert [(p.code, p.address) for p in found] == [("duplicate-key", "service_principals.p")]


IDS = {
    "application_id": "service_principals: {p: {application_id: %s}}\n",
    "adopt": "service_principals: {p: {lifecycle: {adopt: %s}}}\n",
    "id": "service_principals: {p: {lifecycle: {adopt: {id: %s}}}}\n",
}


@pytest.mark.parametrize("where", IDS)
@pytest.mark.parametrize("around", ["{%s}", " %s", "%s ", "{%s", "(tab)%s"])
def test_braces_and_blanks_around_an_id_are_an_error(specs, head, where, around):
    head = head.replace("accounts.cloud.databricks.com", "accounts.azuredatabricks.net")
    written = (around % GUID).replace("(tab)", "\\t")
    (found,) = specs.problems(head, IDS[where] % f'"{written}"')
    assert "braces" in found.hint
    (found,) = specs.problems(head, f'vars: {{v: "{written}"}}\n', IDS[where] % "'${vars.v}'")
    assert "braces" in found.hint
    assert specs.codes(head, IDS[where] % GUID) == []


def test_an_adopted_guid_compares_without_case(specs, head):
    wanted = specs.resource("service_principals.p", head, IDS["adopt"] % GUID)
    assert wanted.lifecycle.adopt.id == GUID.lower()
    assert specs.resource("service_principals.p", head, IDS["adopt"] % "AbC").lifecycle.adopt.id == "AbC"
