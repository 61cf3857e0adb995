"""Policies: read from specs, from what they import and from files of their own; and what breaks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.errors import Location, Problem, Severity, SpecError
from reconciler.kinds import Complaint, Kind, Registry
from reconciler.model import ProviderSpec, Resource, Sourced, Stack, Value
from reconciler.model.policy import Policy, shortest_lifetime
from reconciler.model.values import is_unknown, seconds
from reconciler.specs import urls
from reconciler.specs.checks import text
from reconciler.specs.problems import Problems, Refusal
from reconciler.specs.schema import schemas_of
from reconciler.specs.schema_errors import SchemaErrors
from reconciler.specs.yaml_nodes import Block, Node, Scalar, Series, plain
from reconciler.specs.yaml_reader import read


def load_policy(file: str, kinds: Registry) -> Policy:
    """The policy in a file: its rules, at the top or under `policy:`.

    Raises:
        SpecError: the file can't be read, or is no policy; nothing may go on as if there were none.
    """
    problems = Problems()
    try:
        root = read(file)
    except Refusal as refusal:
        problem = Problem(Severity.ERROR, refusal.code, refusal.message, "", refusal.at, refusal.hint)
        raise SpecError([problem]) from None
    block = root.items.get("policy") if "policy" in root.items else root
    if not isinstance(block, Block):
        problems.error(
            "type", "policy must be a mapping", root.place("policy"), hint="write `key: value` lines"
        )
        raise SpecError(problems.found)
    for key in root.items if block is not root else ():
        if key != "policy" and not key.startswith("x-"):
            message, hint = f"there is no key {key[:60]} here", "a policy file holds policy:"
            problems.error("unknown-key", message, root.place(key), hint=hint)
    schemas = schemas_of(kinds)
    written = plain(block)
    if not schemas.acceptor("policy")(written):
        errors = schemas.validator("policy").iter_errors(written)
        problems.extend(SchemaErrors(block, sections=schemas.sections).of(errors))
    made = made_policy(block, file, problems)
    if problems.has_errors:
        raise SpecError(problems.found)
    return made


def made_policy(block: Block, file: str, problems: Problems) -> Policy:
    """The rules of a mapping that the schema has judged; what it can't see goes to the problems."""
    policy = Policy(origin=file)
    for leaf in _scalars(block):
        if isinstance(leaf.value, str) and "${" in leaf.value:
            problems.error(
                "reference", "a policy holds no references", leaf.at, hint="write the value itself"
            )
            return policy
    given: Any = {key: _rule(key, node, problems) for key, node in block.items.items() if key in _RULES}
    return replace(policy, **{key: value for key, value in given.items() if value is not None})


_RULES: Mapping[str, type] = {
    "forbid_scopes": frozenset,
    "redirect_hosts": tuple,
    "provider_hosts": tuple,
    "max_lifetime": int,
    "expiry_warning": int,
    "require_rotation": bool,
    "require_access": bool,
    "names": str,
}


def _rule(key: str, node: Node, problems: Problems) -> object:
    form, value = _RULES[key], plain(node)
    if form in (frozenset, tuple):
        return form(item for item in value if isinstance(item, str)) if isinstance(value, list) else None
    if form is bool:
        return value if isinstance(value, bool) else None
    if not isinstance(value, str):
        return None
    if form is int:
        try:
            return seconds(value)
        except ValueError:
            return None  # the schema says so
    try:
        re.compile(value)
    except re.error as error:
        hint = "write a regular expression that a whole name must match"
        problems.error("value", f"names isn't a regular expression: {error.msg}", node.at, hint=hint)
        return None
    return value


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    for below in (
        node.items.values() if isinstance(node, Block) else node.items if isinstance(node, Series) else ()
    ):
        yield from _scalars(below)


def _start(resource: Resource, _: str) -> Location | None:
    return resource.at


def breaches(
    stack: Stack,
    policies: Sequence[Policy],
    kinds: Registry,
    where: Callable[[Resource, str], Location | None] = _start,
) -> Iterator[Problem]:
    """What the wishes of a spec break, each on its line; no `ignore` excuses anything.

    What isn't known yet, as an unset variable, can't be judged and is no breach.

    Args:
        where: the place of an attribute by its dotted path, while there are sources to ask.
    """
    if not policies:
        return
    providers = stack.providers
    yield from _hosts(providers, policies)
    for resource in stack.resources.values():
        for each in _complaints(resource, kinds[resource.address.kind_name], providers, policies):
            at = where(resource, ".".join(map(str, each.path)))
            yield _problem(each.code, each.message, at, each.hint, str(resource.address))


def _complaints(
    resource: Resource, kind: Kind[Any], providers: Mapping[str, ProviderSpec], policies: Sequence[Policy]
) -> Iterator[Complaint]:
    fields = kind.fields
    yield from _scopes(resource, fields.scopes, policies)
    if fields.redirects:
        yield from _redirects(resource, fields.redirects, providers, policies)
    if fields.lifetime:
        yield from _secret(resource, fields.lifetime, policies)
    if fields.access:
        yield from _access(resource, fields.access, policies)
    if fields.name and not kind.is_elsewhere:
        yield from _name(resource, fields.name, policies)


def _problem(code: str, message: str, at: Location | None, hint: str, address: str) -> Problem:
    return Problem(Severity.ERROR, code, message, address, at, hint)


def _hosts(providers: Mapping[str, ProviderSpec], policies: Sequence[Policy]) -> Iterator[Problem]:
    for name, provider in providers.items():
        if not provider.address:
            continue
        for policy in policies:
            if policy.provider_hosts is None or urls.is_listed(provider.address, policy.provider_hosts):
                continue
            at = provider.places.get("host", provider.places.get("url", provider.at))
            message = f"{provider.shown} isn't a host that {_told(policy)} lets providers name"
            hint = f"allowed are: {', '.join(policy.provider_hosts) or 'none'}"
            yield _problem("policy-hosts", message, at, hint, f"providers.{name}")


def _told(policy: Policy) -> str:
    return f"the policy in {policy.origin}" if policy.origin else "the policy"


def _listed(resource: Resource, attribute: str) -> list[tuple[tuple[str, int], Value]]:
    values = resource.attributes.get(attribute)
    items = values if isinstance(values, list) else ()
    return [((attribute, index), item) for index, item in enumerate(items)]


def _scopes(app: Resource, attributes: Iterable[str], policies: Sequence[Policy]) -> Iterator[Complaint]:
    for attribute in sorted(attributes):
        for path, item in _listed(app, attribute):
            for policy in policies:
                if text(item) in policy.forbid_scopes:
                    message = f"{_told(policy)} forbids the scope {item}"
                    yield Complaint("policy-scope", message, path, "remove the scope")


def _redirects(
    app: Resource, attribute: str, providers: Mapping[str, ProviderSpec], policies: Sequence[Policy]
) -> Iterator[Complaint]:
    known = [urls.authority(each.address) for each in providers.values() if each.address]
    for path, item in _listed(app, attribute):
        url = text(item)
        if not url or urls.authority(url) in known:
            continue
        for policy in policies:
            if policy.redirect_hosts is not None and not urls.is_listed(url, policy.redirect_hosts):
                message = f"{item} leads to a host that {_told(policy)} doesn't allow for redirects"
                hint = f"allowed besides those of providers: {', '.join(policy.redirect_hosts) or 'none'}"
                yield Complaint("policy-hosts", message, path, hint)


def _secret(secret: Resource, attribute: str, policies: Sequence[Policy]) -> Iterator[Complaint]:
    lifetime, before = secret.attributes.get(attribute), secret.attributes.get("rotate_before")
    most = shortest_lifetime(policies)
    if most is not None and not is_unknown(lifetime):
        try:
            lives = seconds(str(lifetime)) if lifetime is not None else None
        except ValueError:
            lives = 0  # said already
        if lives is None or lives > most:
            said = "its lifetime is left out" if lives is None else f"{attribute} is {lifetime}"
            message = f"{said}, longer than the {_days(most)} that the policy allows"
            yield Complaint(
                "policy-lifetime", message, (attribute,), f"set {attribute}: {_days(most)}, or less"
            )
    if any(policy.require_rotation for policy in policies) and not before and not is_unknown(before):
        message = "the policy wants every secret to be rotated"
        yield Complaint("policy-rotation", message, (), "add rotate_before, such as 30d")


def _days(time: int) -> str:
    return f"{time // 86400}d" if time % 86400 == 0 else f"{time}s"


def _access(integration: Resource, attribute: str, policies: Sequence[Policy]) -> Iterator[Complaint]:
    if text(integration.attributes.get("template")) == "connect":
        return
    access = integration.attributes.get(attribute)
    if any(policy.require_access for policy in policies) and (access is None or text(access) == "everyone"):
        message = "the policy wants an access list, and everybody could use this integration"
        yield Complaint("policy-access", message, ("access",), "add access: {users: [...], groups: [...]}")


def _name(resource: Resource, attribute: str, policies: Sequence[Policy]) -> Iterator[Complaint]:
    value = resource.attributes.get(attribute)
    name = text(value)
    for policy in policies if name else ():
        if policy.names is not None and not re.fullmatch(policy.names, name):
            shown = value if isinstance(value, Sourced) else name
            message = f"the name {shown} doesn't fit {policy.names}, which {_told(policy)} wants"
            yield Complaint("policy-name", message, (attribute,), "rename it")


def softened(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The same as warnings: for what must go on, whatever a policy says."""
    return (replace(each, severity=Severity.WARNING) for each in problems)
