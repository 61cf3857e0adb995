"""How many calls it takes."""

from __future__ import annotations

APPS = 300


def test_an_everyday_plan_of_1200_objects_is_pages_and_a_call_per_managed_secret(place):
    want = {
        "oauth_apps": {f"app-{n}": place.app() for n in range(APPS)},
        "service_principals": {f"robot-{n}": place.robot() for n in range(APPS)},
        "connect_integrations": {
            **{f"v-{n}": place.integration(f"oauth_apps.app-{n}", f"Viewer {n}") for n in range(APPS)},
            **{
                f"s-{n}": place.integration(f"service_principals.robot-{n}", f"Service {n}")
                for n in range(APPS)
            },
        },
    }
    place.write(want)
    place.apply("--quiet", "--parallelism", "32")
    assert (len(place.apps()), len(place.integrations())) == (100, 2 * APPS)  # a page of apps
    place.control("DELETE", "stats")
    assert place.is_settled("specs/stack.yaml", "--refresh", "full")
    stats = place.control("GET", "stats")
    pages = 2 * APPS // 100 + 1  # of apps and of service principals
    assert stats["writes"] == 0
    assert stats["requests"] <= pages + APPS + 12, stats["by"]
