"""Each further object takes as many steps as the one before: counted, not timed."""

from __future__ import annotations

import gc
import json
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from unittest.mock import patch

import deepdiff
import pytest

from reconciler import specs
from reconciler.ledger import codec
from reconciler.matching import assumed_secrets, pair
from reconciler.model import Action, Address, Intent, Live, Lives, Pending, Runner
from reconciler.planning import Options, make_destroy_plan, make_plan, plan_file
from reconciler.providers import KINDS
from reconciler.rendering import plan_json
from reconciler.specs.yaml_nodes import Block, Scalar, Series
from reconciler.verifying import proofs
from tests.planning.conftest import settled
from tests.work import calls

SIZES = 30, 60, 90
RUNNER = Runner("o", "h", "b", 1, "s")


def steps_of(work) -> int:
    """How many instructions Python carries out."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def plan_of(world, **changes):
    pairing = pair(world.stack, world.ledger, world.snapshot, KINDS, world.now)
    return make_plan(world.stack, world.ledger, pairing, KINDS, Options(now=world.now, **changes))


def end_of(world):
    pairing = pair(world.stack, world.ledger, world.snapshot, KINDS, world.now)
    return make_destroy_plan(world.stack, world.ledger, pairing, KINDS, Options(now=world.now))


def spec(size, folder):
    head = {"version": 1, "stack": "s", "providers": {"d": {"type": "databricks"}, "c": {"type": "connect"}}}
    config = {"auth_type": "Service Account", "workspace_host": "w.example.org"}
    robots = {f"robot-{n}": {"client_secret": {"lifetime": "365d"}} for n in range(size)}
    users = {
        f"user-{n}": {
            "template": "databricks",
            "config": {
                **config,
                "client_id": f"${{service_principals.robot-{n}.client_id}}",
                "client_secret": f"${{service_principals.robot-{n}.client_secret}}",
            },
        }
        for n in range(size)
    }
    file = folder / f"{size}.yaml"
    file.write_text(json.dumps({**head, "service_principals": robots, "connect_integrations": users}))
    return file


def interrupted(world):
    """Every secret and integration was being made when the run ended, and none is on record."""
    intents = {
        address: Intent(
            f"intent {address}",
            address.kind_name,
            entry.provider,
            "2025-12-30T23:59:58Z",
            RUNNER,
            "create",
            parent=entry.parent,
            sent={"name": entry.name},
            tag=365 * 86_400,
        )
        for address, entry in world.ledger.entries.items()
        if address.part or address.kind == "connect_integrations"
    }
    entries = {a: entry for a, entry in world.ledger.entries.items() if a not in intents}
    world.ledger = replace(world.ledger, entries=entries, pending=Pending(intents=intents))
    return world


def unmade(world):
    """Nothing has been applied so far."""
    world.ledger = replace(world.ledger, entries={})
    world.snapshot = replace(world.snapshot, objects={key: {} for key in world.snapshot.objects})
    return world


def expiring(world):
    """Every secret is due to be rotated."""
    world.now += timedelta(days=350)
    return world


def approved(world):
    """Every address is listed under `approve:`."""
    world.stack = replace(world.stack, approve=tuple(world.stack.resources))
    return world


def guarded(world):
    """Each integration says who may use it, and the list of them is another for this stack."""
    key = "connect", "connect_integrations"
    access = {"group:readers": "readers"}
    resources = {
        address: replace(resource, attributes={**resource.attributes, "access": access})
        if address.kind == key[1]
        else resource
        for address, resource in world.stack.resources.items()
    }
    world.stack = replace(world.stack, resources=resources)
    lives = [
        replace(o, attributes={**o.attributes, "access": {}}) for o in world.snapshot.objects[key].values()
    ]
    world.snapshot = replace(
        world.snapshot, objects={**world.snapshot.objects, key: Lives(lives).but(gone=["other"])}
    )
    return world


class InTurn(ThreadPoolExecutor):
    """A pool that works in the thread that asks: steps of another aren't counted, and how it waits varies."""

    def submit(self, work, /, *args, **named):
        done = Future()
        done.set_result(work(*args, **named))
        return done


def proofs_of(world):
    """Connect gets on with every credential."""
    pairing = pair(world.stack, world.ledger, world.snapshot, KINDS, world.now)
    api = SimpleNamespace(address="", workspaces=tuple, http=SimpleNamespace(probe=lambda path: None))
    apis = dict.fromkeys(world.stack.providers, api)

    def work():
        with patch.object(proofs, "ThreadPoolExecutor", InTurn):
            proofs.verify(world.stack, pairing, apis, KINDS, now=world.now)

    return work


def prepared(given, work):
    return lambda: work(given)


WORKS = {
    "a plan": lambda world: lambda: plan_of(world),
    "a plan to make everything": lambda world: lambda: plan_of(unmade(world)),
    "a plan to make what is approved": lambda world: lambda: plan_of(approved(unmade(world))),
    "a plan of who may use what": lambda world: lambda: plan_of(guarded(world)),
    "a proof of everything": proofs_of,
    "a plan to rotate everything": lambda world: lambda: plan_of(expiring(world)),
    "a plan after an interruption": lambda world: lambda: plan_of(interrupted(world)),
    "a plan to destroy everything": lambda world: lambda: end_of(world),
    "an everyday look": lambda world: (
        lambda: assumed_secrets(
            world.stack, world.ledger, world.snapshot, world.ledger.entries, KINDS, world.now
        )
    ),
    "a plan that is saved": lambda world: prepared(plan_of(world), plan_file.encode),
    "a plan that is shown": lambda world: prepared(plan_of(unmade(world)), plan_json),
    "a ledger that is written": lambda world: prepared(world.ledger, codec.encode),
    "a ledger that is read": lambda world: prepared(
        codec.encode(world.ledger), lambda content: codec.decode(content, where="x")
    ),
}


def is_linear(few, some, many):
    """Whether the last third takes as long as the second; sorting may take a little more."""
    return many - some <= (some - few) * 1.04


@pytest.mark.parametrize("name", WORKS)
def test_each_further_object_takes_as_many_steps(world, name):
    WORKS[name](world(3))()  # what is worked out once for all
    steps = [steps_of(WORKS[name](world(size))) for size in SIZES]
    assert steps[0] > 0
    assert is_linear(*steps), steps


def test_each_further_object_takes_as_many_steps_to_load(tmp_path):
    specs.load(spec(3, tmp_path), KINDS, environment={}, strict=False)
    files = [spec(size, tmp_path) for size in SIZES]
    steps = [
        steps_of(lambda file=file: specs.load(file, KINDS, environment={}, strict=False)) for file in files
    ]
    assert is_linear(*steps), steps


def test_what_stays_as_it_is_takes_few_calls(monkeypatch):
    small, large = settled(30), settled(60)
    plan_of(small)  # what is made once
    monkeypatch.setattr(Live, "digest", property(lambda live: pytest.fail("nobody is told of it")))
    per_address = (calls(plan_of, large) - calls(plan_of, small)) / (3 * 30)
    assert per_address < 340


def test_an_address_is_one_object_in_a_spec_its_references_and_its_ledger(tmp_path):
    stack = specs.load(spec(3, tmp_path), KINDS, environment={}, strict=False)
    named = [address for resource in stack.resources.values() for address in resource.depends_on]
    assert len(named) == 9
    assert all(Address.parse(str(address)) is address for address in [*stack.resources, *named])


def test_what_was_written_is_let_go_as_soon_as_its_stack_is_there(tmp_path):
    file = spec(3, tmp_path)
    gc.collect()
    gc.disable()
    try:
        stack = specs.load(file, KINDS, environment={}, strict=False)
        held = [one for one in gc.get_objects() if isinstance(one, (Block, Scalar, Series))]
    finally:
        gc.enable()
    assert len(stack.resources) == 9
    assert held == []


def test_the_measure_sees_a_loop_within_a_loop():
    def pairs(size):
        return [left for left in range(size) for right in range(size) if left == right]

    assert not is_linear(*(steps_of(lambda size=size: pairs(size)) for size in SIZES))


def test_only_what_differs_is_explained_by_deepdiff(world, monkeypatch):
    used = []
    original = deepdiff.DeepDiff
    monkeypatch.setattr(
        deepdiff, "DeepDiff", lambda *args, **rest: used.append(args) or original(*args, **rest)
    )
    one = world(20)
    assert plan_of(one).pending == ()
    assert used == []
    address = next(a for a in one.stack.resources if a.kind == "connect_integrations")
    resource = one.stack.resources[address]
    changed = replace(resource, attributes={**resource.attributes, "description": "new"})
    one.stack = replace(one.stack, resources={**one.stack.resources, address: changed})
    assert [change.action for change in plan_of(one).pending] == [Action.UPDATE]
    assert len(used) == 1
