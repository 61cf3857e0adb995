"""Opening a ledger: where it is, whether it belongs to this stack, and what its neighbours own."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import LedgerError
from reconciler.ledger import claims, encode, open_ledger, recorded_plan_path
from reconciler.ledger.store import MemoryStore
from reconciler.model import Pending, ProviderSpec, Superseded, mark_of, record_of

IDENTITY = "https://connect.example.org"
OLD = "https://old.example.org"


@pytest.fixture
def keep(tmp_path):
    """Puts a ledger where the default one is looked for, or under another name beside it."""

    def keep(ledger, name="prod.json"):
        path = tmp_path / ".reconcile" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(ledger if isinstance(ledger, bytes) else encode(ledger))
        return path

    return keep


def opened(stack):
    return open_ledger(stack, environment={})


def refused(stack):
    with pytest.raises(LedgerError) as caught:
        opened(stack)
    return caught.value


# --- where -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (None, ".reconcile/prod.json"),
        ("ledgers/", "ledgers/prod.json"),
        ("ledgers/mine.json", "ledgers/mine.json"),
        ("file://ledgers/mine.json", "ledgers/mine.json"),
        ("file://./ledgers/", "ledgers/prod.json"),
        ("file://{here}/led%20gers/", "led gers/prod.json"),
        ("file://localhost{here}/mine.json", "mine.json"),
        ("{here}/mine.json", "mine.json"),
    ],
)
def test_a_ledger_is_found_from_the_specs_folder(make, tmp_path, url, place):
    url = url and url.format(here=tmp_path)
    assert opened(make.stack(tmp_path, ledger_url=url)).store.where == str(tmp_path / place)


@pytest.mark.parametrize("url", ["ftp://bucket/x/", "https://example.org/x", "azure-blob://x"])
def test_an_unknown_kind_of_store_is_refused_with_those_that_are_known(make, tmp_path, url):
    error = refused(make.stack(tmp_path, ledger_url=url))
    assert error.code == "ledger-url"
    assert "file://" in error.hint


@pytest.mark.parametrize("url", ["", "file://"])
def test_a_url_that_names_nothing_is_refused(make, tmp_path, url):
    assert refused(make.stack(tmp_path, ledger_url=url)).code == "ledger-url"


def test_a_folder_without_its_slash_is_told_so(make, tmp_path):
    assert "ends in `/`" in refused(make.stack(tmp_path, ledger_url=str(tmp_path))).hint


def test_the_recorded_plan_is_local_whatever_the_ledger_is(make, tmp_path):
    stack = make.stack(tmp_path, ledger_url="elsewhere/")
    assert recorded_plan_path(stack) == tmp_path / ".reconcile" / "prod.plan.json"


# --- what --------------------------------------------------------------------------------------------------


def test_opening_writes_nothing(make, tmp_path):
    ledger = opened(make.stack(tmp_path)).ledger
    assert ledger.is_new
    assert list(tmp_path.iterdir()) == []


def test_two_looks_at_a_ledger_that_isnt_there_see_the_same(make, tmp_path):
    stack = make.stack(tmp_path)
    assert opened(stack).ledger == opened(stack).ledger


def test_a_stateless_stack_has_a_new_ledger_in_memory(make, tmp_path):
    found = opened(make.stack(tmp_path, ledger_url="none"))
    assert isinstance(found.store, MemoryStore)
    assert found.ledger.is_new


def test_what_was_kept_is_read(make, tmp_path, keep):
    ledger = make.ledger({"oauth_apps.a": make.entry(provider="databricks")})
    keep(ledger)
    assert opened(make.stack(tmp_path)).ledger == ledger


def test_damage_names_the_backup_that_is_there(make, tmp_path, keep):
    path = keep(b"{")
    Path(f"{path}.backup").touch()
    error = refused(make.stack(tmp_path))
    assert error.code == "ledger-damaged"
    assert f"{path}.backup" in error.hint


def test_damage_names_no_backup_that_isnt_there(make, tmp_path, keep):
    keep(b"{")
    assert ".backup" not in refused(make.stack(tmp_path)).hint


def test_another_stacks_ledger_is_refused_naming_both(make, tmp_path, keep):
    keep(make.ledger())
    error = refused(make.stack(tmp_path, name="test", ledger_url=".reconcile/prod.json"))
    assert error.code == "ledger-foreign"
    assert "'prod'" in error.message
    assert "'test'" in error.message


def test_another_account_or_server_is_refused_naming_both(make, tmp_path, keep):
    keep(make.ledger({"connect_integrations.a": make.entry()}, remotes={"connect": OLD}))
    error = refused(make.stack(tmp_path))
    assert error.code == "ledger-foreign"
    assert OLD in error.message
    assert IDENTITY in error.message
    assert "move-provider connect" in error.hint
    assert open_ledger(make.stack(tmp_path), environment={}, moving="connect").reread().ledger.remotes


def test_what_a_variable_named_is_known_again_by_its_mark(make, tmp_path, keep):
    owned = make.ledger(
        {"connect_integrations.a": make.entry()}, remotes={"connect": record_of(IDENTITY, "env X")}
    )
    assert IDENTITY.encode() not in encode(owned)
    keep(owned)
    assert opened(make.stack(tmp_path)).ledger == owned
    keep(replace(owned, remotes={"connect": record_of(OLD, "env X")}))
    error = refused(make.stack(tmp_path))
    assert error.code == "ledger-foreign"
    assert "is about (env X) as provider 'connect', and the spec now names " + IDENTITY in error.message
    spec = replace(make.stack(tmp_path).providers["connect"], source="env X")
    error = refused(make.stack(tmp_path, providers={"connect": spec}))
    assert "is about another value of (env X)" in error.message
    assert IDENTITY not in error.message


def test_who_owns_nothing_there_may_go_elsewhere(make, tmp_path, keep):
    elsewhere = {"oauth_apps.a": make.entry(provider="databricks")}
    keep(make.ledger(elsewhere, remotes={"connect": OLD}))
    assert opened(make.stack(tmp_path))
    former = {"connect_integrations.a": make.entry("", formers=(Superseded("7"),))}
    interrupted = Pending({make.address("connect_integrations.a"): make.intent(provider="connect")})
    dead = replace(make.tombstone("oauth_apps.a"), intent=make.intent(provider="connect"))
    given_up = Pending(given_up=(dead,))
    for held in (make.ledger(former), make.ledger(pending=interrupted), make.ledger(pending=given_up)):
        keep(replace(held, remotes={"connect": OLD}))
        assert refused(make.stack(tmp_path)).code == "ledger-foreign"


def test_an_address_that_isnt_set_contradicts_nothing(make, tmp_path, keep):
    keep(make.ledger(remotes={"connect": IDENTITY}))
    providers = {"connect": ProviderSpec("connect", "connect", "")}
    assert opened(make.stack(tmp_path, providers=providers))


@pytest.fixture
def orphaned(make, keep):
    """A ledger with objects of a provider that the spec hasn't got."""
    entries = {
        "service_principals.a": make.entry(provider="gone"),
        "service_principals.a.client_secret": make.entry(provider="gone"),
        "oauth_apps.dead": make.entry("", provider="gone", formers=(Superseded("7"),)),
    }
    intent = {make.address("oauth_apps.half"): make.intent(provider="gone")}
    return keep(make.ledger(entries, pending=Pending(intent), remotes={"gone": IDENTITY}))


@pytest.mark.usefixtures("orphaned")
class TestAProviderThatLeft:
    """Its objects are neither deleted nor lost sight of."""

    def test_is_refused_with_the_list_of_what_is_there(self, make, tmp_path):
        error = refused(make.stack(tmp_path, providers={}))
        assert error.code == "provider-gone"
        assert error.message.endswith(
            "oauth_apps.dead, oauth_apps.half, service_principals.a, service_principals.a.client_secret"
        )

    def test_is_fine_once_all_of_it_is_forgotten(self, make, tmp_path):
        texts = ["service_principals.a", "oauth_apps.dead", "oauth_apps.half"]
        assert opened(make.stack(tmp_path, forget=tuple(map(make.address, texts))))

    def test_is_refused_while_one_is_left(self, make, tmp_path):
        forget = (make.address("service_principals.a"), make.address("oauth_apps.dead"))
        error = refused(make.stack(tmp_path, forget=forget))
        assert error.message.endswith(": oauth_apps.half")

    def test_is_told_when_only_its_name_has_changed(self, make, tmp_path):
        assert "it is called 'connect' now" in refused(make.stack(tmp_path)).hint


# --- neighbours --------------------------------------------------------------------------------------------


def neighbour(make, where=IDENTITY):
    entries = {
        "service_principals.a.client_secret": make.entry("1", formers=(Superseded("old"),)),
        "oauth_apps.dead": make.entry("", formers=(Superseded("7"),)),
    }
    ledger = make.ledger(entries, remotes={"connect": where})
    return encode(ledger).replace(b'"stack": "prod"', b'"stack": "other"')


def test_what_the_neighbours_own_is_known_by_system_kind_and_id(make, tmp_path, keep):
    keep(neighbour(make), "other.json")
    secret = "service_principals.client_secret"
    assert claims(make.stack(tmp_path)) == {
        (mark_of(IDENTITY), secret, "1"): "other",
        (mark_of(IDENTITY), secret, "old"): "other",
        (mark_of(IDENTITY), "oauth_apps", "7"): "other",
    }


def test_what_a_neighbour_names_by_a_variable_is_the_same_system(make, tmp_path, keep):
    keep(neighbour(make), "other.json")
    named = claims(make.stack(tmp_path))
    keep(neighbour(make, record_of(IDENTITY, "env X")), "other.json")
    assert claims(make.stack(tmp_path)) == named


def test_our_own_ledger_and_copies_of_it_claim_nothing(make, tmp_path, keep):
    ledger = make.ledger({"oauth_apps.a": make.entry()}, remotes={"connect": IDENTITY})
    keep(ledger)
    keep(ledger, "prod-yesterday.json")
    assert claims(make.stack(tmp_path)) == {}


def test_leases_plans_backups_and_other_json_are_passed_over(make, tmp_path, keep):
    for name in ("other.lock.json", "other.plan.json", "other.json.backup", "notes.txt"):
        keep(b"{", name)
    keep(b'{"format": "reconcile.plan/1"}', "saved.json")
    assert claims(make.stack(tmp_path)) == {}


def test_a_damaged_neighbour_is_an_error_that_names_it_and_its_backup(make, tmp_path, keep):
    keep(b'{"format": "reconcile.led', "other.json")
    keep(b"", "other.json.backup")
    with pytest.raises(LedgerError, match=r"other\.json is damaged") as caught:
        claims(make.stack(tmp_path))
    assert "other.json.backup" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "is_one"), [(b"// a comment", False), (b'{"format": "reconcile.ledger/1', True), (b"", True)]
)
def test_in_a_folder_with_other_things_only_what_looks_like_a_ledger_counts(make, tmp_path, content, is_one):
    (tmp_path / "tsconfig.json").write_bytes(content)
    stack = make.stack(tmp_path, ledger_url="prod.json")
    if is_one:
        with pytest.raises(LedgerError, match="tsconfig"):
            claims(stack)
    else:
        assert claims(stack) == {}


def test_a_stateless_stack_has_no_neighbours(make, tmp_path, keep):
    keep(neighbour(make), "other.json")
    assert claims(make.stack(tmp_path, ledger_url="none")) == {}
