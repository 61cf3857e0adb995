"""How many calls lists of names take: integrations with access lists, and principals with groups.

Usage: rights.py [SIZE]   (so many of each; default: 300)
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from processes import RECONCILE, Sandbox, sandbox

LATENCY, PAGE = 50, 100
GROUPS, PEOPLE = 20, 25
FEW = 9  # sign-in, preflight, the end of a paged list


def spec(size: int) -> str:
    """So many principals, each in a group, and as many integrations, each for somebody."""
    robots = {f"robot-{n}": {"groups": [f"team-{n % GROUPS}"]} for n in range(size)}
    config = {
        "auth_type": "Viewer",
        "auth_mode": "Public",
        "workspace_host": "cust-success.cloud.databricks.com",
        "client_id": "0b5e4a0e-1111-4222-8333-444455556666",
    }
    viewers = {
        f"viewer-{n}": {
            "template": "databricks",
            "config": config,
            "access": {"users": [f"person-{n % PEOPLE}"]},
        }
        for n in range(size)
    }
    providers = {"databricks": {"type": "databricks"}, "connect": {"type": "connect"}}
    kinds = {"service_principals": robots, "connect_integrations": viewers}
    return json.dumps({"version": 1, "stack": "rights", "providers": providers, **kinds})


def seed(box: Sandbox) -> None:
    """The people and groups that are named, among many others."""
    people = [{"username": f"person-{n}"} for n in range(PEOPLE)]
    people += [{"username": f"other-{n:05}"} for n in range(3_000)]
    estate: dict[str, Any] = {
        "databricks": {"groups": [{"displayName": f"team-{n}"} for n in range(GROUPS)]},
        "connect": {"": {"users": people}},
    }
    url = f"{box.env['DATABRICKS_HOST']}/_sandbox/seed"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(estate).encode(), method="POST")):
        pass


def main(size: int) -> int:
    """Applies once, and measures a plan that finds nothing to do."""
    with sandbox(LATENCY, PAGE) as box, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seed(box)
        (folder / "spec.yaml").write_text(spec(size))
        made = box.measure(*RECONCILE, "apply", "spec.yaml", "--yes", "--quiet", folder=folder)
        plan = box.measure(*RECONCILE, "plan", "spec.yaml", "--quiet", folder=folder)
    pages = -(-size // PAGE) + 1  # principals page by page, integrations in one list
    most = pages + GROUPS + GROUPS + PEOPLE + FEW
    print(f"apply: {made.calls} calls ({made.writes} writes), {made.wall:.2f} s")
    words = f"{plan.calls} calls, at most {most}; {plan.wall:.2f} s, {plan.cpu:.2f} s CPU"
    print(f"plan that finds nothing to do: {words}")
    return 0 if plan.calls <= most else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
