"""Random stories: a stack that is edited, run, killed, misheard and meddled with, told again by its seed.

What holds after every chapter: at most two runs later the plan is empty, every integration of ours works,
nothing of others has changed, nothing is left behind, and no secret stands in any output or file.
"""

import json
import random
import re

import pyrage

from reconciler.sandbox import ACCOUNT_ID, ADMINISTRATOR_KEY, TOKEN, Request, Sandbox

from . import inside
from .wanted import HOST, WORKSPACES, Wanted

THEIRS = "3333333333333333"  # a workspace that no spec names
THEIR_ROLE = "marketplace.admin"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CONNECT = {"authorization": f"Key {ADMINISTRATOR_KEY}"}


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
        self.wanted = Wanted(self.dice, str(self.key.to_public()))
        self.said = []
        self.told = [f"seed {seed}"]
        self.foreign = {}

    def tell(self, chapters):
        knobs = self.dice.choice(((), ("replace_config",), ("replace_config", "incomplete_config")))
        self.told += knobs
        self.rig.knobs(**dict.fromkeys(knobs, True))
        self._others_were_here()
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
            self._meddled()
        self._disturbed(self._command())
        self.rig.clear_faults()
        self.rig.knobs(list_lag=0)
        self._converges()
        self._nothing_of_others_has_changed()
        self._nothing_is_left()

    # --- what happens -----------------------------------------------------------------------------------

    def _command(self):
        on_record = self._on_record()
        robots = [f"service_principals.{key}" for key in self.wanted.principals]
        robots = [one for one in robots if f"{one}.client_secret" in on_record]
        if robots and self.dice.random() < 0.3:
            return ("rotate", self.dice.choice(sorted(robots)), "spec.yaml", "--yes")
        return ("apply", "spec.yaml", "--yes")

    def _on_record(self):
        ledger = self.rig.folder / ".reconcile" / "rig.json"
        return json.loads(ledger.read_text())["resources"] if ledger.exists() else {}

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

    # --- others -----------------------------------------------------------------------------------------

    def _others_were_here(self):
        """Apps, a principal with a secret and an integration that this stack has nothing to do with."""
        rig = self.rig
        app = rig.by_another(
            "POST",
            "oauth2/custom-app-integrations",
            {"name": "theirs", "confidential": True, "scopes": ["sql"]},
        )
        principal = rig.by_another("POST", "scim/v2/ServicePrincipals", {"displayName": "their robot"})
        path = f"servicePrincipals/{principal['id']}/credentials/secrets"
        rig.by_another("POST", path, {"lifetime": "31536000s"})
        rig.by_another("POST", "scim/v2/Groups", {"displayName": "theirs"})
        config = {
            "auth_type": "Viewer",
            "auth_mode": "Confidential",
            "workspace_host": HOST,
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
        }
        body = {"name": "theirs", "template": "databricks", "config": config}
        rig.call("POST", "/__api__/v1/oauth/integrations", body, CONNECT)
        self._look_at_others()

    def _meddled(self):
        """Somebody else does something beside us, or to what is ours."""
        how = self.dice.choice(
            (
                self._edit_by_hand,
                self._secret_by_hand,
                self._assignment_by_hand,
                self._group_by_hand,
                self._role_by_hand,
                self._twin,
                self._borrowed,
                self._deleted_by_hand,
            )
        )
        self.told.append(how.__name__)
        how()
        self._look_at_others()

    def _edit_by_hand(self):
        ours = [one for one in self.rig.wiring() if one["name"] != "theirs"]
        if ours:
            guid = self.dice.choice(ours)["guid"]
            body = {"description": "changed by hand"}
            self.rig.call("PATCH", f"/__api__/v1/oauth/integrations/{guid}", body, CONNECT)

    def _secret_by_hand(self):
        robots = self.rig.state()["databricks"]["service_principals"]
        ours = [one["id"] for one in robots if one["displayName"] in self.wanted.principals]
        full = self.rig.state()["databricks"]["secrets"]
        ours = [one for one in ours if len(full.get(one, ())) < 3]
        if ours:
            path = f"servicePrincipals/{self.dice.choice(ours)}/credentials/secrets"
            self.rig.by_another("POST", path, {"lifetime": "31536000s"})

    def _assignment_by_hand(self):
        """Somebody assigns a principal of ours to a workspace that the spec doesn't name."""
        robots = self.rig.state()["databricks"]["service_principals"]
        ours = [one for one in robots if one["displayName"] in self.wanted.principals]
        if ours:
            one = self.dice.choice(ours)
            named = self.wanted.principals[one["displayName"]]["workspaces"]
            space = self.dice.choice([space for space in (*WORKSPACES, THEIRS) if space not in named])
            if space == THEIRS:  # any other may be what was ours a moment ago
                path = f"workspaces/{space}/permissionassignments/principals/{one['id']}"
                self._administer("PUT", path, {"permissions": ["ADMIN"]})

    def _group_by_hand(self):
        """A principal of ours joins a group that no spec names, or leaves all that ours do."""
        robot = self._robot_of_ours()
        if robot is None:
            return
        joins = self.dice.random() < 0.5
        for group in self.rig.state()["databricks"]["groups"]:
            if (group["displayName"] == "theirs") is joins:
                there = robot["id"] in [member["value"] for member in group["members"]]
                if joins and not there:
                    self._patch(f"Groups/{group['id']}", "add", "members", [{"value": robot["id"]}])
                elif there and not joins:
                    self._patch(f"Groups/{group['id']}", "remove", f'members[value eq "{robot["id"]}"]')

    def _role_by_hand(self):
        robot = self._robot_of_ours()
        if robot is not None:
            self._patch(f"ServicePrincipals/{robot['id']}", "add", "roles", [{"value": THEIR_ROLE}])

    def _robot_of_ours(self):
        robots = self.rig.state()["databricks"]["service_principals"]
        ours = [one for one in robots if one["displayName"] in self.wanted.principals]
        return self.dice.choice(ours) if ours else None

    def _patch(self, where, how, path, value=None):
        change = {"op": how, "path": path, **({} if value is None else {"value": value})}
        self._administer("PATCH", f"scim/v2/{where}", {"schemas": [PATCH], "Operations": [change]})

    def _deleted_by_hand(self):
        """Something of ours is gone."""
        databricks = self.rig.state()["databricks"]
        mine = {entry["id"] for entry in self._on_record().values()} - self.rig.foreign
        apps = [f"oauth2/custom-app-integrations/{a['integration_id']}" for a in databricks["apps"]]
        robots = [f"scim/v2/ServicePrincipals/{one['id']}" for one in databricks["service_principals"]]
        secrets = [
            f"servicePrincipals/{robot}/credentials/secrets/{one['id']}"
            for robot, some in databricks["secrets"].items()
            for one in some
        ]
        paths = [*apps, *robots, *secrets, *(one["guid"] for one in self.rig.wiring())]
        paths = [path for path in paths if path.rpartition("/")[2] in mine]
        path = self.dice.choice(sorted(paths)) if paths else ""
        if "/" in path:
            self._administer("DELETE", path)
        elif path:
            self.rig.call("DELETE", f"/__api__/v1/oauth/integrations/{path}", None, CONNECT)

    def _administer(self, method, path, body=None):
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        path = f"/api/2.0/accounts/{ACCOUNT_ID}/{path}"
        answer = self.rig.sandbox.handle(Request.of(method, path, headers, content))
        assert answer.status < 300, (path, answer.body)

    def _twin(self):
        """A foreign app of the name of one of ours, which is on record already."""
        there = {app["name"] for app in self.rig.state()["databricks"]["apps"]}
        ours = [key for key, app in self.wanted.apps.items() if app.get("name", key) in there]
        if ours:
            name = self.dice.choice(sorted(ours))
            body = {"name": self.wanted.apps[name].get("name", name), "confidential": True, "scopes": ["sql"]}
            self.rig.by_another("POST", "oauth2/custom-app-integrations", body)

    def _borrowed(self):
        """A foreign integration begins to use one of our apps: from here on that app mustn't go."""
        apps = self.rig.state()["databricks"]["apps"]
        names = {app.get("name", key) for key, app in self.wanted.apps.items()}
        ours = [a for a in apps if a["name"] in names and a["integration_id"] not in self.rig.foreign]
        if not ours:
            return
        app = self.dice.choice(ours)
        config = {"auth_type": "Viewer", "auth_mode": "Public", "workspace_host": HOST}
        body = {
            "name": "theirs",
            "template": "databricks",
            "config": {**config, "client_id": app["client_id"]},
        }
        self.rig.call("POST", "/__api__/v1/oauth/integrations", body, CONNECT)
        self.rig.foreign.add(app["integration_id"])

    def _foreign_state(self):
        """What others made, and how it is: (kind, id) → state; inside a principal, its id as well."""
        databricks, foreign = self.rig.state()["databricks"], self.rig.foreign
        apps, robots = databricks["apps"], databricks["service_principals"]
        found = {("app", a["integration_id"]): a["name"] for a in apps if a["integration_id"] in foreign}
        found |= {("robot", one["id"]): one["active"] for one in robots if one["id"] in foreign}
        for robot, some in databricks["secrets"].items():
            found |= {("secret", one["id"], robot): one["status"] for one in some if one["id"] in foreign}
        for robot, levels in databricks["assignments"][THEIRS].items():
            found["level", THEIRS, robot] = levels
        for group in databricks["groups"]:
            if group["displayName"] == "theirs":
                found |= {("member", group["id"], member["value"]): True for member in group["members"]}
        for robot in robots:
            if THEIR_ROLE in [role["value"] for role in robot.get("roles", ())]:
                found["role", THEIR_ROLE, robot["id"]] = True
        for one in self.rig.wiring():
            if one["name"] == "theirs":
                found["integration", one["guid"]] = (one["client_id"], one["updated_time"])
        return found

    def _look_at_others(self):
        self.foreign = self._foreign_state()

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
                    self._administer("DELETE", f"servicePrincipals/{robot}/credentials/secrets/{secret}")
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
        self._nothing_of_others_has_changed()
        others = self.rig.foreign | {key[1] for key in self.foreign}
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

    def _nothing_of_others_has_changed(self):
        robots = {one["id"] for one in self.rig.state()["databricks"]["service_principals"]}
        # what they put into a principal of ours goes with it
        before = {key: how for key, how in self.foreign.items() if len(key) < 3 or key[2] in robots}
        assert self._foreign_state() == before, self.told

    def _nothing_is_left(self):
        """What exists is on record or somebody else's, and what Connect holds works."""
        on_record = set()
        for entry in self._on_record().values():
            on_record |= {entry["id"], *(former["id"] for former in entry.get("formers", ()))}
        others = self.rig.foreign | {key[1] for key in self.foreign}
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
