"""Two administrators, two folders, two sandboxes: one hands over, the other receives, each with one API."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import sandbox as box
from reconciler.ledger.codec import decode, encode
from reconciler.model import Address, CredentialState, Intent, Ledger, Runner

from .conftest import EXAMPLES, WatchedSandbox, Workplace

pyrage = pytest.importorskip("pyrage")
FILE = Path("handoff") / "analytics.age"
DBA, PUBLISHER = "databricks.yaml", "connect.yaml"
EXAMPLE_KEY = "age163ywcu8gm8g4dmr52dj924pzs9wllf8usfjg67aktct2eu4ecs5s2dequ3"
OFF = "http://127.0.0.1:9"  # nobody listens there


class HeardSandbox(WatchedSandbox):
    """A sandbox that remembers which credentials its integrations were given."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, dict[str, str]] = {}

    def handle(self, request: box.Request) -> box.Answer:
        answer = super().handle(request)
        if (
            request.method in ("POST", "PATCH")
            and "/oauth/integrations" in request.path
            and answer.status == 200
        ):
            name = json.loads(answer.body)["name"]
            config = json.loads(request.body).get("config", {})
            kept = {key: config[key] for key in ("client_id", "client_secret") if key in config}
            self.held.setdefault(name, {}).update(kept)
        return answer


class Side(Workplace):
    """One administrator: a folder, one of the systems, and no way to the other."""

    def __init__(self, folder: Path, server: box.SandboxServer, spec: str, kept: str) -> None:
        super().__init__(folder, server)
        self.spec = spec
        self.env = {
            name: value
            for name, value in self.env.items()
            if not _is_of_a_system(name) or name.startswith(kept)
        }
        self.env.update({} if kept == "CONNECT" else {"CONNECT_SERVER": OFF})
        self.env.update({} if kept == "DATABRICKS" else {"DATABRICKS_HOST": OFF})
        folder.mkdir()
        shutil.copy(EXAMPLES / "two-administrators" / spec, folder / spec)

    @property
    def file(self) -> Path:
        return self.folder / FILE

    def do(self, command: str, *more: str, code: int = 0, **env: str):
        return self.run(command, self.spec, *more, code=code, env=env)

    def pending(self, code: int = 0, **env: str) -> dict[str, str]:
        plan = self.do("plan", "--format", "json", code=code, **env).json
        return {change["address"]: change["action"] for change in plan["changes"]}

    def edit(self, old: str, new: str) -> None:
        path = self.folder / self.spec
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def document(self) -> dict:
        return json.loads(self.file.read_text())

    def opened(self, field: str, key) -> str:
        return pyrage.decrypt(self.document()["sealed"][field].encode(), [key]).decode()


def _is_of_a_system(name: str) -> bool:
    return name.startswith(("CONNECT", "DATABRICKS")) and name != "DATABRICKS_CONFIG_FILE"


class Pair:
    """Both sides, and the key whose public half the one who hands over has."""

    def __init__(self, dba: Side, publisher: Side) -> None:
        self.dba, self.publisher = dba, publisher
        self.key = pyrage.x25519.Identity.generate()
        dba.edit(EXAMPLE_KEY, str(self.key.to_public()))

    @property
    def opening(self) -> dict[str, str]:
        return {"RECONCILE_AGE_KEY": str(self.key)}

    def commit(self) -> None:
        """What git carries from one to the other."""
        self.publisher.file.parent.mkdir(exist_ok=True)
        shutil.copy(self.dba.file, self.publisher.file)

    def begin(self) -> None:
        """Both have applied once."""
        self.dba.do("apply", "--yes")
        self.commit()
        self.publisher.do("apply", "--yes", **self.opening)

    def works(self) -> bool:
        """Whether what Connect holds is what Databricks accepts."""
        held = self.publisher.sandbox.held["Databricks service account (analytics)"]
        return self.dba.is_accepted(held["client_id"], held["client_secret"])


@pytest.fixture
def pair(tmp_path):
    with (
        box.SandboxServer(sandbox=HeardSandbox()) as theirs,
        box.SandboxServer(sandbox=HeardSandbox()) as ours,
    ):
        both = Pair(
            Side(tmp_path / "dba", theirs, DBA, "DATABRICKS"),
            Side(tmp_path / "publisher", ours, PUBLISHER, "CONNECT"),
        )
        yield both
        given = both.dba.sandbox.given | {str(both.key)}
        for side in (both.dba, both.publisher):
            side.sandbox.given |= given
            assert side.leaks() == []
        assert not any("/__api__/" in path for path in _paths(both.dba))
        assert not any("/api/2.0/" in path for path in _paths(both.publisher))


def _paths(side: Side) -> list[str]:
    # what the test itself asks goes past the socket
    return [entry["path"] for entry in side.control("GET", "log")["requests"] if entry["write"]]


def test_one_hands_over_and_the_other_receives_with_the_other_system_switched_off(pair):
    pair.publisher.do("validate").says("handoff-missing")
    pair.publisher.do("plan", code=1).says("handoff-missing", f"{PUBLISHER}:")
    pair.dba.do("apply", "--yes").says("4 created")
    document = pair.dba.document()
    assert (document["format"], document["serial"]) == ("reconcile.handoff/1", 1)
    assert pair.dba.is_accepted(
        document["values"]["reports_client_id"], pair.dba.opened("reports_client_secret", pair.key)
    )
    with pytest.raises(pyrage.DecryptError):
        pair.dba.opened("client_secret", pyrage.x25519.Identity.generate())
    pair.commit()
    plan = pair.publisher.do("plan", "--format", "json").json
    assert plan["summary"]["create"] == 2
    assert pair.publisher.do("plan", "--format", "json", **pair.opening).json["digest"] == plan["digest"]
    pair.publisher.do("apply", "--yes", **pair.opening)
    assert pair.works()
    assert (
        pair.publisher.sandbox.held["Databricks (analytics)"]["client_id"] == document["values"]["client_id"]
    )
    assert pair.publisher.pending() == pair.dba.pending() == {}


def test_a_second_apply_leaves_the_file_as_it_is(pair):
    pair.dba.do("apply", "--yes")
    before = pair.dba.file.stat().st_mtime_ns, pair.dba.file.read_bytes()
    pair.dba.do("apply", "--yes")
    assert (pair.dba.file.stat().st_mtime_ns, pair.dba.file.read_bytes()) == before


def test_a_rotation_on_one_side_is_one_update_on_the_other_and_the_old_secret_waits_for_it(pair):
    pair.begin()
    robot = pair.dba.principals()["nightly-reports"]["id"]
    before = pair.dba.document()
    pair.dba.run("rotate", "service_principals.nightly-reports", DBA, "--yes")
    after = pair.dba.document()
    assert after["serial"] == 2
    assert after["sealed"]["client_secret"] == before["sealed"]["client_secret"]
    assert len(pair.dba.secrets_of(robot)) == 2
    assert pair.works()  # with the old one, until the other administrator has applied
    assert pair.publisher.pending() == {}
    pair.commit()
    assert pair.publisher.pending() == {"connect_integrations.reports": "update"}
    writes = pair.publisher.writes()
    pair.publisher.do("apply", "--yes", **pair.opening).says("1 updated")
    assert len(pair.publisher.writes()) == len(writes) + 1
    held = pair.publisher.sandbox.held["Databricks service account (analytics)"]
    assert held["client_secret"] == pair.dba.opened("reports_client_secret", pair.key)
    assert pair.works()
    assert pair.publisher.pending() == pair.dba.pending() == {}


def test_the_superseded_secret_is_revoked_when_its_week_is_over(pair):
    pair.begin()
    robot = pair.dba.principals()["nightly-reports"]["id"]
    pair.dba.run("rotate", "service_principals.nightly-reports", DBA, "--yes")
    ledger = pair.dba.folder / ".reconcile" / "analytics-databricks.json"
    document = json.loads(ledger.read_text())
    (former,) = document["resources"]["service_principals.nightly-reports.client_secret"]["formers"]
    ledger.write_text(ledger.read_text().replace(former["revoke_after"], "2020-01-01T00:00:00Z"))
    assert pair.dba.pending() == {"service_principals.nightly-reports.client_secret": "delete"}
    pair.dba.do("apply", "--yes")
    assert [secret["id"] for secret in pair.dba.secrets_of(robot)] != []
    assert len(pair.dba.secrets_of(robot)) == 1
    pair.commit()
    pair.publisher.do("apply", "--yes", **pair.opening)
    assert pair.works()


def test_a_replaced_app_lives_on_until_the_other_side_has_its_successor(pair):
    pair.begin()
    digest = pair.dba.do(
        "plan", "--replace", "oauth_apps.posit-connect", "--format", "json", "-o", "p.json"
    ).json["digest"]
    pair.dba.run("apply", "p.json", "--approve", digest)
    apps = pair.dba.databricks("GET", "oauth2/custom-app-integrations")["apps"]
    assert len(apps) == 2
    pair.commit()
    plan = pair.publisher.do("plan", "--format", "json").json
    (change,) = plan["changes"]
    assert {field["path"] for field in change["fields"]} == {"config.client_id", "config.client_secret"}
    pair.publisher.do("apply", "--yes", **pair.opening)
    held = pair.publisher.sandbox.held["Databricks (analytics)"]
    assert held["client_id"] == pair.dba.document()["values"]["client_id"]
    assert held["client_secret"] == pair.dba.opened("client_secret", pair.key)


def test_without_the_key_an_apply_says_which_keys_open_the_handoff_and_changes_nothing(pair):
    pair.dba.do("apply", "--yes")
    pair.commit()
    stranger = str(pyrage.x25519.Identity.generate())
    for env in ({}, {"RECONCILE_AGE_KEY": stranger}):
        pair.publisher.do("apply", "--yes", code=1, **env).says(
            "handoff analytics", str(pair.key.to_public())
        )
    assert pair.publisher.writes() == []
    pair.publisher.sandbox.given.add(stranger)


def test_a_saved_plan_is_stale_once_the_handoff_has_another_secret(pair):
    pair.begin()
    pair.dba.run("rotate", "service_principals.nightly-reports", DBA, "--yes")
    pair.commit()
    pair.publisher.do("plan", "-o", "saved.json")
    pair.dba.run("rotate", "service_principals.nightly-reports", DBA, "--yes")
    pair.commit()
    pair.publisher.run("apply", "saved.json", "--yes", code=4, env=pair.opening).says(
        "stale", "handoff analytics"
    )
    pair.publisher.do("plan", "-o", "saved.json")
    pair.publisher.run("show", "saved.json").says("1 to update")
    pair.publisher.run("apply", "saved.json", "--yes", env=pair.opening)
    assert pair.works()


def test_a_clear_value_changes_without_a_new_secret(pair):
    pair.begin()
    sealed = pair.dba.document()["sealed"]
    pair.dba.edit("cust-success.cloud", "other.cloud")
    pair.dba.do("apply", "--yes").says("1 updated")
    assert pair.dba.document()["sealed"] == sealed
    pair.commit()
    assert set(pair.publisher.pending().values()) == {"update"}
    pair.publisher.do("apply", "--yes", **pair.opening)
    assert pair.works()


def test_an_edited_file_is_put_right_and_a_spoilt_one_is_not_written_over(pair):
    pair.begin()
    whole = pair.dba.file.read_text()
    pair.dba.file.write_text(whole.replace("cust-success", "evil"))
    assert pair.dba.pending() == {"handoffs.analytics": "update"}
    pair.dba.do("apply", "--yes")
    assert pair.dba.document()["values"]["workspace_hostname"].startswith("cust-success")
    assert pair.dba.pending() == {}
    spoilt = "<<<<<<< HEAD\n" + whole
    pair.dba.file.write_text(spoilt)
    assert pair.dba.pending(code=1) == {"handoffs.analytics": "blocked"}
    pair.dba.do("apply", "--yes", code=1).says("handoff/analytics.age")
    assert pair.dba.file.read_text() == spoilt


def test_drift_verify_and_pages_know_handoffs(pair):
    pair.begin()
    pair.dba.do("drift")
    pair.dba.do("verify")
    pair.dba.file.write_text(pair.dba.file.read_text().replace("cust-success", "evil"))
    pair.dba.do("drift", code=2).says("handoffs.analytics", "values.workspace_hostname")
    for form in ("markdown", "html"):
        pair.dba.do("plan", "--format", form).says("handoffs.analytics", "evil")
    pair.dba.file.unlink()
    pair.dba.do("drift", code=2).says("deleted outside")


def test_a_lost_file_is_written_again_from_custody(pair):
    with (pair.dba.folder / DBA).open("a") as spec:
        spec.write(f"secrets: {{recipients: [{pair.key.to_public()}]}}\n")
    pair.begin()
    pair.dba.file.unlink()
    pair.dba.do("plan").says("handoff-missing")  # the last apply had no key: whoever has one writes it
    pair.dba.do("apply", "--yes", **pair.opening).says("1 created")
    pair.commit()
    # another salt, and the same secret: delivered once more, and no harm done
    pair.publisher.do("apply", "--yes", **pair.opening)
    assert pair.works()
    assert pair.dba.pending() == pair.publisher.pending() == {}


def test_another_recipient_needs_the_secrets_and_opens_them(pair):
    with (pair.dba.folder / DBA).open("a") as spec:
        spec.write(f"secrets: {{recipients: [{pair.key.to_public()}]}}\n")
    pair.begin()
    successor = pyrage.x25519.Identity.generate()
    pair.dba.edit(f"      - {pair.key.to_public()}", f"      - {successor.to_public()}")
    assert pair.dba.pending() == {"handoffs.analytics": "update"}
    pair.dba.do("apply", "--yes", **pair.opening).says("1 updated")
    pair.commit()
    assert pair.publisher.pending() == {}  # the same secrets: nothing to do, whoever can open them
    with pytest.raises(pyrage.DecryptError):
        pair.dba.opened("client_secret", pair.key)
    held = pair.publisher.sandbox.held["Databricks (analytics)"]
    assert pair.dba.opened("client_secret", successor) == held["client_secret"]


def test_a_file_that_was_written_and_not_recorded_is_found_and_nothing_is_issued_anew(pair):
    pair.dba.do("apply", "--yes")
    ledger = pair.dba.folder / ".reconcile" / "analytics-databricks.json"
    ledger.write_bytes(encode(_as_if_killed(decode(ledger.read_bytes(), where="here"))))
    before = pair.dba.file.read_bytes(), pair.dba.writes()
    assert pair.dba.pending() == {"handoffs.analytics": "adopt"}
    pair.dba.do("apply", "--yes")
    assert (pair.dba.file.read_bytes(), pair.dba.writes()) == before
    assert pair.dba.pending() == {}
    assert json.loads(ledger.read_text())["pending"] == {}


def _as_if_killed(ledger: Ledger) -> Ledger:
    """The ledger as it was between the write of the file and the record of it."""
    address = Address("handoffs", "analytics")
    runner = Runner("somebody", "elsewhere", "boot", 1, "1")
    entries = dict(ledger.entries)
    written = entries.pop(address)
    sources = {delivery.source: delivery.credential for delivery in written.deliveries.values()}
    for source in sources:
        sent = replace(
            entries[source].credential, state=CredentialState.SENDING, by=runner, to={str(address): ""}
        )
        entries[source] = replace(entries[source], credential=sent)
    intent = Intent(
        id="1",
        kind="handoffs",
        provider="files",
        at=written.recorded_at,
        runner=runner,
        why="create",
        sent={"file": written.id},
        credential=sources[min(sources)],
    )
    return replace(ledger, entries=entries, pending=replace(ledger.pending, intents={address: intent}))


def test_destroy_takes_the_file_along(pair):
    pair.begin()
    refused = pair.dba.do("destroy", code=3)
    digest = refused.text.partition("--approve ")[2].split()[0]
    pair.dba.do("destroy", "--approve", digest)
    assert not pair.dba.file.exists()
    assert pair.dba.apps() == {}
    assert pair.dba.principals() == {}
