"""The rehearsal itself: the plan once as it is, then with trouble at each of its writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from reconciler.errors import ReconcileError
from reconciler.model import Action, Address, Change, Outcome, Plan
from reconciler.model.rehearsal import Owned, Rehearsal, Traffic, Trial, Trouble
from reconciler.rehearsing.stage import Script, Stage
from reconciler.rehearsing.striking import KilledError, Strike

RUNS = 3  # after trouble; the first is to put everything right


class _Order:
    """Notes in which order changes end."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def started(self, address: Address, action: Action) -> None:
        """It is the end that counts."""

    def finished(self, outcome: Outcome) -> None:
        """A change has ended."""
        self.outcomes.append(outcome)


def rehearse(
    script: Script,
    *,
    parallelism: int,
    sleep: Callable[[float], None],
    faults: bool = False,
    tell: Callable[[str], None] = lambda words: None,
) -> Rehearsal:
    """What would happen if the plan were applied.

    Args:
        parallelism: calls under way at one time.
        sleep: waits for as long as the real systems take.
        faults: once more per write with each trouble.
        tell: is told how far it is.

    Raises:
        ReconcileError: what stops a plan.
    """
    stage, strike, order = Stage(script), Strike(), _Order()
    tell("applying the plan to the copy")
    plan, outcomes, seconds = stage.apply(strike, parallelism=parallelism, sleep=sleep, watcher=order)
    ended = [each.address for each in order.outcomes]
    later = [each for each in outcomes if each.address not in ended]
    left = _left(stage.plan())
    return Rehearsal(
        plan=plan,
        outcomes=(*order.outcomes, *later),
        traffic=_traffic(script, strike),
        seconds=seconds,
        end=_end(stage, script),
        left=left,
        trials=tuple(_trials(script, left, tell)) if faults else (),
    )


def _left(plan: Plan) -> tuple[Change, ...]:
    return tuple(change for change in plan.changes if change.action is not Action.NO_OP)


def _traffic(script: Script, strike: Strike) -> Mapping[str, Traffic]:
    found = {}
    for name in sorted({*script.copies, *script.folders}):
        writes = sum(provider == name for provider, _ in strike.writes)
        latency = script.copies[name].latency if name in script.copies else 0.0
        found[name] = Traffic(strike.reads.count(name), writes, latency)
    return found


def _end(stage: Stage, script: Script) -> tuple[Owned, ...]:
    """What the ledger owns; ids that the sandbox made up aren't told."""
    known = {entry.id for entry in script.ledger.entries.values()}
    for copy in script.copies.values():
        known |= copy.ids
    return tuple(
        Owned(str(address), entry.id if entry.id in known else "", entry.name)
        for address, entry in sorted(stage.ledger.entries.items())
    )


def _trials(script: Script, left: tuple[Change, ...], tell: Callable[[str], None]) -> list[Trial]:
    """The plan once more per write and trouble; what is left without any is no fault of the trouble."""
    first = Strike()
    Stage(script).apply(first)
    anyway = {_words(change) for change in left}
    found = []
    for number, (provider, call) in enumerate(first.writes, 1):
        for trouble in Trouble:
            tell(f"write {number} of {len(first.writes)}: {trouble.value}")
            found.append(_trial(script, Trial(number, provider, call, trouble, 0), anyway))
    return found


def _trial(script: Script, trial: Trial, anyway: set[str]) -> Trial:
    stage, strike = Stage(script), Strike(trial.write, trial.trouble)
    with suppress(KilledError):
        stage.apply(strike)
    try:
        for run in range(RUNS + 1):
            left = {_words(change) for change in _left(stage.plan())} - anyway
            if not left:
                return replace(trial, runs=run)
            if run < RUNS:
                stage.apply(Strike())
    except ReconcileError as error:
        return replace(trial, runs=run, left=(error.message,))
    return replace(trial, runs=RUNS, left=tuple(sorted(left)))


def _words(change: Change) -> str:
    return f"{change.action.value} {change.address}"
