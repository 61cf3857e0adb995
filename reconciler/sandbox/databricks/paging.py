"""Pages with a token, as all lists of the account API but SCIM's have them."""

from __future__ import annotations

from reconciler.sandbox.messages import Answer, json_answer
from reconciler.sandbox.routes import Call
from reconciler.sandbox.tables import Row


def asked(call: Call) -> tuple[int, str]:
    """How many objects the page that is asked for holds at most, and its token."""
    most = call.state.world.knobs.page_size
    size = max(1, min(call.query_int("page_size", most) or most, most))
    return size, call.request.query.get("page_token", "")


def page(name: str, rows: list[Row], token: str) -> Answer:
    """A page; the list is absent when it is empty, the token when this is the last one."""
    body: dict[str, object] = {name: rows} if rows else {}
    if token:
        body["next_page_token"] = token
    return json_answer(body)
