"""What a kind must say: its policy as data (`Fields`) and its calls as code (`Kind`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from reconciler.errors import InternalError
from reconciler.model import Live
from reconciler.secrets import Secret

Attributes = Mapping[str, Any]


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
        additive: mappings of which only the keys of the spec, and those that we added, are ours.
        whole: objects that the API wants complete whenever a part of it changes.
        complete: mappings that hold what the spec says and nothing else: a key that it lacks is taken out.
        local: rules for us that the API never sees (`lifetime` of a secret).
        computed: known once the object exists.
        shows_secret: creating it answers a one-time secret.
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
    additive: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    shows_secret: bool = False
    sealed_to: str = ""


@dataclass(frozen=True)
class Scope:
    """What to look at besides the bulk list.

    Attributes:
        parents: remote ids of the service principals whose secrets are wanted.
        workspaces: ids of the workspaces whose assignments are wanted.
        named: natural keys of the wanted objects, for systems that have no list.
    """

    parents: Sequence[str] = ()
    workspaces: Sequence[str] = ()
    named: Sequence[str] = ()


@dataclass(frozen=True)
class Created:
    """The answer to a create: the live object as far as the answer tells, and its one-time secret."""

    live: Live
    secret: Secret | None = None


Api = TypeVar("Api")


class Kind(ABC, Generic[Api]):
    """One type of remote object. One method, one remote call (a bulk list is one read)."""

    name: ClassVar[str]
    noun: ClassVar[str]
    provider_type: ClassVar[str]
    fields: ClassVar[Fields]

    @abstractmethod
    def observe(self, api: Api, scope: Scope) -> Sequence[Live]:
        """All live objects, in the shape of the spec.

        Raises:
            RemoteError: a list failed, wasn't JSON or broke off: it is never "nothing exists".
        """

    @abstractmethod
    def read(self, api: Api, live_id: str, parent: str = "") -> Live | None:
        """One object by its id; None when the API says that there is none."""

    def completed(self, api: Api, lives: Sequence[Live], scope: Scope) -> Sequence[Live]:
        """Objects that were read by id, with the additive attributes that a list of them would show.

        A kind with additive attributes says how: what wasn't looked at would pass for taken away.
        """
        return lives

    @abstractmethod
    def create(self, api: Api, attributes: Attributes, parent: str = "") -> Created:
        """Makes one. Never repeated blindly: LostAnswerError means that nobody knows.

        Args:
            attributes: resolved, secrets wrapped; of a `local` attribute only what the body needs.
        """

    @abstractmethod
    def update(self, api: Api, live_id: str, attributes: Attributes, parent: str = "") -> Live | None:
        """Sets the given attributes (nested ones as far as given) and leaves all others alone.

        Returns:
            The object afterwards where the API answers it, else None.
        """

    @abstractmethod
    def delete(self, api: Api, live_id: str, parent: str = "") -> None:
        """Removes one; one that is gone already is done."""

    def check(self, api: Api, client_id: str, secret: Secret) -> None:
        """Proves that a credential of this kind works; nothing to do for kinds that can't be asked.

        Raises:
            CredentialError: it doesn't.
            RemoteError: it can't be told.
        """

    def confirm(self, api: Api, live_id: str) -> bool:
        """Has the remote system try the credential that an object holds; False if it can't be asked to.

        Raises:
            AnswerError: it tried, and it doesn't work.
        """
        return False

    def grant(self, api: Api, live_id: str, path: str, key: str, value: Any) -> None:
        """Sets one key of an additive attribute."""
        raise InternalError(f"{self.noun}: {path} isn't additive")

    def revoke(self, api: Api, live_id: str, path: str, key: str) -> None:
        """Removes one key of an additive attribute; one that is gone already is done."""
        raise InternalError(f"{self.noun}: {path} isn't additive")


Registry = Mapping[str, Kind[Any]]
