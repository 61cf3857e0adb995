"""A ledger that several people share: two clones of a spec, one object store."""

from __future__ import annotations

import json
import signal

import pytest
from acceptance.conftest import Workplace
from ledger.bucket_server import SECRET, BucketServer

SPEC = "specs/stack.yaml"
LEDGER = "ledgers/stack.json"
LOCK = "ledgers/stack.lock.json"


@pytest.fixture
def bucket():
    with BucketServer() as server:
        yield server


@pytest.fixture
def clones(place, bucket, tmp_path):
    """Two folders with the same sandbox and the same ledger; the first is `place`."""
    other = Workplace(tmp_path / "other", place.server)
    (other.folder / "specs").mkdir(parents=True)
    for one in (place, other):
        one.env |= bucket.env
    yield place, other
    place.said += other.said
    place.known_secrets |= other.known_secrets | {SECRET}


@pytest.fixture
def shared(bucket):
    return {"url": f"s3://{bucket.bucket}/ledgers/"}


def test_what_one_applied_the_other_finds_done(clones, bucket, shared):
    here, there = clones
    for one in clones:
        one.write(one.both(), ledger=shared)
    here.run("plan", SPEC).says("doesn't exist yet")
    here.apply()
    assert bucket.keys() == {LEDGER, LOCK}
    assert there.is_settled()
    # and a change made there is known here
    there.write(there.viewers(), ledger=shared)
    here.write(here.viewers(), ledger=shared)
    there.approve()
    assert here.is_settled()
    here.run("ledger", "show", SPEC).says("oauth_apps.app")
    # the recorded plan stays where it was made
    assert "plan" not in " ".join(bucket.keys())
    assert (here.folder / "specs/.reconcile/stack.plan.json").is_file()


def test_of_two_applies_at_once_the_other_is_told_who_is_at_work(clones, bucket, shared):
    here, there = clones
    for one in clones:
        one.write(one.viewers(), ledger=shared)
    here.fault("write=1,do=hang")
    first = here.start("apply", SPEC, "--yes")
    here.wait_until_held()
    assert json.loads(bucket.get(LOCK))["pid"] == first.pid
    there.apply(code=4).says(f"pid {first.pid}", "locked by")
    here.relax()
    here.end(first, 0)
    assert there.is_settled()
    there.apply()


def test_a_killed_run_is_taken_over_from_the_other_clone(clones, shared):
    here, there = clones
    for one in clones:
        one.write(one.both(), ledger=shared)
    here.fault("method=POST,path=credentials/secrets$,when=after,do=hang")
    first = here.start("apply", SPEC, "--yes")
    here.wait_until_held()
    first.kill()
    here.end(first, -signal.SIGKILL)
    here.relax()
    there.apply()
    assert here.is_settled()
    assert len(there.secrets_of(there.principals()["robot"]["id"])) == 1
    assert {wire["valid"] for wire in there.wiring().values()} == {True}


def test_a_lease_can_be_ended_from_the_other_clone(clones, shared):
    here, there = clones
    for one in clones:
        one.write(one.viewers(), ledger=shared)
    here.fault("write=1,do=hang")
    first = here.start("apply", SPEC, "--yes")
    here.wait_until_held()
    there.run("ledger", "unlock", SPEC).says(str(first.pid))
    there.run("ledger", "unlock", SPEC).says("wasn't locked")
    there.apply()
    here.relax()
    here.end(first, 4)
    there.apply()
    assert here.is_settled()


def test_lost_answers_of_the_store_change_nothing(clones, bucket, shared):
    here, there = clones
    for one in clones:
        one.write(one.both(), ledger=shared)
    for do in ("lose", "cut", "429 TooManyRequests"):
        bucket.fault("PUT", LEDGER, do)
    bucket.fault("PUT", LOCK, "lose")
    here.apply()
    assert there.is_settled()
    assert {wire["valid"] for wire in here.wiring().values()} == {True}


def test_a_ledger_of_another_stack_or_another_server_is_refused(clones, bucket):
    here, there = clones
    url = {"url": f"s3://{bucket.bucket}/{LEDGER}"}
    here.write(here.viewers(), ledger=url)
    here.apply()
    before = bucket.get(LEDGER), here.writes()
    there.write(there.viewers(), stack="other", ledger=url)
    there.apply(code=1).says("'stack'", "'other'", url["url"])
    there.write(there.viewers(), ledger=url)
    elsewhere = {"CONNECT_SERVER": there.env["CONNECT_SERVER"] + "/elsewhere"}
    there.run("apply", SPEC, "--yes", code=1, env=elsewhere).says("/elsewhere", "connect")
    assert (bucket.get(LEDGER), here.writes()) == before


def test_stacks_under_one_prefix_do_not_steal_from_each_other(clones, shared):
    here, there = clones
    here.write({"oauth_apps": {"app": here.app()}}, ledger=shared)
    here.apply()
    there.write({"oauth_apps": {"app": there.app()}}, stack="thief", ledger=shared)
    there.run("plan", SPEC, code=1).says("claimed-elsewhere", "stack")
    there.apply(code=1)
    assert len(here.apps()) == 1


def test_what_is_wrong_with_the_store_is_told_in_words(clones, bucket, shared):
    here, _ = clones
    here.write(here.viewers(), ledger=shared)
    bucket.fault("GET", LEDGER, "403 SignatureDoesNotMatch")
    here.run("plan", SPEC, code=1).says("AWS_SECRET_ACCESS_KEY", "ledger-credential")
    here.write(here.viewers(), ledger={"url": f"s3://{bucket.bucket}-not/x/"})
    here.run("plan", SPEC, code=1).says("no such bucket")
    here.write(here.viewers(), ledger=shared)
    bucket.minds = False
    here.apply(code=1).says("conditional writes")
    assert here.writes() == []
    bucket.minds = True
    here.apply()


def test_of_two_stacks_of_a_run_one_takes_an_object_over(inside):
    live_id = inside.new_app(name="app", redirect_urls=["https://a.example.org/cb"])["integration_id"]
    for name in ("one", "two"):
        ledger = {"url": f"file://{inside.folder}/ledgers-of-{name}/stack.json"}
        app = inside.app(redirect_urls=["https://a.example.org/cb"], name="app", lifecycle={"adopt": live_id})
        inside.write({"oauth_apps": {"app": app}}, f"specs/{name}.yaml", stack=name, ledger=ledger)
    inside.run("plan", "specs", code=1).says("is taken over by the stack 'one' of this run")
    inside.run("apply", "--yes", code=1)  # the recorded plans
    owners = [name for name in ("one", "two") if live_id in str(_entries(inside, name))]
    assert owners == ["one"]
    inside.run("apply", "specs", "--yes", code=1).says("belongs to the stack 'one'")
    assert [name for name in ("one", "two") if live_id in str(_entries(inside, name))] == ["one"]


def _entries(inside, name):
    path = inside.folder / f"ledgers-of-{name}" / "stack.json"
    return json.loads(path.read_text())["resources"] if path.exists() else {}
