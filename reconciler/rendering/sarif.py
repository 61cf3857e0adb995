"""What an audit found as SARIF 2.1.0, so that code scanning shows it on the lines of the specs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.errors import Location, Severity
from reconciler.model.audit import Audit, Finding
from reconciler.model.values import canonical
from reconciler.rendering.audit import named, subject_json
from reconciler.rendering.terminal import PLAIN, Look

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def audit_sarif(audit: Audit, _: Look = PLAIN) -> dict[str, Any]:
    """One run, a rule for each code that was found."""
    codes = sorted({finding.code for finding in audit.findings})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "reconcile",
                        "semanticVersion": __version__,
                        "rules": [{"id": code, "shortDescription": {"text": code}} for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, codes) for finding in audit.findings],
            }
        ],
    }


def _result(finding: Finding, codes: Sequence[str]) -> dict[str, Any]:
    objects = [subject_json(each) for each in finding.objects]
    first = finding.objects[0]
    logical = {
        "name": first.name or first.id,
        "fullyQualifiedName": "/".join(first.ident),
        "kind": "resource",
    }
    place: dict[str, Any] = {"logicalLocations": [logical]}
    if finding.at is not None:
        place["physicalLocation"] = _physical(finding.at)
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{named(first)}: {finding.message}; {finding.advice}"},
        "locations": [place],
        # over what stays the same from run to run: the code and the object that has to change
        "partialFingerprints": {"reconcile/v1": _fingerprint(finding)},
        "properties": {"objects": objects},
    }


def _physical(at: Location) -> dict[str, Any]:
    path = Path(at.file)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    region = {"startLine": max(1, at.line), "startColumn": max(1, at.column)}
    return {"artifactLocation": {"uri": uri}, "region": region}


def _fingerprint(finding: Finding) -> str:
    text = canonical([finding.code, list(finding.objects[0].ident)])
    return hashlib.sha256(text.encode()).hexdigest()
