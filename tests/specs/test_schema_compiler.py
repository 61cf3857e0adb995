"""The quick yes or no agrees with jsonschema, whatever it is asked."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.providers import KINDS
from reconciler.specs import schemas_of
from reconciler.specs.schema_compiler import UnknownKeywordError, compiled

SCHEMAS = schemas_of(KINDS)

NAMES = sorted(set(SCHEMAS.files) - {"shared"})
ODD = (None, True, 0, 1, 1.0, -1.5, "", "x", "${env.X}", "https://a.example", [], ["x", 1], {}, {"x": 1})


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in items:
        yield from places(below, (*path, step))


def changed(value, path, new):
    """A copy with one thing in it replaced, or (at a new key) added."""
    if not path:
        return new
    found = copy.deepcopy(value)
    holder = found
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = new
    return found


def without(value, path):
    found = copy.deepcopy(value)
    holder = found
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return found


def spoilt(value):
    for path in places(value):
        yield from (changed(value, path, odd) for odd in ODD)
        if path:
            yield without(value, path)
    yield from (changed(value, (key,), odd) for key in ("x", "no key") for odd in ODD)


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_file_is_understood(name):
    compiled(SCHEMAS.expanded(name))


@pytest.mark.parametrize("name", NAMES)
def test_it_judges_spoilt_examples_like_jsonschema(name):
    accepts, validator = SCHEMAS.acceptor(name), SCHEMAS.validator(name)
    examples = SCHEMAS.files[name].get("examples", [{"version": 1, "stack": "s", "vars": {"a": 1}}])
    assert all(map(accepts, examples))
    # every third is plenty, and jsonschema takes its time
    cases = [case for example in examples for case in spoilt(example)][::3]
    verdicts = {accepts(case) for case in cases}
    assert verdicts == {True, False}
    assert [case for case in cases if accepts(case) != validator.is_valid(case)] == []


scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0]) | st.sampled_from("ab")
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
types = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"])
PLAIN = {
    "type": types | st.lists(types, min_size=1, max_size=2, unique=True),
    "enum": st.lists(scalars.filter(lambda value: value is not None), min_size=1, max_size=3),
    "const": scalars.filter(lambda value: value is not None),
    "pattern": st.sampled_from(["a", "^b$"]),
    "minLength": st.integers(0, 2),
    "minimum": st.integers(-1, 1),
    "maximum": st.integers(-1, 1),
    **dict.fromkeys(
        ("minItems", "maxItems", "maxLength", "minProperties", "maxProperties"), st.integers(0, 2)
    ),
    "required": st.lists(st.sampled_from("ab"), max_size=2, unique=True),
}


def nested(inner):
    named = st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    several = st.lists(inner, min_size=1, max_size=2)
    deeper = {
        "allOf": several,
        "anyOf": several,
        "if": inner,
        "then": inner,
        "else": inner,
        "items": inner,
        "properties": named,
        "patternProperties": named,
        "additionalProperties": inner,
        "propertyNames": inner,
    }
    return st.fixed_dictionaries({}, optional={**PLAIN, **deeper})


schemas = st.recursive(st.booleans() | st.fixed_dictionaries({}, optional=PLAIN), nested, max_leaves=8)


@given(schemas, values)
def test_it_judges_any_value_by_any_schema_like_jsonschema(given_schema, value):
    assert compiled(given_schema)(value) == Draft202012Validator(given_schema).is_valid(value)


def branch(key, word, then):
    return {"if": {"properties": {key: {"const": word}}, "required": [key]}, "then": then}


letters = st.sampled_from("ab")
branches = st.lists(
    st.builds(branch, letters, letters | scalars.filter(bool), schemas), min_size=1, max_size=4
)


@given(branches, st.dictionaries(letters, letters | scalars, min_size=1) | values)
def test_it_takes_the_branches_that_a_word_chooses_like_jsonschema(given_branches, value):
    schema = {"allOf": given_branches}
    assert compiled(schema)(value) == Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "said", [{"oneOf": []}, {"enum": [None]}, {"const": {}}, {"properties": {"a": {"not": {}}}}]
)
def test_a_schema_that_says_more_is_left_to_jsonschema(said):
    with pytest.raises(UnknownKeywordError):
        compiled(said)


def test_no_schema_of_this_tool_says_what_only_the_slow_validator_understands():
    schemas = schemas_of(KINDS)
    for name in ("stack", "import", *KINDS):
        if "." not in name:
            compiled(schemas._whole(name))  # raises where it doesn't understand
