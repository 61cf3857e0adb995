"""The one door to object stores: a bucket by its URL, opened with what the environment says, by obstore."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.errors import LedgerError
from reconciler.ledger.store_errors import VENDORS, StoreError, StoreFailure, understood

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

SCHEMES = frozenset(VENDORS)
TIMEOUT = timedelta(seconds=8)  # of one request; the lease leaves room for two of them in a row
CONNECT_TIMEOUT = timedelta(seconds=4)
PAUSES = (0.25, 0.75, 1.5, 3.0)  # seconds between attempts
PATIENCE = 8.0  # seconds after which no further attempt begins

_URL = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,221})/(?P<key>[^\x00-\x20\x7f?#\\]*)"
)
_FOLDER_STEPS = frozenset({"", ".", ".."})
_ENDPOINTS = ("aws_endpoint_url_s3", "aws_endpoint_url", "aws_endpoint")
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})

Answer = TypeVar("Answer")

# the stores' own names; what isn't among them is no setting of a store
_SETTINGS = {
    "s3": (
        "AWS_",
        "ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN TOKEN REGION DEFAULT_REGION ENDPOINT ENDPOINT_URL"
        " ENDPOINT_URL_S3 ENDPOINT_URL_STS ALLOW_HTTP CONDITIONAL_PUT CONTAINER_CREDENTIALS_RELATIVE_URI"
        " CONTAINER_CREDENTIALS_FULL_URI CONTAINER_AUTHORIZATION_TOKEN_FILE IMDSV1_FALLBACK METADATA_ENDPOINT"
        " REQUEST_PAYER ROLE_ARN ROLE_SESSION_NAME S3_EXPRESS SERVER_SIDE_ENCRYPTION SKIP_SIGNATURE"
        " SSE_BUCKET_KEY_ENABLED SSE_CUSTOMER_KEY_BASE64 SSE_KMS_KEY_ID UNSIGNED_PAYLOAD"
        " VIRTUAL_HOSTED_STYLE_REQUEST WEB_IDENTITY_TOKEN_FILE CHECKSUM_ALGORITHM",
    ),
    "gs": (
        "GOOGLE_",
        "SERVICE_ACCOUNT SERVICE_ACCOUNT_PATH SERVICE_ACCOUNT_KEY APPLICATION_CREDENTIALS SKIP_SIGNATURE"
        " BASE_URL ALLOW_HTTP",
    ),
    "az": (
        "AZURE_",
        "STORAGE_ACCOUNT_NAME STORAGE_ACCOUNT_KEY STORAGE_ACCESS_KEY STORAGE_MASTER_KEY STORAGE_CLIENT_ID"
        " CLIENT_ID STORAGE_CLIENT_SECRET CLIENT_SECRET STORAGE_TENANT_ID TENANT_ID STORAGE_AUTHORITY_ID"
        " AUTHORITY_ID AUTHORITY_HOST STORAGE_AUTHORITY_HOST STORAGE_SAS_KEY STORAGE_SAS_TOKEN STORAGE_TOKEN"
        " STORAGE_USE_EMULATOR STORAGE_ENDPOINT ENDPOINT MSI_ENDPOINT IDENTITY_ENDPOINT OBJECT_ID"
        " MSI_RESOURCE_ID FEDERATED_TOKEN_FILE USE_AZURE_CLI SKIP_SIGNATURE USE_FABRIC_ENDPOINT ALLOW_HTTP",
    ),
}

# one setting under several names: the first that is set counts, the store's own and most particular one
_SAME = (
    "AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL AWS_ENDPOINT",
    "AWS_SESSION_TOKEN AWS_TOKEN",
    "AWS_REGION AWS_DEFAULT_REGION",
    "GOOGLE_SERVICE_ACCOUNT GOOGLE_SERVICE_ACCOUNT_PATH",
    "AZURE_STORAGE_ACCOUNT_KEY AZURE_STORAGE_ACCESS_KEY AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_CLIENT_ID AZURE_CLIENT_ID",
    "AZURE_STORAGE_CLIENT_SECRET AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_TENANT_ID AZURE_STORAGE_AUTHORITY_ID AZURE_TENANT_ID AZURE_AUTHORITY_ID",
    "AZURE_STORAGE_AUTHORITY_HOST AZURE_AUTHORITY_HOST",
    "AZURE_STORAGE_SAS_KEY AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_ENDPOINT AZURE_ENDPOINT",
    "AZURE_IDENTITY_ENDPOINT AZURE_MSI_ENDPOINT",
)


def place_of(url: str, stack: str) -> tuple[str, str, str]:
    """The scheme, bucket and key that a ledger's URL names.

    Args:
        url: `s3://bucket/key`; one that ends in `/` is a folder that holds `<stack>.json`.

    Raises:
        LedgerError: `ledger-url`. The URL isn't repeated: people put tokens there that don't belong.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise LedgerError(
            "the ledger's URL isn't the address of an object",
            hint="write s3://bucket/folder/ (gs://, az://), with a `/` at the end; credentials come from the"
            " environment",
            code="ledger-url",
        )
    key = found["key"]
    key = f"{key}{stack}.json" if not key or key.endswith("/") else key
    if not _FOLDER_STEPS.isdisjoint(key.split("/")):
        raise LedgerError(
            "the ledger's URL has an empty step, `.` or `..` in it", hint="leave it out", code="ledger-url"
        )
    return found["scheme"], found["bucket"], key


class Bucket:
    """A bucket or container whose objects are replaced by compare-and-swap.

    Args:
        scheme: s3, gs or az.
        name: the bucket's or container's.
        environment: holds its credentials and its endpoint; what isn't there is taken from the process.

    Raises:
        LedgerError: obstore isn't installed, or the settings don't make sense.
    """

    def __init__(self, scheme: str, name: str, environment: Mapping[str, str]) -> None:
        self.scheme = scheme
        self.url = f"{scheme}://{name}"
        self._obstore = _obstore(scheme)
        config = _config(scheme, environment)
        _check_endpoint(config)
        try:
            self._store = _store(scheme, name, config)
        except Exception as error:  # noqa: BLE001 - of many types, and none of them may show what is in it
            raise _unusable(scheme, config, error) from None

    def get(self, key: str) -> tuple[bytes, str] | None:
        """An object's content and version; None if there is none.

        Raises:
            LedgerError: it can't be read.
        """

        def read() -> tuple[bytes, str]:
            result = self._obstore.get(self._store, key)
            return bytes(result.bytes()), self._version(result.meta)

        try:
            return self._patiently(read)
        except StoreError as error:
            if error.outcome is StoreFailure.ABSENT:
                return None
            raise error.told(f"{self.url}/{key}", "read") from None

    def has(self, key: str) -> bool:
        """Whether there is such an object; no where that can't be told."""
        try:
            self._patiently(lambda: self._obstore.head(self._store, key))
        except StoreError:
            return False
        return True

    def list(self, folder: str) -> Mapping[str, int]:
        """The objects directly in a folder ("" for the bucket itself): key → size.

        Raises:
            LedgerError: it can't be listed.
        """
        try:
            found = self._patiently(lambda: self._obstore.list_with_delimiter(self._store, folder or None))
        except StoreError as error:
            raise error.told(f"{self.url}/{folder}", "listed") from None
        return {row["path"]: row["size"] for row in found["objects"]}

    def put(self, key: str, content: bytes, expected: str) -> str:
        """Replaces an object if its version is still the expected one ("": if there is none); one attempt.

        Returns:
            The new version.

        Raises:
            StoreError: it wasn't answered with a yes.
        """
        return self._put(key, content, {self._mark: expected} if expected else "create")

    def overwrite(self, key: str, content: bytes) -> None:
        """Replaces an object, whatever it is; one attempt.

        Raises:
            StoreError: it wasn't answered with a yes.
        """
        self._put(key, content, "overwrite")

    def _put(self, key: str, content: bytes, mode: Any) -> str:
        # never in parts: only a single request is conditional everywhere
        return self._version(
            self._asked(lambda: self._obstore.put(self._store, key, content, mode=mode, use_multipart=False))
        )

    @property
    def _mark(self) -> str:
        """By what the store's conditions go: Google compares generations, the others ETags."""
        return "version" if self.scheme == "gs" else "e_tag"

    def _version(self, meta: Any) -> str:
        version = meta[self._mark]
        if not version:
            raise StoreError(StoreFailure.LOST, "the store's answer lacks the object's version")
        return str(version)

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """Asks for what changes nothing, again if need be."""
        end = time.monotonic() + PATIENCE
        for pause in PAUSES:
            try:
                return self._asked(ask)
            except StoreError as error:
                if not error.may_pass or time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
        return self._asked(ask)

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - its types are many, and all of them are judged in one place
            raise understood(error, self.scheme) from None


def _obstore(scheme: str) -> Any:
    """The library, imported only here: who keeps ledgers in files needn't have it."""
    try:
        import obstore
    except ImportError:
        raise LedgerError(
            f"a ledger at {scheme}:// needs a library that isn't installed",
            hint="pip install 'reconcile-connect[object-store]'",
            code="ledger-url",
        ) from None
    return obstore


def _store(scheme: str, name: str, config: Mapping[str, str]) -> S3Store | GCSStore | AzureStore:
    from obstore import store as stores

    kinds: dict[str, Any] = {"s3": stores.S3Store, "gs": stores.GCSStore, "az": stores.AzureStore}
    made: S3Store | GCSStore | AzureStore = kinds[scheme](
        name,
        config=dict(config),
        client_options={
            "timeout": TIMEOUT,
            "connect_timeout": CONNECT_TIMEOUT,
            "allow_http": _allows_http(config),
        },
        # a repeated conditional write can't tell its own first attempt from somebody else's: see objects.py
        retry_config={"max_retries": 0, "retry_timeout": TIMEOUT},
    )
    return made


def _config(scheme: str, environment: Mapping[str, str]) -> dict[str, str]:
    prefix, names = _SETTINGS[scheme]
    given = {prefix + name: environment.get(prefix + name, "").strip() for name in names.split()}
    found = {name: value for name, value in given.items() if value}
    for same in _SAME:
        for name in [name for name in same.split() if name in found][1:]:
            del found[name]
    return {name.lower(): value for name, value in found.items()}


def _allows_http(config: Mapping[str, str]) -> bool:
    return any(name.endswith("_allow_http") and value.lower() in _TRUE for name, value in config.items())


def _check_endpoint(config: Mapping[str, str]) -> None:
    plain = [name.upper() for name in _ENDPOINTS if config.get(name, "").startswith("http://")]
    if plain and not _allows_http(config):
        raise LedgerError(
            f"{plain[0]} is a plain http:// address: others could read and change the ledger on its way",
            hint="use https://, or set AWS_ALLOW_HTTP=true if that is meant",
            code="ledger-url",
        )


def _unusable(scheme: str, config: Mapping[str, str], error: Exception) -> LedgerError:
    vendor = VENDORS[scheme]
    used = ", ".join(sorted(name.upper() for name in config)) or "nothing"
    detail = " (no account is named)" if "Account must be specified" in str(error) else ""
    return LedgerError(
        f"{vendor.name} can't be used with the settings in the environment{detail}; found: {used}",
        hint=f"set {vendor.credentials}",
        code="ledger-credential",
    )
