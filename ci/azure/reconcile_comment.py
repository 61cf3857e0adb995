"""Puts a plan of reconcile on an Azure Repos pull request, one thread per document, and keeps it up to date.

Run by `azure-pipelines.yml`: `reconcile_comment.py REPORT`. Needs SYSTEM_ACCESSTOKEN; everything else is the
agent's own environment.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

MARKER = re.compile(r"<!-- reconcile:([a-z]+)(?::[^ ]+)? -->")
CLOSED = 4  # a thread that asks for nothing


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call to the threads of the pull request."""
    env = os.environ
    request = urllib.request.Request(  # noqa: S310 - the address is the agent's own
        f"{env['SYSTEM_COLLECTIONURI']}{env['SYSTEM_TEAMPROJECTID']}/_apis/git/repositories/"
        f"{env['BUILD_REPOSITORY_ID']}/pullRequests/{env['SYSTEM_PULLREQUEST_PULLREQUESTID']}/threads{path}"
        "?api-version=7.1",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {env['SYSTEM_ACCESSTOKEN']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


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


def ours() -> dict[str, list[str]]:
    """Our comments so far: marker → paths.

    The service tells no job who it is. So these are the threads that carry the property which we alone set.
    """
    found: dict[str, list[str]] = {}
    for thread in call("GET", "")["value"]:
        first = next(iter(thread.get("comments") or []), None)
        marker = ((thread.get("properties") or {}).get("reconcile") or {}).get("$value")
        if marker and first and not thread.get("isDeleted") and not first.get("isDeleted"):
            found.setdefault(marker, []).append(f"/{thread['id']}/comments/{first['id']}")
    return found


def main(path: str) -> None:
    """One thread per document: updated, added, or removed if this run doesn't say it any more."""
    there = ours()
    where = f"\nPlanned for {os.environ['BUILD_SOURCEVERSION']} in run {os.environ['BUILD_BUILDID']}.\n"
    for marker, text in documents(Path(path).read_text("utf-8")).items():
        comment = {"content": text + where, "commentType": 1}
        if there.get(marker):
            call("PATCH", there[marker].pop(0), comment)
        else:
            properties = {"reconcile": {"$type": "System.String", "$value": marker}}
            thread = {
                "comments": [{"parentCommentId": 0, **comment}],
                "status": CLOSED,
                "properties": properties,
            }
            call("POST", "", thread)
    for leftover in (place for places in there.values() for place in places):
        call("DELETE", leftover)


if __name__ == "__main__":
    main(*sys.argv[1:])
