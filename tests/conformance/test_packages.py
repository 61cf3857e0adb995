"""Kinds of other packages: only those that a stack names are loaded, and what is wrong names its package."""

from __future__ import annotations

import json
import sys

import pytest

from reconciler import packages, specs
from reconciler.cli.main import main
from reconciler.errors import SpecError
from reconciler.kinds import Kind
from reconciler.model import Address
from reconciler.providers import KINDS, kinds_of

URL = "https://team.vault.example"
SPEC = f"""\
version: 1
stack: notes
kinds: [vault_notes]
providers:
  vault: {{type: acme-vault, url: "{URL}"}}
vault_notes:
  hello: {{text: hi, token: "${{env.ACME_TOKEN}}"}}
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    def write(text=SPEC):
        file = tmp_path / "notes.yaml"
        file.write_text(text)
        return file

    monkeypatch.setenv("ACME_TOKEN", "a-token-that-nobody-sees")
    return write


def problem(file):
    with pytest.raises(SpecError) as caught:
        specs.load(file, KINDS)
    (found,) = caught.value.problems
    return found


def test_a_stack_uses_the_kind_that_it_names(install, spec):
    install({"vault_notes": "acme_vault.kinds:KIND"})
    stack = specs.load(spec(), KINDS)
    assert stack.kinds == ("vault_notes",)
    assert set(stack.resources) == {Address("vault_notes", "hello")}
    assert stack.resources[Address("vault_notes", "hello")].provider == "vault"
    assert set(kinds_of(stack)) == {*KINDS, "vault_notes"}
    assert kinds_of(stack) is kinds_of(stack)


def test_from_plan_to_an_empty_plan_by_the_command_line(install, spec, capsys):
    install({"vault_notes": "acme_vault.kinds:KIND"})
    file = str(spec())
    from acme_vault.vault import SERVERS, Vault

    vault = SERVERS[URL] = Vault()
    assert main(["apply", file, "--yes"]) == 0
    assert [note["text"] for note in vault.notes.values()] == ["hi"]
    assert main(["plan", file, "--detailed-exitcode"]) == 0
    vault.notes["note-1"]["text"] = "by hand"
    assert main(["drift", file]) == 2
    assert main(["plan", file, "-o", f"{file}.plan"]) == 0
    assert main(["apply", f"{file}.plan", "--yes"]) == 0
    assert vault.notes["note-1"]["text"] == "hi"
    assert main(["verify", file]) == 0
    said = capsys.readouterr()
    assert "a-token-that-nobody-sees" not in said.out + said.err


def test_nothing_of_a_package_is_imported_unless_a_stack_names_it(install, spec):
    install({"vault_notes": "no_such_module:KIND"})
    text = SPEC.replace("kinds: [vault_notes]\n", "").partition("vault_notes:")[0]
    specs.load(spec(text.partition("providers:")[0] + "service_principals: {}\n"), KINDS)
    assert "acme_vault.kinds" not in sys.modules or packages.installed.cache_info().currsize == 0


def test_an_unknown_kind_is_an_error_on_its_line_with_what_is_installed(install, spec):
    install({"vault_notes": "acme_vault.kinds:KIND"})
    found = problem(spec(SPEC.replace("[vault_notes]", "[vault_note]").partition("providers:")[0]))
    assert (found.code, found.at.line) == ("kind-unknown", 3)
    assert "did you mean vault_notes?" in found.hint


def test_a_kind_that_nobody_brings_says_how_to_get_it(install, spec):
    found = problem(spec(SPEC.partition("providers:")[0]))
    assert found.code == "kind-unknown"
    assert "install the package" in found.hint


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module:KIND", "No module named 'no_such_module'"),
        ("acme_vault.kinds:NOTHING", "NOTHING"),
        ("acme_vault.vault:SERVERS", "is no reconciler.kinds.Kind"),
        ("acme_vault:__doc__", "is no reconciler.kinds.Kind"),
    ],
)
def test_a_broken_package_is_named_without_a_traceback(install, spec, capsys, target, words):
    install({"vault_notes": target})
    file = spec(SPEC.partition("providers:")[0])
    found = problem(file)
    assert found.code == "kind-broken"
    assert "acme-vault 1.0" in found.message
    assert words in found.message
    assert main(["validate", str(file)]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_package_takes_no_kind_of_this_tool(install, spec, monkeypatch):
    install({"oauth_apps": "acme_vault.kinds:KIND", "mine": "acme_vault.kinds:KIND"})
    found = problem(spec("version: 1\nstack: x\nkinds: [oauth_apps]\n"))
    assert found.code == "kind-taken"

    import acme_vault.kinds

    monkeypatch.setattr(type(acme_vault.kinds.KIND), "name", "service_principals")
    found = problem(spec("version: 1\nstack: x\nkinds: [mine]\n"))
    assert found.code == "kind-taken"
    assert "acme-vault 1.0" in found.message


def test_two_packages_with_one_name_are_an_error(install, spec):
    install({"vault_notes": "acme_vault.kinds:KIND"})
    install({"vault_notes": "other.kinds:KIND"}, name="other-vault")
    found = problem(spec(SPEC.partition("providers:")[0]))
    assert found.code == "kind-twice"
    assert "acme-vault 1.0" in found.message
    assert "other-vault 1.0" in found.message


def test_the_section_of_a_kind_that_isnt_named_says_so(install, spec):
    install({"vault_notes": "acme_vault.kinds:KIND"})
    text = SPEC.replace("kinds: [vault_notes]\n", "")
    with pytest.raises(SpecError) as caught:
        specs.load(spec(text), KINDS)
    assert any("kinds: [vault_notes]" in found.hint for found in caught.value.problems)


def test_conformance_of_a_module_is_told_promise_by_promise(install, capsys):
    install({})
    assert main(["conformance", "acme_vault.kinds", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["format"] == "reconcile.conformance/1"
    assert {each["kind"] for each in told["promises"]} == {"vault_notes"}
    assert {each["verdict"] for each in told["promises"]} == {"kept", "not asked"}


@pytest.mark.parametrize(
    ("module", "words"), [("no_such_module", "can't be imported"), ("acme_vault.vault", "offers no kind")]
)
def test_a_module_without_kinds_is_an_error(install, capsys, module, words):
    install({})
    assert main(["conformance", module]) == 1
    assert words in capsys.readouterr().err


def test_every_kind_of_this_tool_is_one_for_the_registry_of_packages():
    assert all(isinstance(kind, Kind) for kind in KINDS.values())
