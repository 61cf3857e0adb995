"""What `${…}` stands for, where it may stand, and how its dead ends are named."""

from __future__ import annotations

import pytest

from reconciler.kinds import reference_to
from reconciler.model import Address, Ref, SecretInput, Sourced, Text
from reconciler.providers import KINDS
from reconciler.specs.references import MalformedError, Reference, parts

APP = Address("oauth_apps", "app")


def name_of(specs, head, expression, more="", **options):
    apps = "oauth_apps:\n  app: {scopes: [sql], redirect_urls: [https://a/b]}\n"
    spec = f"{head}{more}{apps}  it: {{scopes: [sql], name: '{expression}'}}\n"
    return specs.resource("oauth_apps.it", spec, **options).attributes["name"]


VALUES = {
    "plain text": "plain text",
    "$${vars.x}": "${vars.x}",
    "a $${ b": "a ${ b",
    "cost $5 {ok}": "cost $5 {ok}",
    "${vars.text}": "words",
    "v ${vars.text} v": "v words v",
    "${vars.number}-${vars.truth}": "7-true",
    "${vars.nested.deep.0}": "first",
    "${vars.twice}": "words words",
    "${providers.connect.url}": "https://connect.example.org",
    "${providers.connect.callback_url}": "https://connect.example.org/__oauth__/integrations/callback",
    "${providers.workbench.callback_url}": "https://workbench.example.org/oauth_redirect_callback",
    "${providers.databricks.host}": "https://accounts.cloud.databricks.com",
    "${providers.databricks.account_id}": "abc-123",
    "${oauth_apps.app.name}": "app",
    "${oauth_apps.app.confidential}!": "true!",
    "${oauth_apps.app.redirect_urls.0}": "https://a/b",
    "${oauth_apps.app.client_id}": Ref(APP, "client_id"),
    "${oauth_apps.app.id}": Ref(APP, "id"),
    "x ${oauth_apps.app.id} ${vars.text}": Text(("x ", Ref(APP, "id"), " ", "words")),
    "${env.STAGE}": Sourced("env STAGE", "dev", "${env.STAGE}"),
    "${env.NONE:-else where}": Sourced("env NONE", "else where", "${env.NONE:-else where}"),
    "${env.EMPTY:-else}": Sourced("env EMPTY", "else", "${env.EMPTY:-else}"),
    "app-${env.STAGE}": Sourced("env STAGE", "app-dev", "app-${env.STAGE}"),
    "${env.STAGE}${env.OTHER}": Sourced("env STAGE, env OTHER", "devo", "${env.STAGE}${env.OTHER}"),
    "${vars.stage}-x": Sourced("env STAGE", "dev-x", "${env.STAGE}-x"),
    "$${${env.STAGE}": Sourced("env STAGE", "${dev", "$${${env.STAGE}"),
    "${file.names/app.txt}": Sourced("file names/app.txt", "from a file", "${file.names/app.txt}"),
    "x ${env.STAGE} ${oauth_apps.app.id}": Text(
        ("x ", Sourced("env STAGE", "dev", "${env.STAGE}"), " ", Ref(APP, "id"))
    ),
}
VARS = """\
  workbench: {type: workbench, url: https://workbench.example.org/}
vars:
  text: words
  number: 7
  truth: true
  nested: {deep: [first]}
  twice: ${vars.text} ${vars.text}
  stage: ${env.STAGE}
"""


@pytest.mark.parametrize("expression", VALUES)
def test_a_reference_stands_for(specs, head, expression):
    specs.write("  from a file \n", "names/app.txt")
    environment = {"STAGE": "dev", "OTHER": "o", "EMPTY": ""}
    assert name_of(specs, head, expression, VARS, **environment) == VALUES[expression]


def test_one_reference_keeps_the_type_of_what_it_refers_to(specs, head):
    spec = f"""{head}vars: {{scopes: [sql, openid], minutes: 30, public: false}}
oauth_apps:
  a:
    scopes: ${{vars.scopes}}
    confidential: ${{vars.public}}
    token_access_policy: {{access_token_ttl_in_minutes: "${{vars.minutes}}"}}
  b: {{scopes: "${{oauth_apps.a.scopes}}", token_access_policy: "${{oauth_apps.a.token_access_policy}}"}}
"""
    a = specs.resource("oauth_apps.a", spec).attributes
    b = specs.resource("oauth_apps.b", spec).attributes
    assert a["scopes"] == b["scopes"] == ["sql", "openid"]
    assert a["confidential"] is False
    assert a["token_access_policy"] == b["token_access_policy"] == {"access_token_ttl_in_minutes": 30}


WRONG = {
    "${vars.txet}": ("reference-unknown", "did you mean text?"),
    "${vars.text.x}": ("reference-unknown", ""),
    "${vars.nested.deep.9}": ("reference-unknown", ""),
    "${oauth_apps.ap.client_id}": ("reference-unknown", "did you mean app?"),
    "${oauth_apps.app.client_idd}": ("reference-unknown", "did you mean client_id?"),
    "${oauth_apps.app}": ("reference-unknown", "it has"),
    "${oauth_apps.app.user_authorized_scopes}": ("reference-unknown", "say it there"),
    "${connect_integrations.x.id}": ("reference-unknown", "nothing"),
    "${providers.conect.url}": ("reference-unknown", "did you mean connect?"),
    "${providers.connect.callback}": ("reference-unknown", "did you mean callback_url?"),
    "${providers.databricks.callback_url}": ("reference-unknown", "it has"),
    "${inputs.handoff.client_id}": ("reference-unknown", "inputs has"),
    "${nonsense}": ("reference-syntax", "${vars.NAME}"),
    "${}": ("reference-syntax", "${vars.NAME}"),
    "${env.1X}": ("reference-syntax", "${vars.NAME}"),
    "${vars.text": ("reference-syntax", "$${"),
    "${env.NOT_SET}": ("env-unset", "export NOT_SET"),
    "${file.none.txt}": ("file-missing", "relative"),
    "${file.empty.txt}": ("file-missing", "relative"),
    "${file.latin.txt}": ("file-unreadable", "relative"),
    "${file.../outside.txt}": ("file-outside", "checkout"),
    "${file./etc/hostname}": ("file-outside", "checkout"),
    "${file.link.txt}": ("file-outside", "checkout"),
    "${file..git/config}": ("file-outside", "checkout"),
    "x ${vars.list}": ("reference-type", "one text"),
    "${vars.list}": ("type", "write text"),
}


@pytest.mark.parametrize("expression", WRONG)
def test_a_reference_that_leads_nowhere_says_what_to_do(specs, head, expression, tmp_path):
    folder = specs.folder / "stack"
    folder.mkdir()
    (specs.folder / "outside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "empty.txt").write_text("\n")
    (folder / "latin.txt").write_bytes(b"\xff")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("token")
    specs.folder = folder
    more = "vars: {text: words, nested: {deep: [first]}, list: [a]}\n"
    apps = "oauth_apps:\n  app: {scopes: [sql]}\n  it:\n    scopes: [sql]\n"
    spec = f"{head}{more}{apps}    name: '{expression}'\n"
    (problem,) = specs.problems(spec)
    code, hint = WRONG[expression]
    assert (problem.code, problem.address, problem.at.line, problem.at.column) == (
        code,
        "oauth_apps.it",
        11,
        5,
    )
    assert hint in problem.hint


@pytest.mark.parametrize(
    "written",
    [
        "oauth_apps: {it: {scopes: [sql], name: '${env.BYTES}'}}",
        "oauth_apps: {it: {scopes: [sql], name: 'in ${env.BYTES}'}}",
        "connect_integrations: {it: {template: ours, config: {client_secret: '${env.BYTES}'}}}",
    ],
)
def test_a_variable_that_is_no_text_is_an_error_with_its_place(specs, head, written):
    (problem,) = specs.problems(head, written, BYTES="a\udcffbcd")
    assert (problem.code, problem.address.partition(".")[2]) == ("value", "it")
    assert "BYTES isn't text in UTF-8" in problem.message
    assert problem.at.column > 1


def test_rings_name_everything_on_the_way(specs, head):
    spec = f"""{head}vars: {{a: "${{vars.b}}", b: "x ${{vars.c}}", c: "${{vars.a}}", me: "${{vars.me}}"}}
oauth_apps:
  p: {{scopes: "${{oauth_apps.q.scopes}}"}}
  q: {{scopes: "${{oauth_apps.p.scopes}}"}}
  r: {{scopes: [sql], name: "for ${{connect_integrations.s.id}}"}}
connect_integrations:
  s: {{template: github, config: {{client_id: "${{oauth_apps.r.client_id}}", client_secret: "${{env.S}}"}}}}
"""
    rings = [
        problem.message.partition(": ")[2] for problem in specs.problems(spec) if problem.code == "cycle"
    ]
    assert sorted(rings) == [
        "oauth_apps.p.scopes → oauth_apps.q.scopes → oauth_apps.p.scopes",
        "oauth_apps.r → connect_integrations.s → oauth_apps.r",
        "vars.a → vars.b → vars.c → vars.a",
        "vars.me → vars.me",
    ]


def test_a_dead_end_behind_other_references_names_the_way(specs, head):
    spec = head + 'oauth_apps: {a: {scopes: "${oauth_apps.b.scopes}"}, b: {scopes: "${vars.x}"}}\n'
    (problem,) = specs.problems(spec)
    assert (problem.code, problem.address) == ("reference-unknown", "oauth_apps.b")
    assert "oauth_apps.a.scopes → oauth_apps.b.scopes → ${vars.x}" in problem.message


def test_validation_takes_what_is_unset_or_missing_as_a_warning(specs):
    spec = """\
    version: 1
    stack: test
    vars: {region: }
    providers: {databricks: {type: databricks}, connect: {type: connect}}
    oauth_apps:
      a:
        scopes: [sql, offline_access]
        name: ${env.N}-${file.f}-${vars.region}
        redirect_urls: ["${providers.connect.callback_url}"]
    connect_integrations:
      i:
        template: databricks
        config:
          workspace_host: ${env.W}
          client_id: ${oauth_apps.a.client_id}
          client_secret: ${oauth_apps.a.client_secret}
    """
    found = specs.problems(spec, strict=False)
    assert {problem.severity.value for problem in found} == {"warning"}
    codes = sorted(problem.code for problem in found)
    assert codes == [
        "env-unset",
        "env-unset",
        "file-missing",
        "provider-unset",
        "provider-unset",
        "provider-unset",
        "var-unset",
    ]
    assert sorted(specs.codes(spec)) == codes
    assert {problem.severity.value for problem in specs.problems(spec)} == {"error"}


class TestVariables:
    """`--var`."""

    SPEC = (
        "vars: {text: a, number: 1, truth: true, list: [a], needed: }\noauth_apps: {app: {scopes: [sql]}}\n"
    )

    @pytest.mark.parametrize(
        ("name", "given", "value"),
        [
            ("text", "010", "010"),
            ("text", "${vars.number}", "${vars.number}"),
            ("needed", "x", "x"),
            ("number", "7", "7"),
            ("truth", "false", "false"),
        ],
    )
    def test_overrides_what_the_spec_declares(self, specs, head, name, given, value):
        spec = f"{head}{self.SPEC}".replace("needed: ", f"needed: {'' if name == 'needed' else 'x'}")
        spec = spec.replace("{scopes: [sql]}", f"{{scopes: [sql], name: 'n ${{vars.{name}}}'}}")
        assert (
            specs.resource("oauth_apps.app", spec, variables={name: given}).attributes["name"] == f"n {value}"
        )

    @pytest.mark.parametrize(
        ("name", "given", "code", "words"),
        [
            ("txet", "a", "var-unknown", "did you mean text?"),
            ("number", "many", "var", "a number"),
            ("truth", "no", "var", "true or false"),
            ("list", "a,b", "var", "only text"),
        ],
    )
    def test_that_does_not_fit_is_said_so(self, specs, head, name, given, code, words):
        (problem,) = specs.problems(head + self.SPEC.replace(", needed: ", ""), variables={name: given})
        assert problem.code == code
        assert words in problem.text

    def test_a_number_stays_a_number(self, specs, head):
        policy = "{access_token_ttl_in_minutes: '${vars.m}'}"
        spec = f"{head}vars: {{m: 60}}\noauth_apps: {{a: {{scopes: [sql], token_access_policy: {policy}}}}}\n"
        policy = specs.resource("oauth_apps.a", spec, variables={"m": "30"}).attributes["token_access_policy"]
        assert policy == {"access_token_ttl_in_minutes": 30}

    def test_the_name_of_a_stack_may_hold_variables_and_nothing_else(self, specs, head):
        spec = (
            head.replace("stack: test", "stack: app-${vars.stage}")
            + "vars: {stage: dev, secret: '${env.X}'}\n"
        )
        assert specs.load(spec, variables={"stage": "prod"}, X="x").name == "app-prod"
        assert specs.codes(spec, variables={"stage": "a b"}, X="x") == ["stack-name"]
        assert specs.codes(spec.replace("${vars.stage}", "${vars.secret}"), X="x") == ["stack-name"]
        assert specs.codes(spec.replace("${vars.stage}", "${env.X}"), X="x") == ["reference"]


def test_what_references_came_to_is_held_against_the_schema_without_showing_it(specs, head):
    spec = f"""{head}vars: {{word: Confidentail, empty: []}}
oauth_apps:
  a: {{scopes: "${{vars.empty}}", confidential: "${{env.E}}"}}
connect_integrations:
  i:
    template: databricks
    config:
      auth_mode: ${{env.E}}
      workspace_host: h.example.org
      client_id: x
      client_secret: ${{env.S}}
"""
    found = specs.problems(spec, E="topsecret", S="s")
    assert [problem.code for problem in found] == ["value", "type", "value"]
    assert "topsecret" not in str(found)


def test_text_at_its_pieces():
    assert parts("a$${b}${vars.x}$$${env.Y:-}") == (
        "a${b}",
        Reference("${vars.x}", "vars", "x"),
        "$${env.Y:-}",
    )
    assert parts("") == ("",)
    with pytest.raises(MalformedError):
        parts("${vars.x")


def test_an_integration_may_take_its_whole_config_from_another(specs, head, app, viewer):
    spec = (
        head
        + app
        + viewer
        + '  copy: {template: databricks, config: "${connect_integrations.viewer.config}"}\n'
    )
    config = specs.resource("connect_integrations.copy", spec).attributes["config"]
    assert config["client_secret"] == reference_to(KINDS, APP, "client_secret")
    assert not isinstance(config["client_secret"], SecretInput)
