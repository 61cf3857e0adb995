"""Spec files to stacks: each is loaded with all that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.errors import Location, Problem, Severity, SpecError
from reconciler.kinds import Registry
from reconciler.model import Stack
from reconciler.model.policy import Policy
from reconciler.specs.checks import check
from reconciler.specs.cycles import check_cycles
from reconciler.specs.inputs import Inputs
from reconciler.specs.policies import breaches, made_policy, softened
from reconciler.specs.problems import Problems, listing, suggestion
from reconciler.specs.provider_section import providers
from reconciler.specs.resolver import Resolver, TooLargeError
from reconciler.specs.resource_builder import resources
from reconciler.specs.sources import gather
from reconciler.specs.spec_files import NotAStack, search
from reconciler.specs.stack_parts import assemble, outlined, receive


@dataclass(frozen=True)
class Outline:
    """What is known of a stack while its resources are still being read, and nothing is wrong with so far.

    Attributes:
        stack: without its resources.
        kinds: names of the kinds that it has objects of.
        is_alone: whether it is the only one that is loaded.
    """

    stack: Stack
    kinds: frozenset[str]
    is_alone: bool


@dataclass(frozen=True)
class Rules:
    """The policies in force for every stack, besides its own; and whether a breach stops, or is a warning."""

    policies: tuple[Policy, ...] = ()
    enforcing: bool = True


_Tell = Callable[[Stack, frozenset[str]], None]
_FREE = Rules()


@dataclass(frozen=True)
class _Loaded:
    """What became of one file, and which files it is made of."""

    stack: Stack | None
    problems: tuple[Problem, ...]
    variables: frozenset[str]
    files: frozenset[str] = frozenset()


def load(
    file: Path | str,
    kinds: Registry,
    *,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    strict: bool = True,
) -> Stack:
    """The stack that a file and what it imports describe; its warnings are `Stack.problems`.

    Args:
        file: its path; shown as given.
        kinds: what a spec may ask for.
        variables: of `--var`.
        environment: by default that of the process.
        strict: False to validate only: unset variables and missing files are warnings then.

    Raises:
        SpecError: all that is wrong with it, in the order of the file.
    """
    return _load_files([file], kinds, variables, environment, strict=strict)[0]


def load_all(
    paths: Sequence[Path | str],
    kinds: Registry,
    *,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    strict: bool = True,
    recursive: bool = False,
    rules: Rules = _FREE,
    ahead: Callable[[Outline], None] | None = None,
) -> list[Stack]:
    """The stacks of several files or folders; a variable must be known to one of them at least.

    Args:
        kinds: what a spec may ask for.
        recursive: look into the folders below, too.
        ahead: told of each stack once its remote systems are known and may be asked: nothing is wrong with
            what was read of it by then, and no policy refuses their hosts.

    Raises:
        UsageError: a path leads nowhere, or a folder holds no stack.
        SpecError: all that is wrong with any of them, or two have the same name.
    """
    found = search(paths, recursive=recursive)
    return _load_files(
        found.stacks,
        kinds,
        variables,
        environment,
        strict=strict,
        others=found.others,
        rules=rules,
        ahead=ahead,
    )


def _load_files(
    files: Sequence[Path | str],
    kinds: Registry,
    variables: Mapping[str, str] | None,
    environment: Mapping[str, str] | None,
    *,
    strict: bool,
    others: Sequence[NotAStack] = (),
    rules: Rules = _FREE,
    ahead: Callable[[Outline], None] | None = None,
) -> list[Stack]:
    variables = variables or {}
    environment = os.environ if environment is None else environment

    def tell(stack: Stack, kinds: frozenset[str]) -> None:
        if ahead is not None:
            ahead(Outline(stack, kinds, is_alone=len(files) == 1))

    inputs = (variables, environment)
    loaded = [_load(str(file), kinds, *inputs, rules, tell, strict=strict) for file in files]
    problems = Problems()
    for each in loaded:
        problems.extend(each.problems)
    stacks = [each.stack for each in loaded if each.stack is not None]
    used = frozenset[str]().union(*(each.files for each in loaded))
    astray = tuple(other.problem for other in others if str(other.path.resolve()) not in used)
    problems.extend(astray)
    _check_variables(variables, loaded, str(files[0]) if files else "", problems)
    _check_names(stacks, problems)
    if problems.has_errors or len(stacks) < len(loaded):
        raise SpecError(problems.found)
    # said once, with the first
    return [replace(stacks[0], problems=(*stacks[0].problems, *astray)), *stacks[1:]] if astray else stacks


def _load(
    file: str,
    kinds: Registry,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    rules: Rules,
    tell: _Tell,
    *,
    strict: bool,
) -> _Loaded:
    problems = Problems()
    sources = gather(file, problems, kinds)
    if sources is None:
        return _Loaded(None, problems.found, frozenset(variables))
    known = frozenset(sources.entries("vars"))
    inputs = Inputs(variables, environment, Path(file).parent, strict, problems)
    resolver = Resolver(sources, inputs, problems, sources.kinds)
    try:
        stack = _resolve(resolver, rules, tell)
    except TooLargeError:
        stack = None
    if stack is None or problems.has_errors:
        return _Loaded(None, problems.found, known, sources.files)
    return _Loaded(replace(stack, problems=problems.found), problems.found, known, sources.files)


def _resolve(resolver: Resolver, rules: Rules, tell: _Tell) -> Stack:
    for name in resolver.sources.entries("vars"):
        resolver.variables.value(name)
    remotes = providers(resolver)
    receive(resolver)
    own = tuple(made_policy(block, file, resolver.problems) for file, block in resolver.sources.policies)
    outline = replace(outlined(resolver, remotes), policies=own)
    policies = (*rules.policies, *own)
    if not resolver.problems.has_errors and not any(breaches(outline, policies, {})):
        tell(outline, frozenset(name for name in resolver.kinds if resolver.sources.sections.get(name)))
    wanted = resources(resolver, remotes)
    check(wanted, remotes, resolver.handoff_inputs.clear, resolver.problems, resolver.sources)
    check_cycles(wanted, resolver.problems)
    if unmet := resolver.problems.unmet:
        wanted = {a: replace(r, unmet=unmet.get(str(a), ())) for a, r in wanted.items()}
    stack = assemble(resolver, outline, wanted)
    broken = breaches(stack, policies, resolver.kinds, resolver.sources.place)
    resolver.problems.extend(broken if rules.enforcing else softened(broken))
    return stack


def _check_variables(
    variables: Mapping[str, str], loaded: Sequence[_Loaded], file: str, problems: Problems
) -> None:
    known = frozenset[str]().union(*(each.variables for each in loaded))
    for name in sorted(set(variables) - known):
        hint = suggestion(name, known, f"declared are: {listing(known) or 'none'}")
        problems.error(
            "var-unknown", f"--var {name}: the spec declares no such variable", Location(file), hint=hint
        )


def _check_names(stacks: Sequence[Stack], problems: Problems) -> None:
    first: dict[str, Stack] = {}
    for stack in stacks:
        other = first.setdefault(stack.name, stack)
        if other is not stack:
            message = f"the stack {stack.name} is in {other.file}, too"
            at = Location(stack.file)
            problems.add(
                Problem(Severity.ERROR, "duplicate-stack", message, "", at, "give each its own name")
            )
