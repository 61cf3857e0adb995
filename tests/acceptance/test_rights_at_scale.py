"""How many calls lists of names take: pages, and one for each group and name, however many name it."""

import pytest

from tests.acceptance.test_access import CONFIG

MANY, GROUPS, PEOPLE = 30, 5, 6


@pytest.fixture
def asked(inside):
    """A stack of 60 objects with groups and access lists, applied; whose calls are counted from here on."""
    groups, people = [f"team-{n}" for n in range(GROUPS)], [f"user-{n}" for n in range(PEOPLE)]
    for group in groups:
        inside.databricks("POST", "scim/v2/Groups", {"displayName": group})
    inside.control("POST", "seed", {"connect": {"": {"users": [{"username": name} for name in people]}}})
    robots = {f"robot-{n}": {"groups": [groups[n % GROUPS]]} for n in range(MANY)}
    viewers = {
        f"viewer-{n}": {"template": "databricks", "config": CONFIG, "access": {"users": [people[n % PEOPLE]]}}
        for n in range(MANY)
    }
    inside.write({"service_principals": robots, "connect_integrations": viewers})
    inside.apply("--quiet")
    inside.control("DELETE", "log")
    return inside


def test_a_plan_looks_each_name_up_once_and_reads_each_group_once(asked):
    assert asked.is_settled()
    paths = [each["path"] for each in asked.control("GET", "log")["requests"]]
    assert len([path for path in paths if path.endswith("/v1/users")]) == PEOPLE
    # one look-up for all their names, a read for each
    assert len([path for path in paths if "/Groups" in path]) == 1 + GROUPS
    assert len([path for path in paths if "/oauth/integrations" in path]) == 1
    pages = -(-MANY // 100) + 1
    assert len(paths) <= pages + GROUPS + 1 + PEOPLE + 9


@pytest.mark.parametrize(("size", "calls"), [(600, 2), (5000, 41)])
def test_many_names_are_read_from_a_few_pages_and_a_large_directory_is_never_listed(inside, size, calls):
    names = [f"person-{n:06}" for n in range(size)]
    inside.control("POST", "seed", {"connect": {"": {"users": [{"username": name} for name in names]}}})
    access = {"users": names[:40]}
    viewer = {"template": "databricks", "config": CONFIG, "access": access}
    inside.write({"connect_integrations": {"viewer": viewer}})
    inside.knobs(page_size=500)
    inside.plan()
    paths = [each["path"] for each in inside.control("GET", "log")["requests"]]
    assert len([path for path in paths if path.endswith("/v1/users")]) == calls
