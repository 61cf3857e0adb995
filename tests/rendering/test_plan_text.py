"""What a person reads before saying yes."""

from dataclasses import replace

import pytest

from reconciler.errors import Location, Problem, Severity
from reconciler.model import Action, Address, Cause, FieldChange, Lifecycle, ReplaceOrder, Unknown
from reconciler.model.values import Ref
from reconciler.rendering import Look, Palette
from reconciler.rendering.text import plan_text

APP = Address("oauth_apps", "posit-connect")
GUID = "0f8b9a52-6f0e-4c3a-9a0a-1a2b3c4d5e6f"


@pytest.fixture
def first_run(make):
    app = make.change(
        "oauth_apps.posit-connect",
        fields=(
            FieldChange("confidential", None, True),
            FieldChange(
                "redirect_urls",
                None,
                [
                    "https://connect.example.org/__oauth__/integrations/callback",
                    "https://workbench.example.org/oauth_redirect_callback",
                ],
            ),
            FieldChange("scopes", None, ["all-apis", "sql", "offline_access", "openid"]),
        ),
    )
    viewer = make.change(
        "connect_integrations.databricks-viewer",
        name="Databricks OAuth integration",
        depends_on=(APP,),
        fields=(
            FieldChange("template", None, "databricks"),
            FieldChange("config.client_id", None, Unknown(Ref(APP, "client_id"))),
            FieldChange("config.client_secret", None, "(sensitive)"),
            FieldChange("config.workspace_host", None, "cust-success.cloud.databricks.com"),
        ),
    )
    return make.plan(app, viewer)


@pytest.fixture
def everything(make):
    """One change of every sort."""
    return make.plan(
        make.change(
            "oauth_apps.posit-connect",
            Action.UPDATE,
            id="a1b2c3",
            reason="scopes: changed in the spec; redirect_urls: changed outside of this stack",
            fields=(
                FieldChange(
                    "redirect_urls",
                    ["https://connect.example.org/callback", "https://evil.example/callback"],
                    ["https://connect.example.org/callback"],
                    Cause.DRIFT,
                ),
                FieldChange("scopes", ["all-apis", "sql"], ["all-apis", "sql", "openid", "profile"]),
                FieldChange("token_access_policy.access_token_ttl_in_minutes", 60, 30, Cause.BOTH),
            ),
        ),
        make.change(
            "oauth_apps.renamed",
            Action.REPLACE,
            id="d4e5f6",
            reason="name can't be changed in place",
            fields=(
                FieldChange("client_id", "d4e5f6", "(known after apply)"),
                FieldChange("name", "old name", "new name"),
            ),
            approval="a replace makes a new object with a new identity",
        ),
        make.change(
            "oauth_apps.exclusive",
            Action.REPLACE,
            id="778899",
            reason="confidential can't be changed in place",
            fields=(FieldChange("confidential", False, True),),
            approval="a replace makes a new object with a new identity",
            approved=True,
            lifecycle=Lifecycle(replace=ReplaceOrder.DELETE_FIRST),
        ),
        make.change(
            "service_principals.nightly-reports",
            Action.ADOPT,
            id="4711",
            reason="exactly one live object has its name, and active will be changed",
            fields=(
                FieldChange("id", None, "4711"),
                FieldChange("workspaces.1234567890123456", None, "USER"),
            ),
        ),
        make.change(
            "service_principals.nightly-reports.client_secret",
            Action.ROTATE,
            id="s-1",
            reason="it expires 2026-01-20, within rotate_before: 30d",
            fields=(FieldChange("id", "s-1", "(known after apply)"),),
        ),
        make.change(
            "connect_integrations.databricks-service",
            Action.UPDATE,
            id=GUID,
            name="Databricks service account",
            reason="client_secret: last delivered value differs",
            fields=(
                FieldChange("config.client_secret", "(sensitive)", "(sensitive)"),
                FieldChange("description", None, "Runs every night."),
            ),
        ),
        make.change(
            "connect_integrations.old",
            Action.DELETE,
            id="99999999-6f0e-4c3a-9a0a-1a2b3c4d5e6f",
            reason="it left the spec",
            fields=(FieldChange("name", "old", None), FieldChange("template", "databricks", None)),
            approval="content may point at this integration's GUID",
        ),
        make.change(
            "oauth_apps.elsewhere",
            Action.FORGET,
            id="112233",
            reason="forget: names it",
            fields=(FieldChange("id", "112233", None),),
        ),
        make.change(
            "connect_integrations.ambiguous",
            Action.BLOCKED,
            reason='two live integrations have the name "ambiguous": 1111, 2222',
            code="ambiguous-name",
        ),
        make.change("oauth_apps.fine", Action.NO_OP, id="445566", reason="live matches the spec"),
        problems=(
            Problem(
                Severity.WARNING,
                "offline-access",
                "the app has no offline_access scope, so viewers sign in again every hour",
                "connect_integrations.databricks-viewer",
                Location("specs/prod.yaml", 12, 3),
                "add offline_access to scopes",
            ),
        ),
    )


def test_a_first_run_shows_what_will_be_made(first_run, golden):
    golden("plan-first-run", plan_text(first_run))


def test_every_action_has_its_symbol_its_reason_and_its_fields(everything, golden):
    golden("plan-everything", plan_text(everything))


def test_verbose_adds_what_does_not_change(everything, golden):
    assert "oauth_apps.fine" not in plan_text(everything)
    assert "oauth_apps.fine" in plan_text(everything, Look(verbose=True))


def test_colours_are_off_unless_asked_for_and_change_nothing_but_colour(everything, golden):
    golden("plan-coloured", plan_text(everything, Look(palette=Palette(enabled=True))))
    assert "\x1b" not in plan_text(everything)


def test_an_output_that_is_not_utf8_gets_ascii(everything):
    palette = Palette.suited("latin-1", enabled=False)
    assert plan_text(everything, Look(palette=palette)).isascii()
    assert not plan_text(everything, Look(palette=Palette.suited("UTF-8", enabled=False))).isascii()


def test_an_empty_plan_says_so(make, golden):
    golden("plan-empty", plan_text(make.plan(make.change("oauth_apps.fine", Action.NO_OP, id="445566"))))


def test_only_blocked_addresses_are_not_called_no_changes(make):
    text = plan_text(make.plan(make.change("oauth_apps.a", Action.BLOCKED, reason="ambiguous", code="x")))
    assert "No changes" not in text
    assert "Plan: 1 blocked." in text


def test_destroy_says_what_it_is_and_offers_no_approval_by_spec(make, golden):
    gone = make.change(
        "connect_integrations.old",
        Action.DELETE,
        id=GUID,
        reason="the stack is destroyed",
        fields=(FieldChange("name", "old", None),),
        approval="content may point at this integration's GUID",
    )
    golden("plan-destroy", plan_text(make.plan(gone, destroys=True)))


def test_destroying_nothing_says_so(make):
    assert "Nothing to destroy" in plan_text(make.plan(destroys=True))


def test_targets_are_named(make):
    text = plan_text(make.plan(make.change("oauth_apps.a"), targets=(Address("oauth_apps", "a"),)))
    assert "only oauth_apps.a" in text


def test_approval_words_can_be_copied(everything):
    text = plan_text(everything)
    assert f"--approve {everything.digest}" in text
    assert "approve: [oauth_apps.renamed, connect_integrations.old]" in text


def test_leftovers_to_be_removed_are_named(make):
    change = make.change("oauth_apps.a", Action.REPLACE, id="new", removes=("new", "old"), clears=("orphan",))
    assert "        removes what an earlier run left: orphan, old\n" in plan_text(make.plan(change))


def test_a_long_list_to_approve_is_a_block_of_yaml(make):
    plan = make.plan(*(make.change(f"oauth_apps.app-{n}", Action.REPLACE, approval="why") for n in range(9)))
    text = plan_text(plan)
    assert "approve:\n" + " " * 28 + "- oauth_apps.app-0\n" in text


def test_an_approved_plan_asks_for_nothing(everything):
    approved = replace(
        everything, changes=tuple(replace(change, approved=True) for change in everything.changes)
    )
    assert "--approve" not in plan_text(approved)


def test_long_values_are_wrapped_and_never_cut_in_the_middle(make, golden):
    url = "https://connect.example.org/" + "path/" * 40 + "end"
    change = make.change(
        "connect_integrations.long",
        Action.UPDATE,
        id=GUID,
        reason="everything: changed in the spec",
        fields=(
            FieldChange("config.authorization_uri", url, url.replace("/end", "/other-end")),
            FieldChange("config.custom", {"a": 1, "b": [True, None]}, {"a": 2}),
            FieldChange("description", "short", "words " * 60),
            FieldChange("content", [f"{n:08d}-0000-4000-8000-000000000000" for n in range(30)], []),
        ),
    )
    text = plan_text(make.plan(change), Look(width=80))
    golden("plan-long-values", text)
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith("      "))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("a", "b", "a → b"),
        (None, "b", "(none) → b"),
        ("a", None, "a → (none)"),
        ("", "b", '"" → b'),
        ("true", True, '"true" → true'),
        ("1", "2", "1 → 2"),
        ("30", 30, '"30" → 30'),
        ("x ", "x", '"x " → x'),
        ("a → b", "c", '"a → b" → c'),
        ([], ["a"], "+ a"),
        (["a", "b"], ["b", "a"], '["a", "b"] → ["b", "a"]'),
        ([{"a": 1}], [{"a": 2}], '+ {"a": 2}'),
        ("\x1b[2J", "x", "\\x1b[2J → x"),
    ],
)
def test_values_read_as_what_they_are(make, before, after, line):
    change = make.change("oauth_apps.a", Action.UPDATE, fields=(FieldChange("path", before, after),))
    assert f"path:  {line}\n" in plan_text(make.plan(change))


def test_wide_letters_keep_their_columns_aligned(make, golden):
    change = make.change(
        "oauth_apps.a",
        Action.UPDATE,
        name="日本語の統合",
        id="1",
        reason="names: changed in the spec",
        fields=(
            FieldChange("config.キー", "東京", "大阪"),
            FieldChange("config.workspace_host", "a.example", "b.example"),
        ),
    )
    golden("plan-wide-letters", plan_text(make.plan(change)))


def test_ten_thousand_changes_take_no_time_worth_mentioning(make):
    changes = [
        make.change(f"oauth_apps.app-{n}", fields=(FieldChange("scopes", None, ["all-apis", "sql"]),))
        for n in range(10_000)
    ]
    assert plan_text(make.plan(*changes)).count("\n") > 30_000


def test_groups_and_content_are_called_by_their_names_in_one_place(make):
    def one(path, before, after, called):
        return FieldChange(path, before, after, called=called)

    fields = (
        one("groups.21", None, "analysts", "group analysts (21)"),
        one("groups.22", None, "readers", "group readers (22)"),
        one("groups.23", "writers", None, "group writers (23)"),
    )
    change = make.change("service_principals.robot", Action.UPDATE, id="7", fields=fields)
    lines = [line.strip() for line in plan_text(make.plan(change)).splitlines()]
    at = lines.index("groups:  + group analysts (21)")
    assert lines[at + 1 : at + 3] == ["+ group readers (22)", "- group writers (23)"]
    made = make.change("service_principals.robot", fields=fields[:2])
    assert "groups:  group analysts (21), group readers (22)" in plan_text(make.plan(made))
