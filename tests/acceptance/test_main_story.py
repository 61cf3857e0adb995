"""The main story: plan, apply, an empty plan; the credentials work, and nobody has seen them."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = sorted(path.name for path in (Path(__file__).parents[2] / "specs").glob("*.yaml"))


def test_the_demo_works_and_its_credentials_are_accepted(place):
    demo = place.copy_example("demo.yaml")
    assert place.run("plan", demo, "--detailed-exitcode", code=2).says("5 to create")
    place.run("apply", demo, "--yes", "-v")
    assert place.is_settled(demo)
    wiring = place.wiring()
    assert {(wire["kind"], wire["valid"]) for wire in wiring.values()} == {
        ("oauth_app", True),
        ("service_principal", True),
    }
    robot = place.principals()["demo-reports"]
    assert wiring["Databricks service account (demo)"]["client_id"] == robot["applicationId"]
    # by the token endpoint, too: one of the secrets that were given away opens the service principal
    assert any(place.is_accepted(robot["applicationId"], secret) for secret in set(place.sandbox.given))
    assert place.assigned() == {robot["id"]: ["USER"]}


def test_the_look_for_secrets_would_find_one(place):
    demo = place.copy_example("demo.yaml")
    place.run("apply", demo, "--yes")
    secrets = [secret for secret in place.sandbox.given if secret.startswith("dose")]
    assert len(secrets) == 2
    hiding = place.folder / "hiding-place"
    for secret in (*secrets, place.env["CONNECT_API_KEY"]):
        hiding.write_text(f"a line with {secret} in it")
        assert place.leaks() == ["hiding-place"]
    hiding.unlink()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_applied_example_plans_nothing_more(place, name):
    key = place.env["CONNECT_API_KEY"]
    place.env.update(dict.fromkeys(["DEV_API_KEY", "STAGE_API_KEY", "PROD_API_KEY"], key))
    place.knobs(page_size=2, shuffle=True, echo_defaults=True, fill_policies=True)
    spec = place.copy_example(name)
    place.run("apply", spec, "--yes")
    assert place.run("plan", spec, "--detailed-exitcode").says("no changes")
    assert all(wire["valid"] or wire["kind"] == "oauth_app" for wire in place.wiring().values())
