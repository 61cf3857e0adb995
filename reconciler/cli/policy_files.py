"""The policies of the command line and of the environment: in force for every stack of a run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from reconciler import specs
from reconciler.model.policy import Policy
from reconciler.providers import KINDS

VARIABLE = "RECONCILE_POLICY"


def given_policies(args: argparse.Namespace, environment: Mapping[str, str]) -> tuple[Policy, ...]:
    """What `--policy` and RECONCILE_POLICY name; several files in the variable are parted as in PATH.

    Raises:
        SpecError: one of them is no policy.
    """
    named = [*(getattr(args, "policy", None) or ()), *environment.get(VARIABLE, "").split(os.pathsep)]
    return tuple(specs.load_policy(file, KINDS) for file in dict.fromkeys(named) if file)


def rules_of(args: argparse.Namespace, environment: Mapping[str, str]) -> specs.Rules:
    """The rules of a command: a breach doesn't stop what takes care of time, or takes away.

    Raises:
        SpecError: see `given_policies`.
    """
    stops = getattr(args, "command", "") in _PLANNING and not getattr(args, "due", False)
    return specs.Rules(given_policies(args, environment), enforcing=stops)


_PLANNING = frozenset({"validate", "plan", "apply", "rotate", "watch", "rehearse"})
