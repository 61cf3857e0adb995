"""Every case under `cases/`: what is wanted, live and remembered → the plan, each with its why."""

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from reconciler.errors import PlanError, Problem, Severity
from reconciler.kinds import reference_to
from reconciler.matching import Rivals, pair
from reconciler.model import (
    Address,
    Adopt,
    Credential,
    CredentialState,
    Deleted,
    Delivery,
    Entry,
    Guard,
    Ledger,
    Lifecycle,
    Live,
    Move,
    OnDestroy,
    Origin,
    Pending,
    ProviderSpec,
    Ref,
    ReplaceOrder,
    Resource,
    SecretInput,
    Snapshot,
    Stack,
    Superseded,
    WorkspaceRef,
)
from reconciler.planning import Options, make_destroy_plan, make_plan
from reconciler.providers import KINDS
from reconciler.secrets import Fingerprint, Secret

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
REFERENCE = re.compile(r"\$\{(\w+\.[\w-]+)\.(\w+)\}")
PROVIDERS = {
    "databricks": ProviderSpec("databricks", "databricks", "https://accounts.example.org", "acc"),
    "connect": ProviderSpec("connect", "connect", "https://connect.example.org"),
    "files": ProviderSpec.of_files(),
}
FOLDER = Path(__file__).parent / "cases"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every worker reads them all
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['why']}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.load(path.read_text(), LOADER)
]


def value_of(written):
    if isinstance(written, dict):
        return {str(key): value_of(item) for key, item in written.items()}
    if isinstance(written, list):
        return [value_of(item) for item in written]
    if isinstance(written, str) and written.startswith("!secret"):
        value = written.partition(" ")[2]
        return SecretInput("env S", "${env.S}", Secret(value) if value else None)
    if isinstance(written, str) and written.startswith("!handed"):
        mark = written.partition(" ")[2]
        return SecretInput("handoff h", "${inputs.h.s}", None, "salt", mark, ("age1k",))
    match = REFERENCE.fullmatch(written) if isinstance(written, str) else None
    return reference_to(KINDS, Address.parse(match[1]), match[2]) if match else written


def provider_of(address):
    return {"connect_integrations": "connect", "handoffs": "files"}.get(address.kind, "databricks")


def lifecycle_of(written):
    written = dict(written or {})
    if "adopt" in written:
        written["adopt"] = Adopt(written["adopt"])
    if "ignore" in written:
        written["ignore"] = frozenset(written["ignore"])
    if "on_destroy" in written:
        written["on_destroy"] = OnDestroy(written["on_destroy"])
    if "replace" in written:
        written["replace"] = ReplaceOrder(written["replace"])
    return Lifecycle(**written)


def resources_of(want):
    found = {}
    for text, written in (want or {}).items():
        address = Address.parse(text)
        attributes = value_of(
            {k: v for k, v in (written or {}).items() if k not in ("lifecycle", "unnamed", "unmet")}
        )
        if address.part:
            attributes["service_principal"] = Ref(address.parent, "id")
        found[address] = Resource(
            address,
            provider_of(address),
            attributes,
            lifecycle_of((written or {}).get("lifecycle")),
            named=not (written or {}).get("unnamed", False),
            unmet=tuple(
                Problem(Severity(severity), code, code, text)
                for code, severity in ((written or {}).get("unmet") or {}).items()
            ),
        )
    return found


def live_of(kind, live_id, written):
    written = dict(written)
    names = ("client_id", "parent", "created_at", "updated_at", "expires_at", "active", "created_by")
    special = {name: written.pop(name) for name in names if name in written and kind != "x"}
    active = special.pop("active", True)
    client_id, counted = special.pop("client_id", None), written.pop("content_count", "")
    field = KINDS[kind].fields.name
    attributes = dict(written)
    if kind == "service_principals":
        attributes["active"] = active
    computed = {"client_id": client_id} if client_id else {}
    computed.update({"content_count": counted} if counted else {})
    return Live(live_id, str(written.get(field, "")), attributes, computed, active=active, **special)


def snapshot_of(case):
    objects = {}
    for kind in KINDS:
        name = provider_of(Address(kind.partition(".")[0], "x"))
        lives = (case.get("have") or {}).get(kind) or {}
        objects[(name, kind)] = {str(i): live_of(kind, str(i), written) for i, written in lives.items()}
    if case.get("unseen"):
        del objects[("connect", "connect_integrations")]
    hosts = tuple(WorkspaceRef(str(i), host) for i, host in (case.get("workspaces") or {}).items())
    return Snapshot(
        objects,
        workspaces={"databricks": hosts},
        blocked={
            (provider, subject): words
            for provider, key in (("databricks", "trouble"), ("files", "unreadable"))
            for subject, words in (case.get(key) or {}).items()
        },
    )


def entry_of(text, written):
    address = Address.parse(text)
    written = dict(written)
    state = written.pop("credential", None)
    formers = tuple(
        Superseded(
            str(f["id"]),
            credential=Credential(CredentialState(f.get("state", "held"))),
            computed=f.get("computed", {}),
            revoke_after=f.get("revoke_after", ""),
            origin=Origin(f.get("origin", "created")),
            since=f.get("since", ""),
        )
        for f in written.pop("formers", [])
    )
    deliveries = {path: delivery_of(one) for path, one in (written.pop("deliveries", None) or {}).items()}
    return Entry(
        provider=provider_of(address),
        id=str(written.pop("id", "")),
        name=written.pop("name", ""),
        origin=Origin(written.pop("origin", "created")),
        lifecycle=lifecycle_of(written.pop("lifecycle", None)),
        depends_on=tuple(Address.parse(a) for a in written.pop("depends_on", [])),
        credential=credential_of(state) if state else None,
        formers=formers,
        deliveries=deliveries,
        **written,
    )


def credential_of(written):
    if isinstance(written, str):
        return Credential(CredentialState(written))
    written = dict(written)
    return Credential(CredentialState(written.pop("state", "held")), **written)


def delivery_of(written):
    if "handed" in written:
        return Delivery(None, "", "salt", written["handed"])
    if "value" in written:
        mark = Fingerprint.of(Secret(written["value"]))
        return Delivery(None, "", mark.salt, mark.mark)
    return Delivery(Address.parse(written["source"]), str(written["credential"]))


def ledger_of(case):
    entries = {Address.parse(t): entry_of(t, w) for t, w in (case.get("ledger") or {}).items()}
    deleted = tuple(
        Deleted(d["kind"], "databricks", str(d["id"]), "2025-12-31T23:59:00Z")
        for d in case.get("deleted", [])
    )
    return Ledger(
        "s", "line", 1, entries=entries, pending=Pending(deleted=deleted), approvals=case.get("used", {})
    )


def plan_of(case):
    stack = Stack(
        "s",
        "s.yaml",
        PROVIDERS,
        resources_of(case.get("want")),
        moved=tuple(Move(Address.parse(m["from"]), Address.parse(m["to"])) for m in case.get("moved", [])),
        forget=tuple(Address.parse(a) for a in case.get("forget", [])),
        approve=tuple(Address.parse(a) for a in case.get("approve", [])),
        guard=Guard(**case.get("guard", {})),
        ledger_url="none" if case.get("stateless") else None,
    )
    claims = {
        (PROVIDERS[provider_of(Address(kind, "x"))].system, kind, str(i)): owner
        for kind, ids in (case.get("claims") or {}).items()
        for i, owner in ids.items()
    }
    options = Options(
        NOW,
        targets=tuple(Address.parse(a) for a in case.get("target", [])),
        replaces=tuple(Address.parse(a) for a in case.get("replace", [])),
        due=case.get("due", False),
        opened=frozenset(map(str, case["opened"])) if "opened" in case else None,
    )
    make = make_destroy_plan if case.get("destroy") else make_plan
    ledger = ledger_of(case)
    pairing = pair(stack, ledger, snapshot_of(case), KINDS, NOW, Rivals(owned=claims))
    return make(stack, ledger, pairing, KINDS, options)


def check_change(change, expected):
    if isinstance(expected, str):
        assert change.action.value == expected
        return
    assert change.action.value == expected["action"]
    if "fields" in expected:
        fields = {field.path: [field.before, field.after] for field in change.fields}
        assert fields == expected["fields"]
    if "causes" in expected:
        assert {field.path: field.cause.value for field in change.fields} == expected["causes"]
    for words in expected.get("never", []):
        assert words not in change.reason
    if "reason" in expected:
        assert expected["reason"] in change.reason
    if "removes" in expected:
        assert list(change.removes) == [str(i) for i in expected["removes"]]
    if "clears" in expected:
        assert list(change.clears) == [str(i) for i in expected["clears"]]
    if "why" in expected:
        assert expected["why"] in change.approval
    if "approval" in expected:
        assert change.needs_approval is expected["approval"], change.approval
    if "id" in expected:
        assert change.id == expected["id"]


@pytest.mark.parametrize("case", CASES)
def test_plan(case):
    if "error" in case:
        with pytest.raises(PlanError) as raised:
            plan_of(case)
        assert raised.value.code == case["error"]
        return
    plan = plan_of(case)
    changes = {str(change.address): change for change in plan.changes}
    assert set(changes) == set(case["plan"])
    for address, expected in case["plan"].items():
        check_change(changes[address], expected)
    told = case.get("problems", [])
    quiet = {"no-custody", "superseded-stays"} - set(told)  # no case has to say it each time
    assert sorted(p.code for p in plan.problems if p.code not in quiet) == sorted(told)
    for words in case.get("says", []):
        assert any(words in p.text for p in plan.problems), [p.text for p in plan.problems]
    assert plan_of(case).digest == plan.digest
    for change in plan.pending:
        assert change.reason
        assert change.fields or change.action.value == "no_op"
