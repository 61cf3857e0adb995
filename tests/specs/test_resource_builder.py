"""What a spec comes to: resources with defaults, lifecycles, their secrets, the stack's own parts."""

from __future__ import annotations

import pytest

from reconciler.model import (
    Address,
    Adopt,
    Guard,
    Lifecycle,
    Move,
    OnDestroy,
    Ref,
    ReplaceOrder,
    SecretInput,
)
from reconciler.model.values import seconds

SP = Address("service_principals", "sp")
SECRET = SP.inside("client_secret")


def test_names_and_confidential_have_defaults_and_active_has_none(specs, head):
    spec = f"""{head}oauth_apps: {{a: {{scopes: [sql]}}, b: {{scopes: [sql], name: B, confidential: false}}}}
service_principals: {{sp: {{}}}}
connect_integrations: {{i: {{template: ours, config: {{}}}}}}
"""
    found = specs.load(spec).resources
    seen = {str(address): (dict(resource.attributes), resource.named) for address, resource in found.items()}
    assert seen == {
        "oauth_apps.a": ({"name": "a", "confidential": True, "scopes": ["sql"]}, False),
        "oauth_apps.b": ({"name": "B", "confidential": False, "scopes": ["sql"]}, True),
        "service_principals.sp": ({"display_name": "sp"}, False),
        "connect_integrations.i": ({"name": "i", "template": "ours", "config": {}}, False),
    }
    assert {resource.provider for resource in found.values()} == {"databricks", "connect"}


def test_a_resource_knows_its_place(specs, head, app):
    resource = specs.resource("oauth_apps.app", head, app)
    assert (resource.at.line, resource.at.column, resource.at.file) == (7, 3, "spec.yaml")


def test_a_file_is_shown_as_it_was_given(specs, head, app, tmp_path):
    assert specs.load(head, app).file == "spec.yaml"
    path = specs.write(head + app, "below/spec.yaml").resolve()
    assert specs.problems(head, "x: 1\n")[0].at.file == "spec.yaml"
    assert str(path).startswith(str(tmp_path))


class TestSecretsOfServicePrincipals:
    """`client_secret` of a service principal."""

    def test_are_resources_of_their_own(self, specs, head):
        block = "client_secret: {lifetime: 365d, rotate_before: 30d, keep_old: 24h}"
        lifecycle = "lifecycle: {prevent_destroy: true, ignore: [active]}"
        spec = f"{head}service_principals:\n  sp:\n    {block}\n    {lifecycle}\n"
        resources = specs.load(spec).resources
        secret = resources[SECRET]
        assert secret.attributes == {
            "lifetime": "365d", "rotate_before": "30d", "keep_old": "24h", "service_principal": Ref(SP, "id"),
        }  # fmt: skip
        assert "client_secret" not in resources[SP].attributes
        assert (secret.lifecycle, secret.provider, secret.depends_on) == (Lifecycle(), "databricks", (SP,))
        assert secret.at.line == 8
        assert resources[SP].lifecycle.prevent_destroy

    def test_come_with_the_first_reference(self, specs, head):
        config = "{client_id: x, client_secret: '${service_principals.sp.client_secret}'}"
        spec = f"{head}service_principals: {{sp: {{}}, other: {{}}}}\n"
        spec += f"connect_integrations: {{i: {{template: ours, config: {config}}}}}\n"
        resources = specs.load(spec).resources
        assert resources[SECRET].attributes == {"service_principal": Ref(SP, "id")}
        assert Address("service_principals", "other", "client_secret") not in resources
        assert resources[Address("connect_integrations", "i")].depends_on == (SP, SECRET)

    @pytest.mark.parametrize(
        ("block", "key"),
        [
            ("{lifetime: 731d}", "lifetime"),
            ("{lifetime: 0s}", "lifetime"),
            ("{lifetime: 30d, rotate_before: 30d}", "rotate_before"),
            ("{lifetime: 1h, rotate_before: 2h}", "rotate_before"),
            ("{rotate_before: 730d}", "rotate_before"),
            ("{lifetime: '${env.L}'}", "lifetime"),
        ],
    )
    def test_have_durations_that_make_sense(self, specs, head, block, key):
        (found,) = specs.problems(f"{head}service_principals: {{sp: {{client_secret: {block}}}}}\n", L="30d")
        assert (found.code, found.address) == ("duration", "service_principals.sp")
        assert found.message.startswith(key)

    def test_may_live_two_years(self, specs, head):
        spec = head + "vars: {l: 730d}\n"
        spec += "service_principals: {sp: {client_secret: {lifetime: '${vars.l}', rotate_before: 729d}}}\n"
        assert specs.load(spec).resources[SECRET].attributes["lifetime"] == "730d"


def test_durations_are_seconds():
    assert [seconds(text) for text in ("90s", "2m", "24h", "365d", "0s")] == [90, 120, 86400, 31536000, 0]
    for text in ("", "1", "d", "1 d", "-1d", "1.5h", "1w", "1d\n", "9999999999s"):
        with pytest.raises(ValueError, match="duration"):
            seconds(text)


def test_workspaces_may_be_numbers_or_hosts(specs, head):
    workspaces = "{1234567890123456: USER, '42': ADMIN, w.cloud.databricks.com: USER}"
    spec = f"{head}service_principals: {{sp: {{workspaces: {workspaces}}}}}\n"
    assert specs.resource("service_principals.sp", spec).attributes["workspaces"] == {
        "1234567890123456": "USER", "42": "ADMIN", "w.cloud.databricks.com": "USER",
    }  # fmt: skip


LIFECYCLES = {
    "{}": Lifecycle(),
    "{prevent_destroy: true}": Lifecycle(prevent_destroy=True),
    "{prevent_destroy: '${vars.yes}'}": Lifecycle(prevent_destroy=True),
    "{adopt: abc}": Lifecycle(adopt=Adopt("abc")),
    "{adopt: 5821740139562341}": Lifecycle(adopt=Adopt("5821740139562341")),
    "{ignore: [workspaces, display_name]}": Lifecycle(ignore=frozenset({"workspaces", "display_name"})),
    "{on_destroy: deactivate}": Lifecycle(on_destroy=OnDestroy.DEACTIVATE),
    "{on_destroy: retain, replace: delete_first}": Lifecycle(
        on_destroy=OnDestroy.RETAIN, replace=ReplaceOrder.DELETE_FIRST
    ),
}


@pytest.mark.parametrize("written", LIFECYCLES)
def test_a_lifecycle_says_how_a_resource_may_change(specs, head, written):
    spec = f"{head}vars: {{yes: true}}\nservice_principals: {{sp: {{lifecycle: {written}}}}}\n"
    assert specs.resource("service_principals.sp", spec).lifecycle == LIFECYCLES[written]


def test_an_object_may_be_adopted_with_its_secret(specs, head):
    lifecycle = "{adopt: {id: x, client_secret: '${env.S}'}}"
    spec = f"{head}oauth_apps: {{a: {{scopes: [sql], lifecycle: {lifecycle}}}}}\n"
    adopt = specs.resource("oauth_apps.a", spec, S="s3cr3t").lifecycle.adopt
    assert adopt.id == "x"
    assert isinstance(adopt.client_secret, SecretInput)
    assert adopt.client_secret.secret.reveal() == "s3cr3t"


def test_the_secret_of_what_is_adopted_may_stay_unset_until_it_is_needed(specs, head):
    lifecycle = "{adopt: {id: x, client_secret: '${env.UNSET}'}}"
    assert specs.codes(f"{head}oauth_apps: {{a: {{scopes: [sql], lifecycle: {lifecycle}}}}}\n") == []


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("{adopt: '${env.X}'}", "reference"),
        ("{adopt: {id: a, client_secret: '${oauth_apps.b.client_secret}'}}", "reference"),
        ("{ignore: [confidental]}", "ignore"),
        ("{ignore: ['token_access_policy.x', nmae]}", "ignore"),
        ("{prevent_destroy: maybe}", "type"),
    ],
)
def test_a_lifecycle_that_makes_no_sense_is_refused(specs, head, written, code):
    spec = f"{head}oauth_apps: {{a: {{scopes: [sql], lifecycle: {written}}}, b: {{scopes: [sql]}}}}\n"
    (found,) = specs.problems(spec, X="token")
    assert (found.code, found.address) == (code, "oauth_apps.a")


def test_the_parts_of_a_stack(specs, head, app):
    spec = f"""{head}{app}
vars: {{most: 5}}
moved: [{{from: oauth_apps.old, to: oauth_apps.app}}]
forget: [service_principals.gone]
approve: [oauth_apps.app, service_principals.x.client_secret]
guard: {{max_deletes: "${{vars.most}}", max_delete_percent: 50}}
ledger: {{url: "s3://${{env.BUCKET}}/state/"}}
"""
    stack = specs.load(spec, BUCKET="ours")
    assert stack.moved == (Move(Address("oauth_apps", "old"), Address("oauth_apps", "app")),)
    assert stack.forget == (Address("service_principals", "gone"),)
    assert stack.approve == (
        Address("oauth_apps", "app"),
        Address("service_principals", "x", "client_secret"),
    )
    assert stack.guard == Guard(5, 50)
    assert stack.ledger_url == "s3://ours/state/"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("", None),
        ("ledger: none\n", "none"),
        ("ledger: {url: 'file://state/x.json'}\n", "file://state/x.json"),
    ],
)
def test_a_ledger_is_named_or_not(specs, head, written, url):
    assert specs.load(head, written).ledger_url == url


WRONG = {
    "ledger: {url: 'http://x/y'}": "ledger-url",
    "ledger: {url: state.json}": "ledger-url",
    "ledger: {url: 's3://key:secret@bucket/'}": "ledger-url",
    "forget: [oauth_apps.app]": "forget",
    "moved: [{from: oauth_apps.app, to: oauth_apps.new}]": "moved",
    "moved: [{from: service_principals.x, to: oauth_apps.app}]": "moved",
    "moved: [{from: oauth_apps.x, to: oauth_apps.app}, {from: oauth_apps.x, to: oauth_apps.b}]": "moved",
    "moved: [{from: oauth_apps.x, to: oauth_apps.app}, {from: oauth_apps.y, to: oauth_apps.app}]": "moved",
    "{guard: {max_deletes: '${vars.word}'}, vars: {word: few}}": "type",
    "{guard: {max_delete_percent: '${vars.many}'}, vars: {many: 101}}": "type",
}


@pytest.mark.parametrize("written", WRONG)
def test_the_parts_of_a_stack_make_sense(specs, head, app, written):
    parts = written[1:-1].replace("}, ", "}\n") if written.startswith("{") else written
    (found,) = specs.problems(head, app, parts + "\n")
    assert found.code == WRONG[written]
    assert found.hint


def test_a_spec_without_resources_is_a_stack(specs):
    assert specs.load("version: 1\nstack: empty\n").resources == {}
