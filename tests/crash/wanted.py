"""What the spec of a random story asks for, and its edits."""

import json
import random
from dataclasses import dataclass, field

HOST = "cust-success.cloud.databricks.com"
WORKSPACES = ("1234567890123456", "1111111111111111", "2222222222222222")
GROUPS = ("data-readers", "data-writers")
ROLES = ("account_admin", "billing_admin")
ACCESS = (
    None,
    "everyone",
    {"users": ["ada"]},
    {"users": ["pat"], "groups": ["finance"]},
    {"groups": ["data-science"]},
)


@dataclass
class Wanted:
    """What is wanted just now; every method is one edit of it.

    Attributes:
        recipient: whom sealed copies and handoffs are for.
        content: the GUIDs of content that integrations may be given to.
        keeps: sealed copies are kept.
        handed: whose credential a handoff carries; "" if there is none.
    """

    dice: random.Random
    recipient: str
    content: tuple = ()
    apps: dict = field(default_factory=dict)
    principals: dict = field(default_factory=dict)
    integrations: dict = field(default_factory=dict)
    keeps: bool = False
    handed: str = ""
    made: int = 0

    def spec(self):
        """The spec as JSON, which is YAML."""
        found = {
            "oauth_apps": self.apps,
            "service_principals": self.principals,
            "connect_integrations": {key: self._integration(**one) for key, one in self.integrations.items()},
            "secrets": {"recipients": [self.recipient]} if self.keeps else {},
            "handoffs": {"side": self._handoff()} if self.handed else {},
        }
        written = {
            "version": 1,
            "stack": "rig",
            "providers": {"databricks": {"type": "databricks"}, "connect": {"type": "connect"}},
            **{kind: some for kind, some in found.items() if some},
        }
        return json.dumps(written, indent=1)

    def sources(self):
        """The addresses of all apps and principals, sorted."""
        apps, principals = (
            (f"oauth_apps.{k}" for k in self.apps),
            (f"service_principals.{k}" for k in self.principals),
        )
        return sorted([*apps, *principals])

    def _integration(self, source, host, described, **given):
        kind, _, name = source.partition(".")
        config = {"workspace_host": host, "client_id": f"${{{source}.client_id}}"}
        if kind == "service_principals":
            config["auth_type"] = "Service Account"
        else:
            config["auth_type"] = "Viewer"
            config["auth_mode"] = "Confidential" if self.apps[name]["confidential"] else "Public"
        if config.get("auth_mode") != "Public":
            config["client_secret"] = f"${{{source}.client_secret}}"
        given = {name: value for name, value in given.items() if value is not None}
        return {"template": "databricks", "config": config, "description": described, **given}

    def _handoff(self):
        values = {"client_id": f"${{{self.handed}.client_id}}"}
        kind, _, name = self.handed.partition(".")
        if kind == "service_principals" or self.apps[name]["confidential"]:
            values["client_secret"] = f"${{{self.handed}.client_secret}}"
        return {"file": "side.age", "recipients": [self.recipient], "values": values}

    # --- edits ------------------------------------------------------------------------------------------

    def add_app(self):
        self.made += 1
        self.apps[f"app{self.made}"] = {
            "confidential": self.dice.random() < 0.7,
            "redirect_urls": ["${providers.connect.callback_url}"],
            "scopes": ["all-apis", "offline_access"],
        }
        self.connect(f"oauth_apps.app{self.made}")

    def add_principal(self):
        self.made += 1
        spaces = self.dice.sample(WORKSPACES, self.dice.choice((0, 1, 2)))
        self.principals[f"robot{self.made}"] = {
            "workspaces": dict.fromkeys(spaces, "USER"),
            "client_secret": {"lifetime": "365d", "rotate_before": "30d"},
        }
        self.connect(f"service_principals.robot{self.made}")

    def connect(self, source):
        for _ in range(self.dice.choice((1, 1, 2))):
            self.made += 1
            self.integrations[f"use{self.made}"] = {"source": source, "host": HOST, "described": ""}

    def connect_one_more(self):
        """A further receiver of a credential that may not be at hand any more."""
        self.connect(self.dice.choice(self.sources()))

    def flip(self):
        """Confidential becomes public, or the other way round: a replace."""
        if self.apps:
            app = self.apps[self.dice.choice(sorted(self.apps))]
            app["confidential"] = not app["confidential"]

    def rename(self):
        if self.apps:
            self.made += 1
            self.apps[self.dice.choice(sorted(self.apps))]["name"] = f"renamed {self.made}"

    def rescope(self):
        if self.apps:
            app = self.apps[self.dice.choice(sorted(self.apps))]
            app["scopes"] = ["all-apis", "offline_access", *self.dice.sample(["sql", "openid", "email"], 2)]

    def reassign(self):
        if self.principals:
            spaces = self.dice.sample(WORKSPACES, self.dice.choice((0, 1, 2)))
            robot = self.principals[self.dice.choice(sorted(self.principals))]
            robot["workspaces"] = dict.fromkeys(spaces, "USER")

    def regroup(self):
        """Groups and roles of a principal, or none said at all."""
        if self.principals:
            robot = self.principals[self.dice.choice(sorted(self.principals))]
            for name, some in (("groups", GROUPS), ("roles", ROLES)):
                robot[name] = self.dice.sample(some, self.dice.choice((0, 1, 2)))
                if self.dice.random() < 0.2:
                    del robot[name]

    def switch(self):
        """An integration takes its credential from another object of the same sort."""
        if not self.integrations:
            return
        one = self.integrations[self.dice.choice(sorted(self.integrations))]
        kind = one["source"].partition(".")[0]
        one["source"] = self.dice.choice([other for other in self.sources() if other.startswith(kind)])

    def describe(self):
        if self.integrations:
            self.made += 1
            one = self.integrations[self.dice.choice(sorted(self.integrations))]
            one["described"] = f"round {self.made}"

    def move(self):
        """One key of a config that has a secret beside it."""
        if self.integrations:
            self.made += 1
            one = self.integrations[self.dice.choice(sorted(self.integrations))]
            one["host"] = f"w{self.made}.cloud.databricks.com"

    def share(self):
        """Somebody else may use an integration, everybody may, or nothing is said of it."""
        if self.integrations:
            one = self.integrations[self.dice.choice(sorted(self.integrations))]
            one["access"] = self.dice.choice(ACCESS)

    def publish(self):
        """Content has an integration, has it no more, or nothing is said of it."""
        if self.integrations:
            one = self.integrations[self.dice.choice(sorted(self.integrations))]
            one["content"] = self.dice.choice((None, [], self.dice.sample(self.content, 1), [*self.content]))

    def keep(self):
        """Sealed copies from now on, or no more."""
        self.keeps = not self.keeps

    def hand_over(self):
        """A handoff comes, goes, or carries another credential."""
        self.handed = self.dice.choice(["", *self.sources()])

    def drop_integration(self):
        if len(self.integrations) > 1:
            del self.integrations[self.dice.choice(sorted(self.integrations))]

    def drop_source(self):
        if len(self.sources()) < 2:
            return
        gone = self.dice.choice(self.sources())
        kind, _, key = gone.partition(".")
        del (self.apps if kind == "oauth_apps" else self.principals)[key]
        self.integrations = {k: one for k, one in self.integrations.items() if one["source"] != gone}
        self.handed = "" if self.handed == gone else self.handed

    EDITS = (
        add_app,
        add_principal,
        connect_one_more,
        flip,
        rename,
        rescope,
        reassign,
        regroup,
        switch,
        describe,
        move,
        share,
        publish,
        keep,
        hand_over,
        drop_integration,
        drop_source,
    )

    def edit(self):
        """One edit; says which."""
        how = self.dice.choice(self.EDITS)
        how(self)
        return how.__name__
