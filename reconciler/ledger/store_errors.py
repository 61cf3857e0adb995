"""What an object store's refusal means: whether anything was changed, and what a person can do about it.

The texts of obstore's errors hold addresses, signatures and, with Azure, whole tokens: none of it is passed
on. Only a status, an error code and a region are taken out of them, each in a shape that can hold no secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from reconciler.errors import LedgerError


class StoreFailure(Enum):
    """What is known after a request that wasn't answered with a yes."""

    MOVED = "the condition didn't hold: somebody else wrote, or an earlier attempt of ours did"
    ABSENT = "there is no such object"
    REFUSED = "nothing was changed, and asking again won't help"
    BUSY = "nothing was changed, and asking again may help"
    LOST = "nobody knows whether anything was changed"


@dataclass(frozen=True)
class Vendor:
    """How people know a kind of store."""

    name: str
    credentials: str
    rights: str


VENDORS = {
    "s3": Vendor(
        "S3",
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for temporary ones also AWS_SESSION_TOKEN), or give the"
        " machine a role; profiles aren't read: `aws configure export-credentials --format env` turns one"
        " into variables",
        "s3:GetObject and s3:PutObject on it, and s3:ListBucket on the bucket",
    ),
    "gs": Vendor(
        "Google Cloud Storage",
        "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT_KEY, or give the machine a service account",
        "storage.objects.get, create, delete (to replace it) and list on the bucket",
    ),
    "az": Vendor(
        "Azure Blob Storage",
        "AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, or"
        " AZURE_TENANT_ID with AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; or give the machine an identity",
        "the role Storage Blob Data Contributor on the container",
    ),
}

_STATUS = re.compile(r"status code: ([1-5][0-9]{2})\b")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{1,30})</Region>")
# where credentials are fetched: a failure there says that the request itself was never made
_SIGN_IN = re.compile(
    r"Error performing [A-Z]+ https?://(?:169\.254\.|metadata\.google|sts[.-]|login\.microsoftonline\."
    r"|oauth2\.googleapis\.|accounts\.google\.|iamcredentials\.)"
)
_NO_SIGN_IN = ("credential error", "No such file or directory")
_NEVER_SENT = ("kind: Connect", "BadScheme", "builder error")
_BUCKET_GONE = frozenset({"NoSuchBucket", "NoSuchContainer", "ContainerNotFound", "ContainerBeingDeleted"})
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_BAD_CREDENTIAL = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthenticationFailed"}
)
_ELSEWHERE = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"})
# types of obstore, by name, since obstore is imported only when it is needed
_BY_TYPE = {
    "AlreadyExistsError": StoreFailure.MOVED,
    "PreconditionError": StoreFailure.MOVED,
    "NotFoundError": StoreFailure.ABSENT,
    "FileNotFoundError": StoreFailure.ABSENT,
    "PermissionDeniedError": StoreFailure.REFUSED,
    "UnauthenticatedError": StoreFailure.REFUSED,
    "NotSupportedError": StoreFailure.REFUSED,
    "NotImplementedError": StoreFailure.REFUSED,
    "InvalidPathError": StoreFailure.REFUSED,
    "ValueError": StoreFailure.REFUSED,
    "UnknownConfigurationKeyError": StoreFailure.REFUSED,
}


class StoreError(Exception):
    """A request that wasn't answered with a yes; stays inside this room.

    Attributes:
        outcome: what is known now.
        reason: why, in words.
        hint: what to do about it.
        code: of the LedgerError that this becomes; "" for the usual one.
    """

    def __init__(self, outcome: StoreFailure, reason: str, hint: str = "", code: str = "") -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
        self.hint = hint
        self.code = code

    @property
    def may_pass(self) -> bool:
        """Whether asking again may help."""
        return self.outcome in (StoreFailure.BUSY, StoreFailure.LOST)

    def told(self, where: str, done: str) -> LedgerError:
        """The same in the words of a ledger.

        Args:
            where: the object's place.
            done: read, written, listed.
        """
        code = self.code or ("ledger-write" if done == "written" else "ledger-read")
        return LedgerError(f"{where} can't be {done}: {self.reason}", hint=self.hint, code=code)


def understood(error: Exception, scheme: str) -> StoreError:
    """What an error of obstore means.

    Args:
        error: what one of its functions raised.
        scheme: s3, gs or az.
    """
    # the first part is for people; what follows is a dump of structures
    text = str(error)
    status = int(found[1]) if (found := _STATUS.search(text)) else 0
    code = found[1] if (found := _CODE.search(text)) else ""
    if _SIGN_IN.search(text) or any(word in text for word in _NO_SIGN_IN):
        return _sign_in(scheme, status)
    known = _by_code(code, status, text, scheme)
    if known is not None:
        return known
    outcome = _BY_TYPE.get(type(error).__name__) or _by_status(status, text)
    return StoreError(outcome, _reason(status, code, text), _advice(outcome))


def _sign_in(scheme: str, status: int) -> StoreError:
    vendor = VENDORS[scheme]
    passing = status >= 500
    return StoreError(
        StoreFailure.BUSY if passing else StoreFailure.REFUSED,
        f"no credentials for {vendor.name} could be had",
        f"set {vendor.credentials}",
        "ledger-credential",
    )


def _by_code(code: str, status: int, text: str, scheme: str) -> StoreError | None:
    """What the store itself says about it, where that is known."""
    vendor = VENDORS[scheme]
    if code in _BUCKET_GONE:
        hint = "make it, or correct the URL under `ledger:`"
        return StoreError(StoreFailure.REFUSED, f"there is no such {_bucket(scheme)} ({code})", hint)
    if code in _SKEWED:
        hint = "set this machine's clock, then run it again"
        return StoreError(
            StoreFailure.REFUSED, f"this machine's clock and the store's are too far apart ({code})", hint
        )
    if code in _BAD_CREDENTIAL or status == 401:
        hint = f"look at this machine's clock, and set {vendor.credentials}"
        why = f"{vendor.name} doesn't accept the credentials ({code or status})"
        return StoreError(StoreFailure.REFUSED, why, hint, "ledger-credential")
    if code in _ELSEWHERE or "BareRedirect" in text:
        region = f"={found[1]}" if (found := _REGION.search(text)) else " to it"
        return StoreError(StoreFailure.REFUSED, "the bucket is in another region", f"set AWS_REGION{region}")
    if status == 403:
        hint = f"this identity needs {vendor.rights}"
        return StoreError(
            StoreFailure.REFUSED, f"{vendor.name} refuses it ({code or 403})", hint, "ledger-credential"
        )
    if status == 501 or code == "NotImplemented":
        return unsafe(StoreFailure.REFUSED)
    return None


def unsafe(outcome: StoreFailure = StoreFailure.REFUSED) -> StoreError:
    """The refusal to work on a store without compare-and-swap."""
    return StoreError(
        outcome,
        "the store has no conditional writes (If-Match, If-None-Match), and without them two runs could"
        " overwrite each other's ledger",
        "use a newer version of that store, or another one",
        "ledger-unsafe",
    )


def _by_status(status: int, text: str) -> StoreFailure:
    if status == 429 or any(word in text for word in _NEVER_SENT):
        return StoreFailure.BUSY
    return StoreFailure.REFUSED if 400 <= status < 500 and status != 408 else StoreFailure.LOST


def _reason(status: int, code: str, text: str) -> str:
    if status:
        return f"the store answered {status}{f' ({code})' if code else ''}"
    if "invalid peer certificate" in text:
        return "the store's certificate isn't trusted"
    if any(word in text for word in _NEVER_SENT):
        return "the store can't be reached"
    return "the store's answer never came" if "HTTP error" in text else "the store's answer makes no sense"


def _advice(outcome: StoreFailure) -> str:
    if outcome is StoreFailure.REFUSED:
        return "correct what is said under `ledger:`, or the store's settings"
    return "look after the network and the store, then run it again"


def _bucket(scheme: str) -> str:
    return "container" if scheme == "az" else "bucket"
