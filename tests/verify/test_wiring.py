"""What the snapshot alone tells of an integration's wiring, and of how long a secret lasts."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from reconciler.matching import pair
from reconciler.model import (
    Address,
    Adopt,
    Ledger,
    Lifecycle,
    Live,
    ProviderSpec,
    Ref,
    Resource,
    Snapshot,
    Stack,
    WorkspaceRef,
)
from reconciler.providers import KINDS
from reconciler.verifying.context import VerifyContext
from reconciler.verifying.credential_checks import app_troubles, lasting, secret_troubles
from reconciler.verifying.wiring_checks import integration_words

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
APP, VIEWER = Address("oauth_apps", "a"), Address("connect_integrations", "i")
ROBOT = Address("service_principals", "r")
SECRET = ROBOT.inside("client_secret")
CALLBACK = "https://connect.example.org/__oauth__/integrations/callback"
HOST = "prod.cloud.databricks.com"
PROVIDERS = {
    "databricks": ProviderSpec("databricks", "databricks", "https://accounts.cloud.databricks.com", "acc"),
    "connect": ProviderSpec("connect", "connect", "https://connect.example.org"),
}


class World:
    """An app with its viewer's integration, and a robot; a test changes what it is about."""

    def __init__(self):
        self.app = {
            "redirect_urls": [CALLBACK],
            "scopes": ["all-apis", "offline_access"],
            "confidential": True,
        }
        self.config = {
            "auth_type": "Viewer",
            "auth_mode": "Confidential",
            "client_id": "cid",
            "workspace_host": HOST,
        }
        self.template = "databricks"
        self.client_id = Ref(APP, "client_id")
        self.lifecycle = Lifecycle()
        self.workspaces = {"databricks": (WorkspaceRef("1", HOST),)}
        self.ends = ""
        self.rotate_before = None

    @property
    def facts(self):
        wanted_app = {
            "name": "a",
            "confidential": True,
            "redirect_urls": [CALLBACK],
            "scopes": ["all-apis", "offline_access"],
        }
        wanted = {
            "name": "i",
            "template": "databricks",
            "config": {"auth_type": "Viewer", "client_id": self.client_id},
        }
        resources = [
            Resource(APP, "databricks", wanted_app, lifecycle=self.lifecycle),
            Resource(ROBOT, "databricks", {"display_name": "r"}),
            Resource(SECRET, "databricks", {"rotate_before": self.rotate_before}),
            Resource(VIEWER, "connect", wanted, lifecycle=Lifecycle(adopt=Adopt("g"))),
        ]
        stack = Stack("s", "s.yaml", PROVIDERS, {one.address: one for one in resources})
        lives = {
            "oauth_apps": Live("1", "a", {"name": "a", **self.app}, {"client_id": "cid"}),
            "service_principals": Live("2", "r", {"display_name": "r"}, {"client_id": "rid"}),
            "service_principals.client_secret": Live("3", "", {}, parent="2", expires_at=self.ends),
        }
        objects = {("databricks", kind): {live.id: live} for kind, live in lives.items()}
        attributes = {"name": "i", "template": self.template, "config": self.config}
        objects[("connect", "connect_integrations")] = {"g": Live("g", "i", attributes)}
        pairing = pair(stack, Ledger("s", "lineage"), Snapshot(objects), KINDS, NOW)
        return VerifyContext(
            stack, pairing.entries, pairing.snapshot, KINDS, pairing.matches, NOW, self.workspaces
        )

    @property
    def words(self):
        facts = self.facts
        return [(one.text, one.is_trouble) for one in integration_words(facts, facts.stack.resources[VIEWER])]

    @property
    def app_troubles(self):
        facts = self.facts
        return list(app_troubles(facts, facts.stack.resources[APP]))

    def is_broken_by(self, words):
        ((text, is_trouble),) = self.words
        return is_trouble and words in text


@pytest.fixture
def world():
    return World()


def test_a_wiring_that_fits_says_nothing(world):
    assert (world.words, world.app_troubles) == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        "https://CONNECT.example.org/__oauth__/integrations/callback",
        "https://connect.example.org:443/__oauth__/integrations/callback",
    ],
)
def test_the_case_of_a_host_and_its_default_port_make_no_difference_to_a_callback(world, url):
    world.app["redirect_urls"] = [url]
    assert (world.words, world.app_troubles) == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        CALLBACK + "/",
        CALLBACK.replace("https", "http"),
        CALLBACK.replace("/__oauth__", "/__OAuth__"),
        CALLBACK.replace("example.org", "example.org:8443"),
    ],
)
def test_any_other_difference_breaks_a_callback(world, url):
    world.app["redirect_urls"] = [url]
    assert world.is_broken_by("doesn't list " + CALLBACK)
    assert len(world.app_troubles) == 1


def test_what_the_spec_ignores_of_an_app_is_no_trouble_of_the_app(world):
    world.app["redirect_urls"] = []
    world.lifecycle = Lifecycle(ignore=frozenset({"redirect_urls"}))
    assert world.app_troubles == []


def test_another_mode_than_the_apps_is_broken(world):
    world.config["auth_mode"] = "Public"
    assert world.is_broken_by("auth_mode is Public")


def test_scopes_of_its_own_need_offline_access_too(world):
    world.config["scopes"] = "all-apis sql"
    assert world.is_broken_by("its scopes lack offline_access")


def test_another_template_or_auth_type_than_the_specs_has_to_be_replaced(world):
    world.template = "custom"
    assert world.is_broken_by("template is custom instead of databricks")
    world.template = "databricks"
    world.config["auth_type"] = "Service Account"
    assert world.is_broken_by("config.auth_type is Service Account instead of Viewer")


def test_an_app_of_another_client_id_is_broken(world):
    world.config["client_id"] = "rid"
    assert world.is_broken_by("has the client id rid, which isn't that of oauth_apps.a")


def test_a_client_id_written_by_hand_is_looked_for_in_the_account_and_its_absence_only_told(world):
    world.client_id = "elsewhere"
    world.config["client_id"] = "elsewhere"
    assert world.words == [("no account of this stack knows the client id elsewhere", False)]
    world.config["client_id"] = world.client_id = "cid"
    assert world.words == []
    world.app["redirect_urls"] = []
    assert world.is_broken_by("doesn't list")


@pytest.mark.parametrize("host", ["HTTPS://" + HOST.upper() + "/", HOST + ":443"])
def test_a_workspace_is_known_however_its_host_is_spelled(world, host):
    world.config["workspace_host"] = host
    assert world.words == []


def test_a_workspace_of_a_domain_of_ones_own_is_not_called_wrong(world):
    world.config["workspace_host"] = "lake.example.org"
    assert world.words == [("whether lake.example.org is a workspace of the account isn't known", False)]


def test_a_workspace_that_the_account_lacks_is_broken_unless_the_account_is_another_one(world):
    world.config["workspace_host"] = "gone.cloud.databricks.com"
    assert world.is_broken_by("no workspace of the account has the host gone.cloud")
    world.workspaces = {}
    assert world.words[0][1] is False


@pytest.mark.parametrize(
    ("days", "rotate_before", "words"),
    [
        (300, "30d", "ends 2026-10-28"),
        (29, "30d", "ends 2026-01-30, in 29 days: run `reconcile apply`, which rotates it"),
        (29, None, "ends 2026-01-30, in 29 days"),
        (14, None, "ends 2026-01-15, in 14 days: run `reconcile rotate service_principals.r`"),
        (1, None, "ends 2026-01-02, in 1 day: run `reconcile rotate service_principals.r`"),
    ],
)
def test_how_long_a_secret_lasts_is_told_and_what_to_do_near_its_end(world, days, rotate_before, words):
    world.ends = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%S.000Z}"
    world.rotate_before = rotate_before
    assert lasting(world.facts, SECRET) == words


@pytest.mark.parametrize(("days", "broken"), [(-1, True), (0, True), (1, False)])
def test_a_secret_that_is_still_listed_past_its_end_is_broken(world, days, broken):
    world.ends = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%S.000Z}"
    troubles = list(secret_troubles(world.facts, SECRET))
    assert [text.startswith("it expired 20") for text in troubles] == [True] * broken


def test_a_secret_without_an_end_says_nothing_of_one(world):
    assert lasting(world.facts, SECRET) == ""


def test_an_integration_without_a_live_object_says_so_once(world):
    facts = world.facts
    gone = replace(facts, matches={**facts.matches, VIEWER: replace(facts.matches[VIEWER], live=None)})
    (words,) = integration_words(gone, gone.stack.resources[VIEWER])
    assert words.text == "it doesn't exist: run `reconcile apply`"
