"""What every part of the sandbox shares: the knobs, the clock, and the lag of the moment."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any

from reconciler.sandbox.credentials import ACCOUNT_ID, CLIENT_ID

_VERSION = re.compile(r"\d{4}\.\d{2}\.\d+([-+].*)?\Z")

_SWITCH = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
_TAKES: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True)
class Knobs:
    """Behaviour that can be changed at run time, through `/_sandbox/knobs` too."""

    # lists
    page_size: int = 100
    shuffle: bool = False  # lists, and lists that mean sets, in another order each time
    list_lag: int = 0  # new objects are missing and deleted ones still shown for so many reads
    # the server as a whole
    latency_ms: int = 0
    time_shift: float = 0.0  # seconds added to the server's clock
    token_lifetime: int = 3600  # seconds
    realistic: bool = False  # unknown paths answer 200 HTML, as the account console does
    echo_defaults: bool = True  # the defaults of an integration's template show up in GET
    # Databricks
    account_id: str = ACCOUNT_ID
    operator: str = CLIENT_ID  # by this name the sandbox's own client signs in, and shows as a creator
    fill_policies: bool = False  # GET shows a token_access_policy with all that the server assumes
    numbers_as_text: bool = False  # created_by, principal_id, service_principal_id come as strings
    members_in_lists: bool = False  # a list of groups shows their members, as it did once
    strict_members: bool = False  # adding a member twice is 409, removing a stranger is 404
    all_policies: bool = False  # the account's federation policies are listed with the principals'
    dangling_grants: bool = False  # who is deleted stays in rule sets, and makes a PUT fail
    azure: bool = False  # applicationId may be sent
    unique_app_names: bool = False  # a second app of the same name is refused
    merge_policy: bool = False  # sub-fields left out of token_access_policy are kept, not reset
    unfederated: str = ""  # workspace ids, comma-separated, without permission assignment
    # Connect
    connect_version: str = "2026.06.1"
    lacks: str = ""  # comma-separated: permissions, counts, associations, templates, verify
    drop_gone_people: bool = False  # who is deleted vanishes from access lists: some open again
    hide_version: bool = False
    licensed: bool = True
    frozen_locator: bool = False  # PATCH of workspace_host and its like is refused (code 229)
    allow_unknown_config: bool = False
    replace_config: bool = False  # PATCH replaces config instead of merging it
    incomplete_config: bool = False  # and what a PATCH leaves of it may lack required keys
    coarse_times: bool = False  # updated_time may stay the same within one second

    @classmethod
    def parsed(cls, lines: Iterable[str]) -> dict[str, Any]:
        """Knobs from lines such as `page_size=10` or `shuffle=true`, for `changed`.

        Raises:
            ValueError: there is no such knob, or it takes something else.
        """
        types: dict[str, type] = {knob.name: type(knob.default) for knob in fields(cls)}
        found: dict[str, Any] = {}
        for line in lines:
            name, equals, text = line.partition("=")
            if not equals or name not in types:
                raise ValueError(f"knob {line!r}: it is NAME=VALUE, with one of {', '.join(types)}")
            try:
                found[name] = _SWITCH[text.lower()] if types[name] is bool else types[name](text)
            except (KeyError, ValueError):
                raise ValueError(f"knob {name} takes {_TAKES[types[name]]}, not {text!r}") from None
        return found

    def changed(self, wanted: Mapping[str, Any]) -> Knobs:
        """These knobs with some of them changed.

        Raises:
            ValueError: a name that isn't a knob, or a value of another type.
        """
        known = {knob.name: getattr(self, knob.name) for knob in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"no knob is called {name!r}; there are {', '.join(known)}")
            if not _same_type(known[name], value):
                raise ValueError(f"{name} takes {type(known[name]).__name__}, not {value!r}")
        knobs = replace(self, **wanted)
        if not 1 <= knobs.page_size <= 10_000 or min(knobs.list_lag, knobs.latency_ms) < 0:
            raise ValueError("page_size is 1 to 10000; list_lag and latency_ms are not negative")
        if not _VERSION.match(knobs.connect_version):
            raise ValueError(f"connect_version is such as 2026.06.1, not {knobs.connect_version!r}")
        return knobs


def _same_type(old: object, new: object) -> bool:
    if isinstance(old, bool) or isinstance(new, bool):
        return isinstance(old, bool) and isinstance(new, bool)
    return isinstance(new, (int, float) if isinstance(old, float) else type(old))


@dataclass
class World:
    """The clock and the knobs, with what a fault changes for the length of one request."""

    knobs: Knobs = field(default_factory=Knobs)
    clock: Callable[[], float] = time.time
    lag: int = 0
    shuffled: bool = False
    # of other accounts, whether they accept a client with a secret of this hash
    accounts: tuple[Callable[[str, str], bool], ...] = ()

    def now(self) -> float:
        """The server's time, in seconds since 1970."""
        return self.clock() + self.knobs.time_shift

    @contextmanager
    def unlagged(self) -> Iterator[None]:
        """For what was always there: lists show it at once."""
        lag, self.lag = self.lag, 0
        try:
            yield
        finally:
            self.lag = lag

    def settle(self, *, lag: int | None = None, shuffled: bool | None = None) -> None:
        """Set lag and order for the request that comes next; None means as the knobs say."""
        self.lag = self.knobs.list_lag if lag is None else lag
        self.shuffled = self.knobs.shuffle if shuffled is None else shuffled


def millis(moment: float) -> str:
    """A time as Databricks writes it: UTC with milliseconds."""
    moment = round(moment, 3)
    stamp = datetime.fromtimestamp(int(moment), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{round(moment % 1 * 1000) % 1000:03d}Z"


def seconds(moment: float) -> str:
    """A time as Connect writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(int(moment), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
