"""An estate, as it is live, to the text of a spec that takes it over and changes nothing. Pure."""

from reconciler.exporting.choosing import Wishes
from reconciler.exporting.exporting import Exported, export

__all__ = ["Exported", "Wishes", "export"]
