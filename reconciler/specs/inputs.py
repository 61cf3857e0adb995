"""What reaches a spec from outside: variables of the command line, the environment, files beside the spec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from reconciler.errors import Location, Problem, Severity
from reconciler.model import SecretInput, Sourced, Value
from reconciler.secrets import Secret, sounds_secret
from reconciler.secrets.file_access import is_within_checkout
from reconciler.secrets.given_values import give
from reconciler.specs.places import Place, unknown
from reconciler.specs.problems import Problems
from reconciler.specs.references import Reference
from reconciler.specs.reserved_variables import fits_provider, is_credential
from reconciler.specs.yaml_nodes import Node, Scalar
from reconciler.specs.yaml_scalars import understood

MAX_FILE: Final = 1024 * 1024
ADDRESS_FIELDS: Final = ("host", "account_id", "url")
# the tool's own addresses are no secret; any other variable keeps its value to itself
OPEN_VARIABLES: Final = ("DATABRICKS_HOST", "CONNECT_SERVER", "DATABRICKS_ACCOUNT_ID")


def is_utf8(text: str) -> bool:
    """Whether a text from outside can be sent and kept: whatever isn't UTF-8 arrives as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _UnusableError(Exception):
    """A file or variable that can't be used; said in the problems already."""


@dataclass(frozen=True)
class Inputs:
    """The outside world as one run sees it.

    Attributes:
        variables: of `--var`.
        environment: of the process.
        folder: the spec's own folder; files must lie below it.
        strict: whether what is unset or missing is an error, and not only a warning.
    """

    variables: Mapping[str, str]
    environment: Mapping[str, str]
    folder: Path
    strict: bool
    problems: Problems

    def absent(self, code: str, message: str, at: Location, *, address: str = "", hint: str = "") -> None:
        """Says that something is missing: an error for a run, a warning for `validate`."""
        self._say(code, message, at, address, hint, is_error=self.strict)

    def _lacking(self, code: str, message: str, place: Place, hint: str, *, is_error: bool) -> Exception:
        """The same of a place; where the field is ignored, it matters only if the object has to be made."""
        if place.is_ignored:
            severity = Severity.ERROR if is_error else Severity.WARNING
            self.problems.defer(Problem(severity, code, message, place.address, place.at, hint))
        elif not place.may_wait:
            self._say(code, message, place.at, place.address, hint, is_error=is_error and self.strict)
        return _UnusableError()

    def _say(self, code: str, message: str, at: Location, address: str, hint: str, *, is_error: bool) -> None:
        say = self.problems.error if is_error else self.problems.warning
        say(code, message, at, address=address, hint=hint)

    def overriding(self, name: str, declared: Node, at: Location) -> Value:
        """The value of `--var`: text, or a number or truth value where the spec declares one."""
        given = self.variables[name]
        if not isinstance(declared, Scalar):
            message = f"the variable {name} is a list or mapping, and --var gives only text"
            self.problems.error("var", message, at, hint="declare text, or change the list in the spec")
            return unknown("")
        if not isinstance(declared.value, (bool, int, float)):
            return given
        value = understood(given)
        wanted = bool if isinstance(declared.value, bool) else (int, float)
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            form = "true or false" if wanted is bool else "a number"
            self.problems.error("var", f"the variable {name} must be {form}", at, hint="change --var")
            return unknown("")
        return value

    def plain(self, reference: Reference, place: Place) -> Sourced:
        """The value of a variable or file for a field that isn't secret."""
        try:
            value = self._read(reference, place, is_secret=False)
        except _UnusableError:
            return unknown(reference.text)
        source = f"{reference.root} {reference.rest}"
        if value != reference.default and reference.rest not in OPEN_VARIABLES:
            give(value, f"({source})")
        return Sourced(source, value, self._expression(reference, place))

    def secret(self, reference: Reference, place: Place) -> SecretInput:
        """The value of a variable or file for a secret field."""
        source = f"{reference.root} {reference.rest}"
        try:
            value = self._read(reference, place, is_secret=True)
        except _UnusableError:
            return SecretInput(source, reference.text)
        return SecretInput(source, self._expression(reference, place), Secret(value))

    def _expression(self, reference: Reference, place: Place) -> str:
        """A reference as a saved plan needs it: paths relative to the spec's folder, whoever imports what."""
        if reference.root != "file":
            return reference.text
        path = (Path(place.at.file).parent / reference.rest).resolve()
        relative = os.path.relpath(path, self.folder.resolve())
        return f"${{file.{Path(relative).as_posix()}}}"

    def _read(self, reference: Reference, place: Place, *, is_secret: bool) -> str:
        if reference.root == "file":
            return self._file(reference.rest, place)
        name = reference.rest
        self._refuse_credentials(name, place, is_secret=is_secret)
        # an unset secret of a CI system arrives as empty text
        value = self.environment.get(name, "") or reference.default
        if value and is_utf8(value):
            return value
        if value:
            message, hint = f"the environment variable {name} isn't text in UTF-8", "export it in UTF-8"
            self.problems.error("value", message, place.at, address=place.address, hint=hint)
            raise _UnusableError
        message = f"the environment variable {name} isn't set"
        hint = f"export {name}" + ("" if is_secret else f", or write ${{env.{name}:-default}}")
        raise self._lacking("env-unset", message, place, hint, is_error=not is_secret)

    def _refuse_credentials(self, name: str, place: Place, *, is_secret: bool) -> None:
        field = str(place.path[0]) if place.path else ""
        if place.section == "providers":
            refused = is_credential(name, self.environment) and not fits_provider(
                name, place.provider_type, field, is_secret=is_secret
            )
            refused = refused or (field in ADDRESS_FIELDS and sounds_secret(name))
        else:
            shown = place.section in ("ledger", "stack", "guard")
            refused = is_credential(name, self.environment) or (shown and sounds_secret(name))
        if refused:
            message = f"{name} holds a credential of the tool itself and can't be used in {place.label}"
            if not is_credential(name, self.environment):
                message = f"{name} seems to hold a secret, and {place.label} is shown"
            hint = "such variables are for the credentials under providers:; use another variable"
            self.problems.error("credential-reference", message, place.at, address=place.address, hint=hint)
            raise _UnusableError

    def _file(self, name: str, place: Place) -> str:
        path = self._inside(name, place)
        try:
            if not path.is_file():
                raise self._lacking("file-missing", f"there is no file {name}", place, _PATHS, is_error=True)
            if path.stat().st_size > MAX_FILE:
                self._bad_file(f"the file {name} is larger than 1 MiB", place)
            value = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self._bad_file(f"the file {name} can't be read as text", place)
        if not value:
            raise self._lacking("file-missing", f"the file {name} is empty", place, _PATHS, is_error=True)
        return value

    def _inside(self, name: str, place: Place) -> Path:
        """The file meant, which must lie within the checkout, wherever links lead."""
        try:
            folder = self.folder.resolve()
            path = (Path(place.at.file).parent / name).resolve()
        except (OSError, ValueError, RuntimeError):
            self._bad_file(f"{name!r} is no path", place)
        if Path(name).is_absolute() or not is_within_checkout(folder, path):
            message = f"the file {name} lies outside of the checkout"
            hint = "a spec may only read files of its own checkout"
            self.problems.error("file-outside", message, place.at, address=place.address, hint=hint)
            raise _UnusableError
        return path

    def _bad_file(self, message: str, place: Place) -> NoReturn:
        self.problems.error("file-unreadable", message, place.at, address=place.address, hint=_PATHS)
        raise _UnusableError


_PATHS: Final = "paths are relative to the file that names them"
