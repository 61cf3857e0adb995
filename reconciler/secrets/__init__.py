"""Secrets: opaque values, marks that tell them apart, a tripwire for what is emitted, and sealing with age.

pyrage is imported when something is sealed or opened, and not before.
"""

from reconciler.secrets.fingerprints import Fingerprint
from reconciler.secrets.guarded_stream import Guarded
from reconciler.secrets.identities import KEY_FILE_VARIABLE, KEY_VARIABLE, Identities
from reconciler.secrets.leak_register import LeakError, checked, tripwire
from reconciler.secrets.recipients import Recipients, recipients_mark
from reconciler.secrets.sealing import seal, seal_bytes, unseal, unseal_bytes
from reconciler.secrets.secret import SENSITIVE, Secret
from reconciler.secrets.secret_names import sounds_secret, without_secrets

__all__ = [
    "KEY_FILE_VARIABLE",
    "KEY_VARIABLE",
    "SENSITIVE",
    "Fingerprint",
    "Guarded",
    "Identities",
    "LeakError",
    "Recipients",
    "Secret",
    "checked",
    "recipients_mark",
    "seal",
    "seal_bytes",
    "sounds_secret",
    "tripwire",
    "unseal",
    "unseal_bytes",
    "without_secrets",
]
