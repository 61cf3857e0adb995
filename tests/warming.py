"""What every process would do first, done once: imported where the processes are forked from."""

import gc
import importlib
import io
import os
import pkgutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import reconciler.cli
from reconciler.cli.command_line import parser
from reconciler.cli.main import main
from reconciler.providers import KINDS, _retries
from reconciler.specs import schemas_of

LIBRARIES = [
    "configparser",
    "deepdiff",
    "encodings.ascii",
    "encodings.idna",
    "jsonschema",
    "requests",
    "yaml",
]
ROOMS = [
    "providers.connect._api",
    "providers.databricks._api",
    "providers.databricks._sign_in",
    "rendering.html",
    "sandbox",
]

for library in LIBRARIES:
    importlib.import_module(library)
for command in pkgutil.iter_modules(reconciler.cli.__path__, "reconciler.cli."):
    importlib.import_module(command.name)
for room in ROOMS:
    importlib.import_module(f"reconciler.{room}")

SPECS = Path(__file__).parents[1] / "specs"
with redirect_stdout(io.StringIO()) as said, redirect_stderr(said):
    for spec in SPECS.glob("*.yaml"):
        main(["validate", str(spec)])
_schemas = schemas_of(KINDS)
for name in (*_schemas.files, "import"):
    if name != "shared":
        _schemas.acceptor(name)
for command in ("plan", "apply", "destroy"):
    parser().parse_args([command, "spec.yaml"])
os.fsync = lambda descriptor: None  # processes are killed here, but nobody cuts the power
_retries.FIRST_WAIT = 0.01  # seconds; how long the waits really are is told in tests/providers
gc.freeze()
