"""Expressions of a saved plan come to the same values as in the spec, wherever they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model import SecretInput, Sourced
from reconciler.specs import reread
from reconciler.specs.places import leaves

ENVIRONMENT = {
    "STAGE": "dev",
    "SERVER": "https://inner.example.org",
    "S": "s3cr3t",
    "AWS_SECRET_ACCESS_KEY": "key",
    "BYTES": "a\udcff",
}
SPEC = """\
version: 1
stack: x
vars: {stage: "${env.STAGE}", name: "a $${ ${vars.stage}"}
imports: [below/more.yaml]
providers:
  d: {type: databricks, host: h.example.org, account_id: a}
  c: {type: connect, url: "${env.SERVER}"}
oauth_apps:
  a:
    scopes: [sql]
    name: ${vars.name}-${file.name.txt}
    redirect_urls: ["${providers.c.callback_url}/x", "${providers.c.url}"]
connect_integrations:
  i: {template: ours, config: {client_secret: "${env.S}", x: "${env.NONE:-else}"}}
"""


def test_what_a_plan_keeps_is_read_again(specs):
    specs.write("named", "name.txt")
    specs.write("inner", "below/text.txt")
    specs.write('oauth_apps: {b: {scopes: [sql], name: "${file.text.txt}"}}\n', "below/more.yaml")
    found = 0
    stack = specs.load(SPEC, **ENVIRONMENT)
    lent = {f"c.{key}": text for key, text in stack.providers["c"].lends.items()}
    for resource in stack.resources.values():
        for _, leaf in leaves(dict(resource.attributes), ()):
            if isinstance(leaf, (Sourced, SecretInput)):
                value = leaf.value if isinstance(leaf, Sourced) else leaf.secret.reveal()
                assert reread(leaf.expression, ENVIRONMENT, Path(), lent=lent) == value
                found += 1
    assert found == 6


def test_an_address_is_read_as_a_spec_reads_it():
    around = {"PLACE": "https://Connect.Example.org/__api__/", "NONE": "no address"}
    found = [reread(f"${{env.{name}}}", around, Path(), address_of="connect") for name in around]
    assert found == ["https://connect.example.org", None]


@pytest.mark.parametrize(
    "expression",
    ["${env.NONE}", "a ${env.NONE}", "${file.none}", "${file.../x}", "${file..git/config}", "${vars.x}", "${",
     "${env.AWS_SECRET_ACCESS_KEY}", "${env.BYTES}", "${file.a\0b}"],
)  # fmt: skip
def test_what_cannot_be_read_is_nothing(specs, expression):
    specs.write("token", ".git/config")
    assert reread(expression, ENVIRONMENT, Path()) is None
