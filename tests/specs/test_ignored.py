"""Fields that `lifecycle.ignore` names: what is wrong with them waits until the object has to be made."""

import pytest

from reconciler.errors import Severity
from reconciler.model import Address

from .conftest import APP, HEAD, VIEWER

APP_ADDRESS = Address("oauth_apps", "app")
VIEWER_ADDRESS = Address("connect_integrations", "viewer")


def unmet(stack, address):
    return {problem.code: problem.severity for problem in stack.resources[address].unmet}


def viewer(*lines, ignore):
    kept = [
        line
        for line in VIEWER.splitlines()
        if line.split(":")[0].strip() not in {x.split(":")[0] for x in lines}
    ]
    return "\n".join(
        [*kept, *(f"      {line}" for line in lines), f"    lifecycle: {{ignore: [{ignore}]}}", ""]
    )


@pytest.mark.parametrize("strict", [True, False])
def test_an_unset_variable_in_an_ignored_field_is_no_finding(specs, strict):
    text = viewer(
        "workspace_host: ${env.HOST}", "client_secret: ${env.SECRET}", "client_id: abc", ignore="config"
    )
    stack = specs.load(HEAD, text, strict=strict)
    assert stack.problems == ()
    assert unmet(stack, VIEWER_ADDRESS) == {"env-unset": Severity.WARNING}
    errors = [p for p in stack.resources[VIEWER_ADDRESS].unmet if p.severity is Severity.ERROR]
    assert [p.message for p in errors] == ["the environment variable HOST isn't set"]


@pytest.mark.parametrize("strict", [True, False])
def test_a_missing_file_in_an_ignored_field_is_no_finding(specs, strict):
    stack = specs.load(
        HEAD, viewer("workspace_host: ${file.host}", ignore="config.workspace_host"), APP, strict=strict
    )
    assert stack.problems == ()
    assert unmet(stack, VIEWER_ADDRESS) == {"file-missing": Severity.ERROR}


def test_a_field_beside_an_ignored_one_is_resolved_as_ever(specs):
    text = viewer("workspace_host: ${env.HOST}", ignore="config.workspace_host_name")
    assert [p.code for p in specs.problems(HEAD, APP, text)] == ["env-unset"]


@pytest.mark.parametrize(
    ("line", "ignore", "code"),
    [
        ("workspace_host: https://a.cloud.databricks.com", "config.workspace_host", "host-form"),
        ("auth_mode: Public", "'config.auth_mode', 'config.client_secret'", "mode-mismatch"),
        ("client_id: ${oauth_apps.other.client_id}", "config.client_id", "pair-mismatch"),
        ("client_id: ${oauth_apps.other.client_id}", "config.client_secret", "pair-mismatch"),
    ],
)
def test_a_check_does_not_fire_for_an_ignored_field(specs, line, ignore, code):
    app = APP + APP.removeprefix("oauth_apps:\n").replace("  app:", "  other:", 1)
    assert code in [p.code for p in specs.problems(HEAD, app, viewer(line, ignore="name"))]
    stack = specs.load(HEAD, app, viewer(line, ignore=ignore))
    assert stack.problems == ()
    assert code in unmet(stack, VIEWER_ADDRESS)


def test_an_app_s_ignored_redirects_and_scopes_are_not_judged_by_who_uses_it(specs):
    app = """\
    oauth_apps:
      app: {redirect_urls: [], scopes: [all-apis], lifecycle: {ignore: [redirect_urls, scopes]}}
    """
    stack = specs.load(HEAD, app, VIEWER)
    assert stack.problems == ()
    assert unmet(stack, APP_ADDRESS) == {
        "redirect-missing": Severity.ERROR,
        "offline-access": Severity.WARNING,
    }


@pytest.mark.parametrize(("said", "code"), [("{}", "missing-key"), ("{scopes: []}", "value")])
def test_a_required_key_may_be_left_out_or_empty_if_ignored(specs, said, code):
    lifecycle = "lifecycle: {ignore: [scopes]}"
    inside = said[1:-1]
    assert code in [p.code for p in specs.problems(HEAD, f"oauth_apps:\n  app: {said}\n")]
    both = f"{inside}, {lifecycle}" if inside else lifecycle
    stack = specs.load(HEAD, f"oauth_apps:\n  app: {{{both}}}\n")
    assert stack.problems == ()
    assert unmet(stack, APP_ADDRESS) == {code: Severity.ERROR}


def test_a_required_key_of_a_template_may_be_left_out_if_ignored(specs):
    text = VIEWER.replace("      workspace_host: team.cloud.databricks.com\n", "")
    assert "missing-key" in [p.code for p in specs.problems(HEAD, APP, text)]
    stack = specs.load(HEAD, APP, text + "    lifecycle: {ignore: [config.workspace_host]}\n")
    assert stack.problems == ()
    assert unmet(stack, VIEWER_ADDRESS) == {"missing-key": Severity.ERROR}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("client_secret: hunter2", "literal-secret"),
        ("client_secret: ${env.DATABRICKS_TOKEN}", "credential-reference"),
        ("client_id: ${oauth_apps.gone.client_id}", "reference-unknown"),
        ("workspace_hst: a.example.org", "unknown-key"),
        ("workspace_host: [a]", "type"),
    ],
)
def test_some_mistakes_are_mistakes_in_an_ignored_field_too(specs, line, code):
    assert code in [p.code for p in specs.problems(HEAD, APP, viewer(line, ignore="config"))]


def test_the_digest_is_the_same_whether_an_ignored_variable_is_set_or_not(specs):
    text = viewer("workspace_host: ${env.HOST}", ignore="config.workspace_host")
    unset, set_ = specs.load(HEAD, APP, text), specs.load(HEAD, APP, text, HOST="a.cloud.databricks.com")
    assert unset.digest == set_.digest
    watched = text.replace("ignore: [config.workspace_host]", "ignore: [name]")
    first = specs.load(HEAD, APP, watched, HOST="a.cloud.databricks.com")
    assert first.digest != specs.load(HEAD, APP, watched, HOST="b.cloud.databricks.com").digest
