"""An answer that never comes: of a remote write, whether it took effect or not, and of a ledger write."""

import pytest

from . import inside
from .judging import settle
from .stories import ALL, each_commit, each_write, prepared

HOWS = ("502", "cut", "html", "hang")  # to the engine they are all one: each is met now and then
LOST = [
    (name, number, when, how)
    for index, (name, number) in enumerate(each_write())
    for offset, when in enumerate(("before", "after"))
    for how in ("reset", HOWS[(index + 2 * offset) % len(HOWS)])
]


@pytest.mark.parametrize(("name", "number", "when", "how"), LOST)
def test_a_lost_answer_is_survived(rig, name, number, when, how):
    story = ALL[name]
    with prepared(rig, story):
        rig.fault(f"write={number},when={when},do={how}")
        first = rig.run(*story.command, patch=(inside.wait_less, 0.3) if how == "hang" else None)
        assert first.code in (0, 1), first.text
        rig.clear_faults()
        settle(rig, story)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("name", "number"), each_commit())
def test_a_lost_answer_of_the_ledger_is_read_back(rig, name, number, when):
    story = ALL[name]
    with prepared(rig, story):
        first = rig.run(*story.command, patch=(inside.lose_commit, number, when))
        assert first.code == (0 if when == "after" else 1), first.text
        settle(rig, story)
