"""Plans on disk: saved with -o, recorded for a bare `apply`, and read back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from reconciler import specs
from reconciler.errors import PlanError
from reconciler.ledger import recorded_plan_path
from reconciler.model import Plan
from reconciler.planning import plan_file
from reconciler.rendering import ascii_only, dumps, plan_json
from reconciler.secrets import checked
from reconciler.secrets.whole_files import put_whole

LAST = Path(".reconcile") / "last-plan.json"


def write(plan: Plan, path: Path) -> None:
    """Saves a plan; no secret is in it.

    Raises:
        PlanError: the file can't be written.
    """
    _replace(path, _text(plan))


def record(plan: Plan, say: Callable[[str], object]) -> None:
    """Keeps the plan beside its spec, for a bare `apply`; where that can't be, it is said and no more."""
    _try_to_keep(recorded_plan_path(plan.stack), _text(plan), say)


def _text(plan: Plan) -> str:
    visible = dumps(plan_json(plan))
    return f'{visible[:-1]},"definition":{ascii_only(plan_file.encode(plan))}}}\n'


def remember(plans: Sequence[Plan], say: Callable[[str], object]) -> None:
    """Notes which plans the last `reconcile plan` recorded, in the folder that it ran in."""
    paths = [os.path.relpath(recorded_plan_path(plan.stack)) for plan in plans]
    _try_to_keep(LAST, json.dumps({"format": "reconcile.last-plan/1", "plans": paths}) + "\n", say)


def _try_to_keep(path: Path, text: str, say: Callable[[str], object]) -> None:
    try:
        _replace(path, text)
    except PlanError as error:
        say(f"a bare `reconcile apply` won't find this plan: {error.message}")


def last() -> list[Path]:
    """The plans that the last `reconcile plan` recorded.

    Raises:
        PlanError: there are none.
    """
    hint = "run `reconcile plan` first, or name a spec: reconcile apply SPEC"
    try:
        found = [Path(path) for path in json.loads(LAST.read_text())["plans"]]
    except FileNotFoundError:
        raise PlanError("no plan has been recorded here", code="no-plan", hint=hint) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise PlanError(f"{LAST} can't be read", code="no-plan", hint=hint) from None
    missing = [str(path) for path in found if not path.is_file()]
    # one that is gone among others is its own stack's trouble
    if len(missing) == len(found):
        gone = ", ".join(missing)
        raise PlanError(f"the recorded plan is gone: {gone}", code="no-plan", hint=hint)
    return found


def seen(path: Path) -> Plan:
    """A plan from its file, for looking at: nothing is asked and nothing is read anew.

    Raises:
        PlanError: it can't be read, or its digest doesn't match.
    """
    try:
        return plan_file.seen(_document(path), plan_json)
    except RecursionError:
        raise _too_deep(path) from None


def _too_deep(path: Path) -> PlanError:
    return PlanError(f"{path} is no plan file: it is nested without end", code="plan-file")


def _document(path: Path) -> Any:
    try:
        # other tools indent a file, sort its keys, or put a mark at its start
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once_each)
    except OSError as error:
        raise PlanError(f"{path} can't be read: {error.strerror}", code="plan-file") from None
    except (ValueError, RecursionError):  # nested without end
        raise PlanError(f"{path} is no plan file: it isn't JSON", code="plan-file") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without a key that stands there twice: readers would differ about what it says."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def read(path: Path) -> plan_file.Saved:
    """A plan from its file; values of `${env…}`, `${file…}` and secrets of handoffs are taken anew.

    Raises:
        PlanError: it can't be read, or its digest doesn't match.
        StaleError: a value from the environment is another one now.
    """
    document = _document(path)
    try:
        folder = Path(document["definition"]["stack"]["file"]).parent
        inputs = document["definition"]["stack"].get("inputs", {})
    except (KeyError, TypeError):
        folder, inputs = Path(), {}  # no plan file, as `decode` will say
    _check_place(folder, path)
    try:
        found = plan_file.decode(
            document,
            plan_json,
            partial(specs.reread, environment=os.environ, folder=folder, inputs=inputs),
        )
    except RecursionError:
        raise _too_deep(path) from None
    except PlanError as error:
        raise PlanError(f"{path}: {error.message}", code=error.code, hint=error.hint) from None
    for provider in found.stack.providers.values():
        specs.hide(provider)
    return found


def _check_place(folder: Path, path: Path) -> None:
    """A plan file names its spec's folder, where files are read and the ledger lies: not just any.

    Raises:
        PlanError: it lies neither below the folder of this run nor beside the plan.
    """
    beside = path.resolve().parent
    allowed = (Path.cwd(), beside, beside.parent if beside.name == ".reconcile" else beside)
    if not any(folder.resolve().is_relative_to(place) for place in allowed):
        raise PlanError(
            f"{path}: the plan is for a spec in {folder}, outside of where it is applied",
            code="plan-file",
            hint="run it where the spec is, or keep the plan beside it",
        )


def _replace(path: Path, text: str) -> None:
    """Writes a file at once or not at all, and none with a secret in it."""
    checked(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put_whole(path, text.encode(), durable=False)
    except OSError as error:
        raise PlanError(
            f"{path} can't be written: {error.strerror}",
            code="plan-file",
            hint="make room or choose another place with -o; nothing was changed",
        ) from None
