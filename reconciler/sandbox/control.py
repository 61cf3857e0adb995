"""The control endpoints below `/_sandbox`: faults, log, counts, knobs, state, seeds, credential checks.

They need no credential, count as no request, and are never struck by a fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reconciler.sandbox.credentials import digest, environment
from reconciler.sandbox.estate import Estate, load
from reconciler.sandbox.messages import Answer, Refusal, Request, json_answer

if TYPE_CHECKING:
    from reconciler.sandbox.core import Sandbox

Endpoint = Callable[["Sandbox", Request], Any]
PREFIX = "/_sandbox"


def answer(sandbox: Sandbox, request: Request) -> Answer:
    """Answer a control request: 200 with JSON, 400 for a bad one, 404 for an unknown one."""
    path = request.path[len(PREFIX) :].strip("/")
    if path.startswith("faults/") and request.method == "DELETE":
        return _removed_fault(sandbox, path.partition("/")[2])
    endpoint = _ENDPOINTS.get((request.method, path))
    try:
        if endpoint is None:
            known = sorted(f"{method} {PREFIX}/{name}" for method, name in _ENDPOINTS)
            return json_answer({"error": "no such control endpoint", "endpoints": known}, 404)
        return json_answer(endpoint(sandbox, request))
    except Refusal as refusal:
        return json_answer({"error": refusal.message}, refusal.status)
    except (ValueError, KeyError, TypeError) as error:
        return json_answer({"error": str(error)}, 400)


def _faults(sandbox: Sandbox, _: Request) -> Any:
    return {"faults": sandbox.faults.shown()}


def _add_faults(sandbox: Sandbox, request: Request) -> Any:
    body = request.json_object()
    lines = body["specs"] if "specs" in body else [body["spec"]]
    return {"faults": [sandbox.faults.add(str(line)).shown() for line in lines]}


def _remove_faults(sandbox: Sandbox, _: Request) -> Any:
    return {"removed": sandbox.faults.remove()}


def _removed_fault(sandbox: Sandbox, number: str) -> Answer:
    removed = sandbox.faults.remove(int(number)) if number.isdecimal() else 0
    return json_answer({"removed": removed}, 200 if removed else 404)


def _log(sandbox: Sandbox, request: Request) -> Any:
    return {"requests": sandbox.journal.entries(int(request.query.get("since", "0")))}


def _forget_log(sandbox: Sandbox, _: Request) -> Any:
    sandbox.journal.forget()
    return {}


def _stats(sandbox: Sandbox, _: Request) -> Any:
    return sandbox.journal.stats()


def _reset_stats(sandbox: Sandbox, _: Request) -> Any:
    sandbox.journal.reset()
    return {}


def _knobs(sandbox: Sandbox, _: Request) -> Any:
    return asdict(sandbox.world.knobs)


def _set_knobs(sandbox: Sandbox, request: Request) -> Any:
    with sandbox.lock:
        sandbox.world.knobs = sandbox.world.knobs.changed(request.json_object())
        return asdict(sandbox.world.knobs)


def _state(sandbox: Sandbox, _: Request) -> Any:
    with sandbox.lock:
        return _without_hashes(json.loads(json.dumps(sandbox.state.dump())))


def _reset(sandbox: Sandbox, _: Request) -> Any:
    sandbox.reset()
    return {}


def _seed(sandbox: Sandbox, request: Request) -> Any:
    """Put objects in without a request for each: `estate.Estate` says in what shape."""
    load(sandbox, Estate.of(request.json_object()))
    return {}


def _gone(sandbox: Sandbox, request: Request) -> Any:
    """People and content of a Connect server leave, as no request of the API makes them."""
    body = request.json_object()
    guids = [str(guid) for guid in body["guids"]]
    with sandbox.lock:
        server = sandbox.state.connect(str(body.get("server", "")).rstrip("/"))
        removed = [server.remove_person(guid) or server.remove_content(guid) for guid in guids]
        sandbox.dirty.set()
        return {"removed": sum(removed)}


def _environment(_: Sandbox, request: Request) -> Any:
    return environment(request.base_url)


def _check_credential(sandbox: Sandbox, request: Request) -> Any:
    body = request.json_object()
    client_id, secret = str(body["client_id"]), str(body["client_secret"])
    with sandbox.lock:
        return sandbox.state.account.credential(client_id, digest(secret))


def _wiring(sandbox: Sandbox, _: Request) -> Any:
    """What each Databricks integration of each Connect server holds, and whether it works."""
    with sandbox.lock:
        return {
            "integrations": [
                _wire(sandbox, prefix, row)
                for prefix, server in sandbox.state.servers.items()
                for row in server.integrations.table
                if row["template"] == "databricks"
            ]
        }


def _wire(sandbox: Sandbox, prefix: str, row: dict[str, Any]) -> dict[str, Any]:
    client_id = row["config"].get("client_id", "")
    # what was Confidential once may have a secret still, which nobody uses
    is_public = row["config"].get("auth_mode") == "Public"
    secret = "" if is_public else row["_secrets"].get("client_secret", "")
    names = ("guid", "name", "updated_time")
    found = sandbox.state.account.credential(client_id, secret)
    return {"server": prefix, "client_id": client_id, **{n: row[n] for n in names}, **found}


def _without_hashes(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_hashes(v) for k, v in value.items() if not k.startswith("_")}
    return [_without_hashes(item) for item in value] if isinstance(value, list) else value


_ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _remove_faults,
    ("GET", "log"): _log,
    ("DELETE", "log"): _forget_log,
    ("GET", "stats"): _stats,
    ("DELETE", "stats"): _reset_stats,
    ("POST", "stats"): _reset_stats,
    ("GET", "knobs"): _knobs,
    ("POST", "knobs"): _set_knobs,
    ("GET", "state"): _state,
    ("POST", "reset"): _reset,
    ("POST", "seed"): _seed,
    ("POST", "gone"): _gone,
    ("GET", "environment"): _environment,
    ("POST", "check-credential"): _check_credential,
    ("GET", "wiring"): _wiring,
}
