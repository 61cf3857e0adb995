"""What a spec asks for: providers, resources with their lifecycle, and the stack that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from reconciler.errors import Location, Problem
from reconciler.model.policy import Policy
from reconciler.model.remotes import mark_of, record_of, shown_record
from reconciler.model.values import Address, Ref, SecretInput, Sourced, Value, special


class OnDestroy(str, Enum):
    """What becomes of the live object when its resource leaves the spec."""

    DELETE = "delete"
    DEACTIVATE = "deactivate"
    RETAIN = "retain"


class ReplaceOrder(str, Enum):
    """Whether a replace makes the new object first."""

    CREATE_FIRST = "create_first"
    DELETE_FIRST = "delete_first"


@dataclass(frozen=True)
class Adopt:
    """A live object to take over, by id; with its secret where that is known."""

    id: str
    client_secret: SecretInput | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How a resource may be changed and ended."""

    prevent_destroy: bool = False
    adopt: Adopt | None = None
    ignore: frozenset[str] = frozenset()
    on_destroy: OnDestroy = OnDestroy.DELETE
    replace: ReplaceOrder = ReplaceOrder.CREATE_FIRST

    def ignores(self, path: str) -> bool:
        """Whether an attribute, by its dotted path, is left as it is: itself, or what holds it."""
        return any(path == skip or path.startswith(f"{skip}.") for skip in self.ignore)

    def names(self, live_id: str) -> bool:
        """Whether `adopt:` names that very object."""
        return bool(live_id) and self.adopt is not None and self.adopt.id == live_id


@dataclass(frozen=True)
class Guard:
    """How much may be deleted without approval.

    Attributes:
        max_deletes: number of deletes, or None for no such limit.
        max_delete_percent: of the owned objects, once `floor` or more are owned.
    """

    max_deletes: int | None = None
    max_delete_percent: int = 30
    floor: int = 10


FILES = "files"  # name and type of the provider that stands for the spec's own folder


@dataclass(frozen=True)
class ProviderSpec:
    """One remote system: how to reach it and where its credentials come from.

    Attributes:
        name: the provider's key in the spec.
        type: `databricks`, `connect` or `workbench`; `files` for the spec's own folder.
        address: normalised URL of the host or server, without `/__api__` and trailing slash; "" if unset.
        account_id: of a Databricks account; "" otherwise or if unset.
        settings: the remaining keys of the spec (profile, auth_type, client_id, client_secret, token,
            api_key, ca_certificate): plain values, Sourced or SecretInput.
        at: where it stands.
        places: dotted path of an attribute → where it stands.
        expression, account_expression: the address and the account id as the spec writes them, in terms of
            variables, where it does.
        source, account_source: `env NAME`, where they hold the value of a variable that isn't to be shown.
        kept: its record, where the identity isn't at hand: in a saved plan that is only looked at.
        from_environment: whether `address` came from DATABRICKS_HOST / CONNECT_SERVER.
    """

    name: str
    type: str
    address: str
    account_id: str = ""
    settings: Mapping[str, Value] = field(default_factory=dict)
    at: Location | None = None
    places: Mapping[str, Location] = field(default_factory=dict)
    from_environment: bool = False
    expression: str = ""
    account_expression: str = ""
    source: str = ""
    account_source: str = ""
    kept: str = ""

    @classmethod
    def of_files(cls) -> ProviderSpec:
        """The folder of a spec, for handoffs."""
        return cls(FILES, FILES, "")

    @property
    def identity(self) -> str:
        """Which remote system this is: recorded in the ledger, so that it meets no other."""
        return f"{self.type} account {self.account_id}" if self.account_id else self.address

    @property
    def system(self) -> str:
        """The mark of the identity: equal where the ledger means this very system."""
        return mark_of(self.identity)

    def is_on_record_as(self, record: str) -> bool:
        """Whether a ledger means this very system, in whatever words."""
        return mark_of(record) == self.system

    @property
    def record(self) -> str:
        """The identity as it is written down: not where a variable that isn't to be shown gave it."""
        return self.kept or record_of(self.identity, self._identity_source)

    @property
    def _identity_source(self) -> str:
        return self.account_source or ("" if self.account_id else self.source)

    @property
    def is_private(self) -> bool:
        """Whether the address holds what isn't to be shown."""
        return bool(self.source)

    @property
    def shown(self) -> str:
        """The address for people; not where a variable that isn't to be shown gave it."""
        return self.told(self.address)

    def told(self, address: str) -> str:
        """The same for an address that was settled elsewhere."""
        return f"({self.source})" if self.source else address

    @property
    def shown_identity(self) -> str:
        """The identity for people."""
        return f"{self.type} account {self.account_shown}" if self.account_shown else self.shown

    def told_record(self, record: str) -> str:
        """What is on record of another identity, for people."""
        shown = shown_record(record)
        if shown == f"({self._identity_source})":
            return f"another value of {shown}"
        # an earlier version kept the value itself
        return "another that isn't shown" if shown == record and self._identity_source else shown

    @property
    def account_shown(self) -> str:
        """The account id for people; "" where there is none."""
        return f"({self.account_source})" if self.account_source else self.account_id

    @property
    def lends(self) -> Mapping[str, str]:
        """What a spec may refer to by `${providers.NAME.…}`."""
        if self.type == "databricks":
            return {"url": self.address, "host": self.address, "account_id": self.account_id}
        return {
            "url": self.address,
            "host": urlsplit(self.address).netloc,
            "callback_url": self.callback_url,
        }

    @property
    def callback_url(self) -> str:
        """Where the product receives OAuth answers; exact match matters."""
        path = "/oauth_redirect_callback" if self.type == "workbench" else "/__oauth__/integrations/callback"
        return self.address + path


@dataclass(frozen=True, slots=True)
class Resource:
    """One wanted object.

    Attributes:
        attributes: by the remote API's names, defaults of the spec language filled in; leaves may be Ref,
            Text, Sourced, SecretInput. Attributes that are left out aren't managed.
        named: the spec states the name itself; otherwise the name serves for creating and matching only.
        at: where the resource stands.
        unmet: what is wrong with fields that `lifecycle.ignore` names: it counts only if the object is made.
        refs: every reference in its attributes.
        inputs: every secret in its attributes that the user supplies.
        sourced: every plain value in its attributes that a variable or file gave.
        depends_on: the addresses that it refers to, sorted; a part depends on its parent.
    """

    address: Address
    provider: str
    attributes: Mapping[str, Value]
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    named: bool = True
    at: Location | None = None
    unmet: tuple[Problem, ...] = ()
    refs: tuple[Ref, ...] = field(init=False, repr=False, compare=False)
    inputs: tuple[SecretInput, ...] = field(init=False, repr=False, compare=False)
    sourced: tuple[Sourced, ...] = field(init=False, repr=False, compare=False)
    depends_on: tuple[Address, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # worked out once: whoever plans asks often, and the answer takes a walk through all attributes
        held, parent = special(self.attributes), self.address.parent
        refs = tuple([one for one in held if isinstance(one, Ref)])
        found = {target for ref in refs for target in ref.targets}
        if parent:
            found.add(parent)
        object.__setattr__(self, "refs", refs)
        object.__setattr__(self, "inputs", tuple([one for one in held if isinstance(one, SecretInput)]))
        object.__setattr__(self, "sourced", tuple([one for one in held if isinstance(one, Sourced)]))
        object.__setattr__(self, "depends_on", tuple(sorted(found)))

    @property
    def has_secrets(self) -> bool:
        """Whether any of its attributes is a secret."""
        return bool(self.inputs) or any(ref.is_secret for ref in self.refs)

    @property
    def secret_sources(self) -> list[str]:
        """Where its secrets come from, as written (`${env.X}`, `${oauth_apps.K.client_secret}`); sorted."""
        given = [value.expression for value in self.inputs]
        adopt = self.lifecycle.adopt
        known = [adopt.client_secret.expression] if adopt and adopt.client_secret else []
        return sorted([*given, *known, *(str(ref) for ref in self.refs if ref.is_secret)])


@dataclass(frozen=True)
class Move:
    """A resource whose address changed."""

    source: Address
    target: Address


@dataclass(frozen=True)
class Stack:
    """The resolved spec: all that a plan needs to know of what is wanted.

    Attributes:
        name: the stack's name.
        file: the spec's path as given on the command line.
        kinds: names of kinds that other packages bring.
        heal: kinds whose drift a watch may put right by itself.
        inputs: name → the handoff file that `${inputs.NAME.…}` stands for, relative to the spec.
        recipients: public keys (age, ssh-ed25519) to which copies of generated secrets are sealed; empty
            for no custody.
        policies: rules of its own, from all of its files; they judge its own objects.
        ledger_url: from the spec; None for the default file, "none" for stateless.
        digest: `sha256:…` of the spec as resolved, without environment values in secret fields.
        problems: warnings found while loading.
    """

    name: str
    file: str
    providers: Mapping[str, ProviderSpec]
    resources: Mapping[Address, Resource]
    moved: tuple[Move, ...] = ()
    forget: tuple[Address, ...] = ()
    approve: tuple[Address, ...] = ()
    guard: Guard = Guard()
    kinds: tuple[str, ...] = ()
    heal: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    ledger_url: str | None = None
    policies: tuple[Policy, ...] = ()
    digest: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def remotes(self) -> Mapping[str, ProviderSpec]:
        """The providers that the spec names: all but its own folder."""
        return {name: spec for name, spec in self.providers.items() if spec.type != FILES}
