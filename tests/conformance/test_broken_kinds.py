"""A kind that breaks one promise is told which."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace

import pytest

from reconciler.conformance import PROMISES, Verdict, cases_of, conform
from reconciler.errors import InvalidRequestError, RemoteError
from reconciler.model import Live
from reconciler.providers import KINDS

from .conftest import SAMPLE

sys.path.insert(0, str(SAMPLE))
sample = importlib.import_module("acme_vault.kinds")
sys.path.remove(str(SAMPLE))
Notes, NOTE = sample.VaultNotes, sample.NOTE


def with_examples(*examples):
    return {**NOTE, "examples": examples}


class FewExamples(Notes):
    schema = with_examples(*NOTE["examples"][:2])


class WrongExample(Notes):
    schema = with_examples({"title": "x"}, *NOTE["examples"])


class Unlisted(Notes):
    def observe(self, api, scope):
        return []


class Unshown(Notes):
    def shown(self, live_id, note):
        return super().shown(live_id, {**note, "text": "…"})


class DeafUpdate(Notes):
    def update(self, api, live_id, attributes, parent=""):
        super().update(api, live_id, {k: v for k, v in attributes.items() if k != "labels"})


class Undying(Notes):
    def delete(self, api, live_id, parent=""):
        pass


class ReadsGhosts(Notes):
    def read(self, api, live_id, parent=""):
        return super().read(api, live_id) or Live(live_id, "gone", {}, {"id": live_id})


class ReadsOtherwise(Notes):
    def read(self, api, live_id, parent=""):
        found = super().read(api, live_id)
        return found and replace(found, attributes={"title": found.name})


class FailsSilently(Notes):
    def observe(self, api, scope):
        try:
            return super().observe(api, scope)
        except RemoteError:
            return []


class ForgetsOthers(Notes):
    def update(self, api, live_id, attributes, parent=""):
        note = api.vault().notes[live_id]
        old = {k: note[k] for k in ("title", "text", "token") if k in note}
        note.clear()
        note.update(old, **self.kept(attributes))


class OneWay(Notes):
    """Takes a title that comes earlier in the alphabet, and no other."""

    def update(self, api, live_id, attributes, parent=""):
        old = api.vault().notes[live_id]["title"]
        super().update(api, live_id, {k: v for k, v in attributes.items() if k != "title" or v < old})


class DiesTwice(Notes):
    def delete(self, api, live_id, parent=""):
        del api.vault().notes[live_id]


class TakesNoToken(Notes):
    """A token can't be set again, though a ledger is lost with what it knew of it."""

    def update(self, api, live_id, attributes, parent=""):
        if set(attributes) == {"token"}:
            raise InvalidRequestError("no", method="PATCH", path="/", status=400)
        super().update(api, live_id, attributes)


class Nameless(Notes):
    def shown(self, live_id, note):
        return replace(super().shown(live_id, note), name="")


class Unrecognised(Notes):
    fields = replace(Notes.fields, name="", identity=frozenset({"text", "color"}))

    def create(self, api, attributes, parent=""):
        api.vault().notes["draft"] = {"title": "draft", "text": "draft"}
        made = super().create(api, attributes)
        del api.vault().notes["draft"]
        return made


class Talkative(Notes):
    def kept(self, attributes):
        told = {"hint": attributes["token"].reveal()} if "token" in attributes else {}
        return {**super().kept(attributes), **told}


HELD = {**NOTE, "properties": {**NOTE["properties"], "client_id": {"type": "string"}}}


class Holder(Notes):
    """Holds a credential of somebody else, and shows whose."""

    receives = True
    fields = replace(Notes.fields, shows_referred="client_id")
    schema = HELD


class ShowsTheOld(Holder):
    """Goes on to show the client whose credential it has no more."""

    def update(self, api, live_id, attributes, parent=""):
        super().update(api, live_id, {k: v for k, v in attributes.items() if k != "client_id"})


class MadeAnew(Holder):
    """Is replaced for a new credential, which breaks what points at it."""

    fields = replace(Holder.fields, immutable=frozenset({"client_id"}))


BROKEN = [
    ("examples", FewExamples),
    ("examples", WrongExample),
    ("create", Unlisted),
    ("empty-plan", Unshown),
    ("update", DeafUpdate),
    ("delete", Undying),
    ("read", ReadsGhosts),
    ("read", ReadsOtherwise),
    ("failed-read", FailsSilently),
    ("given-only", ForgetsOthers),
    ("drift", OneWay),
    ("gone", DiesTwice),
    ("adopt", TakesNoToken),
    ("lost-ledger", Nameless),
    ("lost-answer", Unrecognised),
    ("killed", Unrecognised),
    ("receiver", ShowsTheOld),
    ("receiver", MadeAnew),
    ("canaries", Talkative),
]


def findings(kind):
    class Module:
        KIND = kind()
        sandbox = staticmethod(sample.sandbox)
        __name__ = "acme_vault.kinds"

    (case,) = cases_of(Module, KINDS)
    return conform(case)


def broken(kind):
    return {f.promise.name: f.words for f in findings(kind) if f.verdict is Verdict.BROKEN}


@pytest.mark.parametrize(("promise", "kind"), BROKEN)
def test_a_broken_promise_is_named(promise, kind):
    found = broken(kind)
    assert promise in found


def test_every_promise_can_be_broken():
    assert {promise for promise, _ in BROKEN} == {promise.name for promise in PROMISES}


def test_the_sample_package_keeps_them_all():
    assert broken(Notes) == {}


def test_a_receiver_of_another_package_keeps_them_all():
    assert {f.promise.name for f in findings(Holder) if f.verdict is not Verdict.KEPT} == set()
