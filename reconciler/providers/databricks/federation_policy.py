"""Databricks federation policies: whose foreign tokens are taken, account-wide or for one principal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from reconciler.errors import InternalError, NotFoundError, Severity
from reconciler.kinds import Attributes, Complaint, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Live
from reconciler.providers._field_types import ID, OBJECT, TEXT, TEXTS
from reconciler.providers._paths import segment
from reconciler.providers._required_ids import must_have
from reconciler.providers.databricks._lists import list_inside

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

_OIDC: Final = ("issuer", "audiences", "subject", "subject_claim", "jwks_uri", "jwks_json")
_SHAPE = {
    "policy_id": TEXT,
    "service_principal_id": ID,
    "description": TEXT,
    "oidc_policy": OBJECT,
    "oidc_policy.audiences": TEXTS,
    **{f"oidc_policy.{name}": TEXT for name in _OIDC if name != "audiences"},
}
_KEY = re.compile(r"[0-9a-z-]{2,63}\Z")
GITHUB: Final = "https://token.actions.githubusercontent.com"
# docs/facts/databricks-more.md §4: names, or names with ids on both halves; never a mixture
_REPOSITORY = r"(?:[^/:@*]+/[^/:@*]+|[^/:@*]+@[0-9]+/[^/:@*]+@[0-9]+)"
_SUBJECT = re.compile(rf"repo:{_REPOSITORY}:(?:environment:[^*]+|ref:refs/[^*]+|pull_request)\Z")


class FederationPolicies(Kind["DatabricksAccount"]):
    """Federation policies by `SERVICE_PRINCIPAL/POLICY_ID`, account-wide ones by their policy id alone."""

    name = "federation_policies"
    noun = "federation policy"
    provider_type = "databricks"
    evidence = Evidence.CONTENT
    fields = Fields(
        name="policy_id",
        identity=frozenset({"policy_id", "issuer", "subject"}),
        immutable=frozenset({"policy_id", "service_principal"}),
        unordered=frozenset({"audiences"}),
        computed=frozenset({"id"}),
        defaults={"service_principal": ""},  # account-wide
        parent="service_principal",
    )

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """What its schema can't say: what goes together, plain http, subjects that no token has."""
        key = attributes.get("policy_id")
        if isinstance(key, str) and not _KEY.match(key):
            message = f"{key!r} is no policy id: 2 to 63 small letters, digits and -"
            yield Complaint("policy-id", message, ("policy_id",), "say policy_id:, since the key isn't one")
        is_whole = not attributes.get("service_principal")
        if not is_whole and "subject" not in attributes:
            message = "a policy of a service principal needs a subject"
            yield Complaint("subject-missing", message, (), "add subject: as the tokens have it")
        if is_whole and "subject" in attributes:
            message = "an account-wide policy can't have a subject"
            hint = "add service_principal: ${service_principals.KEY.id}, or take subject out"
            yield Complaint("subject-unused", message, ("subject",), hint)
        if "jwks_uri" in attributes and "jwks_json" in attributes:
            message = "jwks_uri and jwks_json exclude each other"
            yield Complaint("jwks-twice", message, ("jwks_json",), "keep one, or neither: the issuer tells")
        yield from _addresses(attributes)
        yield from _subjects(attributes)

    def observe(self, api: DatabricksAccount, scope: Scope) -> Sequence[Live]:
        """The policies of every parent in the scope; "" is the account. A principal that is gone has none."""
        found = api.http.map(lambda parent: _list(api, parent), scope.parents)
        return [live for lives in found for live in lives]

    def read(self, api: DatabricksAccount, live_id: str, parent: str = "") -> Live | None:
        """One policy."""
        path = _path(api, live_id)
        try:
            return _live(api, "GET", path, api.http.get(path), live_id.rpartition("/")[0])
        except NotFoundError:
            return None

    def create(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> Created:
        """Makes a policy under the id that the spec gives it, so that a second one is refused."""
        path = _base(api, parent)
        body = _body(attributes)
        answer = api.http.call("POST", path, query={"policy_id": attributes["policy_id"]}, body=body).body
        return Created(_live(api, "POST", path, answer, parent))

    def namesake(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> str:
        """The policy that has this id under the same parent."""
        key = str(attributes["policy_id"])
        live = self.read(api, f"{parent}/{key}" if parent else key)
        return live.id if live else ""

    def update(
        self, api: DatabricksAccount, live_id: str, attributes: Attributes, parent: str = ""
    ) -> Live | None:
        """Sets what is given; the mask lets a list be emptied."""
        if fixed := sorted(set(attributes) - {"description", *_OIDC}):
            raise InternalError(f"{', '.join(fixed)} of a federation policy can't be changed")
        mask = [name if name == "description" else f"oidc_policy.{name}" for name in sorted(attributes)]
        path = _path(api, live_id)
        query = {"update_mask": ",".join(mask)}
        answer = api.http.call("PATCH", path, query=query, body=_body(attributes)).body
        return _live(api, "PATCH", path, answer, live_id.rpartition("/")[0])

    def delete(self, api: DatabricksAccount, live_id: str, parent: str = "") -> None:
        """Removes a policy: its tokens are refused from then on."""
        api.http.delete(_path(api, live_id))


def _addresses(attributes: Attributes) -> Iterator[Complaint]:
    for name in ("issuer", "jwks_uri"):
        value = attributes.get(name)
        if isinstance(value, str) and value.lower().startswith("http://") and not _is_loopback(value):
            message = f"{value} is plain http"
            yield Complaint("insecure-url", message, (name,), "use https: whoever forges it signs in")


def _is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")


def _subjects(attributes: Attributes) -> Iterator[Complaint]:
    subject = attributes.get("subject")
    if attributes.get("issuer") == GITHUB and isinstance(subject, str) and not _SUBJECT.match(subject):
        message = f"no token of GitHub has the subject {subject!r}"
        hint = "write repo:ORG/REPO: or repo:ORG@ID/REPO@ID: with environment:E, ref:refs/… or pull_request"
        yield Complaint("subject-form", message, ("subject",), hint, Severity.WARNING)


def _base(api: DatabricksAccount, parent: str) -> str:
    inside = f"servicePrincipals/{segment(parent)}/" if parent else ""
    return api.path(f"{inside}federationPolicies")


def _path(api: DatabricksAccount, live_id: str) -> str:
    parent, _, key = live_id.rpartition("/")
    return f"{_base(api, parent)}/{segment(key)}"


def _body(attributes: Attributes) -> dict[str, Any]:
    policy = {name: attributes[name] for name in _OIDC if name in attributes}
    described = {"description": attributes["description"]} if "description" in attributes else {}
    return {**described, "oidc_policy": policy}


def _list(api: DatabricksAccount, parent: str) -> list[Live]:
    path = _base(api, parent)
    items = list_inside(api, parent, path, "policies")
    # the account's list may show policies of principals, too
    own = [item for item in items if parent or not item.get("service_principal_id")]
    return [_live(api, "GET", path, item, parent) for item in own]


def _live(api: DatabricksAccount, method: str, path: str, body: Any, parent: str) -> Live:
    item: Mapping[str, Any] = must_have(api.http, method, path, body, "policy_id")
    api.http.must_fit(method, path, item, item["policy_id"], _SHAPE)
    key, policy = str(item["policy_id"]), item.get("oidc_policy") or {}
    live_id = f"{parent}/{key}" if parent else key
    return Live(
        id=live_id,
        name=key,
        attributes={
            "policy_id": key,
            "service_principal": parent,
            "description": str(item.get("description") or ""),
            **{name: str(policy.get(name) or "") for name in _OIDC if name != "audiences"},
            "audiences": list(policy.get("audiences") or ()),
        },
        computed={"id": live_id},
        parent=parent,
        created_at=str(item.get("create_time") or ""),
        updated_at=str(item.get("update_time") or ""),
    )


KIND = FederationPolicies()
