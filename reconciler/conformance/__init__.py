"""The tests that hold for every kind, for those of this tool and of other packages: promises, kept or broken.

A kind is taken through the examples of its schema, against a practice system: the sandbox of both APIs, a
temporary folder, or what its own package brings. Nothing real is touched.
"""

from reconciler.conformance.cases import Case, cases_of, kinds_in
from reconciler.conformance.places import Place, Sandbox
from reconciler.conformance.promises import PROMISES
from reconciler.conformance.trial import Finding, Verdict, conform

__all__ = ["PROMISES", "Case", "Finding", "Place", "Sandbox", "Verdict", "cases_of", "conform", "kinds_in"]
