"""What a kind says of itself: its policy as data (`Fields`), its calls and what it is to others (`Kind`)."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from reconciler.errors import InternalError, InvalidRequestError, RemoteError, Severity, UsageError
from reconciler.model import Address, Live, ProviderSpec, Ref, Stack
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


@dataclass(frozen=True)
class Complaint:
    """What is wrong with the attributes of one resource, offline.

    Attributes:
        path: the way to the attribute, for its place in the file.
    """

    code: str
    message: str
    path: tuple[str | int, ...]
    hint: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Scope:
    """What to look at besides the bulk list.

    Attributes:
        parents: remote ids of the service principals whose secrets are wanted.
        workspaces: ids of the workspaces whose assignments are wanted.
        holders: additive attribute → the keys of it whose members are wanted (`groups`: ids of groups).
        attributes: the additive attributes that the spec or the ledger mentions.
        named: natural keys of the wanted objects, for systems that have no list.
    """

    parents: Sequence[str] = ()
    workspaces: Sequence[str] = ()
    holders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()
    named: Sequence[str] = ()


@dataclass(frozen=True)
class Created:
    """The answer to a create: the live object as far as the answer tells, and its one-time secret."""

    live: Live
    secret: Secret | None = None


Api = TypeVar("Api")


class Kind(ABC, Generic[Api]):
    """One type of remote object. One method, one remote call (a bulk list is one read).

    Attributes:
        name: the section of the spec; `section.attribute` for a part of another kind.
        noun: for people, in the singular.
        provider_type: the type of the providers that hold such objects.
        evidence: how a lost create is recognised; the weakest unless stated.
        receives: gets credentials of other kinds: it is planned and switched before an old one goes.
        points_here: what removing an object breaks for others, in words ("content may point at …"): it needs
            an approval. "" if nothing outside of the stack can point at one.
        keeps_old: how long a superseded credential stays alive, unless stated, where one of these receives
            it: somebody else takes it up later.
        is_written_whole: an update needs all of it, secrets included.
        is_elsewhere: an object that is missing may be on another machine: it is no sign that it is gone.
        elsewhere: the code of what is said where its whole system is on another machine (a client says so by
            `is_elsewhere`); "" for systems that can be reached from anywhere.
        takes_up: what a person has to do before a change takes effect, in words; "" if nothing.
        is_referable: `${kind.key.attribute}` can refer to it.
        is_healable: `watch: {heal: …}` may name it.
        schema: what an object may say, as a JSON Schema; None for the file `schema/NAME.schema.json` that
            comes with this tool. A kind of another package brings its own; its `$ref` may lead to
            `shared.schema.json`. A part is described by the schema of its owner.
        provider_schema: what a spec says of a provider of its type, as a JSON Schema; None for a type that
            this tool knows.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    provider_type: ClassVar[str]
    fields: ClassVar[Fields]
    evidence: ClassVar[Evidence] = Evidence.NAME
    receives: ClassVar[bool] = False
    points_here: ClassVar[str] = ""
    keeps_old: ClassVar[str] = ""
    is_written_whole: ClassVar[bool] = False
    is_elsewhere: ClassVar[bool] = False
    elsewhere: ClassVar[str] = ""
    takes_up: ClassVar[str] = ""
    is_referable: ClassVar[bool] = True
    is_healable: ClassVar[bool] = True
    schema: ClassVar[Mapping[str, Any] | None] = None
    provider_schema: ClassVar[Mapping[str, Any] | None] = None

    @property
    def owner(self) -> str:
        """Of a part: the kind of the objects that it lives in; "" for a kind that stands by itself."""
        return self.name.rpartition(".")[0]

    @property
    def part(self) -> str:
        """Of a part: the attribute of its owner that describes it; "" for a kind that stands by itself."""
        return self.name.rpartition(".")[2] if self.owner else ""

    @property
    def is_listed(self) -> bool:
        """Whether one bulk list shows all of its objects, whoever made them."""
        return not self.fields.parent and not self.is_elsewhere

    @property
    def document(self) -> Mapping[str, Any]:
        """Its JSON Schema."""
        return schema_file(self.name) if self.schema is None else self.schema

    def has_credential(self, attributes: Attributes) -> bool:
        """Whether an object with these attributes, wanted or live, has a credential that creating shows."""
        return self.fields.shows_secret

    def referring(self, live: Live) -> tuple[str, ...]:
        """The client id that a receiver shows, as `same_client` has it; nothing if it shows none."""
        value: Any = live.attributes
        for step in self.fields.shows_referred.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return (same_client(value),) if isinstance(value, str) and value else ()

    def referred(self, live: Live) -> tuple[str, ...]:
        """By what receivers refer to an object."""
        return (live.computed.get(self.fields.referred_by, ""),)

    def settled(self, attributes: Attributes, folder: Path) -> Attributes:
        """The attributes of a spec in their one form; what is wrong with them is for `complaints`.

        Args:
            attributes: resolved as far as they can be; leaves may be references or not known.
            folder: of the spec.
        """
        return attributes

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """What is wrong with one resource of this kind that its schema can't say; offline."""
        yield from ()

    def clashes(self, resources: Mapping[Address, Attributes]) -> Iterator[tuple[Address, Complaint]]:
        """What is wrong with the resources of this kind taken together; offline."""
        yield from ()

    def unfamiliar(self, attributes: Attributes) -> str:
        """The template of an object that its schema doesn't know, so that only its server can judge it."""
        return ""

    def connect(self, spec: ProviderSpec, environment: Mapping[str, str], stack: Stack | None) -> Api:
        """The client of a provider of its type, where this tool has none; a `reconciler.clients.Client`.

        Args:
            environment: of the process; credentials that the spec doesn't name come from here.
            stack: whose provider it is.

        Raises:
            CredentialError: address or credential is missing.
        """
        raise UsageError(f"provider {spec.name}: a {spec.type} has no API to connect to")

    @abstractmethod
    def observe(self, api: Api, scope: Scope) -> Sequence[Live]:
        """All live objects, in the shape of the spec.

        Raises:
            RemoteError: a list failed, wasn't JSON or broke off: it is never "nothing exists".
        """

    @abstractmethod
    def read(self, api: Api, live_id: str, parent: str = "") -> Live | None:
        """One object by its id; None when the API says that there is none."""

    def completing(self, api: Api, scope: Scope) -> Callable[[Live], Live] | None:
        """How an object that was listed without a scope, or read by its id, gets what the scope asks for.

        A kind with additive attributes says how: what wasn't looked at would pass for taken away. All that
        has to be looked at for it is looked at here, once for all who share their reads.
        """
        return None

    def shows(self, api: Api, live: Live, attribute: str) -> Mapping[str, Any] | None:
        """What an object holds of an attribute that stands apart; None if it refuses to tell."""
        return None

    @abstractmethod
    def create(self, api: Api, attributes: Attributes, parent: str = "") -> Created:
        """Makes one. Never repeated blindly: LostAnswerError means that nobody knows.

        Args:
            attributes: resolved, secrets wrapped; of a `local` attribute only what the body needs.
        """

    def namesake(self, api: Api, attributes: Attributes, parent: str = "") -> str:
        """Id of the live object for which a create is refused as a second one; "" if that can't be told.

        A list may not show it: this is asked only after the refusal (409).
        """
        return ""

    @abstractmethod
    def update(self, api: Api, live_id: str, attributes: Attributes, parent: str = "") -> Live | None:
        """Sets the given attributes (nested ones as far as given) and leaves all others alone.

        Returns:
            The object afterwards where the API answers it, else None.
        """

    def wants_whole(self, refusal: InvalidRequestError) -> bool:
        """Whether an update was refused for setting a part of what this server takes as a whole only."""
        return False

    def wants_replace(self, refusal: RemoteError) -> bool:
        """Whether an update was refused as only a replace can change what it was to change."""
        return False

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

    def held(self, api: Api, live_id: str) -> Secret | None:
        """The secret in the field that `Fields.holds` names; None if it holds none."""
        return None

    def grant(self, api: Api, live_id: str, path: str, key: str, value: Any) -> bool | None:
        """Sets one key of an additive attribute.

        Returns:
            False if somebody else had set it already, as far as a look just before tells.
        """
        raise InternalError(f"{self.noun}: {path} isn't additive")

    def revoke(self, api: Api, live_id: str, path: str, key: str) -> None:
        """Removes one key of an additive attribute; one that is gone already is done."""
        raise InternalError(f"{self.noun}: {path} isn't additive")

    def holds(self, api: Api, live_id: str) -> Sequence[str]:
        """All keys of the carried attribute that an object has, whoever made them."""
        return ()

    def carry(self, api: Api, live_id: str, key: str, successor: str) -> None:
        """Puts a successor in the place of an object, "" for one that is gone, at one key of the carried
        attribute."""


Registry = Mapping[str, Kind[Any]]


EVERYONE = "everyone"  # what `Fields.access` says of an object that is open


def principal_of(fields: Fields, attribute: str, key: str) -> tuple[str, str]:
    """Sort and name of what a key names."""
    if sort := fields.principals[attribute]:
        return sort, key
    before, _, name = key.partition(":")
    return before.rpartition(" ")[2], name


def renamed(fields: Fields, attribute: str, key: str, name: str) -> str:
    """The same key with another name, or an id, in the place of its name."""
    return name if fields.principals[attribute] else f"{key.partition(':')[0]}:{name}"


def same_client(client_id: str | None) -> str:
    """A client_id for comparing: application ids are GUIDs, whose case says nothing."""
    return (client_id or "").casefold()


def parts_of(kinds: Registry, name: str) -> list[Kind[Any]]:
    """The kinds that live inside objects of a kind."""
    return [kind for kind in kinds.values() if kind.owner == name]


def reference_to(kinds: Registry, address: Address, attribute: str) -> Ref:
    """`${kind.key.attribute}`, which knows by the kinds whether it stands for a credential."""
    part, kind = kinds.get(f"{address.kind}.{attribute}"), kinds.get(address.kind_name)
    if part is not None and part.fields.issues:
        return Ref(address, attribute, address.inside(attribute))
    is_secret = kind is not None and bool(attribute) and kind.fields.issues == attribute
    return Ref(address, attribute, address if is_secret else None)


@cache
def schema_folder() -> Path:
    """Where the schema files are: in the package of a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "schema"
    return inside if inside.is_dir() else package.parent / "schema"


@cache
def schema_file(name: str) -> Any:
    """What a schema file of this tool says, by its name without `.schema.json`."""
    return json.loads((schema_folder() / f"{name}.schema.json").read_text("utf-8"))
