"""The remote systems that a command reads whole: those of some specs, or those of the environment."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reconciler.model import ProviderSpec, SecretInput, Sourced, Stack
from reconciler.providers import Pace, connect
from reconciler.specs.urls import AddressError, provider_address

_FILE = re.compile(r"\$\{file\.([^{}]+)\}")


@dataclass(frozen=True)
class Systems:
    """Providers by name, none twice.

    Attributes:
        asked: those to read.
        lenders: those that only lend their address, as a new spec writes them.
        homes: where the specs are that the others come from.
        folder: where the new spec will lie; None for where their own specs are.
    """

    asked: Mapping[str, ProviderSpec]
    lenders: Mapping[str, ProviderSpec]
    homes: Mapping[str, Path]
    folder: Path | None = None

    def connected(
        self, args: argparse.Namespace, environment: Mapping[str, str], closing: ExitStack
    ) -> dict[str, Any]:
        """A client for each that is asked.

        Raises:
            CredentialError: address or credential is missing.
        """
        made: dict[str, Any] = {}
        for name, spec in self.asked.items():
            made[name] = connect(spec, environment, pace=Pace(rate=getattr(args, "max_rps", None)))
            closing.callback(made[name].http.close)
        return made

    def settled(self, apis: Mapping[str, Any]) -> dict[str, ProviderSpec]:
        """The providers as a new spec writes them, with addresses that the environment or a profile gave."""
        return {
            name: replace(
                _moved(spec, self.homes.get(name), self.folder),
                address=spec.address or apis[name].address,
                account_id=spec.account_id or getattr(apis[name], "account_id", ""),
            )
            for name, spec in self.asked.items()
        }


def systems(
    stacks: Sequence[Stack], environment: Mapping[str, str], *, side: str, folder: Path | None
) -> Systems:
    """The systems of some stacks; without any, those of the environment.

    Args:
        side: `databricks` or `connect` to ask only systems of that type.
        folder: where a spec with these providers will lie; None for where their own specs are.
    """
    found: dict[str, ProviderSpec] = {}
    homes: dict[str, Path] = {}
    for stack in stacks:
        for name, spec in stack.remotes.items():
            if any(_same(spec, other) for other in found.values()):
                continue
            number, key = 2, name
            while key in found:
                key, number = f"{name}-{number}", number + 1
            found[key], homes[key] = replace(spec, name=key), Path(stack.file).parent
    for kind, variable in (("databricks", "DATABRICKS_HOST"), ("connect", "CONNECT_SERVER")):
        if not stacks and (side in ("", kind) or environment.get(variable)):
            found[kind] = ProviderSpec(kind, kind, _lent(kind, environment.get(variable, ""), side))
    asked = {
        name: spec
        for name, spec in found.items()
        if spec.type in ("databricks", "connect") and side in ("", spec.type)
    }
    lenders = {
        name: _moved(spec, homes.get(name), folder)
        for name, spec in found.items()
        if name not in asked and spec.type != "databricks"
    }
    return Systems(asked, lenders, homes, folder)


def _lent(kind: str, address: str, side: str) -> str:
    """The address of a system that isn't asked; one that is asked tells its own."""
    with suppress(AddressError):
        return provider_address(address, kind) if side not in ("", kind) else ""
    return ""


def _same(left: ProviderSpec, right: ProviderSpec) -> bool:
    """Whether two providers are one system; an address that isn't known is told by its name."""
    if left.type != right.type:
        return False
    if not left.address or not right.address:
        return left.name == right.name and left.settings == right.settings
    return (left.address, left.account_id) == (right.address, right.account_id)


def _moved(spec: ProviderSpec, home: Path | None, folder: Path | None) -> ProviderSpec:
    """The provider as a spec in another folder has to write it: paths are relative to the spec."""
    if home is None:
        return spec
    folder = home if folder is None else folder
    settings: dict[str, Any] = {}
    for key, value in spec.settings.items():
        if isinstance(value, (Sourced, SecretInput)):
            words = _FILE.sub(lambda path: f"${{file.{_relative(home / path[1], folder)}}}", value.expression)
            settings[key] = replace(value, expression=words)
        elif key == "ca_certificate" and isinstance(value, str) and not value.startswith(("~", "/")):
            settings[key] = _relative(Path(value), folder)  # so far relative to where the tool runs
        else:
            settings[key] = value
    return replace(spec, settings=settings)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
