"""Planning: resources, snapshot and ledger → plan. Pure, and the only user of deepdiff."""

from reconciler.planning.drift import find_drift
from reconciler.planning.graph import Phase, Step, steps
from reconciler.planning.making import Options, keep_old, make_destroy_plan, make_plan
from reconciler.planning.matching import Claims, How, Match, match_all, moved_entries

__all__ = [
    "Claims",
    "How",
    "Match",
    "Options",
    "Phase",
    "Step",
    "find_drift",
    "keep_old",
    "make_destroy_plan",
    "make_plan",
    "match_all",
    "moved_entries",
    "steps",
]
