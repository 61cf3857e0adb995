"""How many calls it takes."""

from __future__ import annotations

import json

import pytest

ROBOTS = 50
PAGE = 20
PAGES = 2 * -(-ROBOTS // PAGE)  # of apps and of service principals; integrations come in one


@pytest.fixture
def stack(place):
    """A stack of 200 objects, applied; the number of its calls."""
    place.knobs(page_size=PAGE)
    want = {
        "oauth_apps": {f"app-{n}": place.app() for n in range(ROBOTS)},
        "service_principals": {f"robot-{n}": place.robot() for n in range(ROBOTS)},
        "connect_integrations": {
            **{f"v-{n}": place.integration(f"oauth_apps.app-{n}", f"Viewer {n}") for n in range(ROBOTS)},
            **{
                f"s-{n}": place.integration(f"service_principals.robot-{n}", f"Service {n}")
                for n in range(ROBOTS)
            },
        },
    }
    place.write(want)
    place.apply("--quiet")
    return want


def calls(place, path=""):
    """How many calls were made since the last look; only those to a path, if one is given."""
    stats = place.control("GET", "stats")
    place.control("DELETE", "stats")
    return sum(number for call, number in stats["by"].items() if path in call)


SECRETS = "credentials/secrets"


def test_an_apply_makes_one_call_per_object_and_reads_nothing_again(place, stack):
    stats = place.control("GET", "stats")
    assert len(place.integrations()) == 2 * ROBOTS
    assert stats["writes"] == 5 * ROBOTS
    # before it, everything was empty: a page of each
    assert stats["requests"] - stats["writes"] <= 10, stats["by"]


def test_an_apply_writes_the_ledger_less_often_than_it_changes_anything(place, stack):
    assert json.loads(place.ledger.read_text())["serial"] < 5 * ROBOTS / 2


def test_an_everyday_plan_is_pages_and_a_few_calls_more(place, stack):
    calls(place)
    assert place.is_settled()
    assert calls(place) <= PAGES + 9


def test_a_full_plan_looks_at_each_managed_secret_once(place, stack):
    calls(place)
    assert place.is_settled("specs/stack.yaml", "--refresh", "full")
    stats = place.control("GET", "stats")
    assert calls(place, SECRETS) == ROBOTS
    assert stats["requests"] <= PAGES + ROBOTS + 5, stats["by"]
    assert stats["writes"] == 0


def test_drift_looks_at_each_managed_secret(place, stack):
    calls(place)
    place.run("drift", "specs/stack.yaml")
    assert calls(place, SECRETS) == ROBOTS


def test_a_change_of_one_takes_one_write_and_no_look_at_the_others(place, stack):
    stack["connect_integrations"]["s-7"]["description"] = "changed"
    place.write(stack)
    calls(place)
    place.apply("--quiet")
    stats = place.control("GET", "stats")
    assert stats["writes"] == 1
    assert calls(place, SECRETS) == 0
    assert stats["requests"] <= PAGES + 9 + 1, stats["by"]
