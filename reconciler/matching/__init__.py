"""Matching: which live object is whose, and what interrupted runs left. Pure."""

from reconciler.matching.adoption import is_of_adopt
from reconciler.matching.canonical import at_path, leaves, normal_host, normal_url, same_leaf
from reconciler.matching.matches import Match, moved_entries
from reconciler.matching.pairing import Pairing, pair, pair_outer
from reconciler.matching.recovery import recover, unsettled
from reconciler.matching.refresh import assumed_secrets
from reconciler.matching.rivals import Rivals, rivals_of
from reconciler.matching.users import (
    User,
    client_of,
    is_owner,
    leaving,
    servers_beside,
    shows_owner,
    users_in,
)

__all__ = [
    "Match",
    "Pairing",
    "Rivals",
    "User",
    "assumed_secrets",
    "at_path",
    "client_of",
    "is_of_adopt",
    "is_owner",
    "leaves",
    "leaving",
    "moved_entries",
    "normal_host",
    "normal_url",
    "pair",
    "pair_outer",
    "recover",
    "rivals_of",
    "same_leaf",
    "servers_beside",
    "shows_owner",
    "unsettled",
    "users_in",
]
