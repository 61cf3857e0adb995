"""Workbench's configuration file: one section is ours, a credential reaches it before the old one goes."""

from __future__ import annotations

import json
import os
import stat

import pyrage
import pytest

SPEC = "specs/stack.yaml"
THEIRS = "# by hand\n[other]\nurl = https://other.cloud.databricks.com\ncolour = blue\n"


@pytest.fixture
def etc(inside, tmp_path_factory):
    """The folder that Workbench reads, outside of the checkout."""
    return tmp_path_factory.mktemp("etc")


@pytest.fixture
def bench(inside, etc):
    return Bench(inside, etc)


class Bench:
    """One app, and the section of Workbench's file that gets its credential."""

    def __init__(self, place, etc):
        self.place, self.etc, self.file = place, etc, etc / "databricks.conf"

    def want(self, *, app=None, others=None, **values):
        values = {
            "name": "Production",
            "url": "https://production.cloud.databricks.com",
            "client-id": "${oauth_apps.app.client_id}",
            "client-secret": "${oauth_apps.app.client_secret}",
            **values,
        }
        kept = {key: value for key, value in values.items() if value is not None}
        app = app or {"redirect_urls": ["${providers.workbench.callback_url}"], "scopes": ["all-apis"]}
        return {
            "oauth_apps": {"app": app},
            "workbench_files": {"prod": {"file": "databricks.conf", "section": "production", "values": kept}},
            **(others or {}),
        }

    def write(self, want=None, **top):
        providers = {
            "databricks": {"type": "databricks"},
            "connect": {"type": "connect"},
            "workbench": {
                "type": "workbench",
                "url": "https://workbench.example.org",
                "config_dir": str(self.etc),
            },
        }
        self.place.write(want or self.want(), providers=providers, **top)

    def settings(self, section="production"):
        lines = self.file.read_text().splitlines()
        start = lines.index(f"[{section}]")
        rows = (line.partition(" = ") for line in lines[start + 1 :])
        found = {}
        for key, sign, value in rows:
            if not sign:
                break
            found[key] = value
        return found


def test_a_section_is_written_beside_what_others_wrote_and_only_its_owner_reads_it(bench, inside):
    bench.file.write_text(THEIRS)
    bench.file.chmod(0o600)
    bench.write()
    planned = inside.run("plan", SPEC).says("restart Workbench")
    assert "no-custody" not in planned.text  # it can be read back from the file
    inside.apply()
    assert bench.file.read_text().startswith(THEIRS)
    assert list(bench.settings()) == ["name", "url", "client-id", "client-secret"]
    assert bench.settings()["client-secret"].startswith("dose")
    assert stat.S_IMODE(bench.file.stat().st_mode) == 0o600
    assert inside.is_settled()
    assert [path.name for path in bench.etc.iterdir()] == ["databricks.conf"]
    inside.run("verify", SPEC).says("holds the secret on record", "restart Workbench")


def test_a_change_by_hand_and_a_wider_mode_are_drift(bench, inside):
    bench.write()
    inside.apply()
    text = bench.file.read_text()
    bench.file.write_text("; mine\n" + text.replace("name = Production", "name = Evil\ncolour = red"))
    bench.file.chmod(0o644)
    inside.run("drift", SPEC, code=2).says("Evil", "0644")
    inside.apply()
    assert bench.settings()["name"] == "Production"
    assert bench.settings()["colour"] == "red"
    assert bench.file.read_text().startswith("; mine\n")
    assert stat.S_IMODE(bench.file.stat().st_mode) == 0o600
    bench.file.chmod(0o400)  # lets in nobody who isn't wanted
    assert inside.is_settled()


def test_a_secret_changed_by_hand_is_told_and_not_replaced(bench, inside):
    bench.write()
    inside.apply()
    held = bench.settings()["client-secret"]
    bench.file.write_text(bench.file.read_text().replace(held, "tampered-with-by-hand"))
    assert inside.actions() == {}
    inside.run("plan", SPEC).says("secret-unverified")
    inside.run("verify", SPEC, code=1).says("another secret")


def test_a_new_app_reaches_the_file_before_the_old_one_goes(bench, inside):
    bench.write()
    inside.apply()
    old = bench.settings()
    replace = (SPEC, "--replace", "oauth_apps.app")
    digest = inside.run("plan", *replace, "--format", "json").json["digest"]
    inside.run("apply", *replace, "--approve", digest)
    new = bench.settings()
    assert new["client-id"] != old["client-id"]
    assert new["client-secret"] != old["client-secret"]
    apps = inside.databricks("GET", "oauth2/custom-app-integrations")["apps"]
    assert old["client-id"] in {app["client_id"] for app in apps}  # until Workbench was restarted


def test_a_second_receiver_gets_the_secret_from_the_file(bench, inside):
    bench.write()
    inside.apply()
    held = bench.settings()["client-secret"]
    others = {"connect_integrations": {"viewer": inside.integration("oauth_apps.app", "Viewer")}}
    app = {
        "redirect_urls": ["${providers.workbench.callback_url}", "${providers.connect.callback_url}"],
        "scopes": ["all-apis", "offline_access"],
    }
    bench.write(bench.want(app=app, others=others))
    assert inside.actions() == {"oauth_apps.app": "update", "connect_integrations.viewer": "create"}
    inside.apply()
    assert bench.settings()["client-secret"] == held
    assert inside.is_settled()


def test_on_another_machine_it_counts_as_the_ledger_has_it(bench, inside):
    bench.write()
    inside.apply()
    hidden = bench.etc.rename(bench.etc.parent / "elsewhere")
    assert inside.actions() == {}
    inside.run("plan", SPEC).says("workbench-elsewhere")
    inside.run("verify", SPEC).says("another machine")

    bench.write(bench.want(name="Other"))  # this has to be written there
    inside.run("plan", SPEC, code=1).says("workbench-elsewhere", "values.name")
    assert inside.actions(code=1) == {"workbench_files.prod": "blocked"}

    hidden.rename(bench.etc)
    inside.apply()
    assert bench.settings()["name"] == "Other"


def test_on_another_machine_nothing_is_issued_that_nobody_could_deliver(bench, inside):
    bench.write()
    inside.apply()
    hidden = bench.etc.rename(bench.etc.parent / "elsewhere")
    found = inside.run("plan", SPEC, "--replace", "oauth_apps.app", "--format", "json", code=1).json
    actions = {change["address"]: change["action"] for change in found["changes"]}
    assert actions["oauth_apps.app"] == "blocked"
    hidden.rename(bench.etc)


def test_a_section_that_left_the_spec_is_taken_out_and_the_file_stays(bench, inside):
    bench.file.write_text(THEIRS)
    bench.write()
    inside.apply()
    want = bench.want()
    del want["workbench_files"]
    bench.write(want)
    inside.apply()
    assert bench.file.read_text().rstrip("\n") == THEIRS.rstrip("\n")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: file.write_text("url = x\n"), "isn't INI"),
        (lambda file: file.write_text("[production]\nname = a\nname = b\n"), "says again"),
        (lambda file: file.symlink_to("/dev/null"), "no plain file"),
        (lambda file: file.mkdir(), "no plain file"),
    ],
)
def test_a_file_that_isnt_one_of_settings_blocks(bench, inside, spoil, words):
    spoil(bench.file)
    bench.write()
    inside.run("plan", SPEC, code=1).says(words)
    assert inside.actions(code=1)["workbench_files.prod"] == "blocked"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"file": "../databricks.conf"}, "workbench-file"),
        ({"file": "databricks.ini"}, "workbench-file"),
        ({"values": {"name": "a # b"}}, "workbench-value"),
        ({"values": {"name": "a\nb"}}, "workbench-value"),
        ({"values": {"name": " a"}}, "workbench-value"),
        ({"values": {"url": "production.cloud.databricks.com"}}, "workbench-value"),
        ({"values": {"url": "http://production.cloud.databricks.com"}}, "insecure-url"),
    ],
)
def test_what_cant_work_is_said_offline(bench, inside, wrong, code):
    want = bench.want(**wrong.pop("values", {}))
    want["workbench_files"]["prod"].update(wrong)
    bench.write(want)
    found = inside.run("validate", SPEC, "--format", "json", code=1).json["findings"]
    assert [finding["code"] for finding in found] == [code]


def test_a_folder_within_the_checkout_is_an_error(bench, inside):
    bench.etc = inside.folder / "specs" / "etc"
    bench.write()
    found = inside.run("validate", SPEC, "--format", "json", code=1).json["findings"]
    assert [finding["code"] for finding in found] == ["workbench-in-checkout"]


def test_an_app_that_only_workbench_holds_is_no_orphan(bench, inside):
    urls = ["https://elsewhere.example.org/callback"]  # not Workbench's own, which would say enough
    bench.write(bench.want(app={"redirect_urls": urls, "scopes": ["all-apis", "offline_access"]}))
    inside.apply()
    codes = {f["code"] for f in inside.run("audit", SPEC, "--format", "json").json["findings"]}
    assert "orphan-app" not in codes
    want = bench.want(app={"redirect_urls": urls, "scopes": ["all-apis", "offline_access"]})
    del want["workbench_files"]
    bench.write(want)
    inside.apply()
    codes = {f["code"] for f in inside.run("audit", SPEC, "--format", "json").json["findings"]}
    assert "orphan-app" in codes


def test_no_ledger_and_no_plan_holds_the_secret(bench, inside):
    bench.write()
    inside.run("plan", SPEC, "-o", str(inside.folder / "saved.json"))
    inside.apply()
    held = bench.settings()["client-secret"]
    kept = [path.read_text() for path in inside.folder.rglob("*") if path.is_file()]
    assert not any(held in text for text in kept)
    assert json.loads(inside.ledger.read_text())["resources"]
    assert os.access(bench.file, os.R_OK)


def test_a_rotation_that_cant_reach_it_waits_in_a_sealed_copy_and_is_delivered_there(bench, inside):
    key = pyrage.x25519.Identity.generate()
    bench.write(secrets={"recipients": [str(key.to_public())]})
    inside.env["RECONCILE_AGE_KEY"] = str(key)
    inside.apply()
    old = bench.settings()
    hidden = bench.etc.rename(bench.etc.parent / "elsewhere")
    replace = (SPEC, "--replace", "oauth_apps.app")
    digest = inside.run("plan", *replace, "--format", "json").json["digest"]
    inside.run("apply", *replace, "--approve", digest)
    inside.run("plan", SPEC).says("workbench-elsewhere", "waits")
    apps = inside.databricks("GET", "oauth2/custom-app-integrations")["apps"]
    assert old["client-id"] in {app["client_id"] for app in apps}  # Workbench still has it
    del inside.env["RECONCILE_AGE_KEY"]
    inside.apply().says("workbench-elsewhere", "waits")  # whoever delivers it there has the key

    inside.env["RECONCILE_AGE_KEY"] = str(key)
    hidden.rename(bench.etc)
    inside.apply()
    assert bench.settings()["client-id"] != old["client-id"]
    assert bench.settings()["client-secret"] != old["client-secret"]


def test_a_credential_that_was_handed_over_reaches_the_file_and_follows_it(bench, inside):
    key = pyrage.x25519.Identity.generate()
    giver, taker = inside.folder / "specs" / "giver.json.yaml", inside.folder / "specs" / "taker.json.yaml"
    app = {"redirect_urls": ["https://workbench.example.org/oauth_redirect_callback"], "scopes": ["all-apis"]}
    given = {"client_id": "${oauth_apps.app.client_id}", "client_secret": "${oauth_apps.app.client_secret}"}
    handoff = {"file": "side.age", "recipients": [str(key.to_public())], "values": given}
    workbench = {"type": "workbench", "url": "https://workbench.example.org", "config_dir": str(bench.etc)}
    values = {
        "name": "Production",
        "url": "https://production.cloud.databricks.com",
        "client-id": "${inputs.side.client_id}",
        "client-secret": "${inputs.side.client_secret}",
    }
    section = {"file": "databricks.conf", "section": "production", "values": values}
    giver.parent.mkdir(exist_ok=True)
    giver.write_text(json.dumps({
        "version": 1, "stack": "giver", "providers": {"databricks": {"type": "databricks"}},
        "oauth_apps": {"app": app}, "handoffs": {"side": handoff},
    }))  # fmt: skip
    taker.write_text(json.dumps({
        "version": 1, "stack": "taker", "providers": {"workbench": workbench},
        "inputs": {"side": {"handoff": "side.age"}}, "workbench_files": {"prod": section},
    }))  # fmt: skip
    inside.run("apply", str(giver), "--yes")
    inside.run("plan", str(taker)).says("1 to create")  # without a key
    inside.run("apply", str(taker), "--yes", env={"RECONCILE_AGE_KEY": str(key)})
    first = bench.settings()
    assert first["client-secret"].startswith("dose")
    assert inside.run("plan", str(taker), "--format", "json").json["changes"] == []

    replace = (str(giver), "--replace", "oauth_apps.app")
    digest = inside.run("plan", *replace, "--format", "json").json["digest"]
    inside.run("apply", *replace, "--approve", digest)
    inside.run("apply", str(taker), "--yes", env={"RECONCILE_AGE_KEY": str(key)})
    second = bench.settings()
    assert {first["client-id"], first["client-secret"]}.isdisjoint(second.values())
    apps = inside.databricks("GET", "oauth2/custom-app-integrations")["apps"]
    assert {first["client-id"], second["client-id"]} <= {app["client_id"] for app in apps}
