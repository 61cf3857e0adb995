"""Random stories: a stack that is edited, run, killed, misheard and meddled with, told again by its seed.

What holds after every chapter: at most two runs later the plan is empty, every integration of ours works,
nothing of others has changed, nothing is left behind, and no secret stands in any output or file.
"""

import json
import random
import re

import pyrage

from reconciler.sandbox import Sandbox

from . import inside
from .others import Others, content_of
from .wanted import Wanted


class WatchedSandbox(Sandbox):
    """A sandbox that remembers every secret that it gave away."""

    def __init__(self):
        super().__init__()
        self.given = set()

    def handle(self, request):
        answer = super().handle(request)
        if request.method == "POST" and answer.body.startswith(b"{"):
            said = json.loads(answer.body)
            self.given.update(said[name] for name in ("client_secret", "secret") if said.get(name))
        return answer


class Teller:
    """Tells one story to a rig."""

    def __init__(self, rig, seed):
        self.rig = rig
        self.dice = random.Random(seed)
        self.key = pyrage.x25519.Identity.generate()
        content = content_of(rig)
        self.wanted = Wanted(self.dice, str(self.key.to_public()), content[:2])
        self.said = []
        self.told = [f"seed {seed}"]
        self.others = Others(rig, self.wanted, self.dice)

    def tell(self, chapters):
        knobs = self.dice.choice(((), ("replace_config",), ("replace_config", "incomplete_config")))
        self.told += knobs
        self.rig.knobs(**dict.fromkeys(knobs, True))
        self.others.were_here()
        self.wanted.add_app()
        self.wanted.add_principal()
        for _ in range(chapters):
            self._chapter()
        if self.dice.random() < 0.5:
            self._ends()
        assert self._leaks() == [], self.told

    def _chapter(self):
        self.told += [self.wanted.edit() for _ in range(self.dice.choice((0, 1, 1, 2)))]
        if self.dice.random() < 0.5:
            self.rig.env["RECONCILE_AGE_KEY"] = str(self.key)
        else:
            self.rig.env.pop("RECONCILE_AGE_KEY", None)
        self.rig.write(self.wanted.spec())
        if self.dice.random() < 0.5:
            self.told.append(self.others.meddle())
        self._disturbed(self._command())
        self.rig.clear_faults()
        self.rig.knobs(list_lag=0)
        self._converges()
        self.others.check(self.told)
        self._nothing_is_left()

    # --- what happens -----------------------------------------------------------------------------------

    def _command(self):
        on_record = self.others.on_record()
        robots = [f"service_principals.{key}" for key in self.wanted.principals]
        robots = [one for one in robots if f"{one}.client_secret" in on_record]
        if robots and self.dice.random() < 0.3:
            return ("rotate", self.dice.choice(sorted(robots)), "spec.yaml", "--yes")
        return ("apply", "spec.yaml", "--yes")

    def _disturbed(self, command):
        """Runs a command, and something happens to it."""
        how = self.dice.choice((self._killed_at_write, self._killed_at_commit, self._misheard, self._lagging))
        self.told.append(f"{command[0]} {command[1]}, {how.__name__}")
        how(command)

    def _killed_at_write(self, command):
        when = self.dice.choice(("before", "after"))
        self.rig.fault(f"write={self.dice.randint(1, 6)},when={when},do=hang")
        process = self.rig.start(*command)
        was_held = self.rig.wait_until_held(process)
        self._heard(self.rig.kill(process) if was_held else self.rig.end(process))

    def _killed_at_commit(self, command):
        patch = (inside.die_at_commit, self.dice.randint(1, 6), self.dice.choice(("before", "after")))
        self._heard(self.rig.run(*command, patch=patch))

    def _misheard(self, command):
        how = self.dice.choice(("reset", "cut", "html", "502"))
        self.rig.fault(f"write={self.dice.randint(1, 6)},when=after,do={how}")
        self._heard(self.rig.run(*command))

    def _lagging(self, command):
        self.rig.knobs(list_lag=2)
        self._heard(self.rig.run(*command))

    def _heard(self, ended):
        self.said.append(ended.text)
        return ended

    # --- what must hold ---------------------------------------------------------------------------------

    def _converges(self):
        """At most two runs later there is nothing to do."""
        for _ in range(2):
            ended = self._as_told(self._heard(self.rig.approving(self._heard(self.rig.apply()))))
            if ended.code == 0 and not self._pending():
                return
        raise AssertionError("\n".join([*self.told, ended.text, json.dumps(self._pending(), indent=1)]))

    def _as_told(self, ended):
        """What a person does whom the output asks to: the run after it is the next one."""
        for orphan in self.rig_strays(ended):
            self.rig.delete_principal(orphan)
        words = " ".join(ended.text.split())
        if "5 secrets already" in words:  # a handoff's old ones are kept for a week
            asked = self._heard(self.rig.run("plan", "spec.yaml", "--format", "json")).out
            secret = re.search(r"(\w+) \(ours, superseded\)", asked)[1]
            for robot, some in self.rig.state()["databricks"]["secrets"].items():
                if secret in [one["id"] for one in some]:
                    self.others.administer(
                        "DELETE", f"servicePrincipals/{robot}/credentials/secrets/{secret}"
                    )
            ended = self._heard(self.rig.approving(self._heard(self.rig.apply())))
        ways = [("rotate", one) for one in re.findall(r"`reconcile rotate (\S+)` issues another", words)]
        ways += [
            ("apply", "--replace", one) for one in re.findall(r"`--replace (\S+)` makes a new app", words)
        ]
        for way in sorted(set(ways)):
            asked = self._heard(self.rig.run(*way, "spec.yaml", "--yes"))
            if asked.code == 3:
                digest = re.search(r"--approve (sha256:[0-9a-f]{64})", asked.text)[1]
                self._heard(self.rig.run(*way, "spec.yaml", "--approve", digest))
        if ways:
            ended = self._heard(self.rig.approving(self._heard(self.rig.apply())))
        return ended

    def _ends(self):
        """All that is ours goes, also if that is interrupted; what others use stays."""
        self.told.append("destroy")
        asked = self._heard(self.rig.run("destroy", "spec.yaml"))
        digest = re.search(r"--approve (sha256:[0-9a-f]{64})", asked.text)
        if digest:  # others may use all that is left
            self._disturbed(("destroy", "spec.yaml", "--approve", digest[1]))
        self.rig.clear_faults()
        self.rig.knobs(list_lag=0)
        for _ in range(2):
            asked = self._heard(self.rig.run("destroy", "spec.yaml"))
            digest = re.search(r"--approve (sha256:[0-9a-f]{64})", asked.text)
            if digest is None:
                break
            ended = self._heard(self.rig.run("destroy", "spec.yaml", "--approve", digest[1]))
            for orphan in self.rig_strays(ended):
                self.rig.delete_principal(orphan)
        self.others.check(self.told)
        others = self.rig.foreign | {key[1] for key in self.others.foreign}
        assert self.rig.ids() - others == set(), (self.told, asked.text)

    def _pending(self):
        ended = self._heard(self.rig.run("plan", "spec.yaml", "--format", "json"))
        assert ended.code == 0, "\n".join([*self.told, ended.text])
        return json.loads(ended.out)["changes"]

    def rig_strays(self, ended):
        """Principals that a lost create left: a name is no proof, so they are named, and a person decides."""
        principals = self.rig.state()["databricks"]["service_principals"]
        live = {one["id"] for one in principals if one["id"] not in self.rig.foreign}
        named = set(re.findall(r"service principal (\d+) \('robot", ended.text))
        return sorted(named & live)

    def _nothing_is_left(self):
        """What exists is on record or somebody else's, and what Connect holds works."""
        on_record = set()
        for entry in self.others.on_record().values():
            on_record |= {entry["id"], *(former["id"] for former in entry.get("formers", ()))}
        others = self.rig.foreign | {key[1] for key in self.others.foreign}
        assert self.rig.ids() - others <= on_record, self.told
        broken = [one for one in self.rig.wiring() if one["name"] != "theirs" and not one["valid"]]
        assert broken == [], (self.told, broken)

    def _leaks(self):
        """Where a secret can be read."""
        texts = dict(enumerate(self.said))
        for path in self.rig.folder.rglob("*"):
            if path.is_file():
                texts[path.name] = path.read_bytes().decode("utf-8", "replace")
        return [place for place, text in texts.items() for one in self.rig.sandbox.given if one in text]
