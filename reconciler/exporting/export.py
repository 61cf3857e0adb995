"""The export itself: drafts are held against the checks of a spec until nothing is found in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import Problem
from reconciler.exporting.descriptions import SECRET, Note, ObjectDraft, describe, with_variable
from reconciler.exporting.selection import Choice, Wishes, choose
from reconciler.exporting.spec_text import Written, write
from reconciler.kinds import Registry
from reconciler.model import Address
from reconciler.specs.schema import Schemas, schemas_of
from reconciler.surveying import Estate

# what a spec's checks find in a text
Judge = Callable[[str], Sequence[Problem]]

ROUNDS = 6  # each takes a field that is complained about one step further out of the way

# what a complaint is about, where it stands elsewhere or at what is missing
_PATHS = {
    "redirect-missing": "redirect_urls",
    "redirect-url": "redirect_urls",
    "offline-access": "scopes",
    "scopes-subset": "user_authorized_scopes",
    "ttl-order": "token_access_policy",
    "session-lifetime": "token_access_policy",
    "mode-mismatch": "config.auth_mode",
    "auth-mode-unused": "config.auth_mode",
    "host-form": "config.workspace_host",
    "secret-missing": SECRET,
    "secret-unused": SECRET,
    "pair-mismatch": SECRET,
    "unknown-template": "template",
}
# no spec says these, whatever it ignores
_NEVER_SAID = frozenset({"unknown-key", "key", "literal-secret", "credential-reference", "secret-exposed"})


@dataclass(frozen=True)
class Exported:
    """A spec of what is live.

    Attributes:
        text: "" if nothing is left to take over.
        count: objects in it.
        oddities: what can't be right → the addresses where.
        choice: what was taken, and by what keys.
        drafts: what is said of each.
    """

    text: str
    count: int
    oddities: Mapping[str, Sequence[Address]]
    choice: Choice
    drafts: Sequence[ObjectDraft]


def export(
    estate: Estate,
    wishes: Wishes,
    kinds: Registry,
    judge: Judge,
    *,
    breaches: Judge = lambda text: (),
    defaults: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
) -> Exported:
    """The spec of an estate; what it says is what is live, and nothing is found in it.

    Args:
        judge: loads a text as a spec, and answers what is wrong with it.
        breaches: what breaks a policy in it: said in a comment, since live is as it is.
        defaults: provider → template → what a server fills in by itself.
    """
    choice, schemas = choose(estate, wishes, kinds), schemas_of(kinds)
    drafts = {draft.item.address: _required(draft, schemas) for draft in describe(choice, defaults or {})}
    if not drafts:
        return Exported("", 0, {}, choice, ())
    written = write(choice, list(drafts.values()))
    for _ in range(ROUNDS):
        found = list(_complaints(judge(written.text), written, drafts))
        if not found:
            break
        before = dict(drafts)
        for address, path, problem in found:
            is_ignored = path in before[address].ignore
            drafts[address] = _heeding(drafts[address], path, problem, is_ignored=is_ignored)
        written = write(choice, list(drafts.values()))
    drafts = _told(drafts, breaches(written.text), written)
    written = write(choice, list(drafts.values()))
    oddities: dict[str, list[Address]] = defaultdict(list)
    for address, draft in drafts.items():
        for note in draft.notes:
            if address not in oddities[note.sort]:
                oddities[note.sort].append(address)
    return Exported(written.text, len(drafts), oddities, choice, list(drafts.values()))


def _required(draft: ObjectDraft, schemas: Schemas) -> ObjectDraft:
    """The draft, ignoring what every such object must say and this one doesn't have."""
    for path in schemas.lacking(draft.item.kind.name, draft.attributes):
        words = f"ignored: it has no {path}"
        draft = draft.ignoring(path).noting(Note("fields that are missing", words))
    return draft


def _told(
    drafts: Mapping[Address, ObjectDraft], problems: Iterable[Problem], written: Written
) -> dict[Address, ObjectDraft]:
    """The drafts, with a comment on what breaks a policy."""
    found = dict(drafts)
    for problem in problems:
        place = written.places.get(problem.at.line) if problem.at else None
        address = _address(problem.address) or (place[0] if place else None)
        if address in found:
            note = Note(problem.code, f"against a policy: {problem.message}")
            found[address] = found[address].noting(note)
    return found


def _complaints(
    problems: Iterable[Problem], written: Written, drafts: Mapping[Address, ObjectDraft]
) -> Iterator[tuple[Address, str, Problem]]:
    """What is said of the objects: address, dotted path, problem."""
    for problem in problems:
        place = written.places.get(problem.at.line) if problem.at else None
        address = _address(problem.address) or (place[0] if place else None)
        if address is None or address not in drafts:
            continue
        standing = place[1] if place and place[0] == address else ""
        path = _PATHS.get(problem.code) or standing
        if path and path not in ("provider", "lifecycle"):
            yield address, path, problem


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text) if text else None
    except ValueError:
        return None


def _heeding(draft: ObjectDraft, path: str, problem: Problem, *, is_ignored: bool) -> ObjectDraft:
    """The draft after a complaint: first it ignores the field, then it leaves it out."""
    if problem.code == "secret-missing":
        return with_variable(draft)
    if problem.code in _NEVER_SAID or is_ignored:
        note = Note(problem.code, f"{path} is left out: {problem.message}")
        return draft.saying(path, None).noting(note)
    return draft.ignoring(path).noting(Note(problem.code, f"ignored: {problem.message}"))
