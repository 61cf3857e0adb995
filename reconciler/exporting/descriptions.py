"""One object to what a spec says of it: attributes, what is ignored, and what is odd about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.exporting.selection import Choice, Item
from reconciler.exporting.yaml_text import ReferenceText, is_holdable, is_plain_key, quoted
from reconciler.matching.canonical import normal_host
from reconciler.model import Live
from reconciler.model.times import parse_time

SECRET = "config.client_secret"  # noqa: S105 - a path
_NEVER_EMPTY = frozenset({"config"})  # a mapping that a spec has to have, whatever it says


@dataclass(frozen=True)
class Note:
    """Something odd, for people: `sort` sums up, `words` stand beside the object."""

    sort: str
    words: str


@dataclass(frozen=True)
class ObjectDraft:
    """What a spec is to say of one object."""

    item: Item
    attributes: Mapping[str, Any]
    ignore: frozenset[str] = frozenset()
    notes: tuple[Note, ...] = ()
    variable: str = ""  # of its own secret, for `adopt: {client_secret: …}`

    def noting(self, *notes: Note) -> ObjectDraft:
        """The same with more that is odd."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note not in self.notes)))

    def ignoring(self, path: str) -> ObjectDraft:
        """The same with a path that nobody looks at."""
        return replace(self, ignore=self.ignore | {path})

    def saying(self, path: str, value: Any) -> ObjectDraft:
        """The same with a value at a dotted path, None to leave it out."""
        return replace(self, attributes=_put(self.attributes, path.split("."), value))


def _put(values: Mapping[str, Any], steps: list[str], value: Any) -> dict[str, Any]:
    first, *rest = steps
    if rest:
        below = values.get(first)
        inner = _put(below if isinstance(below, Mapping) else {}, rest, value)
        return {**values, first: inner} if inner or first in _NEVER_EMPTY else _put(values, [first], None)
    if value is None:
        return {key: item for key, item in values.items() if key != first}
    return {**values, first: value}


def describe(choice: Choice, defaults: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[ObjectDraft]:
    """A draft for each object that is taken over.

    Args:
        defaults: provider → template → what a server fills in.
    """
    namesakes = Counter(
        (provider, kind, live.name)
        for (provider, kind), lives in choice.estate.snapshot.objects.items()
        for live in lives.values()
    )
    drafts = []
    for item in choice.items:
        draft = _stated(choice, item, defaults.get(item.provider, {}))
        if not item.kind.receives:
            draft = _owner(choice, draft)
        elif item.is_databricks:
            draft = _paired(choice, draft)
        twins = namesakes[(item.provider, item.kind.name, item.live.name)] if item.live.name else 0
        if twins > 1:
            draft = draft.noting(Note("several of one name", f"{twins} live objects have this name"))
        drafts.append(_with_secret(choice, _named(draft)))
    return drafts


def _named(draft: ObjectDraft) -> ObjectDraft:
    """The draft with its name first, as far as a spec can hold it."""
    name, field_name = draft.item.live.name, draft.item.kind.fields.name
    if name and is_holdable(name) and not any(character in name for character in "\t\r\n"):
        return replace(draft, attributes={field_name: name, **draft.attributes})
    words = f"its name is left out, since no spec can hold it: {quoted(name)}"
    return draft.noting(Note("a name that no spec can hold", words))


def _with_secret(choice: Choice, draft: ObjectDraft) -> ObjectDraft:
    variable = choice.wishes.known.get((draft.item.kind.name, draft.item.live.id), "")
    return replace(draft, variable=variable)


def _stated(choice: Choice, item: Item, filled: Mapping[str, Mapping[str, Any]]) -> ObjectDraft:
    """What its kind says of an object, as far as a spec can hold it; the rest stays unmanaged."""
    draft = ObjectDraft(item, {})
    for name, value in item.kind.stated(item.live, filled).items():
        if name == item.kind.fields.redirects:
            draft = _kept(draft, name, sorted(_lent(choice, url) for url in value))
        elif not isinstance(value, Mapping):
            draft = _kept(draft, name, value)
        else:
            draft = draft.saying(name, {}) if name in _NEVER_EMPTY else draft
            for key, each in value.items():
                if is_plain_key(key):
                    draft = _kept(draft, f"{name}.{key}", each)
                else:
                    words = f"{name} has a key that no spec can hold: {quoted(str(key))}"
                    draft = draft.noting(Note("a value that no spec can hold", words))
    return draft


def _kept(draft: ObjectDraft, path: str, value: Any) -> ObjectDraft:
    if value is None or value in ("", [], {}):
        return draft
    if path in draft.item.kind.fields.hosts and isinstance(value, str) and "/" in value:
        value = normal_host(value)
    if is_holdable(value):
        return draft.saying(path, value)
    words = f"{path} is left out, since no spec can hold its value"
    return draft.noting(Note("a value that no spec can hold", words))


# --- what has a credential -------------------------------------------------------------------------------


def _owner(choice: Choice, draft: ObjectDraft) -> ObjectDraft:
    """What has credentials: of its own, or inside."""
    item, kind = draft.item, draft.item.kind
    if not item.live.active:
        draft = draft.noting(Note("deactivated principals", "it is deactivated: its credentials don't work"))
    if kind.fields.issues:
        is_idle = item.client_id.casefold() not in choice.used and not choice.wishes.side
        idle = Note("apps that nothing uses", "no integration that was looked at uses it")
        return draft.noting(idle) if is_idle else draft
    return _with_part(choice, draft) if choice.users.get(item.client_id) else draft


def _lent(choice: Choice, url: str) -> str:
    providers = {**choice.wishes.lenders, **choice.estate.providers}
    for name, spec in sorted(providers.items()):
        if spec.type != "databricks" and spec.address and spec.callback_url == url:
            return ReferenceText(f"${{providers.{name}.callback_url}}")
    return url


def _with_part(choice: Choice, draft: ObjectDraft) -> ObjectDraft:
    """One that is used and has its secrets inside, of which none tells who holds it."""
    found = choice.secrets(draft.item)
    if usable_secret(choice, draft.item) is not None:
        return draft.saying("client_secret", {})
    if len(found) > 1:
        words = f"it has {len(found)} secrets, and no API tells which one its integrations have"
        return draft.noting(Note("principals with several secrets", words))
    return draft.noting(Note("principals without a live secret", "it is used, and has no live secret"))


def usable_secret(choice: Choice, item: Item) -> Live | None:
    """The only secret of a principal, if that one is alive."""
    found = choice.secrets(item)
    if len(found) != 1:
        return None
    ends, now = (
        parse_time(found[0].expires_at),
        parse_time(choice.estate.snapshot.dates.get(item.provider, "")),
    )
    return None if ends is not None and now is not None and ends <= now else found[0]


# --- what uses one -----------------------------------------------------------------------------------------


def _paired(choice: Choice, draft: ObjectDraft) -> ObjectDraft:
    """An integration with Databricks, which refers to what it uses if that is taken over, too."""
    item = draft.item
    config = draft.attributes.get("config", {})
    needs = config.get("auth_mode") != "Public" or config.get("auth_type") == "Service Account"
    owner = choice.owners.get(item.client_id) if item.client_id else None
    if owner is None:
        draft = draft.noting(*_stranger(choice, item))
        return with_variable(draft) if needs and item.client_id else draft
    draft = draft.saying("config.client_id", ReferenceText(f"${{{owner.address}.client_id}}"))
    if not needs:
        return draft
    is_shown = owner.kind.has_credential(owner.kind.stated(owner.live, {}))
    if is_shown or usable_secret(choice, owner) is not None:
        return draft.saying(SECRET, ReferenceText(f"${{{owner.address}.client_secret}}"))
    return with_variable(draft)


def _stranger(choice: Choice, item: Item) -> Iterator[Note]:
    elsewhere = choice.others.get(item.client_id.casefold())
    if elsewhere:
        yield Note("clients that are referred to by value", f"its client_id is written as it is: {elsewhere}")
    elif item.client_id.casefold() in {client_id.casefold() for client_id in choice.owners}:
        yield Note(
            "clients that are referred to by value", "its client_id is spelt otherwise than its owner's"
        )
    elif item.client_id and not choice.wishes.side:
        yield Note("client_ids of nobody", "no live app or service principal has this client_id")


def with_variable(draft: ObjectDraft) -> ObjectDraft:
    """The draft with a secret that no API tells: from a variable, once somebody takes it out of `ignore`."""
    reference = ReferenceText(f"${{env.{variable_of(draft.item)}}}")
    return draft.saying(SECRET, reference).ignoring(SECRET)


def variable_of(item: Item) -> str:
    """The variable that stands for a secret; none that a tool's own credential is in."""
    return "SECRET_OF_" + item.key.upper().replace("-", "_")
