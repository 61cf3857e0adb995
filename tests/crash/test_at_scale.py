"""Group commit: few ledger writes for many creates, and none of them sent before its intent is on record."""

import json
import threading

import pytest

from . import inside
from .judging import settle
from .stories import ALL, prepared

MANY = 1_000
APPS = "custom-app-integrations"


def many_apps():
    apps = "".join(
        f"  app-{n}: {{redirect_urls: ['https://example.org/{n}'], scopes: [all-apis]}}\n"
        for n in range(MANY)
    )
    return f"version: 1\nstack: rig\nproviders:\n  databricks: {{type: databricks}}\noauth_apps:\n{apps}"


class Watched:
    """What the ledger said, durably, at the moment of each create of an app."""

    def __init__(self, rig):
        self.path = rig.folder / ".reconcile" / "rig.json"
        self.handle = rig.sandbox.handle
        self.lock = threading.Lock()
        self.version = None
        self.intents = set()
        self.posts = 0
        self.early = []
        rig.sandbox.handle = self.handled

    def handled(self, request):
        if request.method == "POST" and request.path.endswith(APPS):
            name = json.loads(request.body)["name"]
            with self.lock:
                self.posts += 1
                if f"oauth_apps.{name}" not in self.on_record():
                    self.early.append(name)
        return self.handle(request)

    def on_record(self):
        if not self.path.exists():
            return set()
        about = self.path.stat()
        if (about.st_ino, about.st_mtime_ns) != self.version:
            self.version = (about.st_ino, about.st_mtime_ns)
            self.intents = set(json.loads(self.path.read_text())["pending"].get("intents", ()))
        return self.intents


def test_a_thousand_creates_take_few_ledger_writes_and_none_is_sent_before_its_intent(rig):
    watched = Watched(rig)
    rig.write(many_apps())
    ended = rig.apply("--quiet", "--parallelism", "16")
    assert ended.code == 0, ended.text
    assert watched.posts == MANY
    assert watched.early == []
    ledger = rig.ledger()
    assert len(ledger["resources"]) == MANY
    assert ledger["serial"] <= 60


def test_without_room_for_the_intent_nothing_is_sent(rig):
    refused = rig.apply(patch=(inside.fill_the_disk, 1))
    assert refused.code == 1
    assert "No space left" in refused.text
    assert rig.writes() == []
    settle(rig)


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, story in ALL.items() for number in (2, story.commits)]
)
def test_a_disk_that_is_full_half_way_is_survived(rig, name, number):
    story = ALL[name]
    with prepared(rig, story):
        ended = rig.run(*story.command, patch=(inside.fill_the_disk, number))
        assert ended.code == 1
        settle(rig, story)


def test_a_disk_that_is_full_keeps_parallel_creates_from_being_sent_as_well(rig):
    watched = Watched(rig)
    rig.write(many_apps())
    refused = rig.apply("--quiet", patch=(inside.fill_the_disk, 1))
    assert refused.code == 1
    assert watched.posts == 0
