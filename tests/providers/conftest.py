"""A clock that never really waits, and both APIs in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from reconciler.model import ProviderSpec
from reconciler.providers import Pace
from reconciler.providers._connections import Connections
from reconciler.providers.connect._api import ConnectServer
from reconciler.providers.databricks._api import DatabricksAccount
from reconciler.providers.http import Client, FixedHeaders, Hints
from reconciler.sandbox import ACCOUNT_ID, Knobs, Sandbox, environment, mount
from reconciler.secrets import Secret
from tests.providers.sign_in import HOST, Make

URL = "http://localhost:9999"
BASE = "https://api.test"


@dataclass
class Moment:
    """Time that moves only when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    @property
    def pace(self) -> Pace:
        return Pace(clock=self.clock, sleep=self.sleep)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def client(moment: Moment) -> Iterator[Client]:
    made = Client(
        provider="acme",
        base=BASE,
        sign_in=FixedHeaders("client_id 2c1e", {"Authorization": Secret("Bearer the-bearer-token")}),
        hints=Hints(address="ACME_HOST", unlicensed="the licence lacks it", forbidden="an admin is wanted"),
        connections=Connections(moment.pace),
    )
    yield made
    made.close()


@pytest.fixture
def knobs() -> Knobs:
    return Knobs(fill_policies=True)


@pytest.fixture
def sandbox(web: responses.RequestsMock, knobs: Knobs) -> Iterator[Sandbox]:
    box = Sandbox(knobs)
    mount(web, box, URL, lost=requests.ConnectionError, timed_out=requests.ReadTimeout)
    yield box
    box.close()


@pytest.fixture
def change_knobs(sandbox: Sandbox) -> Callable[..., None]:
    def change(**wanted: Any) -> None:
        sandbox.world.knobs = sandbox.world.knobs.changed(wanted)

    return change


def databricks_spec(**settings: Any) -> ProviderSpec:
    address = settings.pop("address", URL)
    account_id = settings.pop("account_id", ACCOUNT_ID)
    return ProviderSpec("databricks", "databricks", address, account_id, settings)


def connect_spec(**settings: Any) -> ProviderSpec:
    return ProviderSpec("connect", "connect", settings.pop("address", URL), "", settings)


@pytest.fixture
def account(sandbox: Sandbox, moment: Moment) -> Iterator[DatabricksAccount]:
    made = DatabricksAccount(databricks_spec(), environment(URL), pace=moment.pace)
    yield made
    made.http.close()


@pytest.fixture
def server(sandbox: Sandbox, moment: Moment) -> Iterator[ConnectServer]:
    made = ConnectServer(connect_spec(), environment(URL), pace=moment.pace)
    yield made
    made.http.close()


@pytest.fixture
def make(moment: Any, tmp_path: Path) -> Make:
    def made(
        environment: dict[str, str] | None = None,
        address: str = HOST,
        account_id: str = "acc",
        **settings: Any,
    ) -> DatabricksAccount:
        spec = ProviderSpec("databricks", "databricks", address, account_id, settings)
        home = {"HOME": str(tmp_path), **(environment or {})}
        return DatabricksAccount(spec, home, pace=moment.pace)

    return made


@pytest.fixture
def profiles(tmp_path: Path) -> Callable[[str], None]:
    return lambda text: (tmp_path / ".databrickscfg").write_text(text) and None
