"""Notes in a vault: title, text, labels, and a token that nobody can read back."""

from __future__ import annotations

from contextlib import contextmanager

from acme_vault.vault import SERVERS, Vault
from reconciler.clients import Client
from reconciler.conformance import Place
from reconciler.errors import NotFoundError, UnreachableError
from reconciler.kinds import Created, Evidence, Fields, Kind
from reconciler.model import Live

PROVIDER = {
    "properties": {"url": {"description": "The vault's address.", "type": "string"}},
    "required": ["url"],
    "additionalProperties": False,
}
NOTE = {
    "title": "Note",
    "description": "A note in a vault.",
    "x-section": "Notes, by key.",
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {
        "provider": {"type": "string"},
        "title": {"description": "Its title. Default: the key.", "type": "string", "minLength": 1},
        "text": {"description": "What it says.", "type": "string"},
        "labels": {"description": "Words.", "type": "array", "items": {"type": "string"}},
        "token": {
            "description": "Opens it: a reference.",
            "type": "string",
            "pattern": "^\\$\\{[^{}]+\\}$",
            "writeOnly": True,
        },
        "lifecycle": {"$ref": "shared.schema.json#/$defs/lifecycle"},
    },
    "examples": [
        {"title": "Greeting", "text": "hello", "token": "${env.ACME_TOKEN}"},
        {"title": "Greeting", "text": "hello", "labels": ["old", "kind"], "token": "${env.ACME_TOKEN}"},
        {"title": "Farewell", "text": "goodbye", "labels": [], "token": "${env.ACME_TOKEN}"},
    ],
}


class VaultClient(Client):
    """One vault."""

    def vault(self):
        found = SERVERS[self.address]
        if found.is_down:
            raise UnreachableError(f"{self.address} can't be reached", provider=self.provider)
        return found


class VaultNotes(Kind):
    name = "vault_notes"
    noun = "note"
    provider_type = "acme-vault"
    evidence = Evidence.CONTENT
    fields = Fields(
        name="title",
        identity=frozenset({"title", "text"}),
        unordered=frozenset({"labels"}),
        computed=frozenset({"id"}),
    )
    provider_schema = PROVIDER
    schema = NOTE

    def connect(self, spec, environment, stack):
        return VaultClient(spec.name, spec.address)

    def observe(self, api, scope):
        return [self.shown(live_id, note) for live_id, note in sorted(api.vault().notes.items())]

    def read(self, api, live_id, parent=""):
        note = api.vault().notes.get(live_id)
        return None if note is None else self.shown(live_id, note)

    def create(self, api, attributes, parent=""):
        api.pass_gate()
        vault = api.vault()
        live_id = f"note-{next(vault.ids)}"
        vault.notes[live_id] = self.kept(attributes)
        return Created(self.shown(live_id, vault.notes[live_id]))

    def update(self, api, live_id, attributes, parent=""):
        api.pass_gate()
        if live_id not in api.vault().notes:
            raise NotFoundError(f"there is no note {live_id}", provider=api.provider)
        api.vault().notes[live_id].update(self.kept(attributes))

    def delete(self, api, live_id, parent=""):
        api.pass_gate()
        api.vault().notes.pop(live_id, None)

    def kept(self, attributes):
        """What the server keeps; of a token only that there is one."""
        return {k: "set" if k == "token" else v for k, v in attributes.items()}

    def shown(self, live_id, note):
        attributes = {k: v for k, v in note.items() if k != "token"}
        return Live(live_id, note["title"], attributes, {"id": live_id})


KIND = VaultNotes()


@contextmanager
def sandbox(folder):
    """A vault to practise on."""
    url = f"https://{folder.parent.name.strip('_').lower().replace('_', '-')}.vault.example"
    vault = SERVERS[url] = Vault()

    def break_off():
        vault.is_down = True

    try:
        yield Place({"vault": {"type": "acme-vault", "url": url}}, break_off=break_off)
    finally:
        del SERVERS[url]
