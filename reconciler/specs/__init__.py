"""Specs: YAML to stacks, with the line and column of all that is wrong; no credentials, no network."""

from reconciler.specs.loading import load, load_all
from reconciler.specs.policies import breaches, load_policy
from reconciler.specs.remotes import hide
from reconciler.specs.rereading import reread
from reconciler.specs.schema import schemas_of
from reconciler.specs.searching import find

__all__ = ["breaches", "find", "hide", "load", "load_all", "load_policy", "reread", "schemas_of"]
