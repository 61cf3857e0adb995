"""The parts of SCIM that every resource shares: filters, PATCH operations, attribute choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.sandbox.messages import Refusal

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"

Test = Callable[[Mapping[str, Any]], bool]

_TERM = re.compile(
    r"""\s*(?P<attribute>[A-Za-z][\w.]*)\s+(?P<operator>eq|ne|co|sw)\s+"""
    r"""(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<word>true|false))\s*""",
    re.IGNORECASE,
)
_JOINT = re.compile(r"(and|or)\b", re.IGNORECASE)
_PATH = re.compile(r'(?P<name>\w+)(?:\[\s*value\s+eq\s+"(?P<value>[^"]*)"\s*\])?\Z')
_MOST_NODES = 200


@dataclass(frozen=True)
class Operation:
    """One operation of a PATCH: `remove` of one element carries its value in `element`."""

    op: str
    attribute: str
    element: str | None
    value: Any


@lru_cache(maxsize=256)
def parsed_filter(text: str) -> Test:
    """A filter such as `displayName eq "x" and active eq true` as a function.

    `and` binds tighter than `or`; parentheses aren't simple expressions and are refused.

    Raises:
        Refusal: 400, it can't be read, or has more than 200 nodes.
    """
    alternatives: list[list[Test]] = [[]]
    position, nodes = 0, 0
    while True:
        term = _TERM.match(text, position)
        nodes += 1
        if term is None or nodes > _MOST_NODES:
            raise invalid(f"The filter can't be evaluated: {text[:200]}", "invalidFilter")
        alternatives[-1].append(_test(term))
        position = term.end()
        if position == len(text):
            break
        joint = _JOINT.match(text, position)
        if joint is None:
            raise invalid(f"The filter can't be evaluated: {text[:200]}", "invalidFilter")
        if joint[1].lower() == "or":
            alternatives.append([])
        position = joint.end()
    return lambda row: any(all(test(row) for test in tests) for tests in alternatives)


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda live, wanted: live == wanted,
    "ne": lambda live, wanted: live != wanted,
    "co": lambda live, wanted: wanted in live,
    "sw": lambda live, wanted: live.startswith(wanted),
}
_ATTRIBUTES = {
    name.lower(): name for name in ("id", "displayName", "userName", "applicationId", "externalId", "active")
}


def _test(term: re.Match[str]) -> Test:
    attribute = _ATTRIBUTES.get(term["attribute"].lower())
    if attribute is None:
        raise invalid(f"Attribute {term['attribute']} can't be filtered on.", "invalidFilter")
    compare = _COMPARISONS[term["operator"].lower()]
    raw = term["word"] if term["text"] is None else re.sub(r"\\(.)", r"\1", term["text"])
    # SCIM strings are not caseExact unless a schema says so (RFC 7643): a client has to check again
    wanted = raw.casefold()
    return lambda row: compare(_text(row.get(attribute)), wanted)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).casefold()


def operations(body: Mapping[str, Any]) -> list[Operation]:
    """The operations of a PATCH; one without a path becomes one for each attribute of its value.

    Raises:
        Refusal: 400, the body isn't a PATCH.
    """
    if PATCH_SCHEMA not in (body.get("schemas") or []):
        raise invalid(f"schemas must contain {PATCH_SCHEMA}.", "invalidSyntax")
    raw = body.get("Operations")
    if not isinstance(raw, list) or not raw:
        raise invalid("Operations must be a list that isn't empty.", "invalidSyntax")
    return [operation for entry in raw for operation in _expanded(entry)]


def _expanded(entry: Any) -> Iterable[Operation]:
    op = entry.get("op") if isinstance(entry, dict) else None
    if op not in ("add", "remove", "replace"):
        raise invalid(f"op must be add, remove or replace, not {op!r}.", "invalidSyntax")
    path, value = entry.get("path"), entry.get("value")
    if op == "remove" and "value" in entry:
        # a remove with a filtered path must carry no value: docs/facts/databricks.md, trap 14
        raise invalid("remove takes no value.", "invalidValue")
    if op != "remove" and "value" not in entry:
        # what the Python SDK's Patch sends for a falsy value: docs/facts/databricks.md, trap 13
        raise invalid(f"{op} needs a value.", "invalidValue")
    if path is None:
        if not isinstance(value, dict):
            raise invalid("An operation without path needs an object as value.", "noTarget")
        return [Operation(op, name, None, item) for name, item in value.items()]
    found = _PATH.match(str(path))
    if found is None:
        raise invalid(f"The path {path!r} can't be read.", "invalidPath")
    return [Operation(op, found["name"], found["value"], value)]


def changed_elements(before: list[dict[str, Any]], operation: Operation) -> list[dict[str, Any]]:
    """A multi-valued attribute (`roles`, `members`) after an operation; elements go by `value`."""
    if operation.op == "remove":
        if operation.element is None:
            return []
        return [item for item in before if item["value"] != operation.element]
    given = elements(operation.value)
    if operation.op == "replace":
        return given
    known = {item["value"] for item in before}
    return before + [item for item in given if item["value"] not in known]


def elements(value: Any) -> list[dict[str, Any]]:
    """The elements of a multi-valued attribute, without repetition.

    Raises:
        Refusal: 400, an element has no `value` text.
    """
    items = value if isinstance(value, list) else [value]
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("value"), str):
            raise invalid("Elements must be objects with a value.", "invalidValue")
        found[item["value"]] = dict(item)
    return list(found.values())


def apply(row: dict[str, Any], operation: Operation, settable: Iterable[str]) -> None:
    """Carry out one operation on a row that is the caller's to change.

    Raises:
        Refusal: 400, the operation can't be carried out.
    """
    name = operation.attribute
    if name == "roles":
        row["roles"] = changed_elements(row.get("roles", []), operation)
    elif operation.op == "remove" and name == "externalId":
        row.pop(name, None)
    elif operation.op != "remove" and name in settable:
        assign(row, name, operation.value)
    elif name != "entitlements":  # a matter of workspaces: no effect at account level
        raise invalid(f"{name} can't be changed by {operation.op}.", "invalidPath")


def assign(row: dict[str, Any], name: str, value: Any) -> None:
    """Set an attribute to a value in one of the forms that clients send.

    Raises:
        Refusal: 400, a wrong type.
    """
    if name == "roles":
        row[name] = elements(value)
    elif name == "active":
        row[name] = boolean(value)
    elif name == "name" and isinstance(value, dict):
        row[name] = dict(value)
    elif name == "emails":
        row[name] = elements(value)
    elif isinstance(value, str) and name != "name" and (name != "externalId" or len(value) <= 64):
        row[name] = value
    else:
        raise invalid(f"{name} has a wrong type or is too long.", "invalidValue")


def boolean(value: Any) -> bool:
    """A truth value in all the forms that clients send.

    Terraform sends `[{"value": "false"}]`, others `false` or `"false"`.

    Raises:
        Refusal: 400, it is none of them.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("value")
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid("active must be true or false.", "invalidValue")
    return value


def chosen(row: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """The attributes that the query asks for; `id` and `schemas` are always among them."""
    wanted = {name.strip().lower() for name in query.get("attributes", "").split(",")} - {""}
    unwanted = {name.strip().lower() for name in query.get("excludedAttributes", "").split(",")}
    return {
        name: value
        for name, value in row.items()
        if name in ("id", "schemas")
        or ((not wanted or name.lower() in wanted) and name.lower() not in unwanted)
    }


def invalid(detail: str, scim_type: str) -> Refusal:
    """A refusal of a request that can't be understood."""
    return Refusal(400, scim_type, detail)
