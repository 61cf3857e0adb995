"""Groups of a Databricks account: their members, read group by group, and joining and leaving one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError
from reconciler.providers._required_ids import must_have

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

_GROUPS = "scim/v2/Groups"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True)
class Group:
    """One group: its name, and the SCIM ids of its direct members."""

    name: str
    members: frozenset[str]


def members_of(api: DatabricksAccount, group: str) -> Group | None:
    """A group by its id; None, and noted as trouble unless it is just gone, if it can't be told."""
    subject = f"group {group}"
    api.troubles.pop(subject, None)
    try:
        return _read(api, group)
    except NotFoundError:
        return None
    except (InvalidRequestError, ForbiddenError) as error:
        api.troubles[subject] = error.message
        return None


def join(api: DatabricksAccount, group: str, live_id: str) -> bool:
    """Makes a principal a member; False if it is one already: adding it again, a server may refuse."""
    with api.one_at_a_time[group]:
        if live_id in _read(api, group).members:
            return False
        body = patch_op({"op": "add", "path": "members", "value": [{"value": live_id}]})
        try:
            api.http.patch(api.path(_GROUPS, group), body, yes=lambda answer: is_of(answer, group))
        except ConflictError:  # so it is one: an answer to the same request got lost
            if live_id not in _read(api, group).members:
                raise
    return True


def leave(api: DatabricksAccount, group: str, live_id: str) -> None:
    """Takes a principal out; one that isn't in it, and a group that is gone, are done."""
    body = patch_op({"op": "remove", "path": f"members[value eq {quoted(live_id)}]"})
    with api.one_at_a_time[group], suppress(NotFoundError):
        api.http.patch(api.path(_GROUPS, group), body, yes=lambda answer: is_of(answer, group))


def patch_op(*operations: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a SCIM PATCH."""
    return {"schemas": [_PATCH], "Operations": list(operations)}


def quoted(value: str) -> str:
    """A value as a filter has it."""
    return json.dumps(value, ensure_ascii=False)


def is_of(answer: Any, live_id: str, key: str = "id") -> bool:
    """Nothing, or the object itself: which of them is not documented of all."""
    return not answer or (isinstance(answer, Mapping) and str(answer.get(key)) == live_id)


def _read(api: DatabricksAccount, group: str) -> Group:
    path = api.path(_GROUPS, group)
    item = must_have(api.http, "GET", path, api.http.get(path), "id")
    members = item.get("members") or []
    if str(item["id"]) != group or not isinstance(members, list):
        raise api.http.misshapen("GET", path, "isn't that group with its members")
    if not all(isinstance(member, Mapping) and member.get("value") for member in members):
        raise api.http.misshapen("GET", path, "has a member without an id")
    return Group(str(item.get("displayName") or ""), frozenset(str(member["value"]) for member in members))
