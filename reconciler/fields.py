"""The policy of a kind as data: how its attributes behave, and how a lost create is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class Fields:
    """How the attributes of a kind behave; paths are dotted.

    Attributes:
        name: the attribute that holds the natural key; "" if the kind has none.
        identity: what a create is recognised by when its answer was lost.
        immutable: can't be changed by the API: a difference is a replace.
        unordered: lists that the API treats as sets.
        words: one string that holds a set of words.
        urls: compared with the host's case and the default port normalised.
        hosts: bare host names; live values may carry a scheme and a slash.
        guids: ids without case.
        modes: modes of files (`0600`): one that lets nobody in who isn't wanted is no difference.
        additive: mappings of which only the keys of the spec, and those that we added, are ours.
        whole: objects that the API wants complete whenever a part of it changes.
        complete: mappings that hold what the spec says and nothing else: a key that it lacks is taken out.
        local: rules for us that the API never sees (`lifetime` of a secret).
        computed: known once the object exists.
        defaults: what the spec language fills in where an attribute is left out.
        issues: the attribute that stands for the one-time secret which creating an object answers; "" for
            kinds that have no credential.
        referred_by: the computed attribute by which receivers name an object (`client_id`): such an object
            isn't removed while any receiver shows it. "" if none can.
        shows_referred: the attribute in which a receiver shows whose `referred_by` it holds
            (`config.client_id`); "" if it doesn't show it.
        holds: the secret field that can be read back from a receiver (`Kind.held`); "" if none can.
        users: the computed attribute that counts who points at an object from where this tool doesn't look.
        workspaces: the additive attribute whose keys are workspaces; "" if it has none.
        principals: attributes that name principals, or content → their sort: `{"groups": "group"}`, "" where
            each key says its own (`user:NAME`, maybe after a word: `use user:NAME`). What they name is
            looked up; live and on record, the id stands in the place of the name, and the name is the value.
        by_name: those of `principals` in which the remote system itself goes by names.
        holders: those of `principals` whose keys are read one by one, for which objects are in them.
        apart: additive attributes that an object shows only when it is asked for them.
        access: the attribute that says who may use an object: `everyone`, or who. It is written whole, in a
            call of its own, and goes along when the object is made: nobody in it would mean everybody.
        carried: the additive attribute that a replace carries along, whoever's it is.
        parent: the attribute by which a part refers to the object that it lives in; never sent.
        scopes: attributes that list what a client may do.
        redirects: the attribute that lists where codes are sent; "" if there is none.
        lifetime: the attribute that says how long a credential lasts; "" if it lasts for ever.
        active: the attribute that says whether an object works at all; "" if it always does.
        sealed_to: the attribute with the keys that its secrets are sealed to; a live object of such a kind
            shows `(sensitive)` in each field that holds one. "" where secrets leave no trace.
    """

    name: str = ""
    identity: frozenset[str] = frozenset()
    immutable: frozenset[str] = frozenset()
    unordered: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    guids: frozenset[str] = frozenset()
    modes: frozenset[str] = frozenset()
    additive: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    issues: str = ""
    referred_by: str = ""
    shows_referred: str = ""
    holds: str = ""
    users: str = ""
    workspaces: str = ""
    principals: Mapping[str, str] = field(default_factory=dict)
    by_name: frozenset[str] = frozenset()
    holders: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    carried: str = ""
    parent: str = ""
    scopes: frozenset[str] = frozenset()
    redirects: str = ""
    lifetime: str = ""
    access: str = ""
    active: str = ""
    sealed_to: str = ""

    @property
    def shows_secret(self) -> bool:
        """Whether creating an object answers a one-time secret."""
        return bool(self.issues)


class Evidence(Enum):
    """How the object of a create whose answer was lost is recognised (docs/crash-safety.md, section 5)."""

    # near certain, and its secret is lost
    LIFETIME = "its exact lifetime"
    # strong; a twin may hide in a lagging list, and one that isn't proven to be ours is asked about
    CREATOR = "its identity, time and creator"
    # what was sent tells, and a mistake harms nobody: a late one may be swept
    CONTENT = "its identity and time"
    # weak; taken over rather than known to be ours, and a late one is never swept
    NAME = "its name alone"
