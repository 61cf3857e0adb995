"""An estate, as it is live, to the text of a spec that takes it over and changes nothing. Pure."""

from reconciler.exporting.export import Exported, export
from reconciler.exporting.selection import Wishes

__all__ = ["Exported", "Wishes", "export"]
