"""The digest of a resolved spec: the same for the same meaning, on any machine, and silent about secrets."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from reconciler.model import Lifecycle, ProviderSpec, Resource, SecretInput, Sourced, Stack, Text, Value


def digest(stack: Stack) -> str:
    """`sha256:…` over all that a stack means: comments, order of keys and places of files don't matter."""
    folder = os.path.dirname(stack.file)  # noqa: PTH120 - relative names stay relative
    meaning = {
        "stack": stack.name,
        "providers": {name: _provider(spec, folder) for name, spec in stack.remotes.items()},
        "resources": {str(address): resource for address, resource in stack.resources.items()},
        "moved": [[str(move.source), str(move.target)] for move in stack.moved],
        "forget": sorted(map(str, stack.forget)),
        "approve": sorted(map(str, stack.approve)),
        "guard": [stack.guard.max_deletes, stack.guard.max_delete_percent],
        "ledger": stack.ledger_url,
        "inputs": dict(stack.inputs),
        "recipients": list(stack.recipients),
        "heal": list(stack.heal),
    }
    # a resource is spelled out when its turn comes: not thousands at one time
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), default=_spelled)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _provider(spec: ProviderSpec, folder: str) -> Any:
    settings = dict(spec.settings)
    if isinstance(settings.get("ca_certificate"), str) and settings["ca_certificate"]:
        settings["ca_certificate"] = os.path.relpath(settings["ca_certificate"], folder or os.curdir)
    return [spec.type, spec.address, spec.account_id, settings]


def _resource(resource: Resource) -> Any:
    said = resource.attributes
    if resource.lifecycle.ignore:
        said = {name: _attribute(resource, name, value) for name, value in said.items()}
    return [resource.provider, resource.named, said, _lifecycle(resource.lifecycle)]


def _attribute(resource: Resource, path: str, value: Value) -> Any:
    """A value; of an ignored one only what it refers to: that may be unset here, and set elsewhere."""
    if isinstance(value, Mapping):
        return {key: _attribute(resource, f"{path}.{key}", item) for key, item in value.items()}
    if isinstance(value, list):
        return [_attribute(resource, f"{path}.{index}", item) for index, item in enumerate(value)]
    if isinstance(value, Sourced) and resource.lifecycle.ignores(path):
        return {"ignored": value.expression}
    return value


def _lifecycle(lifecycle: Lifecycle) -> Any:
    adopt = lifecycle.adopt
    return [
        lifecycle.prevent_destroy,
        [adopt.id, adopt.client_secret] if adopt else None,
        sorted(lifecycle.ignore),
        lifecycle.on_destroy,
        lifecycle.replace,
    ]


def _spelled(value: Any) -> Any:
    """What isn't plain JSON: each special leaf is told apart from text that looks like it."""
    if isinstance(value, Resource):
        return _resource(value)
    if isinstance(value, SecretInput):
        return {"secret": value.expression}
    if isinstance(value, Sourced):
        return {
            "source": value.source,
            "sha256": hashlib.sha256(value.value.encode("utf-8", "surrogateescape")).hexdigest(),
        }
    if isinstance(value, Text):
        return {"text": list(value.parts)}
    return dict(value) if isinstance(value, Mapping) else {"reference": str(value)}
