"""The promises that every kind makes, each as a story on a stage; BrokenError says how one isn't kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from reconciler.conformance.cases import Case
from reconciler.conformance.meddling import Meddling, Trouble
from reconciler.conformance.stage import KEY, BrokenError, NotAskedError, Stage, changes_at
from reconciler.errors import ReconcileError, RemoteError, SpecError
from reconciler.kinds import Fields, Kind, Scope
from reconciler.matching import at_path, leaves, same_leaf
from reconciler.model import Action, Address, Cause
from reconciler.secrets import LeakError, checked

_SCOPES = ["all-apis", "offline_access"]
ROUNDS = 2  # runs after trouble, until nothing is left to do
_MAKES = (Action.CREATE, Action.REPLACE, Action.DELETE, Action.ROTATE)


@dataclass(frozen=True)
class Promise:
    """What a kind promises.

    Attributes:
        words: as a sentence.
        story: breaks off where it isn't kept.
        applies: why it isn't asked of a kind; "" if it is.
        is_ground: nothing else can be told where it isn't kept.
    """

    name: str
    words: str
    story: Callable[[Stage], None]
    applies: Callable[[Case], str] = lambda case: ""
    is_ground: bool = False


# --- what the stories share -------------------------------------------------------------------------------


def _make(stage: Stage, example: int = 0) -> None:
    stage.wanted = stage.case.examples[example]
    stage.applied()


def _is_settled(stage: Stage, when: str) -> None:
    """Nothing is left to do."""
    plan = stage.plan()
    for change in plan.pending:
        fields = "; ".join(f"{each.path}: {each.before!r} → {each.after!r}" for each in change.fields)
        words = f"{when}, the plan has {change.address}: {change.action.value} ({change.reason})"
        raise BrokenError(f"{words}{f': {fields}' if fields else ''}")


def _without_strays(stage: Stage, before: Mapping[Any, Any], when: str) -> None:
    """Each object is there once, and on record."""
    known = {entry.id for entry in stage.ledger.entries.values()}
    strays = sorted(live_id for kind, live_id in set(stage.lives()) - set(before) if live_id not in known)
    if strays:
        raise BrokenError(f"{when}, {', '.join(strays)} is left, and no ledger knows it")


def _taken_over(stage: Stage, live_id: str) -> None:
    """The plan takes an object over, nothing is made or removed, and then there is nothing to do."""
    for change in stage.plan().pending:
        if change.action in (*_MAKES, Action.BLOCKED):
            words = f"{change.reason}; the object is there with the id {live_id}"
            raise BrokenError(f"the plan has {change.address}: {change.action.value} ({words})")
    stage.applied()
    if stage.live_id != live_id:
        raise BrokenError(f"not {live_id} was taken over, but {stage.live_id or 'nothing'}")
    _is_settled(stage, "after taking it over")


def _dissent(stage: Stage, example: int) -> None:
    """Somebody else gives the object the values of another example, and keeps no word of it here."""
    ours, ledger = stage.wanted, stage.ledger
    lifecycle = {"adopt": stage.live_id}
    stage.wanted = {**stage.case.examples[example], "lifecycle": lifecycle}
    stage.ledger = replace(ledger, entries={})
    try:
        stage.applied()
    finally:
        stage.wanted, stage.ledger = ours, ledger


# --- the stories --------------------------------------------------------------------------------------------


def _examples(stage: Stage) -> None:
    examples = stage.case.examples
    if len(examples) < 3:
        raise BrokenError(f"its schema has {len(examples)} examples: at least three are needed")
    for number, example in enumerate(examples, 1):
        stage.wanted = example
        try:
            stage.stack()
        except SpecError as error:
            raise BrokenError(f"example {number} isn't valid: {error.problems[0].message}") from None


def _create(stage: Stage) -> None:
    before = stage.lives()
    for number in range(len(stage.case.examples)):
        _make(stage, number)
        if not stage.live_id:
            raise BrokenError("create answers no id")
        if number == 0:
            stage.live()
            _without_strays(stage, before, "after a create")
            return


def _empty_plan(stage: Stage) -> None:
    _make(stage)
    _is_settled(stage, "after a create")


def _read(stage: Stage) -> None:
    _make(stage, -1)
    live, kind = stage.live(), stage.case.kind
    with stage.api() as api:
        alone = kind.read(api, live.id, live.parent)
        if alone is None:
            raise BrokenError(f"read says that {live.id!r} isn't there, and it is")
        complete = kind.completing(api, Scope())
        alone = complete(alone) if complete else alone
        for path in sorted(set(live.attributes) - kind.fields.additive):
            if alone.attributes.get(path) != live.attributes[path]:
                shown = f"{alone.attributes.get(path)!r}, and observe {live.attributes[path]!r}"
                raise BrokenError(f"read shows {path} as {shown}")
        kind.delete(api, live.id, live.parent)
        try:
            left = kind.read(api, live.id, live.parent)
        except ReconcileError as error:
            raise BrokenError(f"read fails where an object is gone: {error.message}") from None
        if left is not None:
            raise BrokenError("read shows an object that is gone")


def _update(stage: Stage) -> None:
    _make(stage)
    for number, example in enumerate(stage.case.examples[1:], 2):
        before, was = stage.live_id, stage.wanted
        stage.wanted = example
        stage.applied()
        _is_settled(stage, f"after the update to example {number}")
        fields = stage.case.kind.fields
        is_other = any(was.get(path) != example.get(path) for path in fields.immutable)
        if before != stage.live_id and not is_other:
            raise BrokenError(f"the update to example {number} made another object of it")


def _alone(stage: Stage) -> None:
    _make(stage, -1)
    before = stage.live().attributes
    _dissent(stage, 0)
    after, fields = stage.live().attributes, stage.case.kind.fields
    for path in sorted(set(before) - set(stage.case.examples[0]) - fields.local):
        if before[path] != after.get(path):
            shown = f"{before[path]!r} became {after.get(path)!r}"
            raise BrokenError(f"an update that doesn't give {path} changes it: {shown}")


def _drift(stage: Stage) -> None:
    examples, fields = stage.case.examples, stage.case.kind.fields
    for number, (own, other) in enumerate(pairwise(examples), 1):
        if any(own.get(path) != other.get(path) for path in fields.immutable):
            continue
        _make(stage, number - 1)
        before = stage.live().attributes
        _dissent(stage, number)
        changed = _differing(before, stage.live().attributes, own, fields)
        causes = {field.cause for change in changes_at(stage.plan(), stage) for field in change.fields}
        if changed and Cause.DRIFT not in causes:
            raise BrokenError(f"a change by hand of {changed[0]} isn't seen: nothing has drift as its cause")
        stage.applied()
        _is_settled(stage, "after a change by hand was put right")
        if left := _differing(before, stage.live().attributes, own, fields):
            raise BrokenError(f"a change by hand of {left[0]} isn't put right")


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any], own: Mapping[str, Any], fields: Fields
) -> list[str]:
    """The fields that an example names and that aren't live as they were."""
    paths = [path for path, _ in leaves(own) if path.partition(".")[0] not in fields.additive]
    pairs = {path: (at_path(before, path), at_path(after, path)) for path in paths}
    return [path for path, (old, new) in sorted(pairs.items()) if not same_leaf(path, old, new, fields)]


def _gone(stage: Stage) -> None:
    _make(stage, -1)
    live, kind = stage.live(), stage.case.kind
    with stage.api() as api:
        kind.delete(api, live.id, live.parent)
        kind.delete(api, live.id, live.parent)  # one that is gone is done
    found = {change.action for change in changes_at(stage.plan(), stage)}
    if kind.is_elsewhere:
        if found & {Action.DELETE, Action.FORGET}:
            raise BrokenError("an object that may be elsewhere is given up because it isn't here")
        return
    if not found & {Action.CREATE, Action.REPLACE}:
        raise BrokenError("an object that was deleted by hand isn't made anew")
    stage.applied()
    _is_settled(stage, "after it was made anew")


def _adopt(stage: Stage) -> None:
    _make(stage)
    live_id = stage.live_id
    stage.ledger = replace(stage.ledger, entries={})
    stage.wanted = {**stage.wanted, "lifecycle": {"adopt": live_id}}
    _taken_over(stage, live_id)


def _lost_ledger(stage: Stage) -> None:
    _make(stage)
    live_id = stage.live_id
    stage.ledger = replace(stage.ledger, entries={})
    _taken_over(stage, live_id)


def _delete(stage: Stage) -> None:
    before = stage.lives()
    _make(stage, -1)
    stage.applied(is_end=True)
    left = set(stage.lives()) - set(before)
    if left:
        raise BrokenError(
            f"after a delete, {', '.join(sorted(live_id for _, live_id in left))} is still there"
        )
    if stage.pending(is_end=True):
        raise BrokenError("after a delete, the plan isn't empty")


def _failed_read(stage: Stage) -> None:
    _make(stage)
    live, kind = stage.live(), stage.case.kind
    if stage.place.break_off is None:
        raise NotAskedError("this practice system can't be made to fail")
    with stage.api() as api:
        stage.place.break_off()
        try:
            found = kind.observe(api, Scope(parents=[live.parent], named=[live.name]))
        except RemoteError:
            return
        raise BrokenError(f"a list that fails passes for one with {len(found)} objects")


def _canaries(stage: Stage) -> None:
    for number in range(len(stage.case.examples)):
        _make(stage, number)
    stage.applied(is_end=True)
    try:
        checked("\n".join(stage.said))
    except LeakError:
        raise BrokenError("a secret is readable in what observe, create or update answers") from None


# --- trouble ------------------------------------------------------------------------------------------------


def _troubled(*troubles: Trouble) -> Callable[[Stage], None]:
    """A story in which each write of each step once meets trouble, each time on an empty stage."""

    def story(stage: Stage) -> None:
        steps = len(stage.case.examples) + 1
        for step in range(steps):
            count = 1
            number = 1
            while number <= count:
                for trouble in troubles:
                    with stage.again() as fresh:
                        count = _one_trouble(fresh, step, Meddling(number, trouble))
                number += 1

    return story


def _one_trouble(stage: Stage, step: int, meddling: Meddling) -> int:
    """Trouble in one step of a life: create, an update or the delete; the number of its writes."""
    before = stage.lives()
    examples = stage.case.examples
    is_end = step == len(examples)
    if step:
        _make(stage, step - 1)
    stage.wanted = examples[min(step, len(examples) - 1)]
    stage.apply(meddling, is_end=is_end)
    count = len(meddling.calls)
    if meddling.at > count:
        return count
    kind, method = meddling.calls[meddling.at - 1]
    when = f"where {method} of {kind} is interrupted ({meddling.trouble.value})"
    for _ in range(ROUNDS):
        if not stage.pending(is_end=is_end):
            break
        stage.applied(is_end=is_end)
    if left := stage.pending(is_end=is_end):
        words = ", ".join(f"{address}: {action.value}" for address, action in sorted(left.items()))
        raise BrokenError(f"{when}, {ROUNDS} runs later the plan still has {words}")
    _without_strays(stage, before, when)
    if not is_end:
        stage.applied(is_end=True)
        if set(stage.lives()) - set(before):
            raise BrokenError(f"{when}, something is left after the delete")
    return count


# --- receivers ----------------------------------------------------------------------------------------------


def _receiver(stage: Stage) -> None:
    """It holds an app's credential; the app is replaced."""
    kind, app = stage.case.kind, _app(stage.case)
    source = f"{app.name}.{KEY}"
    wanted = {app.fields.redirects: ["${providers.connect.callback_url}"], "scopes": _SCOPES}
    stage.beside = {app.name: {KEY: wanted}}
    stage.wanted = _with(stage.case, source)
    stage.applied()
    _is_settled(stage, "after a create with an app's credential")
    stage.applied(replaces=(Address.parse(source),))
    calls = stage.calls
    written, removed = (kind.name, "update"), (app.name, "delete")
    if written not in calls:
        raise BrokenError("a new credential isn't delivered")
    if removed not in calls and not kind.keeps_old:
        raise BrokenError("the old credential stays, though it shows the new one's client id")
    if removed in calls and calls.index(removed) < calls.index(written):
        raise BrokenError("the old credential goes before the new one is delivered")
    _is_settled(stage, "after a new credential was delivered")


def _app(case: Case) -> Kind[Any]:
    """The kind whose objects have a credential of their own that people sign in through."""
    return next(kind for kind in case.kinds.values() if kind.fields.issues and kind.fields.redirects)


def _with(case: Case, source: str) -> dict[str, Any]:
    """The first example, with a credential of an app."""
    wanted: dict[str, Any] = dict(case.examples[0])
    shown = case.kind.fields.shows_referred.split(".")
    secret = next(case.secret_paths)
    for path, attribute in ((shown, "client_id"), (list(secret), "client_secret")):
        inner = wanted
        for name in path[:-1]:
            inner[name] = dict(inner[name])
            inner = inner[name]
        inner[path[-1]] = f"${{{source}.{attribute}}}"
    return wanted


def _no_name(case: Case) -> str:
    return "" if case.kind.fields.name else "objects of this kind have no name"


def _no_receiver(case: Case) -> str:
    if not (case.kind.receives and case.kind.fields.shows_referred):
        return "it shows no credential of another kind"
    return "" if next(case.secret_paths, None) else "its schema marks no field as writeOnly"


_LOST = (Trouble.LOST_BEFORE, Trouble.LOST_AFTER)
_KILLED = (Trouble.KILLED_BEFORE, Trouble.KILLED_AFTER)

PROMISES = (
    Promise("examples", "its schema has three valid examples or more", _examples, is_ground=True),
    Promise("create", "what is created is there, once", _create, is_ground=True),
    Promise("empty-plan", "after a create, the plan is empty", _empty_plan, is_ground=True),
    Promise("update", "each example becomes the next, and then the plan is empty", _update),
    Promise("delete", "what is deleted is gone, and then the plan is empty", _delete),
    Promise("read", "read shows what observe lists, and nothing where it is gone", _read),
    Promise("failed-read", "a list that fails is never an empty one", _failed_read),
    Promise("given-only", "an update leaves alone what it isn't given", _alone),
    Promise("drift", "a change by hand is seen and put right", _drift),
    Promise("gone", "what somebody deleted is made anew, and deleting it twice is done", _gone),
    Promise("adopt", "an object is taken over by its id", _adopt),
    Promise("lost-ledger", "without a ledger, an object is found by its name", _lost_ledger, _no_name),
    Promise("lost-answer", "a lost answer leaves no second object behind", _troubled(*_LOST)),
    Promise("killed", "a run that is killed around a write is made up for", _troubled(*_KILLED)),
    Promise("receiver", "a new credential is delivered before the old one goes", _receiver, _no_receiver),
    Promise("canaries", "no secret is readable in what it answers", _canaries),
)
