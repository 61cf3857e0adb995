"""One Databricks account: its client, token paging, SCIM lists and workspaces."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import Any

from reconciler.errors import (
    CredentialError,
    NotFoundError,
    Problem,
)
from reconciler.model import PrincipalRef, ProviderSpec, WorkspaceRef
from reconciler.model.values import GUID
from reconciler.providers._connections import Connections
from reconciler.providers._credential_hosts import origin
from reconciler.providers._paths import segment
from reconciler.providers._size_limits import Tally
from reconciler.providers._throttle import Flow
from reconciler.providers._wires import Wire
from reconciler.providers.databricks._look_ups import look_up
from reconciler.providers.databricks._settings import HOST, settle
from reconciler.providers.databricks._sign_in import TRUST, Waits, prove, sign_in
from reconciler.providers.http import PARALLEL, Answer, Client, Hints
from reconciler.secrets import Secret

SCIM_PARALLEL = 4  # "exceeded the concurrent limit of 4 requests" (docs/facts/databricks.md §3.8)
PAGE = 100

# Zone of a workspace's host by the account's host and by cloud (docs/facts/databricks.md §7.1 and 7.2).
_ZONES = {
    "accounts.cloud.databricks.us": ".cloud.databricks.us",
    "accounts-dod.cloud.databricks.us": ".cloud.databricks.us",
    "accounts-dod.cloud.databricks.mil": ".cloud.databricks.mil",
    "accounts.azuredatabricks.net": ".azuredatabricks.net",
    "accounts.azuredatabricks.us": ".databricks.azure.us",
    "accounts.azuredatabricks.cn": ".databricks.azure.cn",
    "accounts.gcp.databricks.com": ".gcp.databricks.com",
}
_CLOUDS = {"azure": ".azuredatabricks.net", "gcp": ".gcp.databricks.com"}
_ZONE = ".cloud.databricks.com"


PATIENCE = (0.5, 1.0, 2.0)  # seconds until a refused new secret is tried again


class DatabricksAccount:
    """The account-level API of one account.

    Args:
        parallelism: requests in flight at most; of SCIM's never more than the 4 that it allows.
        rate: requests per second at most.
        clock: monotonic seconds.
        sleep: waits that many seconds.
        wire: answers in the place of the network; None for the network.

    Attributes:
        provider: its name in the spec.
        http: the client; `http.gate`, `http.calls`, `http.date` are of use to callers.
        address: of the account host.
        troubles: subject, `workspace 123` → what was wrong with it alone in the last observation.
        one_at_a_time: group id → held while its members are changed: who writes last would win.

    Raises:
        CredentialError: address, account or credential is missing, ambiguous, or belongs elsewhere.
    """

    def __init__(
        self,
        spec: ProviderSpec,
        environment: Mapping[str, str],
        *,
        parallelism: int | None = None,
        rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        wire: Wire | None = None,
    ) -> None:
        settings = settle(spec, environment)
        self.provider = spec.name
        self.address = settings.address
        self.account_id = settings.account_id
        self.troubles: dict[str, str] = {}
        self.one_at_a_time: Mapping[str, threading.Lock] = defaultdict(threading.Lock)
        self._ourselves: dict[str, str] = {}  # shared with all that have another name for this account
        self._settings = settings
        narrow = {"/scim/": SCIM_PARALLEL}
        flow = Flow(max(1, parallelism or PARALLEL), narrow=narrow, rate=rate, clock=clock, sleep=sleep)
        connections = Connections(flow, wire)
        self._waits = Waits(clock, sleep, connections)
        self._sign_in = sign_in(settings, self._waits)
        self.http = Client(
            provider=spec.name,
            base=settings.address,
            sign_in=self._sign_in,
            hints=Hints(
                shown="" if spec.is_private else self.address,
                address=f"host: or {HOST} (of the account, not of a workspace)",
                trust=TRUST,
                unauthorized="check that it belongs to this account and hasn't expired",
                forbidden="the account API wants an account admin",
            ),
            ca_file=settings.ca_file,
            connections=connections,
            clock=clock,
            sleep=sleep,
        )

    def named(self, provider: str) -> DatabricksAccount:
        """The same account under the name that another stack gives it: one sign-in, one pace, own words."""
        other = copy(self)
        other.provider, other.http = provider, self.http.named(provider)
        other._settings = replace(self._settings, provider=provider)
        return other

    def is_same(self, other: object) -> bool:
        """Whether another client asks the same account as the same identity, in every respect."""
        return isinstance(other, DatabricksAccount) and self._settings.agree(other._settings)

    @property
    def signed_in_as(self) -> str:
        """Who we are, for people: `client_id 2c1e…`, `token from DATABRICKS_TOKEN`."""
        return self._sign_in.identity

    def identity(self) -> str:
        """Who we are as `Live.created_by` shows it; "" as long as no app shows us by that name.

        How a service principal is named as a creator isn't documented. A name that has never been seen
        would make our own objects look foreign, so it is told only once it has been recognised.
        """
        return self._ourselves.get("recognised", "")

    def recognises(self, username: str) -> bool:
        """Whether a creator's name is ours: our application id or user name."""
        if not username or username != self.principal():
            return False
        self._ourselves["recognised"] = username
        return True

    def is_another(self, username: str) -> bool:
        """Whether a creator's name certainly isn't ours: another application id, or another person's.

        Certain as far as names of one sort go: a service principal may be shown by a display name or a
        number, but not by another's application id, nor by a user name, which is an e-mail address.
        """
        ours = self.principal()
        if not username or not ours or username.casefold() == ours.casefold():
            return False
        return "@" in username or bool(GUID.fullmatch(username) and GUID.fullmatch(ours))

    def principal(self) -> str:
        """Our application id or user name; "" if that isn't known."""
        if "name" not in self._ourselves:
            self._ourselves["name"] = self._sign_in.principal()
        return self._ourselves["name"]

    def first_reads(self) -> tuple[Callable[[], object], ...]:
        """What is asked whatever a spec says: a token, so that a refused credential is said first."""
        return (lambda: self.http.once("signed in", self._sign_in.headers),)

    def preflight(self) -> tuple[Problem, ...]:
        """Signs in.

        Raises:
            CredentialError, RemoteError: it didn't work.
        """
        for read in self.first_reads():
            read()
        return ()

    def prove(self, client_id: str, secret: Secret) -> None:
        """Proves by a token request that a service principal's secret works.

        Raises:
            CredentialError: it doesn't.
            RemoteError: the token endpoint can't be asked.
        """
        for pause in PATIENCE:
            with suppress(CredentialError):
                return prove(self._settings, self._waits, client_id, secret)
            # how soon a new secret is known everywhere isn't documented
            self._waits.sleep(pause)
        return prove(self._settings, self._waits, client_id, secret)

    def path(self, suffix: str) -> str:
        """The path of something inside this account."""
        return f"/api/2.0/accounts/{self.account_id}/{suffix}"

    def list_pages(self, path: str, key: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All items of a list with page tokens; a page may be short, and an empty one lacks its key.

        Raises:
            RemoteError: a page failed or isn't what it should be; a part is never returned.
        """
        found: list[dict[str, Any]] = []
        seen: set[str] = set()
        tally = self._tally(path)
        token = ""
        while True:
            asked = {"page_size": PAGE, **(query or {}), **({"page_token": token} if token else {})}
            answer = self._page(path, asked)
            page, items = answer.body, self.items(path, answer.body, key)
            tally.add(
                [str(item.get("integration_id") or item.get("id") or item.get("uid")) for item in items],
                answer.size,
            )
            found.extend(items)
            token = page.get("next_page_token", "")
            if not isinstance(token, str):
                raise self.http.misshapen("GET", path, "has something else than text in next_page_token")
            if not token:
                return found
            if token in seen:
                raise self.http.misshapen("GET", path, "goes round in circles: its page token repeats")
            seen.add(token)

    def list_inside(self, parent: str, path: str, key: str) -> list[dict[str, Any]]:
        """All items of a list inside a service principal; "nothing there" counts only if that is gone, too.

        Args:
            parent: its SCIM id; "" for a list of the account itself.

        Raises:
            RemoteError: as of `list_pages`.
        """
        try:
            return self.list_pages(path, key)
        except NotFoundError:
            if not parent or self._has_principal(parent):
                raise
            return []

    def _has_principal(self, live_id: str) -> bool:
        try:
            self.http.get(self.path(f"scim/v2/ServicePrincipals/{segment(live_id)}"))
        except NotFoundError:
            return False
        return True

    def scim_list(self, resource: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All objects of a SCIM list; the pages after the first are read side by side.

        What was read must agree with `totalResults`; else the list is walked once more, page by page, and
        if that doesn't agree either, it isn't accepted.

        Raises:
            RemoteError: a page failed, or the list stays short or moves.
        """
        path = self.path(f"scim/v2/{resource}")
        first = self._scim_page(path, query, 1)
        total, step = first["totalResults"], len(first["Resources"])
        self._tally(path).expect(total, step)
        pages = [first]
        if 0 < step < total:
            starts = range(1 + step, total + 1, step)
            pages += self.http.map(lambda start: self._scim_page(path, query, start), starts)
        found, agrees = _merged(pages)
        if not agrees or len(found) != total:
            found = self._scim_walk(path, query)
        return list(found.values())

    def _scim_walk(self, path: str, query: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        totals: set[int] = set()
        tally = self._tally(path)
        start = 1
        while True:
            page = self._scim_page(path, query, start)
            total, items, known = page["totalResults"], page["Resources"], len(found)
            tally.expect(total, 0)  # a last page may be short
            tally.add([item["id"] for item in items], page["size"])
            totals.add(total)
            if not items:
                break
            found |= {item["id"]: item for item in items}
            if len(found) == known:
                raise self.http.misshapen("GET", path, "shows the same page again and again")
            start += len(items)  # `count` may be capped silently
        if len(totals) > 1 or len(found) != total:
            raise self.http.misshapen("GET", path, f"has {len(found)} of {total} objects: the list broke off")
        return found

    def _scim_page(self, path: str, query: Mapping[str, Any] | None, start: int) -> dict[str, Any]:
        answer = self._page(path, {**(query or {}), "startIndex": start, "count": PAGE})
        page = answer.body
        total = page.get("totalResults") if isinstance(page, Mapping) else None
        if not isinstance(total, int) or isinstance(total, bool) or total < 0:
            raise self.http.misshapen("GET", path, "has no number in totalResults: it isn't a list")
        # An empty page lacks its Resources; whether it may be empty, the total tells.
        items = self.items(path, page, "Resources") if "Resources" in page else []
        if not all(isinstance(item.get("id"), str) and item["id"] for item in items):
            raise self.http.misshapen("GET", path, "holds an object without an id")
        return {"Resources": items, "totalResults": total, "size": answer.size}

    def _tally(self, path: str) -> Tally:
        return Tally(lambda words: self.http.misshapen("GET", path, words))

    def _page(self, path: str, query: Mapping[str, Any]) -> Answer:
        try:
            return self.http.call("GET", path, query=query)
        except NotFoundError as error:
            # What those get who aren't account admins (docs/facts/databricks.md §1.5).
            error.hint = (
                f"signed in as {self.signed_in_as}: is it an account admin, and the account id right?"
            )
            raise

    def items(self, path: str, page: Any, key: str) -> list[dict[str, Any]]:
        """The objects under a key of a list's answer; none if the key is absent, as it is when empty.

        Raises:
            RemoteError: it isn't an object, has something else there, or is about something else.
        """
        if not isinstance(page, Mapping):
            raise self.http.misshapen("GET", path, "isn't an object")
        # An empty list leaves its key out, and then there is nothing else: an error in a 200 isn't one.
        if not set(page) - {"next_page_token"}:
            return []
        items = page.get(key)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self.http.misshapen("GET", path, f"has no list in {key}")
        return items

    def workspaces(self) -> tuple[WorkspaceRef, ...]:
        """All workspaces with their deployment hosts, in lower case, without scheme.

        Raises:
            RemoteError: the list failed or isn't a bare array.
        """
        return self.http.once("workspaces", self._workspaces)

    def _workspaces(self) -> tuple[WorkspaceRef, ...]:
        path = self.path("workspaces")
        found = self.http.get(path)
        self._tally(path).expect(len(found) if isinstance(found, list) else 0, 0)
        if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
            raise self.http.misshapen("GET", path, "isn't an array of workspaces")
        return tuple(
            WorkspaceRef(str(item["workspace_id"]), self._host(item))
            for item in found
            if item.get("workspace_id") is not None
        )

    def _host(self, workspace: Mapping[str, Any]) -> str:
        name = str(workspace.get("deployment_name") or "").lower()
        # The answer has no URL: name and DNS zone make it.
        cloud = str(workspace.get("cloud") or "").lower()
        zone = _ZONES.get(origin(self.address)[1]) or _CLOUDS.get(cloud, _ZONE)
        return name + zone if name else ""

    def principals(self, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[PrincipalRef, ...]]:
        """What (sort, name) stand for; the directory is never listed, several names share a look-up.

        Raises:
            RemoteError: a look-up failed: nothing can be said of anybody.
        """
        return look_up(self, names)

    def called(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], PrincipalRef | None]:
        """Who has these ids: nothing of an account shows anybody by an id alone."""
        return {}

    def one_time_secret(self, path: str, body: Mapping[str, Any], key: str) -> Secret:
        """The secret in the answer to a create.

        Raises:
            LostAnswerError: there is none: the object exists, and its secret can't be had any more. What
                takes care of a lost answer takes care of that, too.
        """
        value = body.get(key)
        if not isinstance(value, Secret):
            raise self.http.misshapen("POST", path, f"has no {key}")
        return value


def _merged(pages: list[dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], bool]:
    """The objects by id, and whether all pages told the same total: if it moved, something may be missing."""
    found = {item["id"]: item for page in pages for item in page["Resources"]}
    return found, len({page["totalResults"] for page in pages}) == 1
