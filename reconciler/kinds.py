"""What a kind says of itself: its calls and what it is to others (`Kind`), and its policy (`Fields`)."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from reconciler.errors import InternalError, InvalidRequestError, RemoteError, Severity, UsageError
from reconciler.fields import Evidence as Evidence
from reconciler.fields import Fields as Fields
from reconciler.model import Address, Entry, Live, Lives, ProviderSpec, Ref, Stack
from reconciler.secrets import Secret

Attributes = Mapping[str, Any]


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
        exported_as: the word for an object whose name makes no key, where `export` writes a spec of such
            objects; "" if it leaves them alone.
        terraform: the type of resource that is such an object in a state of Terraform; "" for none.
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
    exported_as: ClassVar[str] = ""
    terraform: ClassVar[str] = ""
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

    def unavailable(self, attributes: Attributes, provider: ProviderSpec) -> Iterator[Complaint]:
        """What the system at its provider's address doesn't have for anybody; offline."""
        yield from ()

    def unfamiliar(self, attributes: Attributes) -> str:
        """The template of an object that its schema doesn't know, so that only its server can judge it."""
        return ""

    def noted(self, entry: Entry, server: str) -> Mapping[str, str]:
        """What people note down of an object and isn't secret, from the ledger alone; "" for what it lacks.

        Args:
            server: the address of its provider; "" if that isn't known, or not to be shown.
        """
        ends = entry.credential.expires_at if entry.credential else ""
        return {"id": entry.id, "client_id": entry.computed.get("client_id", ""), "expires_at": ends}

    def stated(self, live: Live, filled: Mapping[str, Attributes]) -> Attributes:
        """What a spec that takes an object over says of it, beside its name; in order.

        Args:
            filled: template → what its server fills in by itself.
        """
        return live.attributes

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

    def listed(self, api: Any, named: Sequence[str] = ()) -> Lives:
        """The bulk list, made once for all that share their reads; `completing` adds what a scope asks for.

        Args:
            named: see `Scope`.

        Raises:
            RemoteError: see `observe`.
        """
        found: Lives = api.http.once(
            ("list", self.name), lambda: Lives(self.observe(api, Scope(named=named)))
        )
        return found

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

    def carry(self, api: Api, live_id: str, key: str, successor: str) -> str:
        """Puts a successor in the place of an object, "" for one that is gone, at one key of the carried
        attribute. Says why the key of one that is gone can't take it; "" if all is well."""
        return ""


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
def shipped(folder: str) -> Path:
    """A folder of files that aren't code: in the package of a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


@cache
def schema_file(name: str) -> Any:
    """What a schema file of this tool says, by its name without `.schema.json`."""
    return json.loads((shipped("schema") / f"{name}.schema.json").read_text("utf-8"))
