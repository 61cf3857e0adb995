"""A spec with anything in the place of anything: problems, never a traceback; and in linear time."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.providers import KINDS
from reconciler.specs import load
from tests.work import calls

WHOLE = yaml.safe_load(
    """
version: 1
stack: whole-${vars.stage}
imports: []
vars: {stage: dev, scopes: [all-apis, offline_access], minutes: 60, public: false, config: {scopes: all-apis}}
providers:
  databricks:
    type: databricks
    host: ${env.H:-https://a.example.org}
    account_id: abc
    client_id: x
    token: ${env.T}
  connect: {type: connect, url: https://c.example.org/dev, api_key: "${env.K}", ca_certificate: ca.pem}
  workbench: {type: workbench, url: https://w.example.org}
oauth_apps:
  app:
    provider: databricks
    name: app ${vars.stage}
    confidential: ${vars.public}
    redirect_urls: ["${providers.connect.callback_url}", "${providers.workbench.callback_url}"]
    scopes: ${vars.scopes}
    user_authorized_scopes: [all-apis]
    token_access_policy: {access_token_ttl_in_minutes: "${vars.minutes}", refresh_token_ttl_in_minutes: 100}
    lifecycle:
      prevent_destroy: true
      adopt: {id: x, client_secret: "${env.S}"}
      ignore: [scopes]
      on_destroy: retain
service_principals:
  sp:
    display_name: reports
    active: true
    workspaces: {"123": USER, w.example.org: ADMIN}
    client_secret: {lifetime: 90d, rotate_before: 7d, keep_old: 24h}
    lifecycle: {on_destroy: deactivate}
connect_integrations:
  viewer:
    template: databricks
    config: {auth_mode: Public, workspace_host: h.example.org, client_id: "${oauth_apps.app.client_id}"}
  service:
    description: of ${service_principals.sp.display_name}
    template: databricks
    config:
      auth_type: Service Account
      workspace_host: ${connect_integrations.viewer.config.workspace_host}
      client_id: ${service_principals.sp.client_id}
      client_secret: ${service_principals.sp.client_secret}
  other: {template: our-own-thing, config: "${vars.config}"}
moved: [{from: oauth_apps.old, to: oauth_apps.app}]
forget: [oauth_apps.gone]
approve: [service_principals.sp.client_secret]
guard: {max_deletes: 3, max_delete_percent: "${vars.minutes}"}
ledger: {url: "s3://bucket/"}
"""
)


def _paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _paths(item, (*path, key))


PATHS = sorted((path for path in _paths(WHOLE) if path), key=str)
REFERENCES = [
    "${vars.stage}", "${vars.scopes}", "${vars.config}", "${vars.x}", "${env.H}", "${env.H:-x}", "${file.x}",
    "${oauth_apps.app.scopes}", "${oauth_apps.app.client_secret}", "${oauth_apps.app.name}",
    "a ${oauth_apps.app.client_id}", "${service_principals.sp.client_secret}",
    "${service_principals.sp.workspaces}",
    "${connect_integrations.service.config}", "${providers.connect.url}", "${connect_integrations.viewer.id}",
]  # fmt: skip
junk = st.one_of(
    st.sampled_from(REFERENCES),
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.just({}),
    st.just([]),
    st.just({"a": {"b": ["c"]}}),
    st.just([["${vars.scopes}"]]),
)


@settings(
    max_examples=2 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from(PATHS), junk), max_size=3))
@example([(("providers", "connect", "ca_certificate"), "")])
def test_anything_in_the_place_of_anything_is_only_a_problem(specs, changes):
    tree = copy.deepcopy(WHOLE)
    for path, value in changes:
        _put(tree, path, value)
    problems = specs.problems(yaml.safe_dump(tree).encode(), strict=False)
    assert all(problem.message and problem.at for problem in problems)


def _put(tree, path, value):
    """Sets what a path leads to, unless an earlier change has cut the way."""
    for step in path[:-1]:
        tree = tree[step] if _leads(tree, step) else None
    if _leads(tree, path[-1]):
        tree[path[-1]] = value


def _leads(tree, step):
    return step in tree if isinstance(tree, dict) else isinstance(tree, list) and step in range(len(tree))


def test_the_whole_language_at_once_has_no_error(specs):
    assert {p.code for p in specs.problems(yaml.safe_dump(WHOLE).encode(), strict=False)} == {"env-unset"}


def _many(count, head):
    callback = "'${providers.connect.callback_url}'"
    lines = [head, "oauth_apps:"]
    lines += [f"  k{i}: {{scopes: [offline_access], redirect_urls: [{callback}]}}" for i in range(count)]
    lines += ["connect_integrations:"]
    for i in range(count):
        app = f"oauth_apps.k{i}"
        pair = f'client_id: "${{{app}.client_id}}", client_secret: "${{{app}.client_secret}}"'
        lines += [f"  k{i}: {{template: databricks, config: {{workspace_host: h.example.org, {pair}}}}}"]
    return "\n".join(lines) + "\n"


def test_thousands_of_resources_load_in_linear_time(specs, head):
    def load(count):
        assert len(specs.load(_many(count, head)).resources) == 2 * count

    load(10)  # compiles the validators
    few, many = calls(load, 100), calls(load, 1000)
    assert many < 10 * few
    # it is 550 for each; with a place made for every value, and all resolved field by field, it was 870
    assert many - few < 1800 * 650


def test_variables_that_multiply_are_refused_before_they_fill_the_memory(specs, head):
    def chain(link):
        return "".join(f"  a{i}: {link.replace('it', f'${{vars.a{i - 1}}}')}\n" for i in range(1, 12))

    lists = "vars:\n  a0: [x, []]\n" + chain("[" + ", ".join(["'it'"] * 9) + "]")
    texts = "vars:\n  a0: xxxxxxxxxx\n" + chain("it" * 10)
    assert specs.codes(head + lists) == specs.codes(head + texts) == ["expansion"]


def test_a_long_chain_of_variables_is_refused_and_not_a_crash(specs, head):
    def chain(depth):
        links = (f"  a{i}: {'[' * depth}'${{vars.a{i + 1}}}'{']' * depth}\n" for i in range(300))
        return f"{head}vars:\n{''.join(links)}  a300: x\n"

    assert set(specs.codes(chain(0))) == {"reference-depth"}
    assert set(specs.codes(chain(90))) == {"reference-depth"}
    backwards = "".join(f"  a{i}: {'[' * 30}'${{vars.a{i - 1}}}'{']' * 30}\n" for i in range(1, 50))
    assert specs.codes(f"{head}vars:\n  a0: x\n{backwards}") == ["expansion"]


def test_a_long_chain_of_resources_is_refused_also_where_it_ends_with_plain_text(specs, head):
    def chain(links):
        lines = [f"  a{i}: {{scopes: [sql], name: '${{oauth_apps.a{i + 1}.name}}'}}\n" for i in range(links)]
        return f"{head}oauth_apps:\n{''.join(lines)}  a{links}: {{scopes: [sql], name: x}}\n"

    assert specs.codes(chain(24)) == []
    assert specs.codes(chain(25)) == ["reference-depth"]


def test_a_deep_list_is_refused_where_it_comes_to_lie_too_deep(specs, head):
    deep, place = "[" * 90 + "x" + "]" * 90, "[" * 40 + "'${oauth_apps.b.redirect_urls}'" + "]" * 40
    problems = specs.codes(f"{head}oauth_apps: {{a: {{scopes: {place}}}, b: {{redirect_urls: {deep}}}}}\n")
    assert "reference-depth" in problems
    assert "expansion" not in problems


def test_validating_loads_neither_client_nor_differ_and_opens_no_socket(specs, head, app, viewer):
    path = specs.write(head + app + viewer).resolve()
    code = (
        "import sys, socket\n"
        "def refuse(*args, **options): raise AssertionError('a socket')\n"
        "socket.socket = refuse\n"
        "from reconciler.specs import load; from reconciler.providers import KINDS\n"
        f"load({str(path)!r}, KINDS, environment={{}})\n"
        "print(sorted({'requests', 'urllib3', 'deepdiff', 'asyncio'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
    )
    assert run.stdout == "[]\n"


def test_the_digest_knows_meaning_and_not_form(specs, head, app, monkeypatch, tmp_path):
    digest = specs.load(head + app).digest
    assert (
        digest
        == specs.load(
            "# a comment\n"
            + head
            + app.replace("[all-apis, offline_access]", "\n      - all-apis\n      - 'offline_access'")
        ).digest
    )
    assert digest != specs.load(head + app.replace("all-apis", "sql")).digest
    path = specs.write(head + app, "deep/in/spec.yaml").resolve()
    monkeypatch.chdir("/")
    assert load(path, KINDS, environment={}).digest == digest


def test_the_digest_hides_values_of_the_environment_and_still_notices_them(specs, head):
    spec = head + 'oauth_apps: {app: {name: "${env.NAME}", scopes: [sql]}}\n'
    one, two = specs.load(spec, NAME="one"), specs.load(spec, NAME="two")
    assert one.digest != two.digest


def test_the_digest_leaves_secrets_out(specs, head):
    config = "{client_id: a, client_secret: '${env.S}'}"
    spec = head + f"connect_integrations: {{gh: {{template: github, config: {config}}}}}\n"
    assert specs.load(spec, S="one").digest == specs.load(spec, S="two").digest == specs.load(spec).digest
