"""The changes that are interrupted, and what they need before."""

import json
from dataclasses import dataclass

from reconciler.sandbox.store import State

from .conftest import SPEC

RENAMED = SPEC.replace("  viewer:\n", "  viewer:\n    name: renamed\n") + "approve: [oauth_apps.viewer]\n"
WITHOUT = SPEC[: SPEC.index("  as-viewer:")] + SPEC[SPEC.index("  as-robot:") :]
WITHOUT = WITHOUT.replace(SPEC[SPEC.index("oauth_apps:") : SPEC.index("service_principals:")], "")
WITHOUT += "approve: [connect_integrations.as-viewer]\n"
APPLY = ("apply", "spec.yaml", "--yes", "--parallelism", "1")


@dataclass(frozen=True)
class Story:
    """A change to be interrupted.

    Attributes:
        spec: what is wanted.
        command: the command that is interrupted.
        writes: how many remote writes an undisturbed run makes.
        commits: how many ledger writes it makes.
        is_first: there is nothing before.
    """

    spec: str
    command: tuple
    writes: int
    commits: int
    apps: tuple = ("viewer",)
    integrations: tuple = ("as-robot", "as-viewer")
    is_first: bool = False


ROTATE = Story(SPEC, ("rotate", "service_principals.robot", "spec.yaml", "--yes", "--parallelism", "1"), 3, 5)
REPLACE = Story(RENAMED, APPLY, 3, 5, apps=("renamed",))
DELETE = Story(WITHOUT, APPLY, 2, 3, apps=(), integrations=("as-robot",))
CREATE = Story(
    SPEC, APPLY, 6, 6, is_first=True
)  # app, principal, integration, assignment, secret, integration
CHANGES = {"rotate": ROTATE, "replace": REPLACE, "delete": DELETE}
ALL = {"create": CREATE, **CHANGES}


_MADE = {}  # what a first apply leaves: the same for everybody, but for the sandbox's address


def make(rig):
    """The stack of the rig's spec, whole and undisturbed."""
    ledger = rig.folder / ".reconcile" / "rig.json"
    if not _MADE:
        patches, rig.patches = rig.patches, []
        assert rig.apply().code == 0
        rig.patches = patches
        _MADE.update(
            url=rig.server.url, state=json.dumps(rig.sandbox.state.dump()), ledger=ledger.read_text()
        )
        return
    state, content = (_MADE[name].replace(_MADE["url"], rig.server.url) for name in ("state", "ledger"))
    rig.sandbox.state = State.restored(rig.sandbox.world, json.loads(state))
    ledger.parent.mkdir(mode=0o700)
    ledger.write_text(content)
    ledger.chmod(0o600)


def prepared(rig, story):
    """The stack as it was before, a probe at work, and the story's spec in place."""
    if not story.is_first:
        make(rig)
    rig.write(story.spec)
    return rig.probing()


def each_write(stories=ALL):
    """Name of a story and number of a write, for every write."""
    return [(name, number) for name, story in stories.items() for number in range(1, story.writes + 1)]


def each_commit(stories=ALL):
    """Name of a story and number of a ledger write, for every ledger write."""
    return [(name, number) for name, story in stories.items() for number in range(1, story.commits + 1)]


def killed_at_write(rig, story, number, when, patch=None):
    """Kills the story's command around its Nth remote write; False if it ended before."""
    rig.fault(f"write={number},when={when},do=hang")
    process = rig.start(*story.command, patch=patch)
    was_held = rig.wait_until_held(process)
    if was_held:
        rig.kill(process)
    else:
        rig.end(process)
    rig.clear_faults()
    return was_held
