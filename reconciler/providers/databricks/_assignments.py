"""Workspaces of service principals: who is assigned to one, and how; assigning and taking out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from reconciler.errors import (
    AnswerError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
)
from reconciler.providers._field_types import ID, OBJECT, TEXTS
from reconciler.providers._paths import segment
from reconciler.providers.databricks._lists import items_of

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

_SHAPE = {"principal": OBJECT, "principal.principal_id": ID, "permissions": TEXTS}
LEVELS = ("USER", "ADMIN")
_FLAKY = "not in workspace"
_FLAKY_WAITS = (0.5, 1.0, 2.0)  # seconds

# What an answer about one workspace may say without putting the whole account in doubt.
_LOCAL = (InvalidRequestError, ForbiddenError, NotFoundError, ConflictError)


def levels_of(api: DatabricksAccount, workspace: str) -> dict[str, str]:
    """SCIM id → USER or ADMIN in one workspace; empty, and noted as trouble, if it can't be told."""
    path = api.path(f"workspaces/{segment(workspace)}/permissionassignments")
    subject = f"workspace {workspace}"
    api.troubles.pop(subject, None)
    try:
        body = api.http.get(path)
    except _LOCAL as error:
        api.troubles[subject] = error.message
        return {}
    items = items_of(api, path, body, "permission_assignments")
    found = {}
    for item in items:
        api.http.must_fit("GET", path, item, "an assignment", _SHAPE)
        principal, permissions = item.get("principal") or {}, item.get("permissions") or []
        level = next((level for level in ("ADMIN", "USER") if level in permissions), "")  # ADMIN wins
        if level and principal.get("principal_id") is not None:
            found[str(principal["principal_id"])] = level
    return found


def assign(api: DatabricksAccount, workspace: str, live_id: str, level: str) -> None:
    """Gives access, as one of the levels: an empty or unknown list would silently take it away."""
    path, body = _path(api, workspace, live_id), {"permissions": [level]}
    _patiently(api, lambda: api.http.put(path, body, yes=lambda answer: _grants(answer, level)))


def unassign(api: DatabricksAccount, workspace: str, live_id: str) -> None:
    """Takes access away; what is gone already is done."""
    path = _path(api, workspace, live_id)
    try:
        _patiently(api, lambda: api.http.call("DELETE", path))
    except NotFoundError:
        return
    except InvalidRequestError as error:
        if not _is_flaky(error):
            raise


def _path(api: DatabricksAccount, workspace: str, live_id: str) -> str:
    place = f"workspaces/{segment(workspace)}/permissionassignments"
    return api.path(f"{place}/principals/{segment(live_id)}")


def _grants(answer: Any, level: str) -> bool:
    """Whether the answer is an assignment of that level; one may hold an `error` in its place."""
    if not isinstance(answer, Mapping) or answer.get("error"):
        return False
    permissions = answer.get("permissions")
    return isinstance(permissions, list) and level in permissions


def _is_flaky(error: AnswerError) -> bool:
    return _FLAKY in error.message.lower()


def _patiently(api: DatabricksAccount, call: Callable[[], object]) -> None:
    """Repeats a call that is answered `Principal … not in workspace …`, as happens half of the time."""
    for wait in _FLAKY_WAITS:
        if not _is_flaky_answer_of(call):
            return
        api.http.sleep(wait)
    call()


def _is_flaky_answer_of(call: Callable[[], object]) -> bool:
    try:
        call()
    except (InvalidRequestError, NotFoundError) as error:
        if not _is_flaky(error):
            raise
        return True
    return False
