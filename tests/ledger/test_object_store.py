"""A ledger in an object store: conditional writes, answers that get lost, and refusals in words."""

import itertools
import json
import sys
import threading
import traceback
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from ledger.bucket_server import SECRET

from reconciler.errors import FencedError, LedgerError, LockedError
from reconciler.ledger import (
    Journal,
    Lease,
    UncertainWriteError,
    buckets,
    claims,
    current_runner,
    encode,
    object_store,
    open_ledger,
    unlock,
)
from reconciler.ledger import lease as lease_module
from reconciler.model import mark_of

LEDGER = "ledgers/prod.json"
LOCK = "ledgers/prod.lock.json"
HERE = current_runner()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("reconciler.ledger.buckets.PAUSES", (0.01, 0.01, 0.01))
    monkeypatch.setattr(object_store, "PAUSES", (0.01, 0.01, 0.01))


@pytest.fixture
def store(in_bucket):
    return in_bucket()


@pytest.fixture
def opened(make, bucket, tmp_path):
    """Opens the ledger of a stack in the bucket."""

    def opened(url="ledgers/", env=None, **facts):
        stack = make.stack(tmp_path, ledger_url=f"s3://{bucket.bucket}/{url}", **facts)
        return open_ledger(stack, environment={**bucket.env, **(env or {})})

    return opened


@pytest.fixture
def journal(opened):
    """A journal of the ledger in the bucket; closed with the test."""
    now = opened()
    with Journal(now.store, now.ledger, now.version) as made:
        yield made


@pytest.fixture
def lease(in_bucket, clock):
    """Leases by one clock, each with a connection of its own; none outlives its test."""
    made = []

    def make(host=""):
        runner = replace(HERE, host=host, boot=f"boot of {host}", machine="") if host else HERE
        made.append(Lease(in_bucket(), "prod", runner=runner, clock=clock, sleep=clock.sleep))
        return made[-1]

    yield make
    for one in made:
        one.release()


def refused(call, *args):
    with pytest.raises(LedgerError) as caught:
        call(*args)
    error = caught.value
    # not even to those who print all that led to it
    shown = "".join(traceback.format_exception(error))
    assert SECRET not in f"{error.message} {error.hint} {shown}"
    assert "obstore" not in shown.partition("LedgerError")[2]
    return error


# --- where -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("", "prod.json"),
        ("ledgers/", "ledgers/prod.json"),
        ("a/b/mine.json", "a/b/mine.json"),
        ("mine", "mine"),
    ],
)
def test_a_url_that_ends_in_a_slash_is_a_folder_else_the_object_itself(bucket, in_bucket, path, key):
    store = in_bucket(path)
    assert store.where == f"s3://{bucket.bucket}/{key}"
    assert store.owns_folder == (key != path)
    store.write(b"one", "")
    store.lease.write(b"lease", "")
    assert bucket.keys() == {key, f"{key.removesuffix('.json')}.lock.json"}
    assert bucket.get(key) == b"one"


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3:///key",
        "s3://bucket/a//b",
        "s3://bucket/../b",
        "s3://bucket/a/./b",
        f"s3://key:{SECRET}@bucket/x/",
        f"az://bucket/x/?sig={SECRET}",
        "gs://b/x",
        "s3://bucket/a\nb",
        "s3://bucket/a b",
    ],
)
def test_a_url_that_is_no_objects_address_is_refused_and_not_repeated(make, tmp_path, url):
    stack = make.stack(tmp_path, ledger_url=url)
    assert refused(lambda: open_ledger(stack, environment={})).code == "ledger-url"


def test_the_library_is_loaded_only_when_a_url_needs_it(process):
    code = """
        import sys
        from pathlib import Path
        from reconciler.ledger.opened_ledger import open_store
        open_store("ledgers/", stack="prod", folder=Path(), environment={})
        print("obstore" in sys.modules, flush=True)
    """
    assert process(code).stdout.readline() == "False\n"


def test_a_library_that_isnt_there_is_named_with_what_installs_it(in_bucket, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    assert "reconcile-connect[object-store]" in refused(in_bucket).hint


# --- writes ------------------------------------------------------------------------------------------------


def test_no_write_is_lost_when_runs_compete(in_bucket):
    def compete():
        store, left = in_bucket(), 10
        while left:
            content, version = store.read()
            count = int((content or b"0").split()[0]) + 1
            try:
                # as with ledgers and leases, no two writes are the same
                store.write(f"{count} {uuid.uuid4()}".encode(), version)
            except FencedError:
                continue
            left -= 1

    threads = [threading.Thread(target=compete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert in_bucket().read()[0].split()[0] == b"40"


@pytest.mark.parametrize(
    "do", ["lose", "cut", "429 TooManyRequests", "503 SlowDown", "409 ConditionalRequestConflict"]
)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_lost_answer_is_asked_again_and_our_own_write_is_told_from_others(bucket, store, do, is_new):
    version = "" if is_new else store.write(b"one", "")
    bucket.fault("PUT", LEDGER, do)
    version = store.write(b"two", version)
    assert store.read() == (b"two", version)
    assert store.write(b"three", version)


def test_a_write_that_stays_unanswered_is_uncertain(bucket, store):
    version = store.write(b"one", "")
    bucket.fault("PUT", LEDGER, "503 SlowDown", times=10)
    with pytest.raises(UncertainWriteError, match="SlowDown"):
        store.write(b"two", version)
    bucket.faults.clear()
    assert store.read() == (b"one", version)


def test_a_write_is_uncertain_too_when_nobody_tells_what_became_of_it(bucket, store):
    version = store.write(b"one", "")
    bucket.fault("PUT", LEDGER, "lose")
    bucket.fault("GET", LEDGER, "403 AccessDenied")
    with pytest.raises(UncertainWriteError):
        store.write(b"two", version)
    assert store.read()[0] == b"two"


@pytest.mark.parametrize("do", ["lose", "429 TooManyRequests"])
def test_somebody_elses_write_after_a_lost_answer_fences(bucket, store, do):
    version = store.write(b"one", "")
    bucket.fault("PUT", LEDGER, do, then=lambda: bucket.put(LEDGER, b"theirs"))
    with pytest.raises(FencedError):
        store.write(b"two", version)
    assert store.read()[0] == b"theirs"


def test_what_is_too_busy_for_long_is_an_error_and_nothing_was_changed(bucket, store):
    bucket.fault("PUT", LEDGER, "429 TooManyRequests", times=10)
    error = refused(store.write, b"one", "")
    assert not isinstance(error, UncertainWriteError)
    assert error.code == "ledger-write"
    assert store.read() == (None, "")


def test_a_store_that_doesnt_answer_in_time_isnt_waited_for(bucket, in_bucket, monkeypatch):
    monkeypatch.setattr("reconciler.ledger.buckets.TIMEOUT", timedelta(seconds=0.3))
    monkeypatch.setattr(object_store, "PATIENCE", 0.2)
    bucket.fault("PUT", LEDGER, "hang", times=9)
    with pytest.raises(UncertainWriteError, match="never came"):
        in_bucket().write(b"one", "")


# --- the journal over it -----------------------------------------------------------------------------------


def test_the_journal_counts_a_write_whose_answer_was_lost_as_written(make, bucket, journal, opened):
    journal.commit(make.put("oauth_apps.a"))
    bucket.fault("PUT", LEDGER, "lose", times=1)
    journal.commit(make.put("oauth_apps.b"))
    # every attempt without an answer: the store gives up, and the journal looks for itself
    bucket.fault("PUT", LEDGER, "lose", times=1)
    bucket.fault("PUT", LEDGER, "503 SlowDown", times=9)
    journal.commit(make.put("oauth_apps.c"))
    bucket.faults.clear()
    journal.commit(make.put("oauth_apps.d"))
    assert {address.key for address in opened().ledger.entries} == {"a", "b", "c", "d"}
    assert opened().ledger.serial == 4


def test_the_journal_ends_when_somebody_else_wrote(make, bucket, journal):
    journal.commit(make.put("oauth_apps.a"))
    bucket.put(LEDGER, encode(make.ledger()))
    with pytest.raises(FencedError):
        journal.commit(make.put("oauth_apps.b"))
    assert journal.closed


def test_the_backup_is_what_the_run_found(make, bucket, opened):
    for keys in ("ab", "cd"):
        now = opened()
        with Journal(now.store, now.ledger, now.version) as journal:
            for key in keys:
                journal.commit(make.put(f"oauth_apps.{key}"))
    kept = json.loads(bucket.get(f"{LEDGER}.backup"))
    assert set(kept["resources"]) == {"oauth_apps.a", "oauth_apps.b"}
    assert bucket.log.count(f"PUT {LEDGER}.backup") == 1
    bucket.put(LEDGER, b"{")
    error = refused(opened)
    assert error.code == "ledger-damaged"
    assert f"{LEDGER}.backup" in error.hint
    assert "cp '" not in error.hint


def test_a_backup_that_cant_be_written_stops_nobody(bucket, in_bucket):
    version = in_bucket().write(b"one", "")
    bucket.fault("PUT", f"{LEDGER}.backup", "403 AccessDenied")
    store = in_bucket()
    assert store.read() == (b"one", version)
    store.write(b"two", version)
    assert store.backup == ""


# --- the lease ---------------------------------------------------------------------------------------------


def test_of_two_at_once_one_wins(in_bucket):
    gate = threading.Barrier(4)
    won, lost = [], []

    def take():
        lease = Lease(in_bucket(), "prod")
        gate.wait()
        try:
            won.append(lease.acquire())
        except LockedError as error:
            lost.append(error)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 3)
    assert f"pid {HERE.pid}" in lost[0].message
    won[0].release()


def test_a_lease_is_taken_renewed_and_given_back_again_and_again(bucket, lease):
    for _ in range(3):
        with lease().acquire() as held:
            assert not held.took_over
            held.renew()
            held.gate()
            with pytest.raises(LockedError):
                lease().acquire()
    # nobody needs the right to delete
    assert {line.split()[0] for line in bucket.log} == {"GET", "PUT"}


def test_a_dead_runners_lease_lapses(lease, clock):
    gone = lease("far").acquire()
    held = lease().acquire()
    assert held.took_over
    assert 62 <= clock.now - 1000 <= 65
    with pytest.raises(FencedError, match="taken over by"):
        gone.renew()


def test_releasing_leaves_somebody_elses_lease_alone(bucket, lease):
    paused = lease("far").acquire()
    lease().acquire()
    paused.release()
    assert json.loads(bucket.get(LOCK))["host"] == HERE.host


def test_whoever_looked_before_a_lease_came_and_went_may_have_it(in_bucket):
    first, second = in_bucket().lease, in_bucket().lease
    first.delete(first.write(b"one", ""))
    assert second.read() == (None, "")
    first.delete(first.write(b"two", ""))
    with pytest.raises(FencedError):
        second.write(b"three", "")
    assert second.read() == (None, "")
    second.write(b"three", "")


@pytest.mark.parametrize("do", ["lose", "cut"])
def test_a_lease_whose_answers_get_lost_is_held_all_the_same(bucket, lease, do):
    bucket.fault("PUT", LOCK, do)
    held = lease().acquire()
    bucket.fault("PUT", LOCK, do)
    held.renew()
    bucket.fault("PUT", LOCK, do)
    held.release()
    assert not lease().acquire().took_over


def test_a_lease_is_ended_by_hand(lease, in_bucket, clock):
    held = lease().acquire()
    with pytest.raises(LockedError):
        unlock(in_bucket(), "prod")
    assert unlock(in_bucket(), "prod", force=True).runner == HERE
    assert unlock(in_bucket(), "prod") is None
    clock.now += 26
    with pytest.raises(FencedError, match="was ended by somebody else"):
        held.gate()
    lease().acquire()


def test_renewing_goes_on_after_the_store_was_in_trouble(bucket, lease, monkeypatch):
    monkeypatch.setattr(lease_module, "RENEW_EVERY", 0.01)
    monkeypatch.setattr(lease_module, "RETRY", 0.01)
    held = lease().acquire()
    is_over = threading.Event()
    bucket.fault("PUT", LOCK, "503 SlowDown", times=12)
    bucket.fault("PUT", LOCK, "lose", then=is_over.set)
    assert is_over.wait(10)
    held.gate()


# --- stores that aren't fit --------------------------------------------------------------------------------


def test_a_store_that_minds_no_conditions_is_refused_before_anything_is_done(bucket, lease):
    bucket.minds = False
    error = refused(lease().acquire)
    assert error.code == "ledger-unsafe"
    assert "conditional writes" in error.message
    bucket.minds = True
    assert not lease().acquire().took_over


def test_a_store_that_says_that_it_knows_no_conditions_is_refused(bucket, lease):
    bucket.fault("PUT", LOCK, "501 NotImplemented")
    assert refused(lease().acquire).code == "ledger-unsafe"


def test_the_trial_is_made_once_per_run(bucket, lease):
    held = lease().acquire()
    before = len(bucket.log)
    held.renew()
    assert len(bucket.log) == before + 1


# --- trouble -----------------------------------------------------------------------------------------------

TROUBLE = [
    ("404 NoSuchBucket", "ledger-read", "no such bucket", "make it"),
    ("403 RequestTimeTooSkewed", "ledger-read", "clock", "clock"),
    ("403 InvalidAccessKeyId", "ledger-credential", "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
    ("403 SignatureDoesNotMatch", "ledger-credential", "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
    ("400 ExpiredToken", "ledger-credential", "ExpiredToken", "AWS_SESSION_TOKEN"),
    ("403 AccessDenied", "ledger-credential", "AccessDenied", "s3:PutObject"),
    ("400 AuthorizationHeaderMalformed", "ledger-read", "another region", "AWS_REGION=eu-west-1"),
    ("500 InternalError", "ledger-read", "500", "network"),
    ("418 IAmATeapot", "ledger-read", "418", "settings"),
]


@pytest.mark.parametrize(("do", "code", "message", "hint"), TROUBLE)
def test_each_trouble_is_told_in_words(bucket, opened, do, code, message, hint):
    bucket.fault("GET", LEDGER, do, times=9)
    error = refused(opened)
    assert error.code == code
    assert message in error.message
    assert f"s3://{bucket.bucket}/{LEDGER}" in error.message
    assert hint in error.hint


@pytest.mark.parametrize("do", [do for do, *_ in TROUBLE if not do.startswith("500")])
def test_what_is_refused_isnt_uncertain(bucket, store, do):
    version = store.write(b"one", "")
    bucket.fault("PUT", LEDGER, do)
    error = refused(store.write, b"two", version)
    assert not isinstance(error, UncertainWriteError)
    assert error.code in ("ledger-write", "ledger-credential")


def test_a_bucket_that_isnt_there_is_no_new_ledger(make, bucket, tmp_path):
    stack = make.stack(tmp_path, ledger_url=f"s3://{bucket.bucket}-not/x/")
    error = refused(lambda: open_ledger(stack, environment=bucket.env))
    assert "NoSuchBucket" in error.message


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://no-such-host.invalid"])
def test_a_store_out_of_reach_is_said_to_be(opened, url):
    error = refused(lambda: opened(env={"AWS_ENDPOINT_URL": url}))
    assert "can't be reached" in error.message
    assert "network" in error.hint


def test_a_store_out_of_reach_took_no_write(in_bucket):
    store = in_bucket(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert not isinstance(refused(store.write, b"one", ""), UncertainWriteError)


@pytest.mark.parametrize(
    "names",
    [
        "AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL AWS_ENDPOINT",
        "AWS_SESSION_TOKEN AWS_TOKEN",
        "AZURE_STORAGE_ACCOUNT_KEY AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_CLIENT_ID AZURE_CLIENT_ID",
        "AZURE_STORAGE_TENANT_ID AZURE_TENANT_ID",
        "AZURE_STORAGE_ENDPOINT AZURE_ENDPOINT",
        "GOOGLE_SERVICE_ACCOUNT GOOGLE_SERVICE_ACCOUNT_PATH",
    ],
)
def test_one_setting_under_two_names_is_the_first_of_them(names):
    first, second = names.split()
    scheme = {"AWS": "s3", "AZURE": "az", "GOOGLE": "gs"}[first.partition("_")[0]]
    config = buckets._config(scheme, {first: "one", second: "another"})
    assert config == {first.lower(): "one"}


def says_twice(scheme, one, other):
    """Whether the store takes two of our settings for the same one."""
    prefix, _ = buckets._SETTINGS[scheme]
    config = buckets._config(scheme, {prefix + one: "true", prefix + other: "true"})
    try:
        buckets._store(scheme, "bucket", config)
    except Exception as error:
        return "Duplicate" in str(error)
    return False


@pytest.mark.parametrize("scheme", ["s3", "az", "gs"])
def test_no_two_settings_that_are_passed_on_are_the_same_to_the_store(scheme):
    names = buckets._SETTINGS[scheme][1].split()
    assert not [pair for pair in itertools.combinations(names, 2) if says_twice(scheme, *pair)]


def test_the_endpoint_of_two_names_is_asked(in_bucket):
    in_bucket(AWS_ENDPOINT="https://elsewhere.invalid", AWS_TOKEN="").write(b"one", "")


def test_plain_http_must_be_meant(opened):
    error = refused(lambda: opened(env={"AWS_ALLOW_HTTP": ""}))
    assert "AWS_ALLOW_HTTP=true" in error.hint


def test_half_a_credential_is_told_by_the_names_of_what_was_found(opened):
    error = refused(lambda: opened(env={"AWS_SECRET_ACCESS_KEY": ""}))
    assert error.code == "ledger-credential"
    assert "AWS_ACCESS_KEY_ID" in error.message


def test_an_azure_account_must_be_named(make, tmp_path):
    stack = make.stack(tmp_path, ledger_url="az://container/x/")
    error = refused(lambda: open_ledger(stack, environment={"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}))
    assert "AZURE_STORAGE_ACCOUNT_NAME" in error.hint


# --- neighbours --------------------------------------------------------------------------------------------


def test_the_neighbours_of_a_prefix_are_its_other_json_objects(bucket, in_bucket):
    for key in (
        "a.json",
        "b.lock.json",
        "c.plan.json",
        "d.json.backup",
        "e.txt",
        "deeper/f.json",
        "prod.json",
    ):
        bucket.put(f"ledgers/{key}", key.encode())
    bucket.put("g.json", b"above")
    assert in_bucket().siblings() == {f"s3://{bucket.bucket}/ledgers/a.json": b"a.json"}
    assert set(in_bucket("mine.json").siblings()) == {f"s3://{bucket.bucket}/g.json"}


def test_the_neighbours_are_found_in_every_kind_of_store(any_store, make):
    assert any_store.siblings() == {}
    any_store.write(b"x", "")
    any_store.lease.write(b"x", "")
    assert any_store.siblings() == {}


def test_what_the_neighbours_own_is_known(make, bucket, tmp_path):
    theirs = make.ledger(
        {"oauth_apps.a": make.entry("7")}, remotes={"connect": "https://connect.example.org"}
    )
    bucket.put("ledgers/other.json", encode(theirs).replace(b'"stack": "prod"', b'"stack": "other"'))
    stack = make.stack(tmp_path, ledger_url=f"s3://{bucket.bucket}/ledgers/")
    found = claims(stack, environment=bucket.env)
    assert found == {(mark_of("https://connect.example.org"), "oauth_apps", "7"): "other"}
    bucket.put("ledgers/other.json.backup", b"")
    bucket.put("ledgers/other.json", b"{")
    error = refused(lambda: claims(stack, environment=bucket.env))
    assert "ledgers/other.json is damaged" in error.message
    assert "other.json.backup" in error.hint


def test_what_is_too_big_for_a_ledger_is_passed_over_unless_the_folder_is_for_ledgers(
    bucket, in_bucket, monkeypatch
):
    monkeypatch.setattr(object_store, "LARGEST", 10)
    bucket.put("ledgers/big.json", b"x" * 11)
    assert in_bucket("ledgers/mine.json").siblings() == {}
    assert "big.json" in refused(in_bucket().siblings).message


def test_too_many_neighbours_are_an_error(bucket, in_bucket, monkeypatch):
    monkeypatch.setattr(object_store, "MOST", 1)
    for name in "ab":
        bucket.put(f"ledgers/{name}.json", b"{}")
    assert "more than 1" in refused(in_bucket().siblings).message


def test_a_list_that_is_refused_is_never_read_as_nobody(bucket, in_bucket):
    bucket.fault("GET", f"/{bucket.bucket}", "403 AccessDenied")
    error = refused(in_bucket().siblings)
    assert "s3:ListBucket" in error.hint
