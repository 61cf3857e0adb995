"""Rule sets of service principals: who may use and who may manage one, changed grant by grant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reconciler.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    LostAnswerError,
    NotFoundError,
)
from reconciler.providers._exchange import Effect

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

TRIES = 8  # as often as somebody else's change comes in between
ROLES = {"use": "roles/servicePrincipal.user", "manage": "roles/servicePrincipal.manager"}
SORTS = {"user": "users", "group": "groups", "service_principal": "servicePrincipals"}


def grants_of(api: DatabricksAccount, application: str, subject: str) -> dict[str, str] | None:
    """`use group:NAME` → NAME, for all of both roles; None, and noted as trouble, if it can't be told."""
    api.troubles.pop(subject, None)
    try:
        rules = _read(api, application)
    except (ForbiddenError, InvalidRequestError, NotFoundError) as error:
        api.troubles[subject] = error.message
        return None
    return dict(_told(rules.get("grant_rules") or ()))


def give(api: DatabricksAccount, application: str, key: str) -> bool:
    """Adds one grant; False if somebody else had given it."""
    return _change(api, application, key, wanted=True)


def take(api: DatabricksAccount, application: str, key: str) -> None:
    """Takes one grant back; one that is gone, with its principal or its rule set, is done."""
    try:
        _change(api, application, key, wanted=False)
    except NotFoundError:
        return


def _change(api: DatabricksAccount, application: str, key: str, *, wanted: bool) -> bool:
    """Whether it was us who made it so: what an attempt without an answer may have done counts as ours."""
    doubtful = False
    last: ConflictError | LostAnswerError | None = None
    with api.one_at_a_time[f"rules {application}"]:
        for _ in range(TRIES):
            rules = _read(api, application)
            if (key in dict(_told(rules.get("grant_rules") or ()))) is wanted:
                return doubtful
            body = {"name": rules["name"], "rule_set": _with(rules, key, wanted=wanted)}
            try:
                # one attempt: the etag of a second one would be a conflict with the first
                api.http.call("PUT", _path(api), body=body, effect=Effect.ONCE)
            except ConflictError as error:
                last = error
            except LostAnswerError as error:
                last, doubtful = error, True
            else:
                return True
    if last is None:
        return True
    last.hint = last.hint or f"others changed who may use it {TRIES} times in a row: apply again"
    raise last


def _with(rules: Mapping[str, Any], key: str, *, wanted: bool) -> dict[str, Any]:
    """The rule set with one grant more or less; all others as they are."""
    role, principal = _written(key)
    kept = []
    for rule in rules.get("grant_rules") or ():
        principals = [
            one for one in rule.get("principals") or () if rule.get("role") != role or one != principal
        ]
        if principals:
            kept.append({**rule, "principals": principals})
    if wanted:
        same = next((rule for rule in kept if rule.get("role") == role), None)
        if same is None:
            kept.append({"role": role, "principals": [principal]})
        else:
            same["principals"] = [*same["principals"], principal]
    return {"name": rules["name"], "etag": rules["etag"], "grant_rules": kept}


def _written(key: str) -> tuple[str, str]:
    """Role and principal as the API has them."""
    head, _, name = key.partition(":")
    right, _, sort = head.partition(" ")
    return ROLES[right], f"{SORTS[sort]}/{name}"


def _told(rules: Any) -> Iterator[tuple[str, str]]:
    rights = {role: right for right, role in ROLES.items()}
    sorts = {plural: sort for sort, plural in SORTS.items()}
    for rule in rules:
        for principal in rule.get("principals") or ():
            plural, _, name = str(principal).partition("/")
            if rule.get("role") in rights and plural in sorts:
                name = name.lower() if plural == "servicePrincipals" else name
                yield f"{rights[rule['role']]} {sorts[plural]}:{name}", name


def _read(api: DatabricksAccount, application: str) -> dict[str, Any]:
    name = f"accounts/{api.account_id}/servicePrincipals/{application}/ruleSets/default"
    path = _path(api)
    # both parameters have to be there, the etag an empty one
    body = api.http.get(path, {"name": name, "etag": ""})
    rules = body.get("grant_rules") if isinstance(body, Mapping) else None
    if not isinstance(body, dict) or not isinstance(body.get("etag"), str) or body.get("name") != name:
        raise api.http.misshapen("GET", path, "isn't that rule set with its etag")
    if not isinstance(rules or [], list) or not all(_is_rule(rule) for rule in rules or ()):
        raise api.http.misshapen("GET", path, "has a rule without role and principals")
    return body


def _is_rule(rule: Any) -> bool:
    return (
        isinstance(rule, Mapping)
        and isinstance(rule.get("role"), str)
        and isinstance(rule.get("principals") or [], list)
    )


def _path(api: DatabricksAccount) -> str:
    return f"/api/2.0/preview/accounts/{api.account_id}/access-control/rule-sets"
