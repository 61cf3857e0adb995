"""Lists that miss what was just made or still show what was just deleted, and effects that come very late."""

import pytest

from .judging import assert_whole, settle
from .stories import ALL, CREATE, each_write, killed_at_write, prepared


@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize(("name", "number"), each_write())
def test_a_kill_is_survived_while_lists_lag(rig, name, number, lag):
    story = ALL[name]
    with prepared(rig, story):
        rig.knobs(list_lag=lag)
        assert killed_at_write(rig, story, number, "after")
        settle(rig, story)


@pytest.mark.parametrize("lag", [2])
@pytest.mark.parametrize(("name", "number"), each_write())
def test_a_lost_answer_is_survived_while_lists_lag(rig, name, number, lag):
    story = ALL[name]
    with prepared(rig, story):
        rig.knobs(list_lag=lag)
        rig.fault(f"write={number},when=after,do=reset")
        rig.run(*story.command)
        rig.clear_faults()
        settle(rig, story)


# which write makes something: an assignment and a PATCH are said again until they are heard
@pytest.mark.parametrize(
    ("name", "number"),
    [*(("create", n) for n in range(1, CREATE.writes + 1)), ("rotate", 1), ("replace", 1)],
)
def test_what_arrives_after_its_successor_was_made_is_swept(rig, name, number):
    story = ALL[name]
    prepared(rig, story)  # no probe: an integration that nobody refers to may hold what was revoked (§9)
    arrive = rig.hold_back(f"write={number}")
    rig.run(*story.command)
    settle(rig, story)
    assert arrive() in ([], [200], [201])
    swept = rig.apply()
    assert swept.code == 0, swept.text
    for orphan in rig.stray_principals():
        # its name is all the evidence there is: it's left for a person to judge
        assert "stray-unresolved" in swept.text
        assert orphan in swept.text
        rig.delete_principal(orphan)
    assert_whole(rig, apps=story.apps, integrations=story.integrations)
