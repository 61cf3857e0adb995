"""`reconcile rotate ADDR`: one credential issued anew, delivered, checked, and the old one revoked."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from reconciler.cli.apply_session import apply_plan
from reconciler.cli.arguments import addresses, duration
from reconciler.cli.console import Console
from reconciler.cli.run import Run
from reconciler.cli.wiring import View, the_stack
from reconciler.errors import UsageError
from reconciler.kinds import Kind, Registry, parts_of
from reconciler.model import Address, Plan, Stack
from reconciler.providers import kinds_of
from reconciler.specs.problems import suggestion


def run(args: argparse.Namespace, console: Console) -> int:
    """Rotates the secret of a service principal, or replaces an app by one with the same settings."""
    stack = the_stack(args)
    (named,) = addresses([args.address])
    credential = _credential(stack, named)
    users = tuple(
        address
        for address, resource in sorted(stack.resources.items())
        if credential in {ref.source for ref in resource.refs if ref.is_secret}
    )

    def planner(view: View) -> Plan:
        options = replace(view.options(args), replaces=(credential,), targets=users or (credential,))
        return view.plan(options)

    with Run([stack], args) as run:
        return apply_plan(stack, planner, args, console, run=run, settle=duration(args.settle))


def _credential(stack: Stack, named: Address) -> Address:
    """The address whose credential is meant.

    Raises:
        UsageError: there is no such credential in the stack.
    """
    kind = _issuer(named, kinds_of(stack))
    address = named.inside(kind.part) if kind.part else named
    resource = stack.resources.get(address)
    if resource is None:
        words = "doesn't manage a secret" if named in stack.resources else "isn't in the stack"
        close = suggestion(str(named), [str(one) for one in stack.resources if not one.part])
        raise UsageError(
            f"{named} {words}", address=str(named), hint="" if named in stack.resources else close
        )
    if not kind.has_credential(resource.attributes):
        raise UsageError(f"{named} is public: it has no secret", address=str(named))
    return resource.address


def _issuer(named: Address, kinds: Registry) -> Kind[Any]:
    """The kind whose objects hold the credential: that of the address, or of a part of it.

    Raises:
        UsageError: neither issues any.
    """
    own = kinds.get(named.kind)
    for kind in ([own] if own else []) + parts_of(kinds, named.kind):
        if kind.fields.issues:
            return kind
    able = sorted({kind.owner or kind.name for kind in kinds.values() if kind.fields.issues})
    raise UsageError(
        f"{named} has no credential to rotate", hint="name " + " or ".join(f"{name}.KEY" for name in able)
    )
