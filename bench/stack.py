"""The stacks that are measured: so many apps, as many service principals, and twice as many integrations."""

from __future__ import annotations

HEAD = """\
version: 1
stack: bench
providers:
  databricks: {type: databricks}
  connect: {type: connect}
"""
VIEWER = """\
  viewer-{n}:
    template: databricks
{more}    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: cust-success.cloud.databricks.com
      client_id: ${{oauth_apps.app-{n}.client_id}}
      client_secret: ${{oauth_apps.app-{n}.client_secret}}
"""
SERVICE = """\
  service-{n}:
    template: databricks
{more}    config:
      auth_type: Service Account
      workspace_host: cust-success.cloud.databricks.com
      client_id: ${{service_principals.robot-{n}.client_id}}
      client_secret: ${{service_principals.robot-{n}.client_secret}}
"""


def text(size: int, turn: int = 0) -> str:
    """The spec; in every turn after the first, one in a hundred of each kind says something else."""
    return _text(HEAD, range(size), range(max(1, size // 100) if turn else 0), turn)


def team(number: int) -> str:
    """One of many stacks: an app, a principal and their two integrations."""
    return _text(HEAD.replace("stack: bench", f"stack: team-{number}"), range(number, number + 1))


def _text(head: str, numbers: range, changed: range = range(0), turn: int = 0) -> str:
    parts = [head, "oauth_apps:\n"]
    for n in numbers:
        scopes = "all-apis, offline_access" + (", sql" if n in changed and turn % 2 else "")
        parts.append(f"  app-{n}:\n    redirect_urls: ['${{providers.connect.callback_url}}']\n")
        parts.append(f"    scopes: [{scopes}]\n")
    parts.append("service_principals:\n")
    for n in numbers:
        name = f"    display_name: robot-{n}-{turn}\n" if n in changed else ""
        parts.append(f"  robot-{n}:\n{name}    client_secret: {{lifetime: 365d, rotate_before: 30d}}\n")
    parts.append("connect_integrations:\n")
    for n in numbers:
        more = f"    description: Turn {turn}\n" if n in changed else ""
        parts.append(VIEWER.format(n=n, more=more))
        parts.append(SERVICE.format(n=n, more=more))
    return "".join(parts)


def objects(size: int) -> int:
    """How many a stack of this size has; a service principal's secret isn't counted."""
    return 4 * size
