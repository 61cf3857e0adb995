"""A stateful stand-in for the Databricks account API and the Posit Connect API, in one process.

Written from docs/facts/, with nothing of the client that it tests. `Sandbox.handle` takes a
request and gives an answer; `SandboxServer` and `serve` put it on a port, `mount` behind the
`responses` library. Paths that contain `/__api__` belong to Connect, and whatever stands before it
names one of any number of Connect servers; all other paths belong to the Databricks account.

`load` puts a whole `Estate` in at once.

What can go wrong on purpose stands in `faults`, what can be set in `world.Knobs`, and how to look
inside in `control`.
"""

from reconciler.sandbox.core import Sandbox
from reconciler.sandbox.credentials import (
    ACCOUNT_ID,
    ADMINISTRATOR_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    OTHER_CLIENT_ID,
    OTHER_CLIENT_SECRET,
    PUBLISHER_KEY,
    TOKEN,
    TOKEN_USERNAME,
    VIEWER_KEY,
    environment,
)
from reconciler.sandbox.estate import AccountEstate, Estate, ServerEstate, load
from reconciler.sandbox.messages import Answer, Request
from reconciler.sandbox.mounting import mount
from reconciler.sandbox.server import SandboxServer
from reconciler.sandbox.serving import serve
from reconciler.sandbox.world import Knobs

__all__ = [
    "ACCOUNT_ID",
    "ADMINISTRATOR_KEY",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "OTHER_CLIENT_ID",
    "OTHER_CLIENT_SECRET",
    "PUBLISHER_KEY",
    "TOKEN",
    "TOKEN_USERNAME",
    "VIEWER_KEY",
    "AccountEstate",
    "Answer",
    "Estate",
    "Knobs",
    "Request",
    "Sandbox",
    "SandboxServer",
    "ServerEstate",
    "environment",
    "load",
    "mount",
    "serve",
]
