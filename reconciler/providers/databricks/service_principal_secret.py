"""OAuth secrets of Databricks account service principals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import ConflictError, InternalError, InvalidRequestError, ThrottledError
from reconciler.kinds import Attributes, Complaint, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Entry, Live, Ref, Sourced, Text
from reconciler.model.values import is_unknown, seconds
from reconciler.providers._paths import segment
from reconciler.providers._required_ids import must_have
from reconciler.providers.databricks._lists import list_inside
from reconciler.secrets import Secret

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

_DURATIONS: Final = ("lifetime", "rotate_before", "keep_old")
_MAX_LIFETIME: Final = "730d"
_CAP = "a service principal holds at most five secrets: revoke one that nobody uses"


class ServicePrincipalSecrets(Kind["DatabricksAccount"]):
    """Secrets inside a service principal: shown once, never changed, at most five at a time."""

    name = "service_principals.client_secret"
    noun = "secret"
    provider_type = "databricks"
    evidence = Evidence.LIFETIME
    fields = Fields(
        local=frozenset({"lifetime", "rotate_before", "keep_old", "adopted"}),
        computed=frozenset({"id", "client_secret"}),
        issues="client_secret",
        parent="service_principal",
        lifetime="lifetime",
    )

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """Its durations: plain ones, within what the API takes, and in an order that makes sense."""
        found: dict[str, int] = {}
        for key in _DURATIONS:
            value = attributes.get(key)
            if isinstance(value, (Sourced, Ref, Text)) and not is_unknown(value):
                hint = "write the duration itself, or use vars"
                yield Complaint("duration", f"{key} can't hold {value}", (key,), hint)
            if isinstance(value, str):
                with suppress(ValueError):  # the schema says so
                    found[key] = seconds(value)
        longest = seconds(_MAX_LIFETIME)
        if not 0 < found.get("lifetime", 1) <= longest:
            message = f"lifetime must be more than 0s and at most {_MAX_LIFETIME}"
            hint = f"write {_MAX_LIFETIME}, or less" if found["lifetime"] else "write a duration such as 365d"
            yield Complaint("duration", message, ("lifetime",), hint)
        if found.get("rotate_before", -1) >= found.get("lifetime", longest):
            message = "rotate_before must be shorter than lifetime"
            yield Complaint("duration", message, ("rotate_before",), "shorten it, or lengthen lifetime")

    def noted(self, entry: Entry, server: str) -> Mapping[str, str]:
        """Beside what is noted of its principal."""
        noted = super().noted(entry, server)
        return {"secret_id": noted["id"], "expires_at": noted["expires_at"]}

    def observe(self, api: DatabricksAccount, scope: Scope) -> Sequence[Live]:
        """The secrets of every parent in the scope; a parent that is gone has none."""
        found = api.http.map(lambda parent: _list(api, parent), scope.parents)
        return [live for lives in found for live in lives]

    def read(self, api: DatabricksAccount, live_id: str, parent: str = "") -> Live | None:
        """One secret; there is no call for it, so its siblings are listed."""
        return next((live for live in _list(api, parent) if live.id == live_id), None)

    def create(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> Created:
        """Issues a secret.

        Args:
            attributes: `lifetime_seconds`, an int; 730 days, the longest, if it is left out.
            parent: SCIM id of the service principal.

        Raises:
            LostAnswerError: also if the answer lacks the secret, which can't be had any more.
        """
        seconds = attributes.get("lifetime_seconds")
        # A protobuf duration: text with an s.
        body = {} if seconds is None else {"lifetime": f"{int(seconds)}s"}
        path = _path(api, parent)
        try:
            answer = api.http.post(path, body)
        except (InvalidRequestError, ConflictError, ThrottledError) as error:
            # How a sixth secret is refused is not documented.
            error.hint = error.hint or _CAP
            raise
        answer = must_have(api.http, "POST", path, answer, "id")
        return Created(_live(answer, parent), api.one_time_secret(path, answer, "secret"))

    def update(
        self, api: DatabricksAccount, live_id: str, attributes: Attributes, parent: str = ""
    ) -> Live | None:
        """There is nothing to update: a secret is rotated."""
        raise InternalError("a secret can't be changed, only rotated")

    def check(self, api: DatabricksAccount, client_id: str, secret: Secret) -> None:
        """Asks for a token with it."""
        api.prove(client_id, secret)

    def delete(self, api: DatabricksAccount, live_id: str, parent: str = "") -> None:
        """Revokes a secret."""
        api.http.delete(f"{_path(api, parent)}/{segment(live_id)}")


def _path(api: DatabricksAccount, parent: str) -> str:
    if not parent:
        # an empty step in the path would be answered 404, and look like a secret that is gone
        raise InternalError("a secret lives in a service principal, and none was named")
    return api.path(f"servicePrincipals/{segment(parent)}/credentials/secrets")


def _list(api: DatabricksAccount, parent: str) -> list[Live]:
    path = _path(api, parent)
    items = list_inside(api, parent, path, "secrets")
    return [_live(must_have(api.http, "GET", path, item, "id"), parent) for item in items]


def _live(item: Mapping[str, Any], parent: str) -> Live:
    live_id = str(item["id"])
    return Live(
        id=live_id,
        name="",
        attributes={},
        computed={"id": live_id},
        parent=parent,
        created_at=str(item.get("create_time") or ""),
        updated_at=str(item.get("update_time") or ""),
        expires_at=str(item.get("expire_time") or ""),
    )


KIND = ServicePrincipalSecrets()
