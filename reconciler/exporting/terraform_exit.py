"""How to leave Terraform: the blocks that make it forget, where its secrets lie, and what it keeps."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence, Set

from reconciler.exporting.export import Exported
from reconciler.exporting.terraform_state import APP, PRINCIPAL, PRINCIPAL_SECRET, Instance, State
from reconciler.rendering import clean


def known_secrets(states: Sequence[State]) -> dict[tuple[str, str], Instance]:
    """(kind, id) → where the secret of an app or principal can be read in a state."""
    found: dict[tuple[str, str], Instance] = {}
    for state in states:
        for one in state.instances:
            if one.deposed or one.secret is None:
                continue
            if one.type == APP:
                found[(state.kinds[APP], one.live_id)] = one
            elif one.type == PRINCIPAL_SECRET:
                found[(state.kinds[PRINCIPAL], _parent(one))] = one
    return found


def leaving_text(exported: Exported, states: Sequence[State], files: Sequence[str]) -> str:
    """All that is to be done in Terraform, and in which order."""
    taken = {(draft.item.kind.name, draft.item.live.id) for draft in exported.drafts}
    stated = {draft.item.live.id for draft in exported.drafts if "client_secret" in draft.attributes}
    gone = [
        one
        for state in states
        for one in state.instances
        if _is_taken(state, one, taken) or _is_on_record(one, stated)
    ]
    parts = []
    if gone:
        parts.append("\n".join(_removed(gone)))
    parts += ["\n".join(lines) for lines in (_secrets(exported, states, files), _spots(states)) if lines]
    if kept := list(_kept(states, gone)):
        parts.append("\n".join(["# Not taken over:", *kept]))
    return "\n\n".join(parts) + "\n" if parts else ""


def _is_taken(state: State, one: Instance, taken: Set[tuple[str, str]]) -> bool:
    return not one.deposed and (state.kinds.get(one.type, ""), one.live_id) in taken


def _is_on_record(one: Instance, stated: Set[str]) -> bool:
    """Whether a secret is taken over with its principal: another would be forgotten and stay alive."""
    return one.type == PRINCIPAL_SECRET and not one.deposed and _parent(one) in stated


def _parent(one: Instance) -> str:
    return str(one.attributes.get("service_principal_id") or "")


def _removed(gone: Sequence[Instance]) -> Iterator[str]:
    yield "# First `reconcile apply` this spec, until `reconcile plan` is empty. Then put these blocks into"
    yield "# the Terraform configuration in place of the `resource` blocks of the same names."
    yield '# `terraform plan` must say "will no longer be managed", and 0 to destroy.'
    for resource in dict.fromkeys(clean(one.resource) for one in gone):
        yield f"removed {{\n  from = {resource}\n  lifecycle {{\n    destroy = false\n  }}\n}}"


def _secrets(exported: Exported, states: Sequence[State], files: Sequence[str]) -> list[str]:
    found = known_secrets(states)
    lines = []
    for draft in exported.drafts:
        one = found.get((draft.item.kind.name, draft.item.live.id))
        if one is None or not draft.variable:
            continue
        at = next(number for number, state in enumerate(states) if one in state.instances)
        source = "terraform state pull" if files[at] == "-" else f"cat {shlex.quote(files[at])}"
        source = "terraform show -json" if files[at] == "-" and states[at].is_shown else source
        lines.append(f'export {draft.variable}="$({source} | jq -r {shlex.quote(_jq(one, states[at]))})"')
    head = "# Only when an integration needs the secret, put it into its variable:"
    return [head, *lines] if lines else []


def _jq(one: Instance, state: State) -> str:
    attribute = "client_secret" if one.type == APP else "secret"
    if state.is_shown:
        return f"first(.. | objects | select(.address? == {json.dumps(one.address)})).values.{attribute}"
    named = f".type == {json.dumps(one.type)} and .name == {json.dumps(one.name)}"
    module = f'(.module // "") == {json.dumps(one.module)}'
    index = f".index_key == {json.dumps(one.index)} and .deposed == null"
    instances = f".resources[] | select({named} and {module}) | .instances[]"
    return f"{instances} | select({index}) | .attributes.{attribute}"


def _spots(states: Sequence[State]) -> list[str]:
    spots = [clean(spot) for state in states for spot in state.spots]
    head = "# Secrets lie readable in the state (type, name, attribute). Its history keeps them: rotate them."
    return [head, *(f"#   {spot}" for spot in dict.fromkeys(spots))] if spots else []


def _kept(states: Sequence[State], gone: Sequence[Instance]) -> Iterator[str]:
    left = set(map(id, gone))
    for state in states:
        for one in state.instances:
            name = clean(one.address)
            if one.deposed:
                yield f"#   {name}: deposed, it waits to be destroyed"
            elif one.tainted and id(one) in left:
                yield f"#   {name}: taken over, and tainted: Terraform was about to replace it"
            elif one.type in (APP, PRINCIPAL) and id(one) not in left:
                yield f"#   {name}: it isn't live in this account, or belongs to somebody else"
            elif one.type == PRINCIPAL_SECRET and id(one) not in left:
                yield f"#   {name}: used by no integration here; destroying it revokes it"
            elif (
                one.type.startswith("databricks_")
                and one.type not in (APP, PRINCIPAL)
                and id(one) not in left
            ):
                yield f"#   {name}: stays in Terraform"
