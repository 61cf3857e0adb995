"""`reconcile watch` under Kubernetes and systemd: what the examples say is what the program takes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.command_line import parser

from .conftest import ROOT

UNIT = ROOT / "deploy" / "reconcile-watch.service"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text())
    return {row["kind"]: row for row in found}


def test_the_container_runs_a_command_that_there_is(manifest: dict[str, Any]) -> None:
    (container,) = manifest["Deployment"]["spec"]["template"]["spec"]["containers"]
    args = parser().parse_args(container["args"])
    assert args.command == "watch"
    port = int(args.listen.rpartition(":")[2])
    assert [row["containerPort"] for row in container["ports"]] == [port]
    assert args.specs == ["/specs"]
    assert "/specs" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_there_is_never_more_than_one_pod(manifest: dict[str, Any]) -> None:
    spec = manifest["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_the_pod_has_no_rights_and_no_secret_in_plain_sight(manifest: dict[str, Any]) -> None:
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "Secret" not in manifest
    assert not [
        name for name in manifest["ConfigMap"]["data"] if re.search("SECRET|KEY|TOKEN|PASSWORD", name)
    ]


def test_specs_can_be_read_from_a_mounted_config_map(tmp_path: Path) -> None:
    real = tmp_path / "..2026_01_01"
    real.mkdir()
    (real / "prod.yaml").write_text((ROOT / "specs" / "prod.yaml").read_text())
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "prod.yaml").symlink_to("..data/prod.yaml")
    command = [sys.executable, "-m", "reconciler", "validate", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_unit_starts_the_program_with_its_credentials(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("\\\n", " ")
    (start,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    program = tmp_path / "reconcile"
    program.write_text('#!/bin/sh\necho "$CONNECT_API_KEY" "$DATABRICKS_CLIENT_SECRET" "$@"\n')
    program.chmod(0o755)
    command = [word.replace("$$", "$") for word in shlex.split(start)]
    command[-1] = command[-1].replace("/opt/reconcile/bin/reconcile", shlex.quote(str(program)))
    credentials = dict(re.findall(r"^LoadCredentialEncrypted=(\S+?):(\S+)$", text, re.MULTILINE))
    for name in credentials:
        (tmp_path / name).write_text(f"the {name}\n")
    env = {"PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": str(tmp_path)}
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    key, secret = "the connect-api-key", "the databricks-client-secret"
    assert said.startswith(f"{key} {secret} watch ")
    args = parser().parse_args(said.removeprefix(f"{key} {secret}").split())
    assert args.listen.startswith("127.0.0.1:")


def test_the_unit_passes_systemds_own_check(tmp_path: Path) -> None:
    command = shutil.which("systemd-analyze")
    if not command:
        pytest.skip("systemd-analyze isn't installed: it comes with systemd")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text())
    ended = subprocess.run([command, "verify", unit], capture_output=True, text=True)
    assert UNIT.name not in ended.stderr, ended.stderr
