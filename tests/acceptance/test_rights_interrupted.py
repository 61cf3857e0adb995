"""Lists of names and what interrupts a run: killed, or without an answer, at each of their writes."""

import pytest

from tests.acceptance.test_content import Shelf
from tests.acceptance.test_grants import Safe


@pytest.mark.parametrize("change", ["made", "changed", "taken back"])
def test_access_and_content_come_to_rest_after_trouble_at_any_write(inside, change):
    shelf = Shelf(inside)
    if change != "made":
        shelf.applies(access={"users": ["ada"]}, content=[shelf.dashboard])
        shelf.give(shelf.dashboard, shelf.other())
    if change == "taken back":
        shelf.wants(access={"users": ["ada"]}, content=[])
    else:
        shelf.wants(
            description="new",
            access={"users": ["pat"], "groups": ["finance"]},
            content=[shelf.dashboard, shelf.api],
        )
    with inside.untouched():
        inside.run("rehearse", "specs/stack.yaml", "--faults")


@pytest.mark.parametrize("change", ["made", "changed", "taken back"])
def test_groups_roles_and_grants_come_to_rest_after_trouble_at_any_write(inside, change):
    Safe(inside)
    grants = {"use": ["group:analysts"], "manage": ["user:ann@example.org"]}
    robot = {"groups": ["readers"], "roles": ["account_admin"], "grants": grants}
    if change != "made":
        inside.write({"service_principals": {"robot": robot}})
        inside.apply()
    if change == "changed":
        robot |= {"groups": ["analysts"], "grants": {"use": ["user:bob@example.org"]}}
    elif change == "taken back":
        robot |= {"groups": [], "roles": [], "grants": {}}
    inside.write({"service_principals": {"robot": robot}})
    with inside.untouched():
        inside.run("rehearse", "specs/stack.yaml", "--faults")
