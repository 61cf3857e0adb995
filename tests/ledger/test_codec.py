"""The ledger's file: what is written is what is read, and damage is a sentence and not a traceback."""

import json
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import InternalError, LedgerError
from reconciler.ledger import json_shapes
from reconciler.ledger.codec import Encoder, decode, encode
from reconciler.model import (
    Address,
    Adopt,
    Credential,
    CredentialState,
    Deleted,
    Delivery,
    Entry,
    Intent,
    Ledger,
    Lifecycle,
    OnDestroy,
    Origin,
    Pending,
    ReplaceOrder,
    Runner,
    Superseded,
    Tombstone,
)
from reconciler.secrets import Secret
from tests.work import calls

words = st.text(max_size=8)
keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,9}", fullmatch=True)
addresses = st.builds(Address, keys, keys, st.just("") | keys)
leaves = st.none() | st.booleans() | st.integers() | words | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(words, values, max_size=3)
texts = st.dictionaries(words, words, max_size=3)
# fields that this version doesn't know: none of ours begins like that
extras = st.dictionaries(words.map("x-".__add__), values, max_size=2)
runners = st.builds(Runner, words, words, words, st.integers(), words, words)
credentials = st.builds(
    Credential,
    st.sampled_from(CredentialState),
    salt=words,
    mark=words,
    expires_at=words,
    by=st.none() | runners,
    to=texts,
    sealed=words,
    unopened=st.booleans(),
    since=words,
    extra=extras,
)
deliveries = st.builds(
    Delivery, st.none() | addresses, credential=words, salt=words, mark=words, extra=extras
)
formers = st.builds(
    Superseded,
    words,
    parent=words,
    name=words,
    computed=texts,
    credential=st.none() | credentials,
    revoke_after=words,
    carries=st.dictionaries(words, st.lists(words, min_size=1).map(tuple), max_size=2),
    extra=extras,
)
lifecycles = st.builds(
    Lifecycle,
    prevent_destroy=st.booleans(),
    adopt=st.none() | st.builds(Adopt, words),
    ignore=st.frozensets(words, max_size=3),
    on_destroy=st.sampled_from(OnDestroy),
    replace=st.sampled_from(ReplaceOrder),
)
entries = st.builds(
    Entry,
    provider=words,
    id=words,
    name=words,
    origin=st.sampled_from(Origin),
    parent=words,
    named=st.booleans(),
    applied=objects,
    computed=texts,
    depends_on=st.lists(addresses, max_size=2).map(tuple),
    lifecycle=lifecycles,
    credential=st.none() | credentials,
    deliveries=st.dictionaries(words, deliveries, max_size=2),
    updated_at=words,
    created_at=words,
    created_by=words,
    recorded_at=words,
    formers=st.lists(formers, max_size=2).map(tuple),
    extra=extras,
)
intents = st.builds(
    Intent,
    id=words,
    kind=words,
    provider=words,
    at=words,
    runner=runners,
    why=words,
    parent=words,
    before=st.lists(words, max_size=2).map(tuple),
    sent=objects,
    credential=words,
    tag=st.integers(),
    extra=extras,
)
tombstones = st.builds(Tombstone, addresses, intents, words, proven_dead=st.booleans(), extra=extras)
pendings = st.builds(
    Pending,
    intents=st.dictionaries(addresses, intents, max_size=2),
    given_up=st.lists(tombstones, max_size=2).map(tuple),
    deleted=st.lists(st.builds(Deleted, words, words, words, words), max_size=2).map(tuple),
    extra=extras,
)
ledgers = st.builds(
    Ledger,
    stack=words,
    lineage=words,
    serial=st.integers(),
    epoch=words,
    remotes=texts,
    entries=st.dictionaries(addresses, entries, max_size=3),
    pending=pendings,
    approvals=texts,
    extra=extras,
)


def read(content, **facts):
    return decode(content, **{"where": "prod.json"} | facts)


@given(ledgers)
def test_what_is_written_is_what_is_read(ledger):
    assert read(encode(ledger)) == ledger


@pytest.mark.parametrize(
    "shape", [value for value in vars(json_shapes).values() if isinstance(value, json_shapes.Shape)]
)
def test_every_field_of_a_value_is_in_its_table(shape):
    kept = {row.attribute for row in shape._rows}
    assert kept == {field.name for field in fields(shape._make)} - {"extra"}


@settings(max_examples=25)
@given(ledgers)
def test_the_file_is_sorted_indented_and_ends_in_a_newline(ledger):
    content = encode(ledger, mark="m").decode()
    assert content == json.dumps(json.loads(content), indent=2, sort_keys=True) + "\n"


def test_a_name_that_begins_another_stands_before_it(make):
    names = ["a.k", "a.k-1", "a.k.part", "a.k0", "a.kk", "a.k_", "a-b.k", "ab.k", "A.k"]
    ledger = make.ledger(dict.fromkeys(reversed(names), make.entry()))
    assert list(json.loads(encode(ledger))["resources"]) == sorted(names)


@settings(max_examples=20)
@given(ledgers, ledgers)
def test_an_encoder_that_has_written_before_writes_the_same_as_a_fresh_one(first, second):
    encoder = Encoder()
    encoder.encode(first)
    mixed = replace(second, entries={**first.entries, **second.entries}, pending=first.pending)
    assert encoder.encode(mixed) == encode(mixed)


@pytest.fixture
def content(make):
    """A ledger with one of each."""
    credential = make.credential(state=CredentialState.SENDING, by=make.runner(), to={"i": "t"})
    ledger = make.ledger(
        {
            "oauth_apps.a": make.entry(credential=credential, formers=(Superseded("f"),)),
            "connect_integrations.b": make.entry(
                depends_on=(make.address("oauth_apps.a"),),
                deliveries={"config.client_secret": Delivery(make.address("oauth_apps.a"), "1")},
            ),
        },
        pending=Pending(
            {make.address("oauth_apps.c"): make.intent(tag=7)},
            (make.tombstone("oauth_apps.d"),),
            (Deleted("oauth_apps", "databricks", "9", "2026-01-01T00:00:00Z"),),
        ),
    )
    return encode(ledger, mark="m")


def test_a_file_cut_anywhere_is_damaged_and_never_a_traceback(content):
    for cut in range(len(content) - 1):
        with pytest.raises(LedgerError) as caught:
            read(content[:cut])
        assert caught.value.code == "ledger-damaged"


def test_a_byte_that_flipped_is_damaged_or_another_valid_ledger(content):
    codes = set()
    for place in range(len(content)):
        for byte in b'\x00\xff{}"9,':
            flipped = content[:place] + bytes([byte]) + content[place + 1 :]
            try:
                assert isinstance(read(flipped), Ledger)
            except LedgerError as error:
                codes.add(error.code)
    assert codes == {"ledger-damaged", "ledger-newer"}


def test_a_quiet_ledger_is_short(make):
    content = json.loads(encode(make.ledger({"connect_integrations.a": make.entry()}), mark="m"))
    assert content.pop("tool_version")
    assert content == {
        "format": "reconcile.ledger/1",
        "stack": "prod",
        "lineage": "5f0c2d7e-0000-4000-8000-000000000001",
        "serial": 7,
        "write_id": "m",
        "remotes": {},
        "resources": {
            "connect_integrations.a": {"provider": "connect", "id": "1", "name": "n", "origin": "created"}
        },
        "pending": {},
        "approvals": {},
    }


def test_a_ledger_from_before_there_was_found_is_read_as_it_stands(make):
    document = json.loads(encode(make.ledger({"connect_integrations.a": make.entry()})))
    document["resources"]["connect_integrations.a"]["origin"] = "adopted"
    ledger = decode(json.dumps(document).encode(), where="ledger.json")
    (entry,) = ledger.entries.values()
    assert entry.origin is Origin.ADOPTED


def test_only_what_is_unsettled_stands_under_pending(make):
    pending = Pending(intents={make.address("oauth_apps.a"): make.intent()})
    assert list(json.loads(encode(make.ledger(pending=pending)))["pending"]) == ["intents"]


def test_fields_of_a_newer_writer_are_written_back_wherever_they_stand(make):
    credential = make.credential(by=make.runner())
    ledger = make.ledger(
        {"oauth_apps.a": make.entry(credential=credential, formers=(Superseded("f"),))},
        pending=Pending(intents={make.address("oauth_apps.b"): make.intent()}),
    )
    document = json.loads(encode(ledger))
    row = document["resources"]["oauth_apps.a"]
    strange = [
        document,
        document["pending"],
        document["pending"]["intents"]["oauth_apps.b"],
        row,
        row["credential"],
        row["formers"][0],
    ]
    for place in strange:
        place["later"] = {"a": [1]}
    assert json.loads(encode(read(json.dumps(document).encode()))) == document


def test_a_newer_format_is_refused_with_the_version_to_use():
    content = b'{"format": "reconcile.ledger/2", "tool_version": "3.1.4", "whatever": true}'
    with pytest.raises(LedgerError) as caught:
        read(content)
    assert caught.value.code == "ledger-newer"
    assert "3.1.4" in caught.value.hint


def test_an_older_format_is_read(make):
    content = encode(make.ledger()).replace(b"reconcile.ledger/1", b"reconcile.ledger/0")
    assert read(content) == make.ledger()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("serial",), "7", "serial must be a whole number"),
        (("serial",), True, "serial must be a whole number"),
        (("resources",), [], "resources must be an object"),
        (("resources", "not an address"), {}, "isn't an address"),
        (("resources", "oauth_apps.a"), {}, "oauth_apps.a.provider is missing"),
        (("resources", "oauth_apps.a"), None, "oauth_apps.a must be an object"),
        (("pending", "given_up"), [7], "pending.given_up[0] must be an object"),
        (("stack",), None, "stack must be text"),
        (("remotes",), {"connect": 7}, "remotes.connect must be text"),
        (("format",), "reconcile.plan/1", "its format is 'reconcile.plan/1'"),
        (("format",), 1, "its format is 1"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(make, path, value, words):
    document = json.loads(encode(make.ledger()))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(LedgerError) as caught:
        read(json.dumps(document).encode())
    assert caught.value.code == "ledger-damaged"
    assert words in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 64,
        b"\xff\xfe\xfa",
        b"null",
        b"[]",
        b"{}",
        b"7",
        b"[" * 100_000,
        b'{"serial": ' + b"9" * 10_000 + b"}",
        b"<<<<<<< HEAD\n{}",
    ],
)
def test_what_isnt_a_ledger_at_all_is_damaged(content):
    with pytest.raises(LedgerError) as caught:
        read(content)
    assert caught.value.code == "ledger-damaged"


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [(b'"serial": 7', b'"serial": NaN', "NaN"), (b'"serial": 7', b'"serial": 7, "serial": 8', "twice")],
)
def test_what_python_would_let_pass_is_damaged_all_the_same(content, good, bad, words):
    with pytest.raises(LedgerError, match=words):
        read(content.replace(good, bad))


def test_damage_names_the_backup_and_how_to_restore_it():
    with pytest.raises(LedgerError) as caught:
        read(b"{", backup="prod.json.backup")
    assert "cp 'prod.json.backup' 'prod.json'" in caught.value.hint


def test_damage_without_a_backup_says_what_to_do_instead():
    with pytest.raises(LedgerError) as caught:
        read(b"{")
    assert "move it away" in caught.value.hint


@pytest.mark.parametrize(
    "value", [Secret("s3cret"), float("nan"), {1: "a"}, {"a"}, Path(), Address("a", "b")]
)
def test_what_isnt_json_is_refused_before_it_is_written(make, value):
    with pytest.raises(InternalError) as caught:
        encode(make.ledger({"oauth_apps.a": make.entry(applied={"name": value})}))
    assert "s3cret" not in str(caught.value)


def test_what_couldnt_be_read_again_is_refused_before_it_is_written(make):
    with pytest.raises(InternalError, match="computed"):
        encode(make.ledger({"oauth_apps.a": make.entry(computed={"id": 7})}))


def test_to_write_one_change_among_many_takes_a_fiftieth_of_the_steps_of_all(make):
    facts = {"applied": {"name": "n", "config": {"auth_type": "Viewer", "hosts": ["a", "b"]}}}
    ledger = make.ledger({f"connect_integrations.k{n}": make.entry(str(n), **facts) for n in range(1000)})
    encoder = Encoder()
    scratch = calls(encoder.encode, ledger)
    changed = make.put("connect_integrations.k7", "new")(ledger)
    assert calls(encoder.encode, changed) < scratch / 50
    assert b'"new"' in encoder.encode(changed)


def test_the_text_of_a_ledger_is_put_together_once(make):
    ledger = make.ledger(
        {f"oauth_apps.k{n}": make.entry(str(n), applied={"a": "b" * 5000}) for n in range(300)}
    )
    encoder = Encoder()
    encoder.encode(ledger)
    tracemalloc.start()
    try:
        content = encoder.encode(ledger)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(content) < most < 1.5 * len(content)


def test_a_secret_that_an_earlier_version_wrote_down_is_forgotten():
    config = {"client_id": "c", "ANTHROPIC_API_KEY": "sk-canary", "nested": {"apiKey": "sk-canary"}}
    entry = Entry("connect", "g", "n", Origin.CREATED, applied={"config": config})
    address = Address("connect_integrations", "i")
    content = encode(Ledger("s", "l", entries={address: entry}))
    read = decode(content, where="x")
    assert read.entries[address].applied == {"config": {"client_id": "c", "nested": {}}}
    assert b"sk-canary" not in encode(read)
