"""What a first repository holds: the text of a spec, and the files of a pipeline as they ship."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from reconciler.kinds import shipped

_CALLBACK = "/__oauth__/integrations/callback"
_WORKSPACE = "your-workspace.cloud.databricks.com"
_SANDBOX_WORKSPACE = "cust-success.cloud.databricks.com"
_PIPELINES = {
    "github": ("github", ".github/workflows"),
    "gitlab": ("gitlab", "ci/gitlab"),
    "azure": ("azure", "ci/azure"),
}


def spec_text(stack: str, given: Mapping[str, str], *, side: str | None, is_sandbox: bool) -> str:
    """A spec that validates as it stands.

    Args:
        given: addresses, by the names of their flags.
        side: the one administrator's half only; None for both.
    """
    parts = [f"version: 1\nstack: {stack}\n", _providers(given, side)]
    if side != "connect":
        parts.append(_app(given, side))
    if is_sandbox and side is None:
        parts.append(_PRINCIPAL)
    if side != "databricks":
        parts.append(_integration(side, _SANDBOX_WORKSPACE if is_sandbox else _WORKSPACE))
    if is_sandbox and side is None:
        parts.append(_SERVICE)
    if side == "databricks":
        parts.append(_HANDOFF)
    if side == "connect":
        parts.append(_INPUTS)
    return "".join(parts)


def _providers(given: Mapping[str, str], side: str | None) -> str:
    lines = ["\nproviders:\n"]
    if side != "connect":
        lines.append(
            f"  databricks:\n    type: databricks\n    host: {_value(given['databricks_host'])}\n"
            f"    account_id: {_value(given['account_id'])}\n"
        )
    if side != "databricks":
        lines.append(f"  connect:\n    type: connect\n    url: {_value(given['connect_url'])}\n")
    if given["workbench_url"] and side != "connect":
        lines.append("  workbench:\n    type: workbench # it only lends its redirect URL\n")
        lines.append(f"    url: {_value(given['workbench_url'])}\n")
    return "".join(lines)


def _app(given: Mapping[str, str], side: str | None) -> str:
    callback = "${providers.connect.callback_url}"
    if side == "databricks":
        callback = _value(given["connect_url"].rstrip("/") + _CALLBACK)
    workbench = "      - ${providers.workbench.callback_url}\n" if given["workbench_url"] else ""
    return (
        "\noauth_apps:\n  posit-connect: # viewers of content sign in to Databricks through it\n"
        f"    redirect_urls:\n      - {callback}\n{workbench}"
        "    scopes: [all-apis, sql, offline_access, openid, profile, email]\n"
    )


def _integration(side: str | None, workspace: str) -> str:
    source = "inputs.databricks" if side == "connect" else "oauth_apps.posit-connect"
    return f"""
connect_integrations:
  databricks-viewer: # content acts as the person who is looking at it
    name: Databricks
    template: databricks
    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: {workspace} # the workspace's host, without https://
      client_id: ${{{source}.client_id}}
      client_secret: ${{{source}.client_secret}}
"""


_PRINCIPAL = """
service_principals:
  nightly-reports:
    workspaces: { "1234567890123456": USER } # those that it is assigned to
    client_secret: { lifetime: 365d, rotate_before: 30d }
"""
_SERVICE = f"""  databricks-service: # content acts as the service principal
    name: Databricks service account
    template: databricks
    config:
      auth_type: Service Account
      workspace_host: {_SANDBOX_WORKSPACE}
      client_id: ${{service_principals.nightly-reports.client_id}}
      client_secret: ${{service_principals.nightly-reports.client_secret}}
"""
_HANDOFF = """
# What the Posit Connect administrator needs goes into a sealed file. Ask for the public key that
# `reconcile key new` printed there, put it under recipients, and take the # away:
# handoffs:
#   databricks:
#     file: handoff/databricks.age
#     recipients: [age1…]
#     values:
#       client_id: ${oauth_apps.posit-connect.client_id}
#       client_secret: ${oauth_apps.posit-connect.client_secret}
"""
_INPUTS = """
inputs: # the file that the Databricks administrator's stack writes; commit it here
  databricks: { handoff: handoff/databricks.age }
"""


def _value(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9$][A-Za-z0-9:/._${}-]*", text) else json.dumps(text)


def pipeline_files(forge: str) -> dict[Path, str]:
    """The files of a forge's pipeline, by where they go."""
    source, target = _PIPELINES[forge]
    found = {}
    for file in sorted((shipped("ci") / source).iterdir()):
        if file.is_file() and file.suffix in (".yml", ".py"):
            at = Path(file.name) if file.name == ".gitlab-ci.yml" else Path(target) / file.name
            found[at] = file.read_text("utf-8")
    return found
