"""What there is to look up: codes, kinds and attributes, from what the tool itself uses."""

from reconciler.explaining.attributes import Attribute, attribute, attributes, kinds
from reconciler.explaining.codes import Code, codes

__all__ = ["Attribute", "Code", "attribute", "attributes", "codes", "kinds"]
