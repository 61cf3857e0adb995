"""How each rule is dropped: a function that makes a process behave as if there were no such rule."""

from dataclasses import replace


def drop(rule):
    """Drops one rule in this process."""
    _HOW[rule]()


def _nothing(draft):
    """An edit that changes nothing."""


def _no_intent():
    from reconciler.applying import ledger_edits

    ledger_edits.intended = lambda address, intent: _nothing


def _record_at_the_end():
    """Answers go on record when all is done, and not before they are used."""
    from reconciler.applying import executor, ledger_edits

    calls_of, walk = executor.calls_of, executor.Executor._walk
    late = []

    def later(call):
        def keep(answer):
            late.append(call.after(answer))

        return replace(call, after=keep)

    def walked(self):
        walk(self)
        self.journal.commit(ledger_edits.as_one([edit for edit in late if edit is not None]))

    executor.calls_of = lambda *which: (later(call) for call in calls_of(*which))
    executor.Executor._walk = walked


def _repeat_creates():
    from reconciler.providers.http import EFFECTS, Effect

    EFFECTS["POST"] = Effect.REPEATABLE


def _no_patience():
    from reconciler import observing

    observing.LAG = (0.0,)


def _no_tombstones():
    from reconciler.applying import ledger_edits

    def bury(draft):
        draft.given_up = []

    ledger_edits.without_old_tombstones = lambda horizon: bury


def _no_doubt():
    from reconciler.matching.recovery import _IntentResolver

    _IntentResolver._is_doubtful = lambda *about: False


def _no_delivery_intent():
    from reconciler.applying import ledger_edits

    ledger_edits.sending = lambda *about: _nothing


def _revoke_without_waiting():
    from reconciler.applying import executor
    from reconciler.planning import Phase

    steps = executor.steps

    def impatient(*about):
        found = steps(*about)
        return {
            step: tuple(
                one for one in before if step.phase is not Phase.REMOVE or one.address == step.address
            )
            for step, before in found.items()
        }

    executor.steps = impatient


def _unknown_means_it_did_not_arrive():
    from reconciler.planning import orphans

    orphans._may_have_arrived = lambda *about: False


def _forget_the_old_id():
    from reconciler.applying import ledger_edits

    recorded = ledger_edits.recorded
    ledger_edits.recorded = lambda address, entry, former=None: recorded(address, entry)


def _no_quarantine():
    from reconciler.applying import ledger_edits
    from reconciler.planning import planner

    former_of = ledger_edits.former_of
    ledger_edits.former_of = lambda *about, **more: former_of(*about, **{**more, "is_dead": True})
    planner._is_quarantined = lambda *about: False


def _no_fencing():
    from reconciler.ledger.file_store import FileRegister

    FileRegister._check = lambda register, expected: None


def _any_creator():
    from reconciler.matching.recovery import _IntentResolver

    _IntentResolver._may_be_ours = lambda *about: True
    _IntentResolver._is_unproven = lambda *about: False


def _any_lifetime():
    from reconciler.matching.recovery import _IntentResolver

    _IntentResolver._is_tagged = lambda *about: True


_HOW = {
    "1": _no_intent,
    "2": _record_at_the_end,
    "3": _repeat_creates,
    "5": _no_patience,
    "6": _no_tombstones,
    "7": _no_doubt,
    "8": _no_delivery_intent,
    "9": _revoke_without_waiting,
    "10": _unknown_means_it_did_not_arrive,
    "11": _forget_the_old_id,
    "14": _no_quarantine,
    "15": _no_fencing,
    "creator": _any_creator,
    "tag": _any_lifetime,
}
