"""Others, in a random story: what they made before, and what they do beside us, or to what is ours."""

import json

from reconciler.sandbox import ACCOUNT_ID, ADMINISTRATOR_KEY, TOKEN, Request

from .wanted import HOST, WORKSPACES

THEIRS = "3333333333333333"  # a workspace that no spec names
THEIR_ROLE = "marketplace.admin"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CONNECT = {"authorization": f"Key {ADMINISTRATOR_KEY}"}


def content_of(rig):
    """GUIDs of what the server has: two for our specs, and one that is theirs alone."""
    return tuple(one["guid"] for one in rig.call("GET", "/__api__/v1/content", None, CONNECT))[:3]


class Others:
    """Whoever else works on both systems, and what is theirs."""

    def __init__(self, rig, wanted, dice):
        self.rig, self.wanted, self.dice = rig, wanted, dice
        self.their_content = content_of(rig)[2]
        self.foreign = {}

    def on_record(self):
        ledger = self.rig.folder / ".reconcile" / "rig.json"
        return json.loads(ledger.read_text())["resources"] if ledger.exists() else {}

    def were_here(self):
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
        guid = self._connect("POST", "oauth/integrations", body)["guid"]
        for content in (self.wanted.content[0], self.their_content):
            self._give(content, guid)
        self.look()

    def _connect(self, method, path, body=None):
        """A call by the administrator of the server."""
        return self.rig.call(method, f"/__api__/v1/{path}", body, CONNECT)

    def _give(self, content, integration):
        """Content gets an integration beside what it has."""
        path = f"content/{content}/oauth/integrations/associations"
        held = [one["oauth_integration_guid"] for one in self._connect("GET", path)]
        body = [{"oauth_integration_guid": one} for one in dict.fromkeys((*held, integration))]
        self._connect("PUT", path, body)

    def meddle(self):
        """Somebody else does something beside us, or to what is ours."""
        how = self.dice.choice(
            (
                self._edit_by_hand,
                self._access_by_hand,
                self._content_by_hand,
                self._secret_by_hand,
                self._assignment_by_hand,
                self._group_by_hand,
                self._role_by_hand,
                self._twin,
                self._borrowed,
                self._deleted_by_hand,
            )
        )
        how()
        self.look()
        return how.__name__

    def _edit_by_hand(self):
        ours = [one for one in self.rig.wiring() if one["name"] != "theirs"]
        if ours:
            guid = self.dice.choice(ours)["guid"]
            body = {"description": "changed by hand"}
            self.rig.call("PATCH", f"/__api__/v1/oauth/integrations/{guid}", body, CONNECT)

    def _access_by_hand(self):
        ours = [one["guid"] for one in self.rig.wiring() if one["name"] != "theirs"]
        if ours:
            users = {one["username"]: one["guid"] for one in self._connect("GET", "users")["results"]}
            body = {"permissions": [{"user_guid": users["vic"]}]}
            self._connect("PATCH", f"oauth/integrations/{self.dice.choice(ours)}", body)

    def _content_by_hand(self):
        """Content that no spec names gets an integration of ours."""
        ours = [one["guid"] for one in self.rig.wiring() if one["name"] != "theirs"]
        if ours:
            self._give(self.their_content, self.dice.choice(ours))

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
                self.administer("PUT", path, {"permissions": ["ADMIN"]})

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
        self.administer("PATCH", f"scim/v2/{where}", {"schemas": [PATCH], "Operations": [change]})

    def _deleted_by_hand(self):
        """Something of ours is gone."""
        databricks = self.rig.state()["databricks"]
        mine = {entry["id"] for entry in self.on_record().values()} - self.rig.foreign
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
            self.administer("DELETE", path)
        elif path:
            self.rig.call("DELETE", f"/__api__/v1/oauth/integrations/{path}", None, CONNECT)

    def administer(self, method, path, body=None):
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
        wiring = self.rig.wiring()
        for one in wiring:
            if one["name"] == "theirs":
                found["integration", one["guid"]] = (one["client_id"], one["updated_time"])
        theirs = {one["guid"] for one in wiring if one["name"] == "theirs"}
        for content in (*self.wanted.content, self.their_content):
            path = f"content/{content}/oauth/integrations/associations"
            for one in [each["oauth_integration_guid"] for each in self._connect("GET", path)]:
                if content == self.their_content or one in theirs:
                    found["content", content, one] = True
        return found

    def look(self):
        self.foreign = self._foreign_state()

    def check(self, told):
        there = {one["id"] for one in self.rig.state()["databricks"]["service_principals"]}
        there |= {one["guid"] for one in self.rig.wiring()}
        # what they put into a principal of ours, or gave content of ours, goes with it
        before = {key: how for key, how in self.foreign.items() if len(key) < 3 or key[2] in there}
        after = {
            key: how for key, how in self._foreign_state().items() if key in before or key[0] != "content"
        }
        assert after == before, told  # a successor comes to content along with the others
