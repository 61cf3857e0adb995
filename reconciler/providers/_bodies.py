"""Bodies of requests as bytes: the one place where secrets of a request are opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from reconciler import errors
from reconciler.providers._exchange import Sent
from reconciler.secrets import Secret


def content_type(sent: Sent) -> str:
    """The form in which the body goes."""
    return "application/x-www-form-urlencoded" if sent.form else "application/json"


def encoded(sent: Sent) -> bytes | None:
    """The body; None if there is none."""
    if sent.form:
        pairs = [(name, v.reveal() if isinstance(v, Secret) else v) for name, v in sent.form.items()]
        return urlencode(pairs).encode()
    if sent.body is None:
        return None
    return json.dumps(sent.body, default=_revealed, sort_keys=True).encode()


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return dict(value)
    raise errors.InternalError(f"a {type(value).__name__} can't be sent as JSON")
