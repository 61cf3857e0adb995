"""A Connect server that replaces an integration's config instead of merging it: nothing dies unsaid."""

import pytest

SECRET = "service_principals.robot.client_secret"
SERVICE = "connect_integrations.service"


@pytest.fixture
def want(inside):
    """A principal and its integration, made while the server still merged."""
    both = inside.both()
    want = {
        "service_principals": both["service_principals"],
        "connect_integrations": {"service": both["connect_integrations"]["service"]},
    }
    inside.write(want)
    inside.apply()
    return want


def edit(inside, want, host="other.cloud.databricks.com"):
    want["connect_integrations"]["service"]["config"]["workspace_host"] = host
    inside.write(want)


def works(inside):
    (wire,) = inside.wiring().values()
    (row,) = inside.integrations().values()
    return wire["valid"] and row["auth_type"] == "Service Account"


def test_a_secret_lost_by_an_edit_of_another_key_fails_the_run_and_is_replaced_by_the_next(inside, want):
    edit(inside, want)
    inside.knobs(replace_config=True, incomplete_config=True)
    inside.apply(code=1).says("got lost", "a new secret is")
    assert not works(inside)
    assert inside.actions() == {SECRET: "rotate", SERVICE: "update"}
    inside.apply().says("got lost, and was sent again")
    assert works(inside)
    assert inside.is_settled()


def test_a_server_that_refuses_a_part_gets_the_whole_where_the_secret_is_at_hand(inside, want):
    edit(inside, want)
    inside.knobs(replace_config=True)
    inside.apply(code=1).says("is required", "rotate service_principals.robot")
    assert works(inside)
    edit(inside, want, "cust-success.cloud.databricks.com")
    ended = inside.run("rotate", SECRET, "--yes", "--format", "json")
    (note,) = [result["note"] for result in ended.json["results"] if result["address"] == SERVICE]
    assert note == "the server takes it as a whole only: all of it was sent"
    assert works(inside)
    assert inside.is_settled()
