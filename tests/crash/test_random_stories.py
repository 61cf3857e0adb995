"""Random stories, each the same for the same seed: `make stories N=300` tells more, and longer ones."""

import os

import pytest

from reconciler.sandbox import SandboxServer

from .conftest import LAG_BOUND, Rig
from .telling import Teller, WatchedSandbox

STORIES = int(os.environ.get("STORIES") or 6)
FIRST = int(os.environ.get("FIRST_STORY") or 0)
CHAPTERS = 6 if "STORIES" in os.environ else 3


@pytest.mark.parametrize("seed", range(FIRST, FIRST + STORIES))
def test_whatever_happens_two_runs_later_all_is_well(seed, tmp_path):
    with SandboxServer(sandbox=WatchedSandbox()) as server:
        home = {"PATH": os.environ.get("PATH", ""), "HOME": str(tmp_path)}
        rig = Rig(tmp_path, server, {**home, "RECONCILE_LAG_BOUND": LAG_BOUND, **server.env})
        Teller(rig, seed).tell(CHAPTERS)
