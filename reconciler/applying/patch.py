"""The one PATCH of an object, and what is done where a server doesn't merge it key by key.

A mapping such as an integration's `config` is sent in part: what is left out stays as it is. A server that
replaces it instead loses the rest, or refuses the part as incomplete. Then the whole is sent, secrets too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.applying.context import ApplyContext, secret_leaves
from reconciler.applying.ledger_draft import LedgerEdit
from reconciler.errors import InvalidRequestError, ReconcileError
from reconciler.model import Address, Change, Delivery, Entry, Live, Ref, Resource
from reconciler.secrets import SENSITIVE


@dataclass
class Patch:
    """One PATCH.

    Attributes:
        body: what changed.
        whole: the same with all that it leaves out of a mapping; equal to `body` where it leaves out nothing.
        secrets: what `whole` adds of secret fields: path → what will be on record of its delivery.
        missing: secret fields that can't be sent, since their values aren't at hand: path → where from.
        lost: what the answer lacks of what was there before; filled as answers come.
        refusal: the server takes nothing less than `whole`; filled as answers come.
        sent_whole: `whole` is what the server took.
    """

    body: dict[str, Any]
    whole: dict[str, Any]
    secrets: dict[str, Delivery] = field(default_factory=dict)
    missing: dict[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    refusal: InvalidRequestError | None = None
    sent_whole: bool = False

    @property
    def wants_more(self) -> bool:
        """Whether the whole has to be sent, after what `send` met with."""
        return self.refusal is not None or bool(self.lost)

    def send(
        self,
        update: Callable[[dict[str, Any]], Live | None],
        live: Live,
        wants_whole: Callable[[InvalidRequestError], bool],
    ) -> Live | None:
        """Sends what changed; `refusal` and `lost` say what came of it."""
        try:
            answer = update(self.body)
        except InvalidRequestError as error:
            if not wants_whole(error) or self.whole == self.body:
                raise
            if self.missing:
                error.hint = error.hint or (
                    "if the server takes a config only as a whole, it needs its secret as well, which isn't "
                    f"at hand: {_ways(self.missing)}"
                )
                raise
            self.refusal = error
            return None
        self.lost = tuple(_lost(live.attributes, self.body, answer))
        return answer

    def restore(self, update: Callable[[dict[str, Any]], Live | None]) -> Live | None:
        """Sends the whole: what got lost, or all because the server takes nothing less.

        Raises:
            ReconcileError: a secret got lost as well, and isn't at hand; all else was sent, if the server
                took it without.
        """
        if self.refusal:
            return self._send_whole(update, self.refusal)
        try:
            answer, rest = self._send_whole(update), "all else was sent again"
        except InvalidRequestError:
            if not self.missing:
                raise
            answer, rest = None, "without it all else isn't taken either"
        if self.missing:
            raise ReconcileError(
                f"{_and(self.lost)} got lost, since the server replaces what it should merge, and with it "
                f"{_and(self.missing)}, which isn't at hand; {rest}",
                code="secret-lost",
                hint="apply again: a new secret is issued, or the app replaced, as the plan will say",
            )
        return answer

    def _send_whole(
        self, update: Callable[[dict[str, Any]], Live | None], refusal: InvalidRequestError | None = None
    ) -> Live | None:
        try:
            answer = update(self.whole)
        except InvalidRequestError as error:
            raise refusal or error from error  # it wasn't for being incomplete
        self.sent_whole = True
        return answer

    @property
    def note(self) -> str:
        """What a person should know of it; "" if all went as expected."""
        if self.lost:
            return f"the server replaced what it should merge: {_and(self.lost)} got lost, and was sent again"
        return "the server takes it as a whole only: all of it was sent" if self.sent_whole else ""


def patch_of(context: ApplyContext, change: Change, live: Live, paths: set[str]) -> Patch:
    """The PATCH for some changed paths."""
    resource = context.resource(change.address)
    body = _body(context, resource, live, paths)
    patch = Patch(body, {name: _whole(live, name, value) for name, value in body.items()})
    for path, value in secret_leaves(resource.attributes):
        name, _, key = path.rpartition(".")
        if name not in body or not isinstance(body[name], Mapping) or key in body[name]:
            continue
        if resource.lifecycle.ignores(path):
            patch.missing[path] = value
            continue
        try:
            patch.whole[name][key] = context.resolved(value)
            patch.secrets[path] = context.delivery(value)
        except ReconcileError:
            patch.missing[path] = value
    return patch


def unproven(address: Address, paths: Iterable[str]) -> LedgerEdit:
    """Deliveries of which nothing is left, or that don't work: nothing is revoked, and the next plan makes
    another."""
    doubted = frozenset(paths)

    def one(entry: Entry) -> Entry:
        deliveries = {
            path: _doubted(delivery) if path in doubted else delivery
            for path, delivery in entry.deliveries.items()
        }
        return replace(entry, deliveries=deliveries)

    return lambda draft: draft.change(address, one)


def _doubted(delivery: Delivery) -> Delivery:
    # no remote id: it never equals what is on record; what the user supplies is known by its mark alone
    doubted = replace(delivery, credential="unproven")
    return doubted if delivery.source else replace(doubted, salt="", mark="")


def _body(context: ApplyContext, resource: Resource, live: Live, paths: set[str]) -> dict[str, Any]:
    """The attributes that a PATCH sends: what changed, and whole objects where the API wants them whole."""
    fields = context.fields(resource.address)
    body: dict[str, Any] = {}
    for path in sorted(paths):
        name, _, rest = path.partition(".")
        if name in fields.whole:
            there = live.attributes.get(name) or {}
            wanted = resource.attributes.get(name) or {}
            said = {key: v for key, v in wanted.items() if not resource.lifecycle.ignores(f"{name}.{key}")}
            body[name] = {**there, **context.resolved(said)}
        elif rest:
            value = context.resolved((resource.attributes.get(name) or {}).get(rest))
            body.setdefault(name, {})[rest] = value
        else:
            body[name] = context.resolved(resource.attributes.get(name))
    return body


def _whole(live: Live, name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    there = {k: v for k, v in (live.attributes.get(name) or {}).items() if v != SENSITIVE}
    return {k: v for k, v in {**there, **value}.items() if v is not None}


def _lost(before: Mapping[str, Any], body: Mapping[str, Any], answer: Live | None) -> Iterator[str]:
    """What was there, wasn't to change, and is gone by the answer."""
    if answer is None:
        return
    for name, value in body.items():
        if isinstance(value, Mapping):
            old, there = before.get(name) or {}, answer.attributes.get(name) or {}
            yield from (f"{name}.{key}" for key in sorted(old) if key not in value and key not in there)


def _ways(missing: Mapping[str, Any]) -> str:
    owners = sorted({str(v.source.parent or v.source) for v in missing.values() if isinstance(v, Ref)})
    if not owners:
        return "set the variable that it comes from"
    return " and ".join(f"`reconcile rotate {owner}`" for owner in owners) + " issues another, and sends all"


def _and(paths: Iterable[str]) -> str:
    return " and ".join(paths)
