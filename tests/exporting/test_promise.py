"""The promise of an export: valid, adopts only, writes nothing, and nothing is left; on any estate."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import sandbox as box
from tests.places import CALLBACK, URL, place_in

from .conftest import keeps_the_promise

ESTATES = int(os.environ.get("ESTATES") or 20)
"""How many estates are tried; any number of them can be asked for."""

HOSTILE = [
    "Sales", "sales", "SALES ", "no", "1e3", "null", "~", "<<", "a: b # c", "- x", "*a", "&a", "!!str",
    "${env.HOME}", "$${x}", "${", "анализ", "日本語", "🚀", "👨‍👩‍👧", "\u202eevil", "a\nb", "a\x00b",
    "\ud800", "\x85", "", " ", "x" * 300, "'", '"', "\\u0041\\", "%YAML", "---", "{{ x }}", "@at", "`tick`",
    "e\u0301", "\ue800\uec00", "\\ud83d\\ude00", "\ufeff", "true", "0x10", "2024-01-01", "=",
    "client_secret",
]  # fmt: skip
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
CLIENTS = [f"c-{number}" for number in range(6)]
URLS = st.sampled_from(
    [CALLBACK, f"{URL}/two/__oauth__/integrations/callback", "https://wb.example.org/oauth_redirect_callback",
     "http://plain.example.org/x", "not a url", "https://EXAMPLE.org:443/a", "", "a\x01", "https://x.org/${y}"]
)  # fmt: skip
SCOPES = st.lists(
    st.sampled_from(["all-apis", "sql", "offline_access", "openid", "sqll", "", "a b", "${x}"]), max_size=4
)
MINUTES = st.sampled_from([None, 0, 5, 30, 60, 1440, 10080, 129600, 9_999_999])
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "access_token_ttl_in_minutes": MINUTES,
        "refresh_token_ttl_in_minutes": MINUTES,
        "enable_single_use_refresh_tokens": st.booleans(),
        "absolute_session_lifetime_in_minutes": MINUTES,
        "something_new": st.just(True),
    },
)
APPS = st.fixed_dictionaries(
    {"client_id": st.sampled_from(CLIENTS[:3]), "name": NAMES, "confidential": st.booleans()},
    optional={
        "redirect_urls": st.lists(URLS, max_size=3),
        "scopes": SCOPES,
        "user_authorized_scopes": SCOPES,
        "token_access_policy": POLICIES,
    },
)
PRINCIPALS = st.fixed_dictionaries(
    {"applicationId": st.sampled_from([*CLIENTS[3:], box.CLIENT_ID]), "displayName": NAMES},
    optional={"active": st.booleans()},
)
HOSTS = st.sampled_from(
    ["cust.cloud.databricks.com", "https://Cust.cloud.databricks.com/?o=1", "", "a b", "x/y"]
)
VALUES = st.one_of(NAMES, st.booleans(), st.integers(), st.none(), st.lists(NAMES, max_size=2), st.floats())
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "auth_type": st.sampled_from(["Viewer", "Service Account", "Visitor API Key", ""]),
        "auth_mode": st.sampled_from(["Confidential", "Public", "Odd"]),
        "workspace_host": HOSTS,
        "client_id": st.sampled_from([*CLIENTS, box.CLIENT_ID, "C-1", "gone", ""]),
        "scopes": NAMES,
        "token_uri": NAMES,
        "something_new": VALUES,
        "with.dot": VALUES,
        "<<": VALUES,
    },
)
TEMPLATES = ["databricks"] * 6 + [
    "github",
    "custom",
    "azure",
    "aws",
    "connect",
    "anthropic",
    "databrick",
    "newer",
]
INTEGRATIONS = st.fixed_dictionaries(
    {"name": st.one_of(st.none(), NAMES), "template": st.sampled_from(TEMPLATES), "config": CONFIGS},
    optional={"description": NAMES},
)


def by(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return list({row[key]: row for row in rows}.values())


def numbered(rows: list[dict[str, Any]], key: str, seed: int) -> list[dict[str, Any]]:
    ids = [str(uuid.UUID(int=(seed << 64) + number)) for number in range(len(rows))]
    return [{key: live_id, **row} for live_id, row in zip(ids, rows, strict=True)]


@st.composite
def estates(draw: st.DrawFn) -> dict[str, Any]:
    principals = by(draw(st.lists(PRINCIPALS, max_size=4)), "applicationId")
    principals = [{"id": str(20 + number), **row} for number, row in enumerate(principals)]
    secrets = {}
    for row in principals:
        count = draw(st.integers(0, 3))
        end = draw(st.sampled_from(["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]))
        secrets[row["id"]] = [{"id": f"s{row['id']}{n}", "expire_time": end} for n in range(count)]
    return {
        "apps": numbered(by(draw(st.lists(APPS, max_size=3)), "client_id"), "integration_id", 1),
        "principals": principals,
        "secrets": secrets,
        "integrations": numbered(draw(st.lists(INTEGRATIONS, max_size=5)), "guid", 2),
        "two": numbered(draw(st.lists(INTEGRATIONS, max_size=2)), "guid", 3),
    }


BOTH = f"""\
version: 1
stack: nothing-yet
providers:
  databricks: {{ type: databricks }}
  one: {{ type: connect, url: "{URL}" }}
  two: {{ type: connect, url: "{URL}/two", api_key: "${{env.TWO_KEY}}" }}
  workbench: {{ type: workbench, url: "https://wb.example.org" }}
"""


@settings(max_examples=ESTATES, suppress_health_check=list(HealthCheck))
@given(
    estate=estates(),
    knobs=st.fixed_dictionaries(
        {}, optional={"echo_defaults": st.booleans(), "fill_policies": st.booleans()}
    ),
)
def test_any_estate_is_taken_over_without_a_change(estate: dict[str, Any], knobs: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, place_in(Path(folder), **knobs) as place:
        place.env["TWO_KEY"] = box.ADMINISTRATOR_KEY
        place.load(**estate)
        place.write("systems/stack.yaml", BOTH)
        keeps_the_promise(place, "systems/stack.yaml", "--stack", "taken")
