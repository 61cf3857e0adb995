"""`ledger forget` and `ledger move`, as functions from ledger to ledger."""

import pytest

from reconciler.errors import LedgerError
from reconciler.ledger import forget, move, move_provider
from reconciler.model import Delivery, Pending, ProviderSpec, Superseded


@pytest.fixture
def ledger(make):
    secret = make.address("service_principals.a.client_secret")
    return make.ledger(
        {
            "service_principals.a": make.entry("1"),
            "service_principals.a.client_secret": make.entry(
                "2", depends_on=(make.address("service_principals.a"),)
            ),
            "connect_integrations.c": make.entry(
                "3",
                depends_on=(make.address("service_principals.a"), secret),
                deliveries={"config.client_secret": Delivery(secret, "2"), "config.other": Delivery()},
            ),
        },
        pending=Pending(
            intents={secret: make.intent()}, given_up=(make.tombstone("service_principals.a.client_secret"),)
        ),
    )


def move_sp(make, ledger, target="service_principals.b"):
    return move(ledger, make.address("service_principals.a"), make.address(target))


def test_forgetting_takes_the_parts_and_what_is_pending_along(make, ledger):
    after = forget(ledger, make.address("service_principals.a"))
    assert [str(address) for address in after.entries] == ["connect_integrations.c"]
    assert after.pending == Pending()


def test_forgetting_a_part_leaves_the_rest(make, ledger):
    after = forget(ledger, make.address("service_principals.a.client_secret"))
    assert make.address("service_principals.a") in after.entries
    assert after.pending.intents == {}


def test_an_interrupted_create_can_be_forgotten(make):
    address = make.address("oauth_apps.a")
    ledger = make.ledger(pending=Pending(intents={address: make.intent()}))
    assert forget(ledger, address).pending.intents == {}


def test_a_slip_of_the_pen_gets_a_suggestion(make, ledger):
    with pytest.raises(LedgerError) as caught:
        forget(ledger, make.address("conect_integrations.c"))
    assert caught.value.code == "unknown-address"
    assert caught.value.hint == "did you mean connect_integrations.c?"


def test_an_address_like_no_other_is_told_where_to_look(make, ledger):
    with pytest.raises(LedgerError) as caught:
        move(ledger, make.address("x.y"), make.address("x.z"))
    assert "ledger show" in caught.value.hint


def test_a_move_takes_the_secret_along(make, ledger):
    after = move_sp(make, ledger)
    assert after.entries[make.address("service_principals.b")].id == "1"
    assert after.entries[make.address("service_principals.b.client_secret")].id == "2"
    assert len(after.entries) == 3


def test_a_move_rewrites_what_depends_on_it(make, ledger):
    user = move_sp(make, ledger).entries[make.address("connect_integrations.c")]
    secret = make.address("service_principals.b.client_secret")
    assert user.depends_on == (make.address("service_principals.b"), secret)
    assert user.deliveries == {"config.client_secret": Delivery(secret, "2"), "config.other": Delivery()}


def test_a_move_rewrites_what_is_pending(make, ledger):
    pending = move_sp(make, ledger).pending
    secret = make.address("service_principals.b.client_secret")
    assert list(pending.intents) == [secret]
    assert [one.address for one in pending.given_up] == [secret]


def test_what_a_move_doesnt_touch_stays_the_same_object(make, ledger):
    ledger = make.put("oauth_apps.z", "9")(ledger)
    after = move_sp(make, ledger)
    z = make.address("oauth_apps.z")
    assert after.entries[z] is ledger.entries[z]


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("service_principals.a", "connect_integrations.d", "another kind"),
        ("service_principals.a", "service_principals.a", "already"),
        ("service_principals.a.client_secret", "service_principals.b.client_secret", "is a part"),
        ("service_principals.a", "service_principals.b.client_secret", "is a part"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(make, ledger, source, target, words):
    with pytest.raises(LedgerError, match=words) as caught:
        move(ledger, make.address(source), make.address(target))
    assert caught.value.code == "bad-move"


@pytest.mark.parametrize("taken", ["service_principals.b", "service_principals.b.client_secret"])
def test_a_move_never_lands_on_something(make, ledger, taken):
    with pytest.raises(LedgerError, match="already"):
        move_sp(make, make.put(taken)(ledger))


def test_a_move_never_lands_on_an_interrupted_create(make):
    pending = Pending(intents={make.address("oauth_apps.b"): make.intent()})
    ledger = make.ledger({"oauth_apps.a": make.entry()}, pending=pending)
    with pytest.raises(LedgerError, match="already"):
        move(ledger, make.address("oauth_apps.a"), make.address("oauth_apps.b"))


class TestAServerThatMoved:
    NEW = ProviderSpec("connect", "connect", "https://new.example.org")

    def owning(self, make):
        entries = {
            "connect_integrations.a": make.entry("1", formers=(Superseded("0"),)),
            "connect_integrations.b": make.entry("2"),
            "oauth_apps.c": make.entry("3", provider="databricks"),
        }
        return make.ledger(entries, remotes={"connect": "https://old.example.org", "databricks": "d"})

    def test_is_followed_when_it_shows_all_that_is_owned_there(self, make):
        live = {("connect_integrations", live_id) for live_id in "0129"}
        after = move_provider(self.owning(make), self.NEW, live)
        assert after.remotes == {"connect": "https://new.example.org", "databricks": "d"}
        assert after.entries == self.owning(make).entries

    @pytest.mark.parametrize("gone", ["0", "1", "2"])
    def test_is_another_one_when_anything_is_missing(self, make, gone):
        live = {("connect_integrations", live_id) for live_id in "012" if live_id != gone}
        with pytest.raises(LedgerError, match=rf"\({gone}\)") as error:
            move_provider(self.owning(make), self.NEW, live | {("oauth_apps", gone)})
        assert error.value.code == "bad-move"
