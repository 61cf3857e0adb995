"""Applying without sockets: kinds over dictionaries, a ledger in memory, and a clock that stands still.

A run can be killed around any call and any write of the ledger, misheard, refused or stopped. The ledger that
was durable by then is what the next run begins with.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from reconciler.applying import ApplyContext, Executor, executor
from reconciler.errors import InvalidRequestError, LostAnswerError
from reconciler.kinds import Created, Evidence, Fields, Kind, reference_to
from reconciler.ledger import Journal
from reconciler.model import (
    Action,
    Address,
    Ledger,
    Live,
    ProviderSpec,
    Ref,
    Resource,
    Runner,
    Stack,
)
from reconciler.observing import ReadOptions, observe
from reconciler.planning import Options, make_destroy_plan, make_plan
from reconciler.secrets import Secret

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
RUNNER = Runner("me", "here", "boot", 1, "1")
PROVIDERS = {
    "databricks": ProviderSpec("databricks", "databricks", "https://accounts.example.org", "acc"),
    "connect": ProviderSpec("connect", "connect", "https://connect.example.org"),
}
APP = Address("oauth_apps", "app")
ROBOT = Address("service_principals", "robot")
SECRET = ROBOT.inside("client_secret")
VIEWER = Address("connect_integrations", "viewer")
SERVICE = Address("connect_integrations", "service")


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class Remote:
    """Both remote systems: objects by kind and id, and what goes wrong at which call.

    Attributes:
        troubles_at: number of a write → what happens to it: `killed before`, `killed after`, `lost before`,
            `lost after`, `refused`, `stop`.
        meanwhile: what is written → what somebody else does just after.
        lists: the kinds that were listed.
        log: the writes that took effect, as `create oauth_apps`.
        configs: what a PATCH does with a config: it is `merged`; `replaced`, so that what it leaves out is
            lost; or refused unless it is `whole`.
        distrusts: what a credential fails at: `check`, `confirm`.
    """

    objects: dict = field(default_factory=dict)
    troubles_at: dict = field(default_factory=dict)
    meanwhile: dict = field(default_factory=dict)
    lists: list = field(default_factory=list)
    log: list = field(default_factory=list)
    configs: str = "merged"
    distrusts: frozenset = frozenset()
    writes: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    ids: object = field(default_factory=lambda: itertools.count(1))
    lock: object = field(default_factory=threading.RLock)
    moment: datetime = NOW

    # --- what observing asks of a client ---------------------------------------------------------------

    troubles = SimpleNamespace(items=dict)
    http = SimpleNamespace(date="2026-01-01T00:00:00Z", system="remote", once=lambda key, read: read())
    provider = "remote"

    def preflight(self):
        return ()

    def identity(self):
        return "us"

    def workspaces(self):
        return ()

    # --- writes -----------------------------------------------------------------------------------------

    def write(self, what, effect):
        """One write, with whatever happens to it."""
        with self.lock:
            self.writes += 1
            trouble = self.troubles_at.get(self.writes, "")
            if trouble == "refused":
                raise InvalidRequestError("no", method="POST", path="/", status=400)
            if trouble == "killed before":
                raise KilledError
            if trouble == "lost before":
                raise LostAnswerError("no answer", method="POST", path="/")
            answer = effect()
            self.log.append(what)
            self.meanwhile.pop(what, lambda: None)()
            if trouble == "killed after":
                raise KilledError
            if trouble == "lost after":
                raise LostAnswerError("no answer", method="POST", path="/")
            if trouble == "stop":
                self.stop.set()
            return answer

    def of(self, kind):
        return self.objects.setdefault(kind, {})

    def now(self):
        self.moment += timedelta(seconds=1)
        return self.moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Fake(Kind):
    """A kind over a dictionary."""

    provider_type = "fake"
    computed = ("id",)

    def observe(self, api, scope):
        with api.lock:
            api.lists.append(self.name)
            return [self.shown(api, live_id) for live_id in sorted(api.of(self.name))]

    def read(self, api, live_id, parent=""):
        return self.shown(api, live_id) if live_id in api.of(self.name) else None

    def shown(self, api, live_id):
        row = api.of(self.name)[live_id]
        return Live(
            live_id,
            row["attributes"].get(self.fields.name, ""),
            {k: v for k, v in row["attributes"].items() if k not in self.fields.additive} | row["granted"],
            row["computed"],
            row["parent"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            expires_at=row["expires_at"],
            created_by="us",
        )

    def create(self, api, attributes, parent=""):
        def effect():
            live_id, at = f"{self.name}-{next(api.ids)}", api.now()
            ends = api.moment + timedelta(seconds=attributes.get("lifetime_seconds", 0))
            secret = f"secret of {live_id}" if self.fields.shows_secret else None
            api.of(self.name)[live_id] = {
                "attributes": _without_secrets(attributes),
                "computed": {"id": live_id, **({"client_id": f"cid-{live_id}"} if self.has_client else {})},
                "parent": parent,
                "created_at": at,
                "updated_at": at,
                "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ") if parent else "",
                "secret": secret,
                "holds": _secrets(attributes),
                "granted": {name: {} for name in self.fields.additive},
            }
            return Created(self.shown(api, live_id), Secret(secret) if secret else None)

        return api.write(f"create {self.name}", effect)

    has_client = False

    def update(self, api, live_id, attributes, parent=""):
        def effect():
            row = api.of(self.name)[live_id]
            if api.configs == "whole" and set(attributes.get("config", WHOLE)) < WHOLE:
                raise InvalidRequestError(
                    "incomplete", method="PATCH", path="/", status=400, remote_code="228"
                )
            for key, value in attributes.items():
                old = row["attributes"].get(key)
                merged = isinstance(old, dict) and api.configs == "merged"
                row["attributes"][key] = {**old, **value} if merged else value
            if "config" in attributes and api.configs != "merged":
                row["holds"] = {}
            row["holds"].update(_secrets(attributes))
            row["attributes"] = _without_secrets(row["attributes"])
            row["updated_at"] = api.now()
            return self.shown(api, live_id)

        return api.write(f"update {self.name}", effect)

    def wants_whole(self, refusal):
        return refusal.remote_code == "228"

    def wants_replace(self, refusal):
        return refusal.remote_code == "229"

    def delete(self, api, live_id, parent=""):
        def effect():
            api.of(self.name).pop(live_id, None)
            for kind, rows in api.objects.items():  # what lived inside goes along
                api.objects[kind] = {i: row for i, row in rows.items() if row["parent"] != live_id}

        api.write(f"delete {self.name}", effect)

    def check(self, api, client_id, secret):
        rows = [row for rows in api.objects.values() for row in rows.values()]
        if "check" in api.distrusts or secret.reveal() not in [row["secret"] for row in rows]:
            raise InvalidRequestError("it doesn't work", method="POST", path="/token", status=400)

    def confirm(self, api, live_id):
        if "confirm" in api.distrusts:
            raise InvalidRequestError("no token", method="POST", path="/verify", status=400)
        return True

    def grant(self, api, live_id, path, key, value):
        api.write(f"grant {path}", lambda: api.of(self.name)[live_id]["granted"][path].update({key: value}))

    def revoke(self, api, live_id, path, key):
        api.write(f"revoke {path}", lambda: api.of(self.name)[live_id]["granted"][path].pop(key, None))


def _secrets(attributes):
    config = attributes.get("config", {})
    return {"client_secret": config["client_secret"].reveal()} if "client_secret" in config else {}


def _without_secrets(attributes):
    return {
        k: {kk: vv for kk, vv in v.items() if kk != "client_secret"} if isinstance(v, dict) else v
        for k, v in attributes.items()
    }


class Apps(Fake):
    name, noun, has_client = "oauth_apps", "app", True
    evidence = Evidence.CREATOR
    fields = Fields(
        name="name",
        identity=frozenset({"name", "confidential"}),
        immutable=frozenset({"name", "confidential"}),
        computed=frozenset({"id", "client_id", "client_secret"}),
        issues="client_secret",
        referred_by="client_id",
    )


class Principals(Fake):
    name, noun, has_client = "service_principals", "principal", True
    fields = Fields(
        name="display_name",
        identity=frozenset({"display_name"}),
        additive=frozenset({"workspaces"}),
        computed=frozenset({"id", "client_id"}),
        referred_by="client_id",
        workspaces="workspaces",
    )


class Secrets(Fake):
    name, noun = "service_principals.client_secret", "secret"
    evidence = Evidence.LIFETIME
    fields = Fields(
        local=frozenset({"lifetime", "rotate_before", "keep_old"}),
        computed=frozenset({"id", "client_secret"}),
        issues="client_secret",
        parent="service_principal",
    )

    def observe(self, api, scope):
        return [live for live in super().observe(api, scope) if live.parent in scope.parents]


class Integrations(Fake):
    name, noun = "connect_integrations", "integration"
    evidence, receives = Evidence.CONTENT, True
    points_here = "content may point at it"
    fields = Fields(
        name="name",
        identity=frozenset({"name", "template", "config.client_id"}),
        immutable=frozenset({"template"}),
        computed=frozenset({"id"}),
        shows_referred="config.client_id",
        access="access",
        users="content_count",
    )


WHOLE = {"host", "client_id", "client_secret"}
KINDS = {kind.name: kind for kind in (Apps(), Principals(), Secrets(), Integrations())}


def integration(address, source):
    refs = {
        "client_id": Ref(source, "client_id"),
        "client_secret": reference_to(KINDS, source, "client_secret"),
    }
    attributes = {"name": address.key, "template": "databricks", "config": {"host": "h", **refs}}
    return Resource(address, "connect", attributes)


def everything():
    """An app and a principal with a secret, each with its integration."""
    lifetimes = {"lifetime": "365d", "rotate_before": "30d", "service_principal": Ref(ROBOT, "id")}
    found = [
        Resource(APP, "databricks", {"name": "app", "confidential": True, "scopes": ["a"]}),
        Resource(ROBOT, "databricks", {"display_name": "robot", "workspaces": {"42": "USER"}}),
        Resource(SECRET, "databricks", lifetimes),
        integration(VIEWER, APP),
        integration(SERVICE, ROBOT),
    ]
    return {resource.address: resource for resource in found}


class DyingStore:
    """Counts the writes of a ledger; the process ends around one of them."""

    def __init__(self, ledger, number=0, when="before"):
        self.durable, self.number, self.when, self.count = ledger, number, when, 0

    def commit(self, edit):
        self.count += 1
        dies = self.count == self.number
        if dies and self.when == "before":
            raise KilledError
        self.durable = self.journal.commit(edit)
        if dies:
            raise KilledError
        return self.durable

    @property
    def ledger(self):
        return self.durable


@dataclass
class Stage:
    """A remote system, a ledger, and what is wanted."""

    remote: Remote = field(default_factory=Remote)
    ledger: Ledger = field(default_factory=lambda: Ledger("stack", "lineage"))
    resources: dict = field(default_factory=everything)
    now: datetime = NOW + timedelta(minutes=5)
    approve: bool = True
    commits: int = 0
    notes: dict = field(default_factory=dict)
    told: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)

    @property
    def stack(self):
        approve = tuple(self.resources) if self.approve else ()
        return Stack("stack", "stack.yaml", PROVIDERS, self.resources, approve=approve)

    def observed(self):
        apis = dict.fromkeys(PROVIDERS, self.remote)
        look = ReadOptions(self.now, lag_bound=0.0, sleep=lambda _: None)
        return observe(self.stack, self.ledger, apis, KINDS, look)

    def plan(self, **options):
        pairing = self.observed()
        options = Options(now=self.now, dead=frozenset({RUNNER}), **options)
        return make_plan(self.stack, self.ledger, pairing, KINDS, options), pairing.snapshot

    def pending(self):
        plan, _ = self.plan()
        return {str(c.address): c.action.value for c in plan.changes if c.action is not Action.NO_OP}

    def apply(self, *, at_commit=0, when="before", parallelism=4, **options):
        """One run; what is durable afterwards is the ledger, however it ended."""
        return self.carry_out(*self.plan(**options), at_commit=at_commit, when=when, parallelism=parallelism)

    def planned_destroy(self):
        pairing = self.observed()
        options = Options(now=self.now, dead=frozenset({RUNNER}))
        return make_destroy_plan(self.stack, self.ledger, pairing, KINDS, options), pairing.snapshot

    def destroy(self):
        return self.carry_out(*self.planned_destroy())

    def carry_out(self, plan, snapshot, *, at_commit=0, when="before", parallelism=4):
        self.remote.writes = 0
        self.remote.stop = threading.Event()
        store = DyingStore(self.ledger, at_commit, when)
        store.journal = Journal.stateless(self.ledger)
        work = self.context(plan, snapshot, memory=lambda: store.ledger)
        try:
            outcomes = Executor(work, store, parallelism=parallelism, stop=self.remote.stop).run()
            self.told = {str(o.address): o.note or o.error for o in outcomes if o.note or o.error}
            return {str(outcome.address): outcome.status.value for outcome in outcomes}
        except KilledError:
            return None
        finally:
            self.ledger, self.commits, self.notes = store.durable, store.count, work.notes
            self.remote.troubles_at = {}

    def context(self, plan, snapshot, *, memory=None):
        return ApplyContext(
            plan=plan,
            snapshot=snapshot,
            apis=dict.fromkeys(PROVIDERS, self.remote),
            kinds=KINDS,
            runner=RUNNER,
            memory=memory or (lambda: self.ledger),
            dead=frozenset({RUNNER}),
            clock=lambda: self.now,
            pause=lambda _: None,
            values=dict(self.values),
        )

    def change(self, address, **attributes):
        resource = self.resources[address]
        self.resources[address] = replace(resource, attributes={**resource.attributes, **attributes})

    def settle(self):
        """At most two runs; then there is nothing to do, each object is there once, and credentials work."""
        for _ in range(2):
            self.apply()
            if not self.pending():
                break
        assert self.pending() == {}
        on_record = {entry.id for entry in self.ledger.entries.values()}
        live = {live_id for rows in self.remote.objects.values() for live_id in rows}
        assert live == on_record
        assert not self.ledger.pending.intents
        assert not any(entry.formers for entry in self.ledger.entries.values())
        self.works()

    def works(self):
        """What each integration holds is alive: the secret, and the client that it belongs to."""
        rows = [row for rows in self.remote.objects.values() for row in rows.values()]
        alive, clients = {row["secret"] for row in rows}, {row["computed"].get("client_id") for row in rows}
        for row in self.remote.of("connect_integrations").values():
            assert row["holds"].get("client_secret") in alive - {None}
            assert row["attributes"]["config"].get("client_id") in clients


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Answers aren't gathered: nobody waits here."""
    monkeypatch.setattr(executor, "GATHER", 0.0)


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def made():
    """A stage on which everything was applied already."""
    stage = Stage()
    stage.settle()
    stage.remote.log.clear()
    return stage
