"""Handoffs and inputs as a spec declares them, and what is said about them offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.errors import SpecError
from reconciler.kinds import reference_to
from reconciler.model import FILES, Address, Ref, SecretInput
from reconciler.providers import KINDS
from reconciler.secrets import Recipients, Secret
from reconciler.secrets.handoff_files import Handoff
from reconciler.specs import reread

pyrage = pytest.importorskip("pyrage")
VALUE = "dose-0123456789-abcdef"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIfSwDZ3pzP1DxsyTx0m0lsQp0GMJwu7WwFHTcOOaew9"
CONNECT = """\
version: 1
stack: test
providers:
  connect: {type: connect, url: https://connect.example.org}
inputs:
  dba: {handoff: h/a.age}
"""
VIEWER = """\
connect_integrations:
  i:
    template: databricks
    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: ${inputs.dba.host}
      client_id: ${inputs.dba.client_id}
      client_secret: ${inputs.dba.client_secret}
"""


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def give(specs, key):
    """Writes a handoff into the spec's folder."""

    def write(name="h/a.age", **values):
        standard = {
            "host": "w.example.org",
            "client_id": "cid",
            "client_secret": Secret(VALUE),
            "scopes": ["sql"],
        }
        made = Handoff("dba").with_values({**standard, **values}, Recipients.parse([str(key.to_public())]))
        return specs.write(made.text, name)

    return write


class TestHandoffs:
    """What the one who hands over declares."""

    @pytest.fixture
    def spec(self, head, app, key):
        def write(file="h/a.age", recipients=None, values="x: y", more=""):
            keys = json.dumps(recipients or [str(key.to_public())])
            handoff = f"{{file: {file}, recipients: {keys}, values: {{{values}}}}}"
            return f"{head}{app}{more}handoffs: {{h: {handoff}}}\n"

        return write

    def test_a_handoff_is_a_resource_in_the_folder_of_its_spec(self, specs, spec, key):
        fields = {"id": "client_id", "s": "client_secret", "l": "scopes"}
        values = ", ".join(f'{name}: "${{oauth_apps.app.{field}}}"' for name, field in fields.items())
        keys = [f"{SSH} someone@example.org", str(key.to_public())]
        found = specs.resource("handoffs.h", spec("./h//a.age", keys, values))
        assert found.provider == FILES
        assert found.attributes["file"] == "h/a.age"
        assert found.attributes["recipients"] == sorted([SSH, str(key.to_public())])
        assert found.attributes["values"] == {
            "id": Ref(Address("oauth_apps", "app"), "client_id"),
            "s": reference_to(KINDS, Address("oauth_apps", "app"), "client_secret"),
            "l": ["all-apis", "offline_access"],
        }
        assert found.depends_on == (Address("oauth_apps", "app"),)

    def test_a_secret_of_the_user_is_sealed_and_what_is_not_secret_comes_from_vars(self, specs, spec):
        specs.write("from a file", "s.txt")
        values = 'a: "${env.S}", b: "${file.s.txt}", c: "${vars.stage}"'
        found = specs.resource("handoffs.h", spec(values=values, more="vars: {stage: dev}\n"), S=VALUE)
        a, b, c = (found.attributes["values"][name] for name in "abc")
        assert isinstance(a, SecretInput)
        assert a.secret.reveal() == VALUE
        assert isinstance(b, SecretInput)
        assert c == "dev"

    @pytest.mark.parametrize("value", ["x ${env.S}", "${env.S:-dev}", "${vars.s}"])
    def test_the_environment_is_not_shown_to_whoever_has_the_file(self, specs, spec, value):
        wrong = spec(values=f'a: "{value}"', more='vars: {s: "${env.S}"}\n')
        (found,) = specs.problems(wrong, S="stage-7")
        assert (found.code, found.address) == ("handoff-value", "handoffs.h")
        assert "stage-7" not in found.text

    def test_a_secret_inside_text_or_a_list_would_be_shown(self, specs, spec):
        secret = "${oauth_apps.app.client_secret}"
        assert specs.codes(spec(values=f'a: "x {secret}", b: ["{secret}"]')) == ["secret-exposed"] * 2

    def test_a_credential_of_the_tool_itself_is_not_handed_over(self, specs, spec):
        assert specs.codes(spec(values='a: "${env.CONNECT_API_KEY}"'), CONNECT_API_KEY="k") == [
            "credential-reference"
        ]

    @pytest.mark.parametrize("file", ["../a.age", "/a.age", ".git/a.age"])
    def test_its_file_lies_below_the_spec(self, specs, spec, file):
        assert specs.codes(spec(file)) == ["file-outside"]

    def test_its_file_has_no_hidden_name(self, specs, spec):
        assert specs.codes(spec('"${env.S}.age"'), S="x") == ["handoff-file"]

    @pytest.mark.parametrize("keys", [["age1nonsense"], ["${env.S}"], ["AGE-SECRET-KEY-1"]])
    def test_a_recipient_that_is_none_is_found_before_anything_is_sealed(self, specs, spec, keys):
        assert specs.codes(spec(recipients=keys), S=SSH) == ["recipient"]

    def test_two_handoffs_in_one_file_are_a_mistake(self, specs, spec, key):
        other = f"g: {{file: h/../h/a.age, recipients: ['{key.to_public()}'], values: {{x: y}}}}"
        two = spec().replace("h: {file: h/a.age", f"{other}, h: {{file: h/a.age")
        (found,) = specs.problems(two)
        assert found.code == "handoff-file"

    def test_no_provider_takes_the_name_of_the_folder(self, specs, head):
        assert specs.codes(head + "  files: {type: workbench, url: https://w.example.org}\n") == [
            "provider-name"
        ]

    def test_handoffs_can_be_moved_approved_and_forgotten(self, specs, spec):
        stack = specs.load(
            spec()
            + "moved: [{from: handoffs.g, to: handoffs.h}]\napprove: [handoffs.h]\nforget: [handoffs.f]\n"
        )
        assert stack.approve == (Address("handoffs", "h"),)
        assert stack.forget == (Address("handoffs", "f"),)


class TestInputs:
    """What the one who receives refers to."""

    def config(self, specs, *parts, **options):
        return specs.resource("connect_integrations.i", *parts, **options).attributes["config"]

    def test_clear_values_keep_their_types_and_secrets_bring_their_fingerprint(self, specs, give, key):
        give()
        viewer = VIEWER.replace("databricks", "ours") + "      scopes: ${inputs.dba.scopes}\n"
        for options, is_open in (({}, False), ({"RECONCILE_AGE_KEY": str(key)}, True)):
            config = self.config(specs, CONNECT + viewer, **options)
            assert config["client_id"] == "cid"
            assert config["scopes"] == ["sql"]
            secret = config["client_secret"]
            assert secret.keys == (str(key.to_public()),)
            assert secret.mark
            assert (secret.secret is not None) is is_open
        assert secret.secret.reveal() == VALUE

    def test_a_stack_of_inputs_needs_no_databricks(self, specs, give):
        give()
        stack = specs.load(CONNECT, VIEWER)
        assert set(stack.remotes) == {"connect"}
        assert stack.inputs == {"dba": "h/a.age"}

    def test_validating_needs_no_key_not_even_a_sound_one(self, specs, give):
        give()
        assert specs.codes(CONNECT, VIEWER, strict=False, RECONCILE_AGE_KEY="nonsense") == []
        assert specs.codes(CONNECT, VIEWER, RECONCILE_AGE_KEY="nonsense") == ["age-key"]

    def test_a_missing_handoff_is_a_warning_for_validate_and_an_error_for_all_else(self, specs):
        (found,) = specs.problems(CONNECT, VIEWER, strict=False)
        assert (found.code, found.severity.value) == ("handoff-missing", "warning")
        (found,) = specs.problems(CONNECT, VIEWER)
        assert (found.code, found.severity.value) == ("handoff-missing", "error")
        assert (found.at.line, found.at.column) == (6, 9)

    @pytest.mark.parametrize(
        ("content", "code"),
        [(b"<<<<<<< HEAD", "handoff-damaged"), (b'{"format": "reconcile.handoff/9"}', "handoff-newer"),
         (b" " * 1_100_000, "handoff-damaged")],
        ids=["no handoff", "newer", "huge"],
    )  # fmt: skip
    def test_a_file_that_is_none_is_said_once_and_where_it_is_named(self, specs, content, code):
        specs.write(content, "h/a.age")
        (found,) = specs.problems(CONNECT, VIEWER)
        assert (found.code, found.at.line) == (code, 6)
        assert "h/a.age" in found.message
        assert found.hint

    def test_a_broken_seal_is_found_with_and_without_a_key(self, specs, give, key):
        path = give()
        document = json.loads(path.read_text())
        sealed = document["sealed"]["client_secret"].splitlines()
        for lines in ([*sealed[:2], sealed[-1]], sealed[:-1]):
            document["sealed"]["client_secret"] = "\n".join(lines)
            path.write_text(json.dumps(document))
            assert specs.codes(CONNECT, VIEWER, RECONCILE_AGE_KEY=str(key)) == ["handoff-damaged"]
        assert specs.codes(CONNECT, VIEWER) == ["handoff-damaged"]

    def test_a_handoff_outside_the_folder_is_not_read(self, specs):
        wrong = CONNECT.replace("h/a.age", "../a.age")
        assert specs.codes(wrong, VIEWER) == ["file-outside"]

    def test_what_it_does_not_have_is_told_with_what_it_has(self, specs, give):
        give()
        spec = VIEWER.replace("dba.client_id", "dba.client_idd").replace("inputs.dba.host", "inputs.dbb.host")
        found = {
            problem.hint for problem in specs.problems(CONNECT, spec) if problem.code == "reference-unknown"
        }
        assert found == {"did you mean client_id?", "did you mean dba?"}

    def test_a_sealed_value_lands_in_secret_fields_only_and_a_clear_one_in_none(self, specs, give):
        give()
        exposed = VIEWER.replace("${inputs.dba.host}", "${inputs.dba.client_secret}")
        assert specs.codes(CONNECT, exposed) == ["secret-exposed"]
        clear = VIEWER.replace("${inputs.dba.client_secret}", "${inputs.dba.client_id}")
        (found,) = specs.problems(CONNECT, clear)
        assert (found.code, found.hint) == ("literal-secret", "sealed in it: client_secret")

    def test_a_secret_goes_with_its_own_client_id(self, specs, give):
        give(reports_client_id="rid", reports_client_secret=Secret("another-secret"))
        mixed = VIEWER.replace("${inputs.dba.client_secret}", "${inputs.dba.reports_client_secret}")
        (found,) = specs.problems(CONNECT, mixed)
        assert found.code == "pair-mismatch"
        assert "${inputs.dba.reports_client_id}" in found.hint

    def test_an_input_is_no_place_for_secrets_of_the_environment(self, specs, give):
        give()
        assert specs.codes(CONNECT.replace("h/a.age", '"${env.X}"'), VIEWER, X="h/a.age")[0] == "reference"

    def test_an_imported_file_holds_no_inputs(self, specs, give):
        give()
        specs.write("inputs: {x: {handoff: h/a.age}}\n", "more.yaml")
        assert specs.codes(CONNECT, VIEWER, "imports: [more.yaml]\n") == ["unknown-key"]

    def test_the_digest_of_a_spec_knows_its_inputs_and_not_the_keys_at_hand(self, specs, give, key):
        give()
        give("h/b.age")
        without = specs.load(CONNECT, VIEWER).digest
        assert specs.load(CONNECT, VIEWER, RECONCILE_AGE_KEY=str(key)).digest == without
        assert specs.load(CONNECT.replace("h/a.age", "h/b.age"), VIEWER).digest != without


class TestRereading:
    """What a saved plan takes anew."""

    def read(self, expression="${inputs.dba.client_secret}", *, is_secret=True, **environment):
        return reread(expression, environment, Path(), is_secret=is_secret, inputs={"dba": "h/a.age"})

    def test_a_secret_comes_with_the_fingerprint_that_it_has_now(self, specs, give, key):
        give()
        first = specs.resource("connect_integrations.i", CONNECT, VIEWER).attributes["config"][
            "client_secret"
        ]
        assert self.read() == first
        assert self.read(RECONCILE_AGE_KEY=str(key)).secret.reveal() == VALUE
        give(client_secret=Secret("another-secret"))
        assert self.read().mark != first.mark

    def test_what_is_gone_or_spoilt_is_nothing(self, specs, give):
        assert self.read() is None
        give()
        assert self.read("${inputs.dba.client_id}") is None
        assert self.read("${inputs.other.client_secret}") is None
        assert self.read(is_secret=False) is None
        specs.write("spoilt", "h/a.age")
        assert self.read() is None


def test_problems_of_both_sides_come_together(specs, head):
    with pytest.raises(SpecError) as raised:
        specs.load(head + "inputs: {a: {handoff: ../x}, b: {handof: y}}\nhandoffs: {h: {}}\n")
    assert {p.code for p in raised.value.problems} == {"file-outside", "unknown-key", "missing-key"}
