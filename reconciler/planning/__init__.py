"""Planning: resources, snapshot and ledger → plan. Pure, and the only user of deepdiff."""

from reconciler.planning.adopting import is_of_adopt, same_id
from reconciler.planning.compare import at_path, normal_host, normal_url, same_leaf
from reconciler.planning.drift import find_drift
from reconciler.planning.everyday import assumed_secrets
from reconciler.planning.graph import Phase, Step, steps
from reconciler.planning.healing import healable
from reconciler.planning.making import Options, keep_old, make_destroy_plan, make_plan
from reconciler.planning.matching import Claims, How, Match, match_all, moved_entries
from reconciler.planning.named import by_id, gone
from reconciler.planning.recovery import Recovery, recover, unsettled
from reconciler.planning.rivals import Rivals, rivals_of
from reconciler.planning.secrets import is_shared
from reconciler.planning.times import parse_time
from reconciler.planning.using import User, client_of, is_owner, leaving, shows_owner, users_in
from reconciler.planning.veiling import origins, remembered

__all__ = [
    "Claims",
    "How",
    "Match",
    "Options",
    "Phase",
    "Recovery",
    "Rivals",
    "Step",
    "User",
    "assumed_secrets",
    "at_path",
    "by_id",
    "client_of",
    "find_drift",
    "gone",
    "healable",
    "is_of_adopt",
    "is_owner",
    "is_shared",
    "keep_old",
    "leaving",
    "make_destroy_plan",
    "make_plan",
    "match_all",
    "moved_entries",
    "normal_host",
    "normal_url",
    "origins",
    "parse_time",
    "recover",
    "remembered",
    "rivals_of",
    "same",
    "same_id",
    "same_leaf",
    "shows_owner",
    "steps",
    "unsettled",
    "users_in",
]
