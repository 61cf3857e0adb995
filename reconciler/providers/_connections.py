"""Connections to remote systems: kept open, and used again by whichever thread asks next."""

from __future__ import annotations

import platform
import threading
from collections.abc import Hashable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from reconciler import __version__
from reconciler.providers._deadlines import DeadlineAdapter
from reconciler.providers._pace import USUAL, Pace
from reconciler.providers._throttle import Flow
from reconciler.providers._wires import Wire, WireAdapter
from reconciler.secrets import Secret

USER_AGENT = f"reconcile/{__version__} python/{platform.python_version()}"


class Credentials(AuthBase):
    """Puts the credential into the request; being an `auth`, it also keeps ~/.netrc out of it."""

    def __init__(self, headers: Mapping[str, Secret]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for name, secret in self._headers.items():
            if not (secret.reveal().isascii() and secret.reveal().isprintable()):
                # Found later, it would end up, readable, in a ValueError of http.client.
                raise requests.exceptions.InvalidHeader
            request.headers[name] = secret.reveal()
        return request


class _Session(requests.Session):
    """Leaves redirects to `Client`, and looks for a proxy once per address."""

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[Hashable, Mapping[str, Any]] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """The way to an address, and whom to trust there: to find it takes all of the environment, twice."""
        system = (urlsplit(url)[:2], stream, verify, cert)
        found = self._settings.get(system)
        if found is None:
            found = super().merge_environment_settings(url, proxies, stream, verify, cert)
            self._settings[system] = found
        return dict(found)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: requests prepares the next request even if it isn't to follow, and fails on odd addresses."""
        return None


class Connections:
    """A session per thread over connections that all threads share.

    Args:
        pace: how fast may be asked over them; as many of them stay open as requests may be in flight.
        narrow: what a path contains → requests in flight on such paths.
        wire: answers in the place of the network; None for the network.
    """

    def __init__(
        self, pace: Pace = USUAL, wire: Wire | None = None, *, narrow: Mapping[str, int] | None = None
    ) -> None:
        self.pace = pace
        self.flow = Flow(pace, narrow)
        # No retry below the client's own loop: urllib3 knows neither the lease nor what is safe to repeat.
        self._adapter: HTTPAdapter = (
            WireAdapter(wire)
            if wire
            else DeadlineAdapter(pool_maxsize=pace.parallelism, max_retries=urllib3.Retry(0, read=False))
        )
        self._local = threading.local()

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request, on a connection that is alive as far as anybody can tell."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _Session()
            session.headers["User-Agent"] = USER_AGENT
            session.headers["Accept"] = "application/json"
            for scheme in ("https://", "http://"):
                session.mount(scheme, self._adapter)
        return session.request(method, url, **options)

    def close(self) -> None:
        """Ends those that are idle."""
        self._adapter.close()
