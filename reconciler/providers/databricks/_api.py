"""One Databricks account: its client, who we are there, and its workspaces."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import Any

from reconciler.errors import (
    CredentialError,
    Problem,
)
from reconciler.model import PrincipalRef, ProviderSpec, WorkspaceRef
from reconciler.model.values import GUID
from reconciler.providers._connections import Connections
from reconciler.providers._pace import USUAL, Pace
from reconciler.providers._paths import segment
from reconciler.providers._wires import Wire
from reconciler.providers.databricks._clouds import workspace_host
from reconciler.providers.databricks._lists import scim_list, tally_of
from reconciler.providers.databricks._look_ups import look_up
from reconciler.providers.databricks._settings import HOST, settle
from reconciler.providers.databricks._sign_in import TRUST, prove, sign_in
from reconciler.providers.http import Client, Hints
from reconciler.secrets import Secret

SCIM_PARALLEL = 4  # "exceeded the concurrent limit of 4 requests" (docs/facts/databricks.md §3.8)

PATIENCE = (0.5, 1.0, 2.0)  # seconds until a refused new secret is tried again


class DatabricksAccount:
    """The account-level API of one account.

    Args:
        pace: how fast it may be asked; SCIM never by more than the 4 requests at a time that it allows.
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
        pace: Pace = USUAL,
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
        self._connections = Connections(pace, wire, narrow={"/scim/": SCIM_PARALLEL})
        self._sign_in = sign_in(settings, self._connections)
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
            connections=self._connections,
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
                return prove(self._settings, self._connections, client_id, secret)
            # how soon a new secret is known everywhere isn't documented
            self.http.sleep(pause)
        return prove(self._settings, self._connections, client_id, secret)

    def path(self, suffix: str, *ids: str) -> str:
        """The path of something inside this account; ids become steps, whatever characters they have."""
        return "/".join([f"/api/2.0/accounts/{self.account_id}", suffix, *map(segment, ids)])

    def workspaces(self) -> tuple[WorkspaceRef, ...]:
        """All workspaces with their deployment hosts, in lower case, without scheme.

        Raises:
            RemoteError: the list failed or isn't a bare array.
        """
        return self.http.once("workspaces", self._workspaces)

    def _workspaces(self) -> tuple[WorkspaceRef, ...]:
        path = self.path("workspaces")
        found = self.http.get(path)
        tally_of(self, path).expect(len(found) if isinstance(found, list) else 0, 0)
        if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
            raise self.http.misshapen("GET", path, "isn't an array of workspaces")
        return tuple(
            WorkspaceRef(str(item["workspace_id"]), workspace_host(self.address, item))
            for item in found
            if item.get("workspace_id") is not None
        )

    def principals(self, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[PrincipalRef, ...]]:
        """What (sort, name) stand for; the directory is never listed, several names share a look-up.

        Raises:
            RemoteError: a look-up failed: nothing can be said of anybody.
        """
        return look_up(self, names)

    def groups(self) -> list[dict[str, Any]]:
        """All groups of the account, as SCIM lists them: without members.

        Raises:
            RemoteError: the list failed.
        """
        return scim_list(self, "Groups")

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
