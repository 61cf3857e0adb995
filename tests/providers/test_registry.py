"""The list of kinds, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reconciler.providers import KINDS


def test_every_kind_is_known_by_its_name() -> None:
    assert set(KINDS) == {
        "oauth_apps",
        "service_principals",
        "service_principals.client_secret",
        "federation_policies",
        "connect_integrations",
        "handoffs",
        "workbench_files",
    }
    assert all(kind.name == name and kind.noun and kind.provider_type for name, kind in KINDS.items())


@pytest.mark.parametrize("module", ["requests", "urllib3", "databricks.sdk", "yaml", "deepdiff"])
def test_knowing_the_kinds_loads_no_library(module: str) -> None:
    code = f"import sys, reconciler.providers; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_connecting_loads_no_databricks_sdk() -> None:
    code = (
        "import sys; from reconciler.model import ProviderSpec; from reconciler.providers import connect; "
        "connect(ProviderSpec('d', 'databricks', 'https://h', 'a', {'token': 't'}), {}); "
        "sys.exit('databricks.sdk' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
