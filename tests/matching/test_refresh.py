"""An everyday plan looks at a secret wherever anything hangs on it, and only there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from reconciler.matching import assumed_secrets
from reconciler.model import Address, CredentialState, Intent, Pending, Runner, Superseded, Tombstone
from reconciler.providers import KINDS

SECRET = Address("service_principals", "robot-0", "client_secret")
USER = Address("connect_integrations", "user-0")
ENDS = datetime(2026, 12, 31, tzinfo=timezone.utc)
INTENT = Intent(
    "x", SECRET.kind_name, "databricks", "2026-01-01T00:00:00Z", Runner("o", "h", "b", 1, "s"), "rotate"
)


def assumed(world):
    found = assumed_secrets(world.stack, world.ledger, world.snapshot, world.ledger.entries, KINDS, world.now)
    return set(found)


def test_what_stands_as_it_was_applied_is_assumed(world):
    one = world(3)
    found = assumed_secrets(one.stack, one.ledger, one.snapshot, one.ledger.entries, KINDS, one.now)
    assert len(found) == 3
    live = one.snapshot.of("databricks", SECRET.kind_name)["s-0"]
    assert found[SECRET] == live


def with_entry(world, address, **changes):
    entries = {**world.ledger.entries, address: replace(world.ledger.entries[address], **changes)}
    world.ledger = replace(world.ledger, entries=entries)


def with_credential(world, **changes):
    held = world.ledger.entries[SECRET].credential
    with_entry(world, SECRET, credential=replace(held, **changes))


def with_attributes(world, **changes):
    resource = world.stack.resources[SECRET]
    changed = replace(resource, attributes={**resource.attributes, **changes})
    world.stack = replace(world.stack, resources={**world.stack.resources, SECRET: changed})


def without_live(world, provider, kind, live_id):
    there = world.snapshot.of(provider, kind)
    kept = {i: live for i, live in there.items() if i != live_id}
    world.snapshot = replace(world.snapshot, objects={**world.snapshot.objects, (provider, kind): kept})


def touched(world):
    there = world.snapshot.of("connect", "connect_integrations")
    changed = {**there, "i-0": replace(there["i-0"], updated_at="2026-01-01T00:00:00Z")}
    key = ("connect", "connect_integrations")
    world.snapshot = replace(world.snapshot, objects={**world.snapshot.objects, key: changed})


def left_the_spec(world):
    kept = {a: resource for a, resource in world.stack.resources.items() if a != SECRET}
    world.stack = replace(world.stack, resources=kept)


def pending(world, **what):
    world.ledger = replace(world.ledger, pending=Pending(**what))


DOUBTS = {
    "it left the spec": left_the_spec,
    "its service principal is gone": lambda w: without_live(w, "databricks", "service_principals", "sp-0"),
    "it isn't on record": lambda w: with_entry(w, SECRET, id=""),
    "a predecessor is still alive": lambda w: with_entry(w, SECRET, formers=(Superseded("old"),)),
    "nothing is known of its value": lambda w: with_entry(w, SECRET, credential=None),
    "its delivery is under way": lambda w: with_credential(w, state=CredentialState.SENDING),
    "it is to be revoked": lambda w: with_credential(w, state=CredentialState.CONDEMNED),
    "it is in quarantine": lambda w: with_credential(w, state=CredentialState.QUARANTINED),
    "its end isn't known": lambda w: with_credential(w, expires_at=""),
    "its end can't be read": lambda w: with_credential(w, expires_at="soon"),
    "another lifetime is wanted": lambda w: with_attributes(w, lifetime="90d"),
    "another time of rotation is wanted": lambda w: with_attributes(w, rotate_before="60d"),
    "another time to keep the old one is wanted": lambda w: with_attributes(w, keep_old="1h"),
    "somebody touched the integration that has it": touched,
    "the integration is gone": lambda w: without_live(w, "connect", "connect_integrations", "i-0"),
    "the integration isn't on record": lambda w: with_entry(w, USER, id="i-none"),
    "the integration never got it": lambda w: with_entry(w, USER, deliveries={}),
    "the integration has an earlier one": lambda w: with_entry(w, SECRET, id="s-new"),
    "a create of it was interrupted": lambda w: pending(w, intents={SECRET: INTENT}),
    "a create of it was given up": lambda w: pending(
        w, given_up=(Tombstone(SECRET, INTENT, "2026-01-01T00:00:00Z"),)
    ),
}


@pytest.mark.parametrize("why", DOUBTS)
def test_it_is_looked_at_where(world, why):
    one = world(2)
    DOUBTS[why](one)
    assert assumed(one) == {Address("service_principals", "robot-1", "client_secret")}


def test_it_is_looked_at_a_day_before_its_rotation(world):
    one = world(1)
    one.now = ENDS - timedelta(days=31, seconds=-1)
    assert assumed(one) == set()
    one.now = ENDS - timedelta(days=31, seconds=1)
    assert assumed(one) == {SECRET}


def test_it_is_looked_at_a_day_before_its_end_where_nothing_rotates_it(world):
    one = world(1)
    with_attributes(one, rotate_before=None)
    with_entry(one, SECRET, applied={"lifetime": "365d"})
    one.now = ENDS - timedelta(days=1, seconds=1)
    assert assumed(one) == {SECRET}
    one.now = ENDS - timedelta(days=1)
    assert assumed(one) == set()


def test_one_without_an_end_that_nothing_rotates_is_assumed(world):
    one = world(1)
    with_attributes(one, rotate_before=None)
    with_entry(one, SECRET, applied={"lifetime": "365d"})
    with_credential(one, expires_at="")
    assert assumed(one) == {SECRET}
