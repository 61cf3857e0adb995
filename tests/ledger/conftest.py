"""Makers that fill in what a test of the ledger doesn't care about, and a clock that only moves when told."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ledger.bucket_server import BucketServer, DialectServer

from reconciler.ledger import FileStore, MemoryStore
from reconciler.ledger.opened_ledger import open_store
from reconciler.model import (
    Address,
    Credential,
    CredentialState,
    Entry,
    Intent,
    Ledger,
    Origin,
    ProviderSpec,
    Runner,
    Stack,
    Tombstone,
)

PROVIDERS = {
    "databricks": ProviderSpec(
        "databricks",
        "databricks",
        "https://accounts.cloud.databricks.com",
        "7a99b43c-b46c-432b-b0a7-814217701909",
    ),
    "connect": ProviderSpec("connect", "connect", "https://connect.example.org"),
}


def address(text):
    return Address.parse(text)


def entry(live_id="1", **facts):
    return Entry(**{"provider": "connect", "id": live_id, "name": "n", "origin": Origin.CREATED} | facts)


def ledger(entries=(), **facts):
    entries = {address(text): value for text, value in dict(entries).items()}
    facts = {"lineage": "5f0c2d7e-0000-4000-8000-000000000001", "serial": 7} | facts
    return Ledger("prod", entries=entries, **facts)


def runner(**facts):
    return Runner(**{"owner": "ada", "host": "far", "boot": "b", "pid": 1, "start": "2"} | facts)


def intent(**facts):
    facts = {"kind": "oauth_apps", "provider": "databricks", "at": "2026-01-01T00:00:00Z"} | facts
    return Intent(**{"id": "i", "runner": runner(), "why": "create"} | facts)


def tombstone(text, **facts):
    return Tombstone(address(text), intent(), **{"given_up": "2026-01-01T00:00:00Z"} | facts)


def stack(folder, **facts):
    return Stack(
        **{"name": "prod", "file": str(folder / "prod.yaml"), "providers": PROVIDERS} | facts, resources={}
    )


def put(text, live_id="1"):
    """The edit that records an entry."""
    return lambda before: replace(before, entries={**before.entries, address(text): entry(live_id)})


@pytest.fixture
def make():
    return SimpleNamespace(
        address=address,
        credential=lambda **facts: Credential(**{"state": CredentialState.HELD} | facts),
        entry=entry,
        intent=intent,
        ledger=ledger,
        let_go=let_go,
        put=put,
        runner=runner,
        stack=stack,
        tombstone=tombstone,
    )


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "ledgers" / "prod.json", owns_folder=True)


@pytest.fixture
def bucket():
    """An S3 server with an empty bucket."""
    with BucketServer() as server:
        yield server


@pytest.fixture
def in_bucket(bucket, tmp_path):
    """Opens the store of a ledger in the bucket, each time anew, as each run does."""

    def opened(path="ledgers/", stack="prod", **env):
        url = f"s3://{bucket.bucket}/{path}"
        return open_store(url, stack=stack, folder=tmp_path, environment={**bucket.env, **env})

    return opened


@pytest.fixture(params=["file", "memory", "s3", "gs", "az"])
def any_store(request, tmp_path):
    """One store of each kind."""
    if request.param in ("gs", "az"):
        with DialectServer(request.param) as server:
            url = f"{request.param}://bucket/ledgers/"
            yield open_store(url, stack="prod", folder=tmp_path, environment=server.env)
    elif request.param == "s3":
        yield request.getfixturevalue("in_bucket")()
    else:
        yield request.getfixturevalue("store") if request.param == "file" else MemoryStore()


def let_go(children):
    """Lets processes that said that they are ready run on, all at the same time."""
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    return children


class Clock:
    """A steady clock whose sleep is its only way on; what happens meanwhile is told by `every`."""

    def __init__(self):
        self.now = 1000.0
        self.every = lambda: None

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.every()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def process():
    """Starts Python code in a process of its own; all are ended with the test."""
    started = []

    def start(code, *args):
        command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()
