"""The whole way of a change: pull request, comment, merge, apply of that very plan, drift by hand, heal."""

from __future__ import annotations

import shutil

import pytest
from acceptance.conftest import SPEC, Workplace
from ledger.bucket_server import SECRET, BucketServer

PLAN = "plan.json"


@pytest.fixture
def runners(place, tmp_path):
    """Two runners of a pipeline with nothing in common but the spec and a ledger in a bucket."""
    with BucketServer() as bucket:
        other = Workplace(tmp_path / "other", place.server)
        other.folder.mkdir()
        for one in (place, other):
            one.env |= bucket.env
            one.write(one.both(), ledger={"url": f"s3://{bucket.bucket}/ledgers/"})
        yield place, other
        place.said += other.said
        place.known_secrets |= other.known_secrets | {SECRET}


def test_from_the_pull_request_to_healed_drift(runners):
    reviewer, merger = runners
    # the pull request: a plan to look at, and nothing changed
    comment = reviewer.run("plan", SPEC, "-o", PLAN, "--format", "markdown").out
    assert comment.startswith("<!-- reconcile:plan:stack -->")
    assert "service_principals.robot.client_secret" in comment
    assert reviewer.apps() == {}
    shown = merger.folder / PLAN
    shutil.copy(reviewer.folder / PLAN, shown)
    assert merger.run("show", PLAN, "--format", "markdown").out == comment
    # the merge: that very plan, by another runner
    merger.run("apply", PLAN, "--yes")
    assert {"Viewer", "Service"} == set(merger.integrations())
    assert reviewer.is_settled()
    merger.run("apply", PLAN, "--yes", code=4).says("stale")
    # somebody edits by hand; the scheduled run finds it
    app = reviewer.apps()["app"]
    path = f"oauth2/custom-app-integrations/{app['integration_id']}"
    reviewer.databricks("PATCH", path, {"scopes": ["sql"]})
    report = reviewer.run("drift", SPEC, "--format", "markdown", code=2).out
    assert report.startswith("<!-- reconcile:drift:stack -->")
    assert "scopes" in report
    # and the next apply puts it right
    merger.apply()
    assert set(reviewer.apps()["app"]["scopes"]) == {"all-apis", "offline_access"}
    reviewer.run("drift", SPEC)


def test_a_plan_that_was_reviewed_is_refused_when_what_it_touches_has_moved(runners):
    reviewer, merger = runners
    reviewer.run("plan", SPEC, "-o", PLAN)
    shutil.copy(reviewer.folder / PLAN, merger.folder / PLAN)
    merger.new_app(name="app", redirect_urls=[], scopes=["sql"])
    merger.run("apply", PLAN, "--yes", code=4).says("stale", "oauth_apps.app")
    assert merger.principals() == {}
