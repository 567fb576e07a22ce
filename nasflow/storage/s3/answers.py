"""What the answers of a bucket's server mean, and what its silence does."""

from __future__ import annotations

import re
from ssl import SSLEOFError, SSLZeroReturnError

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, SSLError

from nasflow.errors import StorageError
from nasflow.storage.s3.address import Address
from nasflow.storage.s3.credentials import HINT, FalteringError, told

CONDITION_FAILED = 412

NO_S3 = "it does not answer as an S3 server does"

_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload"})
_FALTERING = frozenset({429, 500, 502, 503, 504})
_FALTERING_CODES = frozenset(
    {"SlowDown", "RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "XMinioServerNotInitialized"}
)
_REGION = "it is in another region; name it as region in the URL, or in AWS_REGION"
_REFUSED = {
    "AccessDenied": "its credentials may not do that (they need to get, put, delete and list objects in it)",
    "InvalidAccessKeyId": f"it does not know the access key; {HINT}",
    "SignatureDoesNotMatch": f"the secret key is not that of the access key; {HINT}",
    "ExpiredToken": "the session token has expired; renew it",
    "InvalidToken": "the session token is not valid; renew it",
    "InvalidTokenId": "the session token is not valid; renew it",
    "RequestTimeTooSkewed": "this machine's clock differs from the server's by too much; set it",
    "NoSuchBucket": "it does not exist; make it first, or correct the URL",
    "XMinioStorageFull": "the server's disks are full; free some space and run the same command again",
    "QuotaExceeded": "its quota is used up; free some space and run the same command again",
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "NotImplemented": "the server lacks something that a store needs",
}
"""What to say of an answer that trying again does not change, by S3's error code."""


def is_there(address: Address, answer: BaseHTTPResponse) -> bool:
    """Whether a server has done what it was asked for, or a condition is not met; False where nothing has the name.

    Args:
        address: The bucket.
        answer: What the server says.

    Raises:
        FalteringError: It may succeed when it is asked again.
        StorageError: It will not.
    """
    if answer.status < 300 or answer.status == CONDITION_FAILED:
        return True
    found = re.search(rb"<Code>(\w+)</Code>", answer.data)
    code = found[1].decode() if found else ""
    if answer.status == 404 and code in _ABSENT:
        return False
    if answer.status == 404 and not code:  # of what stands before the server, as while it starts
        raise FalteringError(NO_S3)
    said = f"{answer.status} {code}".strip()
    if code in _FALTERING_CODES or (answer.status in _FALTERING and code not in _REFUSED):
        raise FalteringError(f"it answers {said}")
    why = _REFUSED.get(code, f"the server answers {said}")
    if answer.status in (401, 403) and code not in _REFUSED:
        why = _REFUSED["AccessDenied"]
    raise StorageError(f"the bucket '{address.bucket}' of {address.server} cannot be used: {why}.")


def failure(address: Address, error: HTTPError) -> Exception:
    """Return what it means that a server gave no answer: a `FalteringError`, or a `StorageError` where it lasts.

    Args:
        address: The bucket.
        error: What the connection says.
    """
    if isinstance(error, SSLError) and not isinstance(error.args[0], (SSLEOFError, SSLZeroReturnError)):
        return StorageError(
            f"the certificate of {address.server} is not trusted; name the file of its authority's certificate as ca "
            "in the URL, or in AWS_CA_BUNDLE."
        )
    return FalteringError(told(error))
