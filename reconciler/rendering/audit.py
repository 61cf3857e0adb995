"""What an audit found, as text grouped by what hurts, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.errors import Severity
from reconciler.model.audit import Audit, Finding, Subject
from reconciler.rendering.terminal import PLAIN, Look, wrapped
from reconciler.rendering.words import counted_words

# in this order: what doesn't work, what will stop, what stands open, what breaks a rule, what lies about
GROUPS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "Broken now",
        frozenset(
            {
                "dead-client",
                "inactive-principal",
                "no-secret",
                "redirect-missing",
                "secret-expired",
                "workspace-unassigned",
            }
        ),
    ),
    ("About to break", frozenset({"secret-expiring", "secrets-many", "offline-access"})),
    ("Open to others", frozenset({"redirect-insecure", "redirect-foreign", "open-access", "scope-wide"})),
    ("Against the policy", frozenset({"policy-name", "policy-rotation", "secret-overlong"})),
    ("Loose ends", frozenset({"orphan-app", "orphan-integration", "twin-names", "unmanaged"})),
)
NOTHING = "Nothing is wrong."
_MOST = 10  # objects of a code that a text lists


def grouped(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """The findings by what hurts; what belongs to no group comes last."""
    known = frozenset[str]().union(*(codes for _, codes in GROUPS))
    groups = [(title, [f for f in findings if f.code in codes]) for title, codes in GROUPS]
    groups.append(("Besides", [f for f in findings if f.code not in known]))
    return [(title, some) for title, some in groups if some]


def counted_findings(audit: Audit) -> str:
    """`2 errors, 1 warning, 3 infos`."""
    counts = [(audit.summary[each.value], each.value) for each in Severity]
    return ", ".join(counted_words(count, noun) for count, noun in counts if count) or NOTHING.lower().rstrip(
        "."
    )


def named(subject: Subject) -> str:
    """An object in words: what it is, its name, and where."""
    return f"{subject.noun or subject.kind} {subject.name or subject.id} on {subject.provider}"


def audit_text(audit: Audit, look: Look = PLAIN) -> str:
    """Every finding under what it hurts, with what to do next; long rows of one code are cut."""
    if not audit.findings:
        return f"{NOTHING}\n"
    palette, lines = look.palette, list[str]()
    for title, findings in grouped(audit.findings):
        lines += [palette.strong(title), ""]
        for code in dict.fromkeys(f.code for f in findings):
            alike = [f for f in findings if f.code == code]
            shown = alike if look.verbose else alike[:_MOST]
            for finding in shown:
                lines += _finding(finding, look)
            if len(shown) < len(alike):
                lines.append(f"  and {len(alike) - len(shown):,} more of {code}: --verbose lists them")
        lines.append("")
    return "\n".join([*lines, f"{palette.strong('Audit:')} {counted_findings(audit)}."]) + "\n"


def _finding(finding: Finding, look: Look) -> list[str]:
    palette, width = look.palette, look.width
    paint = {Severity.ERROR: palette.bad, Severity.WARNING: palette.careful}.get(finding.severity, str)
    first, *others = finding.objects
    stack = f" (stack {palette.clean(first.stack)})" if first.stack else ""
    head = f"  {paint(f'{finding.severity.value}[{finding.code}]')} {palette.clean(named(first))}{stack}"
    room = width - 4 if width >= 40 else 0
    body = palette.clean(finding.message)
    lines = [head, *(f"    {line}" for line in (wrapped(body, room) if room else [body]))]
    if others:
        told = ", ".join(palette.clean(f"{each.name or each.id} on {each.provider}") for each in others[:3])
        more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
        lines.append(f"    with: {told}{more}")
    told = palette.clean(finding.advice)
    first_line, *more_lines = wrapped(f"help: {told}", room) if room else [f"help: {told}"]
    lines.append(f"    {palette.strong('help:')}{first_line.removeprefix('help:')}")
    lines += [f"    {line}" for line in more_lines]
    if finding.at:
        lines.append(f"    at {palette.clean(str(finding.at))}")
    return lines


def audit_json(audit: Audit, _: Look = PLAIN) -> dict[str, Any]:
    """The same for programs (`reconcile.audit/1`)."""
    return {
        "format": "reconcile.audit/1",
        "findings": [
            {
                "severity": finding.severity.value,
                "code": finding.code,
                "message": finding.message,
                "advice": finding.advice,
                "at": str(finding.at) if finding.at else None,
                "objects": [subject_json(each) for each in finding.objects],
            }
            for finding in audit.findings
        ],
        "summary": dict(audit.summary),
    }


def subject_json(subject: Subject) -> dict[str, Any]:
    """One object."""
    return {
        "provider": subject.provider,
        "kind": subject.kind,
        "id": subject.id,
        "name": subject.name,
        "stack": subject.stack or None,
    }
