"""Specs: YAML to stacks, with the line and column of all that is wrong; no credentials, no network."""

from reconciler.specs.current_values import reread
from reconciler.specs.loader import Outline, Rules, load, load_all
from reconciler.specs.policies import breaches, load_policy
from reconciler.specs.provider_section import hide
from reconciler.specs.schema import schemas_of
from reconciler.specs.spec_files import find

__all__ = [
    "Outline",
    "Rules",
    "breaches",
    "find",
    "hide",
    "load",
    "load_all",
    "load_policy",
    "reread",
    "schemas_of",
]
