"""A Terraform or OpenTofu state: which objects it holds, and where secrets lie readable in it.

Values of secrets are held in `Secret` and nowhere else; nothing here repeats one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import UsageError
from reconciler.exporting.keys import slug
from reconciler.kinds import Registry
from reconciler.secrets import Secret, sounds_secret

APP = "databricks_custom_app_integration"
PRINCIPAL = "databricks_service_principal"
PRINCIPAL_SECRET = "databricks_service_principal_secret"  # noqa: S105 - a type
_SECRETS = {APP: ("client_secret",), PRINCIPAL_SECRET: ("secret", "secret_hash")}
_SHORTEST = 8  # shorter texts aren't looked for in others


@dataclass(frozen=True)
class Instance:
    """One object of a state.

    Attributes:
        module: `module.a["b"]`, or "".
        index: of `count` or `for_each`; None without.
        deposed: it waits to be destroyed.
        tainted: it would be replaced.
    """

    module: str
    type: str
    name: str
    index: str | int | None
    attributes: Mapping[str, Any] = field(repr=False)
    deposed: bool = False
    tainted: bool = False

    @property
    def resource(self) -> str:
        """The address of the resource, which `removed` takes: without any index."""
        return f"{_unindexed(self.module)}{self.type}.{self.name}"

    @property
    def address(self) -> str:
        """The address of the instance."""
        place = f"{self.module}." if self.module else ""
        index = "" if self.index is None else f"[{json.dumps(self.index)}]"
        return f"{place}{self.type}.{self.name}{index}"

    @property
    def live_id(self) -> str:
        """The remote id; "" if the state has none."""
        for key in ("integration_id", "id") if self.type == APP else ("id",):
            if isinstance(value := self.attributes.get(key), (str, int)) and not isinstance(value, bool):
                return str(value)
        return ""

    @property
    def secret(self) -> Secret | None:
        """The client secret of an app, or the secret of a principal."""
        name = _SECRETS.get(self.type, ("",))[0]
        value = self.attributes.get(name)
        return Secret(value) if isinstance(value, str) and value else None


@dataclass(frozen=True)
class State:
    """What a state holds.

    Attributes:
        spots: places of readable secrets, as `type name attribute`.
        is_shown: it is what `show -json` prints.
    """

    instances: tuple[Instance, ...]
    spots: tuple[str, ...]
    is_shown: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)  # type of Terraform → kind of what is taken over

    def keys(self) -> dict[tuple[str, str], str]:
        """(kind, id) → key, from Terraform's names with the index behind."""
        wanted = [i for i in self.instances if i.type in self.kinds and i.live_id and not i.deposed]
        bare = {id(i): _key(i) for i in wanted}
        counts = Counter((self.kinds[i.type], bare[id(i)]) for i in wanted)
        found: dict[tuple[str, str], str] = {}
        taken: set[tuple[str, str]] = set()
        for one in wanted:
            kind, key = self.kinds[one.type], bare[id(one)]
            if counts[(kind, key)] > 1 and one.module:
                key = f"{slug(one.module.replace('module.', ''))}-{key}"[:100]
            base, number = key, 2
            while (kind, key) in taken:
                key, number = f"{base[:90]}-{number}", number + 1
            if (kind, one.live_id) not in found:
                taken.add((kind, key))
                found[(kind, one.live_id)] = key
        return found


def _key(one: Instance) -> str:
    name = re.sub("[^A-Za-z0-9_-]", "-", one.name).lstrip("_-") or "resource"
    index = "" if one.index is None else "-" + (slug(str(one.index)) or "x")
    return (name[: 100 - len(index)] + index)[:100]


def _unindexed(module: str) -> str:
    """A module's path without the keys of its instances: `removed` takes none."""
    bare = re.sub(r'\[(?:[0-9]+|"(?:[^"\\]|\\.)*")\]', "", module)
    return f"{bare}." if bare else ""


def read_state(text: str, name: str, kinds: Registry) -> State:
    """The state in a text.

    Args:
        name: of its file, for people.

    Raises:
        UsageError: it is encrypted, of another version, or no state.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        hint = "give what `terraform state pull` or `terraform show -json` prints; a plan file is neither"
        raise UsageError(f"{name} isn't JSON", hint=hint) from None
    if not isinstance(whole, dict):
        raise UsageError(f"{name} isn't a Terraform state")
    if "encrypted_data" in whole:
        raise UsageError(f"{name} is encrypted", hint="`tofu state pull` prints it decrypted")
    whole = whole.get("prior_state", whole)
    taken = {kind.terraform: kind.name for kind in kinds.values() if kind.terraform}
    if isinstance(whole.get("values"), dict) or "format_version" in whole:
        values = whole.get("values") or {}
        found = tuple(_shown(values.get("root_module") or {}))
        spots = tuple(_spots(found, values.get("outputs") or {}, taken))
        return State(found, spots, is_shown=True, kinds=taken)
    if whole.get("version") != 4:
        words = f"{name} is a state of version {whole.get('version')!r}" if "version" in whole else name
        raise UsageError(
            f"{words}: only version 4 is read", hint="`terraform state pull` with a newer release"
        )
    found = tuple(_instances(whole.get("resources") or []))
    return State(found, tuple(_spots(found, whole.get("outputs") or {}, taken)), kinds=taken)


def _instances(resources: Any) -> Iterator[Instance]:
    for resource in resources:
        if not isinstance(resource, dict) or resource.get("mode") != "managed":
            continue
        for each in resource.get("instances") or ():
            attributes = each.get("attributes")
            yield Instance(
                module=str(resource.get("module") or ""),
                type=str(resource.get("type")),
                name=str(resource.get("name")),
                index=each.get("index_key"),
                attributes=attributes if isinstance(attributes, dict) else {},
                deposed=bool(each.get("deposed")),
                tainted=each.get("status") == "tainted",
            )


def _shown(module: Mapping[str, Any]) -> Iterator[Instance]:
    for each in module.get("resources") or ():
        if isinstance(each, dict) and each.get("mode", "managed") == "managed":
            values = each.get("values")
            yield Instance(
                module=str(module.get("address") or ""),
                type=str(each.get("type")),
                name=str(each.get("name")),
                index=each.get("index"),
                attributes=values if isinstance(values, dict) else {},
                deposed=bool(each.get("deposed_key")),
                tainted=bool(each.get("tainted")),
            )
    for below in module.get("child_modules") or ():
        if isinstance(below, dict):
            yield from _shown(below)


# --- where secrets lie -----------------------------------------------------------------------------------


def _spots(
    instances: tuple[Instance, ...], outputs: Mapping[str, Any], taken: Collection[str]
) -> Iterator[str]:
    """Where a secret can be read: known attributes, what sounds like one, and copies of what was found."""
    known = {
        value
        for one in instances
        for name in _SECRETS.get(one.type, ())
        if isinstance(value := one.attributes.get(name), str) and len(value) >= _SHORTEST
    }
    seen = set()
    for one in instances:
        for path, value in _texts(one.attributes):
            is_stated = path in _SECRETS.get(one.type, ())
            sounds = one.type not in taken and sounds_secret(path.rpartition(".")[2])
            if value and (is_stated or sounds or any(secret in value for secret in known)):
                spot = f"{one.type} {one.name} {path}"
                if spot not in seen:
                    seen.add(spot)
                    yield spot
    for name, output in sorted(outputs.items()):
        texts = [
            text for _, text in _texts({"value": output.get("value") if isinstance(output, dict) else ""})
        ]
        if any(text and (sounds_secret(name) or any(s in text for s in known)) for text in texts):
            yield f"output {name} value"


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
