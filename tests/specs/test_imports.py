"""Several files: what a stack imports, and what a folder of stacks holds."""

from __future__ import annotations

import pytest

from reconciler.errors import Severity, SpecError, UsageError
from reconciler.model import Address
from reconciler.providers import KINDS
from reconciler.specs import find, load, load_all

APP = "oauth_apps:\n  %s: {scopes: [sql]}\n"


def test_imported_files_are_merged_and_keep_their_places(specs, head):
    specs.write(APP % "one", "apps/one.yaml")
    specs.write("version: 1\nstack: ignored\nvars: {v: 1}\n" + APP % "two", "apps/two.yaml")
    specs.write("imports: [../apps/t*.yaml]\n" + APP % "three", "more/three.yml")
    stack = specs.load(head, "imports: [apps/one.yaml, 'more/*.yml']\n", APP % "own")
    assert {address.key: resource.at.file for address, resource in stack.resources.items()} == {
        "own": "spec.yaml", "one": "apps/one.yaml", "two": "apps/two.yaml", "three": "more/three.yml",
    }  # fmt: skip
    assert stack.name == "test"


def test_a_file_that_is_imported_twice_counts_once(specs, head):
    specs.write(APP % "one", "one.yaml")
    specs.write("imports: [one.yaml]\n", "two.yaml")
    assert len(specs.load(head, "imports: [one.yaml, two.yaml, './one.yaml']\n").resources) == 1


def test_a_pattern_that_covers_the_importing_file_means_the_others(specs, head):
    specs.write(APP % "one", "one.yaml")
    assert len(specs.load(head, "imports: ['*.yaml']\n").resources) == 1


def test_paths_are_relative_to_the_file_that_names_them(specs, head):
    specs.write("from-file", "apps/name.txt")
    specs.write("oauth_apps: {one: {scopes: [sql], name: '${file.name.txt}'}}\n", "apps/one.yaml")
    stack = specs.load(head, "imports: [apps/one.yaml]\n")
    assert stack.resources[Address("oauth_apps", "one")].attributes["name"].value == "from-file"


def test_imports_and_files_stay_within_the_checkout(specs, head, monkeypatch):
    specs.write("told", "name.txt")
    specs.write("oauth_apps: {one: {scopes: [sql], name: '${file.name.txt}'}}\n", "one.yaml")
    path = specs.write(head + "imports: [../one.yaml]\n", "stacks/spec.yaml").resolve()
    specs.write("gitdir: elsewhere\n", ".git")
    monkeypatch.chdir("/")
    (app,) = load(path, KINDS, environment={}).resources.values()
    assert app.attributes["name"].value == "told"
    assert app.attributes["name"].expression == "${file.../name.txt}"
    (path.parent / ".git").mkdir()
    with pytest.raises(SpecError) as error:
        load(path, KINDS, environment={})
    assert "import-outside" in [p.code for p in error.value.problems]


TWICE = {
    APP % "app": "oauth_apps.app",
    "providers: {connect: {type: connect, url: x.example.org}}\n": "providers.connect",
}


@pytest.mark.parametrize("text", TWICE)
def test_the_same_address_twice_is_an_error_that_names_both_places(specs, head, text):
    specs.write(text, "other.yaml")
    (found,) = specs.problems(head, "imports: [other.yaml]\nvars: {v: 1}\n", APP % "app")
    assert (found.code, found.address) == ("duplicate-address", TWICE[text])
    assert "spec.yaml:" in found.message
    assert "other.yaml:" in found.message
    assert found.at.file == "other.yaml"


NAMED = "oauth_apps: {app: {scopes: [sql], name: '${vars.v}'}}\n"


def test_who_imports_overrides_a_variable_of_what_it_imports(specs, head):
    def name(own: str, **variables: str) -> str:
        stack = specs.load(head, f"imports: [shared.yaml, other.yaml]\n{own}", NAMED, variables=variables)
        return str(stack.resources[Address("oauth_apps", "app")].attributes["name"])

    specs.write("vars: {v: deepest, w: 1}\n", "deepest.yaml")
    specs.write("imports: [deepest.yaml]\nvars: {v: shared}\n", "shared.yaml")
    specs.write("imports: [deepest.yaml]\n", "other.yaml")
    assert name("vars: {v: own}\n") == "own"
    assert name("") == "shared"
    assert name("vars: {v: own}\n", v="given") == "given"
    # whoever is read first
    specs.write("imports: [shared.yaml]\n", "other.yaml")
    assert name("vars: {x: 1}\n") == "shared"


def test_two_imports_that_are_strangers_may_not_differ_about_a_variable(specs, head):
    specs.write("vars: {v: one}\n", "one.yaml")
    specs.write("vars: {v: two}\n", "two.yaml")
    (found,) = specs.problems(head, "imports: [one.yaml, two.yaml]\n", NAMED)
    assert (found.code, found.address, found.at.file) == ("duplicate-address", "vars.v", "two.yaml")
    assert "one.yaml:" in found.message
    assert specs.codes(head, "imports: [one.yaml, two.yaml]\nvars: {v: own}\n", NAMED) == []


def test_a_shared_variable_without_value_must_be_given(specs, head):
    specs.write("vars: {v: }\n", "shared.yaml")
    specs.write("vars: {v: team}\n", "values.yaml")
    spec = head + "imports: [shared.yaml]\n" + NAMED
    (found,) = specs.problems(spec, strict=False)
    assert (found.code, found.severity, found.at.file) == ("var-unset", Severity.WARNING, "shared.yaml")
    assert specs.problems(spec)[0].severity is Severity.ERROR
    assert specs.codes(spec, variables={"v": "given"}) == []
    assert specs.codes(spec + "vars: {v: own}\n") == []
    assert specs.codes(head + "imports: [shared.yaml, values.yaml]\n" + NAMED) == []


def test_files_that_import_each_other_are_named_in_a_ring(specs, head):
    specs.write("imports: [b.yaml]\n", "a.yaml")
    specs.write("imports: [c.yaml]\n", "b.yaml")
    specs.write("imports: [a.yaml]\n", "c.yaml")
    (found,) = specs.problems(head, "imports: [a.yaml]\n")
    assert (found.code, found.at.file) == ("import-cycle", "c.yaml")
    assert "a.yaml → b.yaml → c.yaml → a.yaml" in found.message
    assert specs.codes(head, "imports: [spec.yaml]\n") == ["import-cycle"]


@pytest.mark.parametrize("wanted", ["missing.yaml", "none/*.yaml", "folder"])
def test_an_import_that_finds_nothing_is_an_error(specs, head, wanted):
    (specs.folder / "folder").mkdir()
    (found,) = specs.problems(head, f"imports:\n  - {wanted}\n")
    assert (found.code, found.at.line, found.at.column) == ("import-missing", 7, 5)


@pytest.mark.parametrize("part", ["ledger: none", "guard: {}", "moved: []", "forget: []", "approve: []"])
def test_an_imported_file_holds_nothing_of_the_stack_itself(specs, head, part):
    specs.write(part + "\n", "other.yaml")
    (found,) = specs.problems(head, "imports: [other.yaml]\n")
    assert (found.code, found.at.file) == ("unknown-key", "other.yaml")


def test_what_is_wrong_with_an_imported_file_is_told_with_all_the_rest(specs, head):
    specs.write("a: 1\na: 2\n", "broken.yaml")
    specs.write("oauth_apps: {x: {scops: [sql]}}\n", "typo.yaml")
    specs.write("version: 2\n", "newer.yaml")
    spec = head + "imports: [broken.yaml, typo.yaml, newer.yaml]\nzebra: {}\n"
    assert sorted(specs.codes(spec)) == ["duplicate-key", "unknown-key", "unknown-key", "version"]


def test_a_reference_in_an_import_is_refused(specs, head):
    assert specs.codes(head, "imports: ['${vars.x}.yaml']\n") == ["import"]


class TestFindingStacks:
    """Files and folders on the command line."""

    def test_a_folder_gives_its_stacks_and_no_fragments(self, specs):
        for name in ("b.yaml", "a.yml"):
            specs.write("version: 1\nstack: x\n", f"specs/{name}")
        specs.write("{version: 1, stack: flow}\n", "specs/c.yaml")
        specs.write(APP % "x", "specs/fragment.yaml")
        specs.write("version: 1\nstack: x\n", "specs/notes.txt")
        specs.write("version: 1\nstack: x\n", "specs/.hidden.yaml")
        specs.write("version: 1\nstack: x\n", "specs/below/d.yaml")
        specs.write("{broken", "specs/broken.yaml")
        found = [str(path) for path in find(["specs", "specs/b.yaml"])]
        assert found == ["specs/a.yml", "specs/b.yaml", "specs/broken.yaml", "specs/c.yaml"]

    def test_a_file_is_taken_as_it_is(self, specs):
        specs.write(APP % "x", "fragment.yaml")
        assert [str(path) for path in find(["fragment.yaml"])] == ["fragment.yaml"]

    def test_a_path_that_leads_nowhere_is_an_error(self, specs):
        with pytest.raises(UsageError, match="missing"):
            find(["missing"])
        (specs.folder / "empty").mkdir()
        with pytest.raises(UsageError, match="no stack"):
            find(["empty"])

    def test_two_stacks_of_one_name_are_an_error(self, specs):
        specs.write("version: 1\nstack: same\n", "specs/a.yaml")
        specs.write("version: 1\nstack: same\n", "specs/b.yaml")
        with pytest.raises(SpecError) as error:
            load_all(["specs"], KINDS, environment={})
        (found,) = error.value.problems
        assert (found.code, found.at.file) == ("duplicate-stack", "specs/b.yaml")
        assert "specs/a.yaml" in found.message

    def test_all_stacks_are_told_about_in_one_run(self, specs):
        specs.write("version: 1\nstack: a\nx: 1\n", "specs/a.yaml")
        specs.write("version: 1\nstack: b\n", "specs/b.yaml")
        specs.write("version: 1\nstack: c\ny: 1\n", "specs/c.yaml")
        with pytest.raises(SpecError) as error:
            load_all(["specs"], KINDS, environment={})
        assert [p.at.file for p in error.value.problems] == ["specs/a.yaml", "specs/c.yaml"]

    def test_a_variable_may_belong_to_one_of_several_stacks(self, specs):
        specs.write("version: 1\nstack: a-${vars.v}\nvars: {v: x}\n", "specs/a.yaml")
        specs.write("version: 1\nstack: b\n", "specs/b.yaml")
        stacks = load_all(["specs"], KINDS, variables={"v": "1"}, environment={})
        assert [stack.name for stack in stacks] == ["a-1", "b"]
        with pytest.raises(SpecError) as error:
            load_all(["specs"], KINDS, variables={"w": "1"}, environment={})
        assert [p.code for p in error.value.problems] == ["var-unknown"]


def said(*paths, **options):
    """(severity, code, file) of all that is said about some paths."""
    try:
        stacks = load_all([*paths], KINDS, environment={}, **options)
        problems = [problem for stack in stacks for problem in stack.problems]
    except SpecError as error:
        problems = error.problems
    return [(p.severity.value, p.code, p.at.file) for p in problems]


class TestFilesThatAreNoStack:
    def test_are_warned_of_unless_a_stack_imports_them(self, specs, head):
        specs.write(head + "imports: [shared/*.yaml, used.yaml]\n", "specs/a.yaml")
        specs.write(APP % "used", "specs/used.yaml")
        specs.write("imports: [../deeper.yaml]\n", "specs/shared/b.yaml")
        specs.write(APP % "deeper", "specs/deeper.yaml")
        assert said("specs") == []
        for name, text in {"fragment": APP % "lost", "list": "[1]\n", "nothing": "# empty\n"}.items():
            specs.write(text, f"specs/{name}.yaml")
        specs.write("a: 1\n---\nb: 2\n", "specs/several.yaml")
        names = ["fragment", "list", "nothing", "several"]
        assert said("specs") == [("warning", "not-a-stack", f"specs/{name}.yaml") for name in names]
        assert [path.name for path in find(["specs"])] == ["a.yaml"]

    @pytest.mark.parametrize("key", ["stak", "Stack", "stacks", "verison", "Version"])
    def test_are_an_error_where_a_key_is_nearly_one_of_a_stacks(self, specs, head, key):
        specs.write(head, "specs/a.yaml")
        specs.write(f"providers: {{}}\n{key}: x\n", "specs/b.yaml")
        assert said("specs") == [("error", "not-a-stack", "specs/b.yaml")]
        (specs.folder / "specs/a.yaml").unlink()
        assert said("specs") == [("error", "not-a-stack", "specs/b.yaml")]

    @pytest.mark.parametrize("key", ["apiVersion", "region", "stage", "start"])
    def test_have_words_of_their_own(self, specs, head, key):
        specs.write(head, "specs/a.yaml")
        specs.write(f"{key}: x\n", "specs/b.yaml")
        assert said("specs") == [("warning", "not-a-stack", "specs/b.yaml")]

    def test_are_an_error_when_named_outright(self, specs, head):
        specs.write(head, "specs/a.yaml")
        specs.write(APP % "x", "specs/b.yaml")
        assert ("error", "missing-key", "specs/b.yaml") in said("specs/a.yaml", "specs/b.yaml")
        assert ("error", "missing-key", "specs/b.yaml") in said("specs", "specs/b.yaml")


class TestFoldersBelow:
    def test_are_searched_when_asked_for_but_hidden_ones(self, specs, head):
        specs.write(head, "specs/a.yaml")
        specs.write(head.replace("test", "b"), "specs/team/b.yaml")
        specs.write(head.replace("test", "c"), "specs/team/deep/c.yml")
        specs.write(head.replace("test", "d"), "specs/.hidden/d.yaml")
        specs.write(APP % "x", "specs/team/lost.yaml")
        (specs.folder / "specs/team/loop").symlink_to("../../specs", target_is_directory=True)
        (specs.folder / "specs/again.yaml").symlink_to("team/b.yaml")
        stacks = load_all(["specs", "specs/team"], KINDS, environment={}, recursive=True)
        assert sorted(stack.name for stack in stacks) == ["b", "c", "test"]
        assert said("specs", recursive=True) == [("warning", "not-a-stack", "specs/team/lost.yaml")]
        assert len(load_all(["specs"], KINDS, environment={})) == 2

    def test_are_pointed_to_where_a_folder_itself_has_none(self, specs, head):
        specs.write(head, "specs/team/a.yaml")
        with pytest.raises(UsageError) as error:
            load_all(["specs"], KINDS, environment={})
        assert "--recursive" in error.value.hint
        assert len(load_all(["specs"], KINDS, environment={}, recursive=True)) == 1
