"""Plans and the rest as pages: one self-contained file each, that asks the network for nothing."""

from reconciler.rendering.html.documents import (
    drift_html,
    errors_html,
    ledger_html,
    outcomes_html,
    plan_html,
    problems_html,
    verification_html,
)
from reconciler.rendering.html.estate import audit_html
from reconciler.rendering.html.one_document import joined_html

__all__ = [
    "audit_html",
    "drift_html",
    "errors_html",
    "joined_html",
    "ledger_html",
    "outcomes_html",
    "plan_html",
    "problems_html",
    "verification_html",
]
