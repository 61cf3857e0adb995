"""The error body of Connect: a number, words, and an empty payload (docs/facts/connect.md, 1.1)."""

from __future__ import annotations

from reconciler.sandbox.messages import Answer, Refusal, json_answer

CANNOT_PARSE = 87


def api_error(refusal: Refusal) -> Answer:
    """A refusal as Connect words it."""
    code = refusal.code if isinstance(refusal.code, int) else CANNOT_PARSE
    body = {"code": code, "error": refusal.message, "payload": None}
    return json_answer(body, refusal.status)


def absent(what: str) -> Refusal:
    """404/4: there is no such thing."""
    return Refusal(404, 4, f"The {what} does not exist.")


def forbidden() -> Refusal:
    """403/22: the role isn't enough."""
    return Refusal(403, 22, "You don't have permission to perform this operation.")
