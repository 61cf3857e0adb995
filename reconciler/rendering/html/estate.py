"""The estate as a page: who uses what, coloured by finding; a calendar; the findings with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reconciler.errors import Severity
from reconciler.model.audit import Audit, DatedEvent, Finding, MapObject, Subject
from reconciler.rendering.audit import counted_findings, grouped, named
from reconciler.rendering.html.page import badge, chip, code, esc, filter_box, page, section, tag
from reconciler.rendering.terminal import PLAIN, Look
from reconciler.rendering.words import counted_words

_SIGNS = {"error": "!", "warning": "~", "info": "i", "fine": "\u00b7"}
_TITLES = {
    "error": "Something is broken",
    "warning": "Something will hurt",
    "info": "Something to know",
    "fine": "Nothing to say",
}
_RANKS = ("error", "warning", "info", "fine")
_OPEN = 60  # rows of a group that stands open
_SHOWN = 6  # days that a month of the calendar shows unasked
_BUSY = 12  # integrations of one app or principal that stand beside it
Ident = tuple[str, str, str]


@dataclass(frozen=True)
class _Row:
    """An app or principal with the integrations that use it, or integrations that use none."""

    source: MapObject | None
    users: Sequence[MapObject]


class _Colours:
    """How bad things are: by object, from the findings that it is part of."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._worst: dict[Ident, str] = {}
        self._anchors: dict[Ident, str] = {}
        self._codes: dict[Ident, list[str]] = {}
        for number, finding in enumerate(findings):
            # the first has to change; of the others only what breaks is theirs, too
            for place, each in enumerate(finding.objects):
                if place and finding.severity is not Severity.ERROR:
                    continue
                known = self._worst.get(each.ident, "fine")
                self._worst[each.ident] = min(known, finding.severity.value, key=_RANKS.index)
                self._anchors.setdefault(each.ident, f"c{number}")
                self._codes.setdefault(each.ident, []).append(finding.code)

    def of(self, subject: Subject) -> str:
        return self._worst.get(subject.ident, "fine")

    def anchor(self, subject: Subject) -> str:
        return self._anchors.get(subject.ident, "")

    def codes(self, subject: Subject) -> list[str]:
        return self._codes.get(subject.ident, [])

    def row(self, row: _Row) -> str:
        things = (*((row.source,) if row.source else ()), *row.users)
        return min((self.of(each.subject) for each in things), key=_RANKS.index)


def audit_html(audit: Audit, _: Look = PLAIN) -> str:
    """The estate, whole on one page that asks the network for nothing."""
    colours = _Colours(audit.findings)
    rows = _rows(audit.things)
    body = [
        filter_box("name, server, stack or code"),
        section("map", "Map", _map(rows, colours)),
        section("calendar", "Calendar of expiry and rotation", _calendar(audit)),
        section("findings", "Findings", _findings(audit.findings)),
    ]
    return page("Estate", _head(audit, rows, colours), "\n".join(part for part in body if part))


def _head(audit: Audit, rows: Sequence[_Row], colours: _Colours) -> str:
    counts = {rank: sum(colours.row(row) == rank for row in rows) for rank in _RANKS}
    chips = "".join(
        chip(rank, badge(_SIGNS[rank], rank), count, _TITLES[rank].lower())
        for rank, count in counts.items()
        if count
    )
    systems = "".join(
        f"<dt>{esc(name)}</dt><dd>{code(each.shown)}"
        f"{f' account {code(each.account_shown)}' if each.account_id else ''}</dd>"
        for name, each in sorted(audit.providers.items())
    )
    made = f'<p class="why">As of {esc(audit.made.replace("T", " ").replace("Z", " UTC"))}.</p>'
    words = f"<p>{esc(counted_findings(audit).capitalize())}.</p>"
    return f"{tag('dl', systems, 'remotes')}{words}{tag('div', chips, 'chips')}{made}"


def _rows(things: Sequence[MapObject]) -> list[_Row]:
    users: dict[Ident, list[MapObject]] = {}
    lonely: list[MapObject] = []
    sources = [each for each in things if each.contents is None and each.subject.noun != "integration"]
    for each in things:
        if each.subject.noun == "integration":
            users.setdefault(each.uses.ident, []).append(each) if each.uses else lonely.append(each)
    rows = [_Row(each, sorted(users.get(each.subject.ident, ()), key=_by_name)) for each in sources]
    rows.sort(key=lambda row: _by_name(row.source or row.users[0]))
    return [*rows, *(_Row(None, [each]) for each in sorted(lonely, key=_by_name))]


def _by_name(thing: MapObject) -> tuple[str, Ident]:
    return thing.subject.name.casefold(), thing.subject.ident


def _map(rows: Sequence[_Row], colours: _Colours) -> str:
    """The rows in groups by how bad they are; a large group that hurts nobody is folded."""
    parts = []
    for rank in _RANKS:
        here = [row for row in rows if colours.row(row) == rank]
        if not here:
            continue
        is_open = len(here) <= (3 * _OPEN if rank == "error" else _OPEN)
        lines = "\n".join(_row(row, rank, colours) for row in here)
        parts.append(
            f'<details class="group"{" open" if is_open else ""}><summary>{badge(_SIGNS[rank], rank)}'
            f'<b>{_TITLES[rank]}</b> <span class="aside">{counted_words(len(here), "row")}</span></summary>\n'
            f"{lines}</details>"
        )
    legend = (
        '<p class="why">On the left an app or service principal, on the right the integrations that use it, '
        "with their server and how much content has them. A coloured box leads to its finding.</p>"
    )
    return legend + "\n".join(parts) if parts else '<p class="calm">There is nothing.</p>'


def _row(row: _Row, rank: str, colours: _Colours) -> str:
    left = _box(row.source, colours) if row.source else '<span class="thing none">nobody that was read</span>'
    shown, more = row.users[:_BUSY], row.users[_BUSY:]
    right = "".join(_box(each, colours) for each in shown)
    if more:
        boxes = "".join(_box(each, colours) for each in more)
        right += f"<details><summary>{len(more):,} more</summary>{boxes}</details>"
    right = right or '<span class="thing none">no integration</span>'
    return f'<div class="pair" data-action="{rank}"><div>{left}</div><div class="users">{right}</div></div>'


def _box(thing: MapObject, colours: _Colours) -> str:
    subject = thing.subject
    rank, anchor = colours.of(subject), colours.anchor(subject)
    facts = [subject.noun, subject.provider, thing.note]
    if thing.contents is not None:
        facts.append(counted_words(thing.contents, "content item"))
    facts.append(f"stack {subject.stack}" if subject.stack else "")
    words = " \u00b7 ".join(esc(fact) for fact in facts if fact)
    codes = ", ".join(dict.fromkeys(colours.codes(subject)))
    note = tag("span", esc(codes), "codes") if codes else ""
    inner = f'<b>{esc(subject.name or subject.id)}</b><span class="q">{words}</span>{note}'
    css = f'class="thing a-{rank}"'
    return f'<a {css} href="#{anchor}">{inner}</a>' if anchor else f"<span {css}>{inner}</span>"


def _calendar(audit: Audit) -> str:
    """Twelve months from now, each with its days."""
    if not audit.made:
        return ""
    year, month = int(audit.made[:4]), int(audit.made[5:7])
    by_month: dict[str, list[DatedEvent]] = {}
    for due in audit.dates:
        by_month.setdefault(due.day[:7], []).append(due)
    cells = []
    for offset in range(13):
        ahead = month - 1 + offset
        first = date(year + ahead // 12, ahead % 12 + 1, 1)
        cells.append(_month(first, by_month.get(f"{first:%Y-%m}", ())))
    words = "" if audit.dates else '<p class="why">No secret that was seen ends within twelve months.</p>'
    return words + tag("ol", "".join(cells), "calendar")


def _month(first: date, dues: Sequence[DatedEvent]) -> str:
    items = [
        f'<li class="{due.what}"><b>{int(due.day[8:10])}</b> {esc(due.subject.name or due.subject.id)} '
        f'<span class="why">{due.what}</span></li>'
        for due in dues
    ]
    listed = tag("ul", "".join(items[:_SHOWN]))
    if len(items) > _SHOWN:
        rest = tag("ul", "".join(items[_SHOWN:]))
        listed += f"<details><summary>{len(items) - _SHOWN:,} more</summary>{rest}</details>"
    quiet = "" if items else " quiet"
    return f'<li class="month{quiet}"><h3>{first:%B %Y}</h3>{listed}</li>'


def _findings(findings: Sequence[Finding]) -> str:
    """A card each, under what hurts, by code; many of one code are folded."""
    numbers: Mapping[int, int] = {id(finding): number for number, finding in enumerate(findings)}
    parts = []
    for title, some in grouped(findings):
        parts.append(f"<h3>{title}</h3>")
        for name in dict.fromkeys(finding.code for finding in some):
            alike = [finding for finding in some if finding.code == name]
            cards = "\n".join(_card(finding, numbers[id(finding)]) for finding in alike)
            if len(alike) > 5:
                count = counted_words(len(alike), "object")
                cards = (
                    f'<details class="group"><summary>{code(name)} '
                    f'<span class="aside">{count}</span></summary>\n{cards}</details>'
                )
            parts.append(cards)
    return "\n".join(parts) or '<p class="calm">Nothing is wrong.</p>'


def _card(finding: Finding, number: int) -> str:
    rank = finding.severity.value
    first, *others = finding.objects
    facts = [("Next", esc(finding.advice)), ("Id", code(first.id))]
    if others:
        facts.append(("With", _list(others)))
    if first.stack:
        facts.append(("Stack", esc(first.stack)))
    if finding.at:
        facts.append(("At", code(finding.at)))
    rows = "".join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in facts)
    return (
        f'<details class="card a-{rank}" id="c{number}" data-action="{rank}">'
        f"<summary>{badge(_SIGNS[rank], rank)}<b>{esc(finding.code)}</b>{esc(named(first))}"
        f'<span class="aside">{esc(finding.message)}</span></summary>'
        f'<dl class="about">{rows}</dl></details>'
    )


def _list(subjects: Iterable[Subject]) -> str:
    found = list(subjects)
    told = ", ".join(esc(named(each)) for each in found[:20])
    return told + (f" and {len(found) - 20:,} more" if len(found) > 20 else "")
