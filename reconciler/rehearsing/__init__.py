"""A plan, carried out in copies of what is live: nothing real is touched."""

from reconciler.rehearsing.copying import copy_of
from reconciler.rehearsing.hearing import Heard
from reconciler.rehearsing.rehearsing import rehearse
from reconciler.rehearsing.stage import Script, Stage

__all__ = ["Heard", "Script", "Stage", "copy_of", "rehearse"]
