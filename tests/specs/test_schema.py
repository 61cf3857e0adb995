"""The schema, its examples, and its complaints in human words."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
import yaml

from reconciler.providers import KINDS
from reconciler.specs import schemas_of
from reconciler.specs.yaml_nodes import plain
from reconciler.specs.yaml_reader import parse

SCHEMAS = schemas_of(KINDS)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [
    (name, index)
    for name in (*SCHEMAS.sections, "providers", "inputs")
    for index in range(len(SCHEMAS.files[name]["examples"]))
]


@pytest.fixture(scope="module")
def bundle():
    return jsonschema.Draft202012Validator(json.loads(SCHEMAS.text))


@pytest.mark.parametrize("name", SCHEMAS.files)
def test_every_file_is_a_schema_that_an_editor_can_follow(name):
    file = SCHEMAS.files[name]
    jsonschema.Draft202012Validator.check_schema(file)
    # an $id would send editors to the network for the neighbours
    assert "$id" not in file
    for reference in _values(file, "$ref"):
        assert reference.startswith("#/") or reference.partition("#")[0] in {
            f"{n}.schema.json" for n in SCHEMAS.files
        }


@pytest.mark.parametrize("name", SCHEMAS.files)
def test_every_property_explains_itself(name):
    for path, described in _properties(SCHEMAS.expanded(name), name):
        assert described is True or described.get("description"), path


@pytest.mark.parametrize(("name", "index"), EXAMPLES)
def test_every_example_holds(name, index):
    assert list(SCHEMAS.validator(name).iter_errors(SCHEMAS.files[name]["examples"][index])) == []


@pytest.mark.parametrize("kind", SCHEMAS.sections)
def test_the_examples_of_a_kind_are_one_object_in_several_states_that_load(specs, head, kind):
    examples = SCHEMAS.files[kind]["examples"]
    assert len(examples) >= 3
    kept = {"oauth_apps": ["name", "confidential"], "connect_integrations": ["template"]}.get(kind, [])
    assert len({str([example.get(key) for key in kept]) for example in examples}) == 1
    for before, after in pairwise(examples):
        assert before != after
    bench = {"type": "workbench", "url": "https://workbench.example.org", "config_dir": "/etc/rstudio"}
    for example in examples:
        spec = {**yaml.safe_load(head), kind: {"example": example}}
        spec["providers"].setdefault("workbench", bench)
        assert specs.codes(yaml.safe_dump(spec).encode(), EXAMPLE_CLIENT_SECRET="x") == []


def test_the_file_for_editors_is_what_the_kinds_come_to():
    written = (ROOT / "schema" / "stack.schema.json").read_text("utf-8")
    assert written == SCHEMAS.text, "run scripts/reference.py"


def test_the_bundle_stands_alone_and_judges_like_the_files(bundle, specs):
    for reference in _values(json.loads(SCHEMAS.text), "$ref"):
        assert reference.startswith("#/$defs/")
    for file in (ROOT / "specs").glob("*.yaml"):
        assert list(bundle.iter_errors(yaml.safe_load(file.read_text()))) == []
    for name in CASES:
        tree = plain(parse(_case(name).replace("^", "").encode(), "f.yaml"))
        found = sorted(str(error.message) for error in bundle.iter_errors(tree))
        assert found == sorted(
            str(error.message) for error in SCHEMAS.validator("stack").iter_errors(tree)
        ), name
        assert found, name


def test_secret_fields_are_those_that_the_schema_marks():
    marked = {
        ("connect_integrations", ("config", "client_secret")),
        ("connect_integrations", ("config", "openai_api_key")),
        ("connect_integrations", ("config", "private_key")),
        ("connect_integrations", ("lifecycle", "adopt", "client_secret")),
        ("oauth_apps", ("lifecycle", "adopt", "client_secret")),
        ("service_principals", ("lifecycle", "adopt", "client_secret")),
        ("providers", ("client_secret",)),
        ("providers", ("token",)),
        ("providers", ("api_key",)),
    }
    assert all(SCHEMAS.is_secret(name, path) for name, path in marked)
    open_fields = [
        ("config", "token_uri"),
        ("config", "token_endpoint_auth_method"),
        ("config", "client_id"),
        ("config",),
    ]
    assert not any(SCHEMAS.is_secret("connect_integrations", path) for path in open_fields)
    assert not SCHEMAS.is_secret("service_principals", ("client_secret",))


KEY = "age163ywcu8gm8g4dmr52dj924pzs9wllf8usfjg67aktct2eu4ecs5s2dequ3"
# what is added to a good spec, ^ before what is blamed → code, address, words
CASES = {
    "^oauth_app: {}": ("unknown-key", "", "did you mean oauth_apps?"),
    "^zebra: {}": ("unknown-key", "", "known here"),
    f"handoffs: {{^a: {{file: f, recipients: [{KEY}]}}}}": (
        "missing-key",
        "handoffs.a",
        "values is missing",
    ),
    f"handoffs: {{a: {{file: f, recipients: [{KEY}], values: {{^x: {{y: z}}}}}}}}": (
        "type",
        "handoffs.a",
        "found a mapping",
    ),
    "inputs: {^a: {}}": ("missing-key", "", "handoff is missing"),
    "oauth_apps: {^app: {}}": ("missing-key", "oauth_apps.app", "scopes is missing"),
    "oauth_apps: {app: {^scops: [sql]}}": ("unknown-key", "oauth_apps.app", "did you mean scopes?"),
    "oauth_apps: {app: {^scopes: []}}": ("value", "oauth_apps.app", "empty list"),
    "oauth_apps: {app: {^scopes: sql}}": ("type", "oauth_apps.app", "must be a list, found the text 'sql'"),
    "oauth_apps: {app: {scopes: [^7]}}": (
        "type",
        "oauth_apps.app",
        "an item of scopes must be text, found the number 7",
    ),
    "oauth_apps: {^app: }": ("type", "oauth_apps.app", "must be a mapping, found nothing"),
    "oauth_apps: {^a b: {scopes: [sql]}}": ("key", "oauth_apps.a b", "letters, digits"),
    "^oauth_apps: []": ("type", "", "must be a mapping, found a list"),
    "oauth_apps: {app: {SQL, ^confidential: yes}}": (
        "type",
        "oauth_apps.app",
        "must be true or false, found the text 'yes'; write true or false without quotes",
    ),
    "oauth_apps: {app: {SQL, ^name: 2024}}": ("type", "oauth_apps.app", "put it in quotes"),
    "oauth_apps: {app: {SQL, token_access_policy: {^access_token_ttl_in_minutes: 4}}}": (
        "ttl-order",
        "oauth_apps.app",
        "at least 5",
    ),
    "oauth_apps: {app: {SQL, token_access_policy: {^access_token_ttl_in_minutes: 1441}}}": (
        "ttl-order",
        "oauth_apps.app",
        "at most 1440",
    ),
    "oauth_apps: {app: {SQL, token_access_policy: {^refresh_token_ttl_in_minutes: 129601}}}": (
        "ttl-order",
        "oauth_apps.app",
        "at most 129600",
    ),
    "oauth_apps: {app: {SQL, token_access_policy: {^access_token_ttl_in_minutes: '60'}}}": (
        "type",
        "oauth_apps.app",
        "without quotes",
    ),
    "oauth_apps: {app: {SQL, lifecycle: {^on_destroy: deactivate}}}": (
        "value",
        "oauth_apps.app",
        "choose one of: delete, retain",
    ),
    "oauth_apps: {app: {SQL, lifecycle: {^replace: create-first}}}": (
        "value",
        "oauth_apps.app",
        "did you mean create_first?",
    ),
    "oauth_apps: {app: {SQL, lifecycle: {^adopt: {}}}}": ("missing-key", "oauth_apps.app", "id is missing"),
    "oauth_apps: {app: {SQL, ^access: everyone}}": ("unknown-key", "oauth_apps.app", "known here"),
    "service_principals: {sp: {workspaces: {^w1: USER}}}": ("key", "service_principals.sp", "numeric id"),
    "service_principals: {sp: {workspaces: {^https://a.b: USER}}}": (
        "key",
        "service_principals.sp",
        "without https://",
    ),
    "service_principals: {sp: {workspaces: {^1: user}}}": (
        "value",
        "service_principals.sp",
        "did you mean USER?",
    ),
    "service_principals: {sp: {client_secret: {^lifetime: 365}}}": (
        "type",
        "service_principals.sp",
        "365d for days",
    ),
    "service_principals: {sp: {client_secret: {^lifetime: 1y}}}": (
        "value",
        "service_principals.sp",
        "with s, m, h or d",
    ),
    "service_principals: {sp: {^client_secret: }}": (
        "type",
        "service_principals.sp",
        "must be a mapping, found nothing",
    ),
    "service_principals: {sp: {^grant: [a]}}": ("unknown-key", "service_principals.sp", ""),
    "service_principals: {sp: {^grunts: [a]}}": ("unknown-key", "service_principals.sp", ""),
    "connect_integrations: {i: {template: databricks, config: {…^auth_mode: confidential}}}": (
        "value",
        "connect_integrations.i",
        "did you mean Confidential?",
    ),
    "connect_integrations: {i: {template: databricks, config: {…^auth_type: Service account}}}": (
        "value",
        "connect_integrations.i",
        "did you mean Service Account?",
    ),
    "connect_integrations: {i: {template: databricks, config: {…^workspace_hostname: x}}}": (
        "unknown-key",
        "connect_integrations.i",
        "did you mean workspace_host?",
    ),
    "connect_integrations: {^i: {config: {}}}": (
        "missing-key",
        "connect_integrations.i",
        "template is missing",
    ),
    "connect_integrations: {i: {template: databricks, config: {…}, ^access: everyon}}": (
        "value",
        "connect_integrations.i",
        "can't be the text 'everyon'; choose one of: everyone (did you mean everyone?)",
    ),
    "connect_integrations: {i: {template: databricks, config: {…}, ^access: [ada]}}": (
        "value",
        "connect_integrations.i",
        "can't be a list; choose one of: everyone",
    ),
    "connect_integrations: {i: {template: databricks, config: {…}, access: {^user: [ada]}}}": (
        "unknown-key",
        "connect_integrations.i",
        "did you mean users?",
    ),
    "connect_integrations: {i: {template: databricks, config: {…}, access: {^users: ada}}}": (
        "type",
        "connect_integrations.i",
        "must be a list, found the text 'ada'",
    ),
    "connect_integrations: {i: {template: databricks, config: {…}, access: {users: [^7]}}}": (
        "type",
        "connect_integrations.i",
        "an item of users must be text, found the number 7",
    ),
    "moved: [^{from: oauth_apps.a}]": ("missing-key", "", "to is missing"),
    "moved: [{^from: a.b, to: oauth_apps.a}]": ("value", "", "kind.key"),
    "forget: [^app]": ("value", "", "kind.key"),
    "^approve: oauth_apps.a": ("type", "", "must be a list"),
    "guard: {^max_delete_percent: 101}": ("value", "", "at most 100"),
    "guard: {^max_deletes: few}": ("type", "", "a whole number"),
    "^ledger: here": ("value", "", "none, or a mapping with url"),
    "^ledger: {}": ("missing-key", "", "url is missing"),
    "vars: {^a b: 1}": ("key", "", "letters, digits"),
    "^imports: a.yaml": ("type", "", "must be a list"),
}


def _case(name):
    name = name.replace("SQL", "scopes: [sql]").replace(
        "…", "workspace_host: h.example.org, client_id: x, client_secret: '${env.S}', "
    )
    return f"version: 1\nstack: test\nproviders: {PROVIDERS}\n{name}\n"


PROVIDERS = (
    "{databricks: {type: databricks, host: h.example.org, account_id: a}, "
    "connect: {type: connect, url: c.example.org}}"
)


@pytest.mark.parametrize("name", CASES)
def test_one_mistake_is_one_problem_with_its_place_and_what_to_do(specs, name):
    code, address, words = CASES[name]
    spec = _case(name)
    column = spec.split("\n")[3].index("^") + 1
    found = specs.problems(spec.replace("^", ""), S="s")
    assert [(p.code, p.at.line, p.at.column, p.address) for p in found] == [(code, 4, column, address)]
    assert words in found[0].text
    assert found[0].hint


TOPS = {
    "stack: x": ("missing-key", "version is missing"),
    "version: 1": ("missing-key", "stack is missing"),
    "{version: '1', stack: x}": ("version", "must be the number 1"),
    "{version: true, stack: x}": ("version", "must be the number 1, found true"),
    "{version: 2, stack: x}": ("version", "use a newer reconcile"),
    "{version: 1, stack: 7}": ("type", "put it in quotes"),
    "{version: 1, stack: ''}": ("value", "empty text"),
    "{version: 1, stack: 'a b'}": ("stack-name", "letters, digits"),
}


@pytest.mark.parametrize("spec", TOPS)
def test_the_head_of_a_spec_is_checked(specs, spec):
    (found,) = specs.problems(spec)
    assert (found.code, found.at.line) == (TOPS[spec][0], 1)
    assert TOPS[spec][1] in found.text


# keys that are enough → keys that aren't right; S stands for the secret
TEMPLATES = {
    "databricks": ("workspace_host: h, client_id: x, S", "client_id: x, S"),
    "custom": (
        "client_id: x, token_uri: u, authorization_uri: u, use_pkce: true, S",
        "client_id: x, token_uri: u, S",
    ),
    "github": ("client_id: x, S", "client_id: x, scopes: a, S"),
    "snowflake": ("account_url: u, client_id: x, S", "client_id: x, S"),
    "azure": ("tenant_id: t, client_id: x, S", "client_id: x, S"),
    "sharepoint": ("tenant_id: t, client_id: x, S", "tenant_id: t, client_id: x, host: h, S"),
    "bigquery": ("client_id: x, S", "S"),
    "salesforce": ("sf_host_domain: h, client_id: x, S", "client_id: x, S"),
    "aws": ("auth_type: Service Account, role_arn: r", "auth_type: Service Account"),
    "connect": ("max_role: Publisher", "max_role: Owner"),
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_keys_of_a_known_template_are_checked(specs, head, template):
    for keys, count in zip(TEMPLATES[template], (0, 1), strict=True):
        config = keys.removesuffix("S") + "client_secret: '${env.S}'" * keys.endswith("S")
        spec = f"{head}connect_integrations: {{i: {{template: {template}, config: {{{config}}}}}}}"
        assert len(specs.codes(spec, S="s")) == count


@pytest.mark.parametrize("template", ["anthropic", "openai", "brand-new"])
def test_an_unknown_template_is_passed_through(specs, head, template):
    config = "{a: {b: [1]}, api_key: '${env.S}'}"
    spec = f"{head}connect_integrations: {{i: {{template: {template}, config: {config}}}}}"
    assert specs.codes(spec, S="s") == []
    assert specs.resource("connect_integrations.i", spec, S="s").attributes["config"]["a"] == {"b": [1]}


def test_a_template_that_is_nearly_known_is_pointed_out(specs, head):
    (found,) = specs.problems(f"{head}connect_integrations: {{i: {{template: databrick, config: {{}}}}}}")
    assert (found.code, found.severity.value, found.hint) == (
        "unknown-template",
        "warning",
        "did you mean databricks?",
    )


def test_all_mistakes_are_told_in_one_run(specs, head):
    spec = f"""{head}oauth_apps:
  a: {{scops: [sql]}}
  b: {{scopes: [sql], confidential: maybe, redirect_urls: [http://x.example.org]}}
connect_integrations:
  c:
    template: databricks
    config: {{workspace_host: https://h, client_id: "${{oauth_apps.x.id}}", client_secret: s3cr3t}}
"""
    found = specs.problems(spec)
    assert [p.code for p in found] == [
        "unknown-key",
        "type",
        "insecure-url",
        "host-form",
        "reference-unknown",
        "literal-secret",
    ]
    assert "s3cr3t" not in str(found)


def test_yaml_that_breaks_at_a_reference_says_how_to_quote_it(specs, head):
    (found,) = specs.problems(head + "oauth_apps:\n  a: {scopes: [${vars.x}]}\n")
    assert (found.code, found.at.line) == ("yaml", 7)
    assert "needs quotes" in found.hint


def _values(tree, key):
    if isinstance(tree, dict):
        if isinstance(tree.get(key), str):
            yield tree[key]
        for item in tree.values():
            yield from _values(item, key)
    elif isinstance(tree, list):
        for item in tree:
            yield from _values(item, key)


def _properties(tree, path):
    """Every property that a schema declares and describes here, conditions left out."""
    if not isinstance(tree, dict):
        return
    for key, below in tree.get("properties", {}).items():
        yield f"{path}.{key}", below
        yield from _properties(below, f"{path}.{key}")


@pytest.mark.parametrize("text", ["stack: x", "x-anchors: {}\nstack: x"])
def test_a_missing_key_that_has_but_one_value_is_given_as_the_line_to_write(specs, text):
    (problem,) = [problem for problem in specs.problems(text) if problem.code == "missing-key"]
    assert problem.hint == "add the line version: 1"
