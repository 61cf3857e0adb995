"""Templates that only their server can judge."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from reconciler.model import Address, Live, Resource, SecretInput, Snapshot, Sourced
from reconciler.planning.templates import template_trouble

KEYS = {"license": True, "region": False}


def trouble(templates, template="acme", there=None, **config):
    address = Address("connect_integrations", "a")
    matches = {address: SimpleNamespace(live=Live("1", "a", there))} if there else {}
    situation = SimpleNamespace(snapshot=Snapshot({}, templates=templates), matches=matches)
    attributes = {"template": template, "config": config}
    return template_trouble(situation, Resource(address, "connect", attributes))


def test_one_that_the_server_has_not_got_blocks():
    code, words = trouble({"connect": {"acme": None}})
    assert code == "unknown-template"
    assert "no template acme" in words


def test_a_key_that_it_does_not_take_blocks_with_the_one_that_was_meant():
    code, words = trouble({"connect": {"acme": KEYS}}, regin="eu")
    assert code == "template-key"
    assert words.endswith("takes no config.regin; did you mean region?")
    assert "it takes: license, region" in trouble({"connect": {"acme": KEYS}}, zzz=1)[1]


def test_what_the_server_took_once_is_no_obstacle():
    there = {"template": "acme", "config": {"zone": "b"}}
    assert trouble({"connect": {"acme": None}}, there=there, zone="a") is None
    assert trouble({"connect": {"acme": KEYS}}, there=there, zone="a") is None
    assert trouble({"connect": {"acme": KEYS}}, there=there, regin="eu")[0] == "template-key"


@pytest.mark.parametrize("templates", [{}, {"connect": {}}, {"connect": {"b": None}}, {"c": {"acme": None}}])
def test_what_nobody_told_of_is_no_obstacle(templates):
    assert trouble(templates, anything=1) is None


def test_what_fits_is_none_either():
    assert trouble({"connect": {"acme": KEYS}}, region="eu") is None
    assert trouble({"connect": {"acme": {}}}, region="eu") is None


def test_a_literal_in_a_field_that_the_server_calls_secret_blocks_and_is_not_told():
    code, words = trouble({"connect": {"acme": KEYS}}, license="written-down-here")
    assert code == "literal-secret"
    assert "config.license is secret" in words
    assert "written-down-here" not in words


@pytest.mark.parametrize("given", [Sourced("env L", "x", "${env.L}"), SecretInput("env L", "${env.L}")])
def test_a_reference_there_does_not(given):
    assert trouble({"connect": {"acme": KEYS}}, license=given) is None
