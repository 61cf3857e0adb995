"""Sealed copies: with a private key at hand nothing is issued twice; without one it counts as gone."""

import pytest

from .conftest import SPEC
from .judging import assert_whole

pyrage = pytest.importorskip("pyrage")


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


def with_custody(rig, *keys):
    listed = ", ".join(str(key.to_public()) for key in keys)
    rig.write(SPEC + f"secrets: {{recipients: [{listed}]}}\n")


def sealed(rig):
    resources = rig.ledger()["resources"]
    return {address: entry["credential"] for address, entry in resources.items() if "credential" in entry}


def test_generated_secrets_are_sealed_into_the_ledger_and_open_with_their_key_only(rig, key):
    with_custody(rig, key)
    assert rig.apply().code == 0
    for credential in sealed(rig).values():
        assert credential["sealed"].startswith("-----BEGIN AGE ENCRYPTED FILE-----")
        value = pyrage.decrypt(credential["sealed"].encode(), [key])
        assert value.startswith(b"dose")
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(credential["sealed"].encode(), [pyrage.x25519.Identity.generate()])
    assert_whole(rig)


@pytest.mark.parametrize("number", [3, 4, 5, 6])
def test_a_credential_whose_delivery_was_killed_is_opened_and_delivered(rig, key, number):
    with_custody(rig, key)
    rig.env["RECONCILE_AGE_KEY"] = str(key)
    rig.fault(f"write={number},when=before,do=hang")
    process = rig.start("apply", "spec.yaml", "--yes", "--parallelism", "1")
    assert rig.wait_until_held(process)
    rig.kill(process)
    rig.clear_faults()
    before = "oauth_apps.viewer" in rig.ledger()["resources"]  # an answer is gathered for up to 50 ms
    assert rig.apply().code == 0
    assert_whole(rig)
    if before:
        # the app was there, and its secret in the copy: nobody had to make another one
        assert sum(path.endswith("custom-app-integrations") for _, path in rig.writes()) == 1


def test_a_kill_between_patch_and_record_makes_no_third_secret(rig, key):
    with_custody(rig, key)
    rig.env["RECONCILE_AGE_KEY"] = str(key)
    assert rig.apply().code == 0
    with rig.probing():
        rig.fault("method=PATCH,times=1,when=after,do=hang")
        process = rig.start("rotate", "service_principals.robot", "spec.yaml", "--yes")
        assert rig.wait_until_held(process)
        rig.kill(process)
        rig.clear_faults()
        assert rig.apply().code == 0
    assert_whole(rig)
    issued = [
        path for method, path in rig.writes() if method == "POST" and path.endswith("credentials/secrets")
    ]
    assert len(issued) == 2


def test_a_new_integration_gets_an_old_secret_from_its_copy(rig, key):
    with_custody(rig, key)
    assert rig.apply().code == 0
    extra = SPEC[SPEC.index("  as-viewer:") : SPEC.index("  as-robot:")].replace("as-viewer", "second")
    rig.write((rig.folder / "spec.yaml").read_text().replace("secrets:", extra + "secrets:"))
    plan = rig.run("plan", "spec.yaml")
    assert "1 to create, 5 unchanged" in plan.out
    rig.env["RECONCILE_AGE_KEY"] = str(key)
    assert rig.apply().code == 0
    assert_whole(rig, integrations=("as-robot", "as-viewer", "second"))


def test_without_the_key_an_app_must_be_replaced_and_that_needs_an_approval(rig, key):
    with_custody(rig, key)
    assert rig.apply().code == 0
    extra = SPEC[SPEC.index("  as-viewer:") : SPEC.index("  as-robot:")].replace("as-viewer", "second")
    rig.write((rig.folder / "spec.yaml").read_text().replace("secrets:", extra + "secrets:"))
    refused = rig.apply()
    assert refused.code == 3
    assert "oauth_apps.viewer" in refused.text


def test_copies_are_sealed_anew_when_the_recipients_change(rig, key):
    other = pyrage.x25519.Identity.generate()
    with_custody(rig, key)
    rig.env["RECONCILE_AGE_KEY"] = str(key)
    assert rig.apply().code == 0
    with_custody(rig, other)
    assert rig.apply().code == 0
    for credential in sealed(rig).values():
        assert pyrage.decrypt(credential["sealed"].encode(), [other]).startswith(b"dose")
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(credential["sealed"].encode(), [key])
    rig.write(SPEC)
    assert rig.apply().code == 0
    assert not any("sealed" in credential for credential in sealed(rig).values())


def test_a_recipient_that_is_none_is_a_mistake_in_the_spec(rig):
    rig.write(SPEC + "secrets: {recipients: [age1nonsense]}\n")
    ended = rig.run("validate", "spec.yaml")
    assert ended.code == 1
    assert "error[recipient]" in ended.text
