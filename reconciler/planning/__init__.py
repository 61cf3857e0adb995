"""Planning: context → plan. Pure, and the only user of deepdiff."""

from reconciler.planning.access_lists import differs, lost_access, wanted_access
from reconciler.planning.drift import find_drift
from reconciler.planning.graph import Phase, Step, steps
from reconciler.planning.healing import healable
from reconciler.planning.named_keys import by_id, gone
from reconciler.planning.planner import Options, check_copies, make_destroy_plan, make_plan
from reconciler.planning.redaction import origins, remembered
from reconciler.planning.retention import STILL_IN_USE

__all__ = [
    "STILL_IN_USE",
    "Options",
    "Phase",
    "Step",
    "by_id",
    "check_copies",
    "differs",
    "find_drift",
    "gone",
    "healable",
    "lost_access",
    "make_destroy_plan",
    "make_plan",
    "origins",
    "remembered",
    "steps",
    "wanted_access",
]
