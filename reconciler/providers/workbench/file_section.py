"""Sections of Workbench's configuration files: each names a workspace, and an app's client id and secret."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from reconciler.errors import ConflictError, InvalidRequestError, NotFoundError, ReconcileError
from reconciler.kinds import Attributes, Complaint, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Address, Live, ProviderSpec, Sourced, Stack
from reconciler.providers.workbench._config_dir import ConfigDir
from reconciler.providers.workbench._ini import Ini
from reconciler.secrets import SENSITIVE, Secret

SECRET: Final = "client-secret"  # noqa: S105 - the name of a key
KEYS: Final = ("name", "url", "client-id", SECRET)  # in the order in which they are written
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.conf")
_OPEN_URL = re.compile(r"http://", re.IGNORECASE)
_URL = re.compile(r"https://[^/\s]+/?", re.IGNORECASE)


class WorkbenchFiles(Kind[ConfigDir]):
    """Sections by `FILE#SECTION`; the rest of a file is somebody else's."""

    name = "workbench_files"
    noun = "section of a Workbench file"
    provider_type = "workbench"
    evidence = Evidence.CONTENT
    receives = True
    keeps_old = "7d"
    elsewhere = "workbench-elsewhere"
    is_referable = False
    takes_up = "restart Workbench, so that it reads its configuration again"
    fields = Fields(
        name="section",
        identity=frozenset({"section"}),
        immutable=frozenset({"file", "section"}),
        urls=frozenset({"values.url"}),
        complete=frozenset({"values"}),
        modes=frozenset({"mode"}),
        computed=frozenset({"id"}),
        defaults={"mode": "0600"},
        shows_referred="values.client-id",
        holds="values.client-secret",
    )

    def connect(self, spec: ProviderSpec, environment: Mapping[str, str], stack: Stack | None) -> ConfigDir:
        """The folder that the provider names."""
        folder = spec.settings.get("config_dir")
        text = folder.value if isinstance(folder, Sourced) else folder
        return ConfigDir(spec.name, spec.address, str(text or ""))

    def settled(self, attributes: Attributes, folder: Path) -> Attributes:
        """The section with its file, by which it is told from one of another file."""
        file, section = attributes.get("file"), attributes.get("section")
        if isinstance(file, str) and isinstance(section, str) and "#" not in section:
            return {**attributes, "section": f"{file}#{section}"}
        return attributes

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """A file that isn't one of the folder's, and values that INI can't hold."""
        file, values = attributes.get("file"), attributes.get("values")
        if isinstance(file, str) and not _FILE.fullmatch(file):
            message = f"{file!r} isn't the name of a configuration file"
            hint = "write the name alone, ending in .conf; where it lies says config_dir of the provider"
            yield Complaint("workbench-file", message, ("file",), hint)
        for key, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, str) and (words := _unfit(value)):
                yield Complaint("workbench-value", f"{key} {words}", ("values", key), _PLAIN)
        url = values.get("url") if isinstance(values, Mapping) else None
        if isinstance(url, str) and _OPEN_URL.match(url):
            message = "url is plain http, which shows credentials to the network"
            yield Complaint("insecure-url", message, ("values", "url"), "use https")
        elif isinstance(url, str) and not _unfit(url) and not _URL.fullmatch(url):
            message = "url isn't the address of a workspace"
            hint = "write it like https://my-workspace.cloud.databricks.com"
            yield Complaint("workbench-value", message, ("values", "url"), hint)

    def clashes(self, resources: Mapping[Address, Attributes]) -> Iterator[tuple[Address, Complaint]]:
        """Two for one section, and two modes for one file."""
        sections: dict[Any, Address] = {}
        modes: dict[str, tuple[Address, Any]] = {}
        for address, attributes in resources.items():
            section, file, mode = (attributes.get(key) for key in ("section", "file", "mode"))
            other = sections.setdefault(section, address) if isinstance(section, str) else address
            if other != address:
                message = f"{address} and {other} are to be the same section"
                yield address, Complaint("workbench-file", message, ("section",), "give each its own")
            first, known = modes.setdefault(str(file), (address, mode))
            if known != mode:
                message = f"{address} and {first} give the file {file} two modes"
                yield address, Complaint("workbench-file", message, ("mode",), "give both the same")

    def observe(self, api: ConfigDir, scope: Scope) -> Sequence[Live]:
        """The sections of the files that the spec names; a file that can't be read is a trouble."""
        if api.is_elsewhere:
            return []
        found: list[Live] = []
        for file in sorted({name.partition("#")[0] for name in scope.named if _FILE.match(name)}):
            try:
                content = api.content(file)
            except ReconcileError as error:
                words = f"{error.message}; {error.hint}" if error.hint else error.message
                for name in scope.named:
                    if name.startswith(f"{file}#"):
                        api.troubles[f"section {name}"] = words
                continue
            ini, mode = content if content else (Ini(), "")
            found.extend(_live(file, section, ini, mode) for section in ini.sections)
        return found

    def read(self, api: ConfigDir, live_id: str, parent: str = "") -> Live | None:
        """One section."""
        file, section = _place(live_id)
        if api.is_elsewhere:
            return None
        ini, mode = api.content(file) or (Ini(), "")
        return _live(file, section, ini, mode) if section in ini.sections else None

    def create(self, api: ConfigDir, attributes: Attributes, parent: str = "") -> Created:
        """Writes a new section; never into one that is there."""
        file, section = _place(str(attributes["section"]))
        settings = _settings(attributes.get("values") or {})

        def made(ini: Ini) -> Ini:
            if section in ini.sections:
                raise ConflictError(
                    f"the file {file} has a section {section} already", provider=api.provider, path=file
                )
            return ini.with_section(section, settings)

        self._write(api, file, made, attributes.get("mode"))
        return Created(self._seen(api, f"{file}#{section}"))

    def update(self, api: ConfigDir, live_id: str, attributes: Attributes, parent: str = "") -> Live | None:
        """Writes the given settings; those that are None are taken out."""
        file, section = _place(live_id)
        settings = _settings(attributes.get("values") or {})

        def changed(ini: Ini) -> Ini:
            if section not in ini.sections:
                raise NotFoundError(f"the section {live_id} is gone", provider=api.provider, path=file)
            return ini.with_section(section, settings)

        self._write(api, file, changed, attributes.get("mode"))
        return self._seen(api, live_id)

    def delete(self, api: ConfigDir, live_id: str, parent: str = "") -> None:
        """Takes a section out; the file stays, also an empty one."""
        file, section = _place(live_id)
        if self.read(api, live_id) is not None:
            self._write(api, file, lambda ini: ini.without_section(section), None)

    def held(self, api: ConfigDir, live_id: str) -> Secret | None:
        """The secret that a section holds."""
        file, section = _place(live_id)
        ini, _ = api.content(file) or (Ini(), "")
        value = ini.section(section).get(SECRET, "")
        return Secret(value) if value else None

    @staticmethod
    def _write(api: ConfigDir, file: str, edit: Any, mode: str | None) -> None:
        if api.is_elsewhere:
            raise NotFoundError(
                f"the folder {api.folder} isn't on this machine", provider=api.provider, path=file
            )
        api.change(file, edit, mode)

    def _seen(self, api: ConfigDir, live_id: str) -> Live:
        found = self.read(api, live_id)
        if found is None:
            raise NotFoundError(f"the section {live_id} is gone", provider=api.provider, path=live_id)
        return found


_PLAIN: Final = "how Workbench reads such a value isn't known: use another"


def _unfit(value: str) -> str:
    """What INI can't hold of a value; "" if it can hold it."""
    if value != value.strip() or not value:
        return "is empty, or begins or ends with a blank"
    if any(sign in value for sign in "#;") or not value.isprintable():
        return "has a line break, a control character, a # or a ;"
    return ""


def _settings(values: Mapping[str, Any]) -> dict[str, str | None]:
    """What is written, in the order of the keys.

    Raises:
        InvalidRequestError: a value that only an apply knows can't be held.
    """
    found: dict[str, str | None] = {}
    for key in KEYS:
        if key not in values:
            continue
        value = values[key]
        text = value.reveal() if isinstance(value, Secret) else value
        if text is not None and (words := _unfit(str(text))):
            raise InvalidRequestError(f"values.{key} {words}", hint=_PLAIN)
        found[key] = None if text is None else str(text)
    return found


def _place(live_id: str) -> tuple[str, str]:
    """File and section.

    Raises:
        NotFoundError: it is no id of one.
    """
    file, _, section = live_id.partition("#")
    if not section or not _FILE.fullmatch(file):
        raise NotFoundError(f"{live_id!r} isn't FILE#SECTION", path=live_id)
    return file, section


def _live(file: str, section: str, ini: Ini, mode: str) -> Live:
    settings, live_id = ini.section(section), f"{file}#{section}"
    shown = {key: SENSITIVE if key == SECRET else settings[key] for key in KEYS if key in settings}
    told = "\0".join(f"{key}={settings[key]}" for key in KEYS if key in settings)
    # a mark that a change by hand shows in; salted with the place
    mark = hashlib.blake2b(told.encode("utf-8", "surrogateescape"), key=_salt(live_id), digest_size=16)
    return Live(
        id=live_id,
        name=live_id,
        attributes={"file": file, "section": live_id, "values": shown, "mode": mode},
        computed={"id": live_id},
        updated_at=f"blake2b:{mark.hexdigest()}",
    )


def _salt(live_id: str) -> bytes:
    return hashlib.blake2b(live_id.encode(), digest_size=32).digest()


KIND = WorkbenchFiles()
