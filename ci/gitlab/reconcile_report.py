"""Puts a report of reconcile where people see it in GitLab: notes on a merge request, or one issue on drift.

Run by `.gitlab-ci.yml`: `reconcile_report.py notes REPORT` or `reconcile_report.py issue REPORT EXIT_CODE`.
Needs RECONCILE_API_TOKEN, a project access token with scope `api`; the rest is GitLab's own environment.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MARKER = re.compile(r"<!-- reconcile:([a-z]+)(?::[^ ]+)? -->")
DRIFT_ISSUE = "<!-- reconcile:drift-issue -->"
TITLE = "Drift: live is no longer as it was last applied"
LIMIT = 900_000  # GitLab takes descriptions of 1,048,576 characters
PAGE = 100


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call to GitLab's API."""
    request = urllib.request.Request(  # noqa: S310 - the address is GitLab's own
        os.environ["CI_API_V4_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"PRIVATE-TOKEN": os.environ["RECONCILE_API_TOKEN"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


def every(path: str) -> Iterator[dict[str, Any]]:
    """All rows of a list."""
    page = 1
    while True:
        rows = call("GET", f"{path}{'&' if '?' in path else '?'}per_page={PAGE}&page={page}")
        yield from rows
        if len(rows) < PAGE:
            return
        page += 1


def documents(report: str) -> dict[str, str]:
    """The documents of a report by their markers, the hidden lines that they begin with."""
    found: dict[str, str] = {}
    marker = ""
    for line in report.splitlines(keepends=True):
        if MARKER.fullmatch(line.strip()):
            marker = line.strip()
        if marker:
            found[marker] = found.get(marker, "") + line
    return found


def first_line(text: str | None) -> str:
    """Where a marker stands."""
    return (text or "").split("\n", 1)[0].strip()


def notes(report: str) -> None:
    """One note per document: updated, added, or removed if this run doesn't say it any more."""
    base = (
        f"/projects/{os.environ['CI_PROJECT_ID']}/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
    )
    me = call("GET", "/user")["id"]
    ours: dict[str, list[int]] = {}
    for note in every(base):
        marker = MARKER.fullmatch(first_line(note["body"]))
        if note["author"]["id"] == me and marker and marker[1] in ("plan", "error"):
            ours.setdefault(marker[0], []).append(note["id"])
    where = f"\nPlanned for {os.environ['CI_COMMIT_SHA']} in [this job]({os.environ['CI_JOB_URL']}).\n"
    for marker, text in documents(report).items():
        there = ours.get(marker, [])
        if there:
            call("PUT", f"{base}/{there.pop(0)}", {"body": text + where})
        else:
            call("POST", base, {"body": text + where})
    for leftover in (number for there in ours.values() for number in there):
        call("DELETE", f"{base}/{leftover}")


def issue(report: str, exit_code: str) -> None:
    """Opens or updates the issue on drift (2), or closes it (0)."""
    base = f"/projects/{os.environ['CI_PROJECT_ID']}/issues"
    me = call("GET", "/user")["id"]
    ours = [
        row["iid"]
        for row in every(f"{base}?state=opened&author_id={me}")
        if first_line(row["description"]) == DRIFT_ISSUE
    ]
    text = report if len(report) <= LIMIT else "The report is too long to show here.\n"
    body = {"description": f"{DRIFT_ISSUE}\n\n{text}\nFound in [this job]({os.environ['CI_JOB_URL']}).\n"}
    if exit_code == "2" and ours:
        call("PUT", f"{base}/{ours[0]}", body)
    elif exit_code == "2":
        call("POST", base, {"title": TITLE, **body})
    elif exit_code == "0" and ours:
        call("PUT", f"{base}/{ours[0]}", {"state_event": "close", **body})


def main(what: str, path: str, *more: str) -> None:
    """One of the two."""
    report = Path(path).read_text("utf-8")
    if what == "notes":
        notes(report)
    elif what == "issue":
        issue(report, *more)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
