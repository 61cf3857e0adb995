"""Token access policies of OAuth apps, custom and published: their rules, and what GET shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.world import World

_DAY = 24 * 60
# minutes: least, most, and what the UI fills in
_TTLS = {
    "access_token_ttl_in_minutes": (5, _DAY, 60),
    "refresh_token_ttl_in_minutes": (5, 90 * _DAY, 7 * _DAY),
}
_SINGLE_USE = "enable_single_use_refresh_tokens"
_SESSION = "absolute_session_lifetime_in_minutes"


def with_policy(shown: dict[str, Any], world: World) -> dict[str, Any]:
    """An app with the policy that was set; with `fill_policies`, what the server assumes as well."""
    if world.knobs.fill_policies:
        shown["token_access_policy"] = _filled(shown.get("token_access_policy") or {})
    return shown


def check_policy(policy: Any) -> None:
    """Check a policy that a request gives.

    Raises:
        Refusal: 400, with a text that names the field.
    """
    if not isinstance(policy, dict):
        raise _bad("token_access_policy must be an object.")
    for name, value in policy.items():
        _check_type(name, value)
    for name, (least, most, default) in _TTLS.items():
        if not least <= policy.get(name, default) <= most:
            raise _bad(f"{name} must be between {least} and {most}.")
    access, refresh = (policy.get(name, ttl[2]) for name, ttl in _TTLS.items())
    if refresh < access:
        raise _bad("refresh token TTL must not be shorter than access token TTL.")
    if _SESSION in policy and not policy.get(_SINGLE_USE):
        raise _bad(f"{_SESSION} can only be set when {_SINGLE_USE} is true.")


def _check_type(name: str, value: Any) -> None:
    if name not in {*_TTLS, _SINGLE_USE, _SESSION}:
        raise _bad(f"token_access_policy.{name} is not known.")
    if (name == _SINGLE_USE) is not isinstance(value, bool) or not isinstance(value, int):
        raise _bad(f"token_access_policy.{name} has a wrong type.")


def _filled(policy: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: policy.get(name) or default for name, (_, _, default) in _TTLS.items()}
    out[_SINGLE_USE] = policy.get(_SINGLE_USE, False)
    # the server fills it in uninvited, see docs/facts/databricks.md, trap 6
    out[_SESSION] = policy.get(_SESSION) or 90 * _DAY
    return out


def _bad(message: str) -> Refusal:
    return Refusal(400, "BAD_REQUEST", message)
