"""Drafts to the text of a spec: groups in one order in each kind, comments where something is odd."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.exporting.descriptions import ObjectDraft
from reconciler.exporting.selection import Choice
from reconciler.exporting.yaml_text import ReferenceText, comment, lines, scalar
from reconciler.model import Address, ProviderSpec, SecretInput, Sourced

_INTRODUCTION = (
    "Written by `reconcile export` from what was live, to be taken over as it is: the first plan adopts, "
    "and changes nothing. What isn't written here isn't managed. `ignore:` names what isn't right, or isn't "
    "known, yet; take a field out of it to have it written.",
)
_FIRST = ("auth_type", "auth_mode", "workspace_host", "client_id", "client_secret")
_FLOW = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")


@dataclass
class _Page:
    """Lines, and what stands on which: number → address and dotted path."""

    lines: list[str] = field(default_factory=list)
    places: dict[int, tuple[Address, str]] = field(default_factory=dict)

    def add(self, new: Iterable[str], address: Address | None = None, path: str = "") -> None:
        """More lines, which say something of one attribute."""
        for line in new:
            self.lines.append(line)
            if address is not None:
                self.places[len(self.lines)] = (address, path)


@dataclass(frozen=True)
class Written:
    """The text of a spec, and where what stands in it."""

    text: str
    places: Mapping[int, tuple[Address, str]]


def write(choice: Choice, drafts: Sequence[ObjectDraft], header: Sequence[str] = ()) -> Written:
    """The whole spec.

    Args:
        header: more words for its top.
    """
    page = _Page()
    for words in (*_INTRODUCTION, *header):
        page.add(comment(words, 0))
    page.add(["version: 1", f"stack: {scalar(choice.wishes.stack)}"])
    page.add(["", "providers:"])
    providers = _providers(choice, drafts)
    for name, spec in providers.items():
        page.add(_provider(name, spec))
    counts = [spec.type for spec in providers.values()]
    for kind in choice.kinds:
        mine = [draft for draft in drafts if draft.item.kind.name == kind]
        page.add(["", f"{kind}:"] if mine else [])
        group = ""
        for draft in mine:
            name = choice.groups[draft.item.address]
            if name != group:
                page.add(comment(f"--- {name}", 2))
            group = name
            is_one = counts.count(providers[draft.item.provider].type) == 1
            _resource(page, draft, provider="" if is_one else draft.item.provider)
    page.add(_sketch(choice, drafts))
    return Written("\n".join(page.lines) + "\n", page.places)


def _resource(page: _Page, draft: ObjectDraft, *, provider: str) -> None:
    address = draft.item.address
    page.add([f"  {_key(address.key)}:"], address)
    for note in draft.notes:
        page.add(comment(note.words, 4), address)
    if provider:
        page.add(lines("provider", provider, 4), address, "provider")
    for name, value in draft.attributes.items():
        if isinstance(value, Mapping) and value:
            page.add([f"    {name}:"], address, name)
            for key in sorted(value, key=_rank):
                page.add(lines(key, value[key], 6), address, f"{name}.{key}")
        else:
            page.add(lines(name, value, 4), address, name)
    page.add(_lifecycle(draft), address, "lifecycle")


def _rank(key: str) -> tuple[int, str]:
    return (_FIRST.index(key) if key in _FIRST else len(_FIRST), key)


def _key(key: str) -> str:
    return next(iter(lines(key, {"-": 0}, 0))).removesuffix(":")


def _lifecycle(draft: ObjectDraft) -> Iterator[str]:
    live_id = draft.item.live.id
    adopt = scalar(live_id)
    if not draft.ignore and not draft.variable and _FLOW.match(live_id):
        yield f"    lifecycle: {{ adopt: {adopt} }}"
        return
    yield "    lifecycle:"
    if draft.variable:
        yield "      adopt:"
        yield f"        id: {adopt}"
        yield f"        client_secret: ${{env.{draft.variable}}} # only looked at when it is needed"
    else:
        yield f"      adopt: {adopt}"
    if draft.ignore:
        yield f"      ignore: [{', '.join(sorted(draft.ignore))}]"


# --- providers -------------------------------------------------------------------------------------------


def _providers(choice: Choice, drafts: Sequence[ObjectDraft]) -> dict[str, ProviderSpec]:
    """Those that were read, and those whose callback URL is referred to."""
    lent = {
        str(url)
        for draft in drafts
        for url in draft.attributes.get("redirect_urls", ())
        if isinstance(url, ReferenceText)
    }
    wanted = {
        name: spec
        for name, spec in choice.wishes.lenders.items()
        if f"${{providers.{name}.callback_url}}" in lent
    }
    return dict(sorted({**wanted, **choice.estate.providers}.items()))


def _provider(name: str, spec: ProviderSpec) -> Iterator[str]:
    yield f"  {_key(name)}:"
    yield f"    type: {spec.type}"
    field_name = "host" if spec.type == "databricks" else "url"
    yield f"    {field_name}: {_address(spec.expression, spec.address)}"
    if spec.type == "databricks":
        yield f"    account_id: {_address(spec.account_expression, spec.account_id)}"
    for key, value in sorted(spec.settings.items()):
        if isinstance(value, (Sourced, SecretInput)):
            yield f"    {key}: {scalar(ReferenceText(value.expression))}"
        elif isinstance(value, str):
            yield f"    {key}: {scalar(value)}"


def _address(expression: str, value: str) -> str:
    return scalar(ReferenceText(expression)) if expression else scalar(value)


# --- the other administrator -----------------------------------------------------------------------------


def _sketch(choice: Choice, drafts: Sequence[ObjectDraft]) -> Iterator[str]:
    if choice.wishes.side == "connect":
        yield ""
        yield "# What the Databricks administrator's stack hands over can stand here, to be referred to as"
        yield "# ${inputs.databricks.client_id} and ${inputs.databricks.client_secret}:"
        yield "# inputs:"
        yield "#   databricks: { handoff: handoff/databricks.age }"
    owner = next((draft.item.address for draft in drafts if not draft.item.kind.receives), None)
    if choice.wishes.side == "databricks" and owner is not None:
        yield ""
        yield "# What the Posit Connect administrator needs can go into a sealed file. Ask for the public key"
        yield "# that `reconcile key new` printed there, and put it under recipients:"
        yield "# handoffs:"
        yield "#   databricks:"
        yield "#     file: handoff/databricks.age"
        yield "#     recipients: [age1…]"
        yield "#     values:"
        yield f"#       client_id: ${{{owner}.client_id}}"
        yield f"#       client_secret: ${{{owner}.client_secret}}"
