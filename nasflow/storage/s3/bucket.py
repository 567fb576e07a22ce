"""Requests to a bucket, tried again while its server falters, and failures as sentences."""

from __future__ import annotations

import hashlib
import io
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TypeVar
from xml.etree.ElementTree import ParseError

import tenacity
import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.helpers import check_bucket_name
from urllib3.exceptions import HTTPError, SSLError

from nasflow.errors import IntegrityError, StorageError
from nasflow.storage.patience import allowed
from nasflow.storage.s3.address import EXAMPLE, Address
from nasflow.storage.s3.credentials import HINT, provider_for

T = TypeVar("T")

PART_BYTES = 64 * 2**20
"""Larger content goes to the server in parts of this size."""

CHECKSUM, WRITE = "x-amz-meta-sha256", "x-amz-meta-write"
"""What is kept beside the content: its SHA-256 in hexadecimal, and a name for the write that made it."""

_CONNECT_SECONDS, _READ_SECONDS = 5.0, 60.0
_SIGNED_FOR = timedelta(minutes=30)
_CONDITION_FAILED = 412
_NO_S3 = "it does not answer as an S3 server does"
_PAGE = 1000
"""Names that a server lists at a time."""

_FALTERING = frozenset({429, 500, 502, 503, 504})
_FALTERING_CODES = frozenset(
    {
        "SlowDown",
        "RequestTimeout",
        "ConditionalRequestConflict",
        "OperationAborted",
        "XMinioServerNotInitialized",
        "NoSuchUpload",
    }
)
_REFUSED = {
    "AccessDenied": "its credentials may not do that (they need to get, put, delete and list objects in it)",
    "InvalidAccessKeyId": f"it does not know the access key; {HINT}",
    "SignatureDoesNotMatch": f"the secret key is not that of the access key; {HINT}",
    "ExpiredToken": "the session token has expired; renew it",
    "InvalidToken": "the session token is not valid; renew it",
    "RequestTimeTooSkewed": "this machine's clock differs from the server's by too much; set it",
    "NoSuchBucket": "it does not exist; make it first, or correct the URL",
    "XMinioStorageFull": "the server's disks are full; free some space and run the same command again",
    "QuotaExceeded": "its quota is used up; free some space and run the same command again",
    "AuthorizationHeaderMalformed": "it is in another region; name it as region in the URL, or in AWS_REGION",
    "AuthorizationQueryParametersError": "it is in another region; name it as region in the URL, or in AWS_REGION",
    "PermanentRedirect": "it is in another region; name it as region in the URL, or in AWS_REGION",
    "NotImplemented": "the server lacks something that a store needs",
}
"""What to say of an answer that trying again does not change, by S3's error code."""


class FalteringError(Exception):
    """The server did not answer, or asked to be tried again later; the text says what it did."""


@dataclass(frozen=True)
class Thing:
    """Something in a bucket, with its content.

    Attributes:
        content: The content.
        etag: What the server calls this content, in quotes.
        checksum: SHA-256 of the content as its writer stated it; None where the writer was not nasflow.
        write: Name of the write that made it.
    """

    content: bytes
    etag: str
    checksum: str | None
    write: str | None


@dataclass(frozen=True)
class Listed:
    """Something in a bucket, as it is listed.

    Attributes:
        name: Its name in the bucket.
        size: Bytes.
        etag: What the server calls its content.
    """

    name: str
    size: int
    etag: str


class Bucket:
    """A bucket that is there already.

    Args:
        address: Where it is.

    Raises:
        StorageError: There are no credentials for it.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
            retries=False,
            maxsize=8,
            cert_reqs="CERT_REQUIRED",
            ca_certs=address.authorities,
        )
        credentials = provider_for(address, self._http)
        try:
            self._client = Minio(
                address.host,
                secure=address.secure,
                region=address.region,
                credentials=credentials,
                http_client=self._http,
            )
            check_bucket_name(address.bucket, s3_check=address.is_amazon)
        except ValueError as error:
            raise StorageError(f"the s3:// URL cannot be used: {error}; write it as in '{EXAMPLE}'.") from None
        if address.virtual:
            self._client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]

    def get(self, name: str) -> Thing | None:
        """Return something with its content, or None where there is none.

        Raises:
            IntegrityError: The content is not what its writer stated.
            StorageError: The bucket cannot be read.
        """
        answer = self._patiently(lambda: self._sent("GET", name))
        if answer is None:
            return None
        thing = Thing(
            answer.data, answer.headers.get("etag", ""), answer.headers.get(CHECKSUM), answer.headers.get(WRITE)
        )
        if thing.checksum is not None and hashlib.sha256(thing.content).hexdigest() != thing.checksum:
            raise IntegrityError(
                f"the stored object '{name}' of bucket '{self.address.bucket}' was cut or altered "
                f"({len(thing.content)} bytes); restore it from a backup, or delete it and run the same command again."
            )
        return thing

    def read(self, name: str, etag: str, start: int, count: int) -> bytes | None:
        """Return a part of something that is still what it was when it was listed, or None where it is not.

        Args:
            name: Name in the bucket.
            etag: What the server called its content then.
            start: Byte at which the part starts, before the end.
            count: Bytes of the part, at least one; fewer come where the end is nearer.

        Raises:
            StorageError: The bucket cannot be read.
        """
        headers = {"If-Match": etag, "Range": f"bytes={start}-{start + count - 1}"}
        answer = self._patiently(lambda: self._sent("GET", name, headers=headers))
        return None if answer is None or answer.status == _CONDITION_FAILED else answer.data

    def put(self, name: str, content: bytes) -> None:
        """Write the content, replacing what was there; large content in parts.

        Raises:
            StorageError: The bucket cannot be written.
        """
        if len(content) <= PART_BYTES:
            if not self._put(name, content, {}):
                raise self._failure(_CONDITION_FAILED, "")
            return
        beside = {"sha256": hashlib.sha256(content).hexdigest(), "write": secrets.token_hex(8)}
        place, size = self.address.bucket, len(content)

        def in_parts() -> None:
            stream = io.BytesIO(content)
            made = self._client.put_object(place, name, stream, size, metadata=dict(beside), part_size=PART_BYTES)
            if not made.etag:  # S3 may begin with status 200 and then say that it failed
                raise FalteringError(_NO_S3)

        self._patiently(in_parts)

    def put_where(self, name: str, content: bytes, *, etag: str | None) -> bool:
        """Write the content on a condition; return whether it was written.

        Args:
            name: Name in the bucket.
            content: All of it.
            etag: What the server calls the content that must be there; None where nothing may be there.

        Raises:
            StorageError: The bucket cannot be written.
        """
        return self._put(name, content, {"If-None-Match": "*"} if etag is None else {"If-Match": etag})

    def delete(self, name: str) -> None:
        """Remove something; nothing happens where it is not there.

        Raises:
            StorageError: The bucket cannot be written.
        """
        self._patiently(lambda: self._sent("DELETE", name))

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Yield what has a name that starts with a prefix, in the order of the names' bytes.

        Raises:
            StorageError: The bucket cannot be read.
        """
        after: str | None = None
        while True:
            page = self._patiently(lambda after=after: self._page(prefix, after))  # type: ignore[misc]
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].name

    def _page(self, prefix: str, after: str | None) -> list[Listed]:
        found = self._client.list_objects(self.address.bucket, prefix, recursive=True, start_after=after)
        return [Listed(each.object_name or "", each.size or 0, each.etag or "") for each in islice(found, _PAGE)]

    def _put(self, name: str, content: bytes, condition: Mapping[str, str]) -> bool:
        """Write content in one request; where its answer is lost, find out afterwards whether it was done."""
        write = secrets.token_hex(8)
        headers = {"Content-MD5": b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()}
        beside = {CHECKSUM: hashlib.sha256(content).hexdigest(), WRITE: write}
        tries: list[None] = []

        def attempt() -> bool:
            tries.append(None)
            answer = self._sent("PUT", name, content, headers | dict(condition), beside)
            return answer is not None and answer.status != _CONDITION_FAILED

        written = self._patiently(attempt)
        if written or len(tries) == 1:
            return written
        there = self.get(name)
        return there is not None and there.write == write

    def _sent(
        self,
        method: str,
        name: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse | None:
        """Send one request; return its answer, or None where nothing has that name.

        What is kept beside the content goes into the signed query, as S3 has it for signed URLs.
        """
        url = self._client.get_presigned_url(
            method, self.address.bucket, name, _SIGNED_FOR, extra_query_params=dict(beside or {})
        )
        answer = self._http.request(method, url, body=body, headers=dict(headers or {}), redirect=False)
        if answer.status < 300 and method == "PUT" and "etag" not in answer.headers:
            raise FalteringError(_NO_S3)
        if answer.status < 300 or answer.status == _CONDITION_FAILED:
            return answer
        found = re.search(rb"<Code>(\w+)</Code>", answer.data)
        code = found[1].decode() if found else ""
        if answer.status == 404 and code in ("NoSuchKey", "NoSuchVersion"):
            return None
        if answer.status == 404 and not code:  # of what stands before the server, as while it starts
            raise FalteringError(_NO_S3)
        raise self._failure(answer.status, code)

    def _failure(self, status: int, code: str) -> Exception:
        """Return what an answer of the server means, as an exception."""
        answers = f"{status} {code}".strip()
        if code in _FALTERING_CODES or (status in _FALTERING and code not in _REFUSED):
            return FalteringError(f"it answers {answers}")
        why = _REFUSED.get(code, f"the server answers {answers}")
        if status in (401, 403) and code not in _REFUSED:
            why = _REFUSED["AccessDenied"]
        return StorageError(f"the bucket '{self.address.bucket}' of {self.address.server} cannot be used: {why}.")

    def _patiently(self, action: Callable[[], T]) -> T:
        """Do something that may be done twice, again and again while the server falters.

        Raises:
            StorageError: It refuses, or falters for longer than the address allows.
        """
        seconds = allowed(self.address.patience)
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(FalteringError),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_before_delay(seconds),
            reraise=True,
        )
        try:
            return again(lambda: self._once(action))
        except FalteringError as error:
            raise StorageError(
                f"the S3 server {self.address.server} could not be used for {seconds:g} seconds ({error}); "
                "nothing that was stored is lost: run the same command again when it is back."
            ) from None

    def _once(self, action: Callable[[], T]) -> T:
        """Do it once; failures of the libraries below become `FalteringError` or a sentence."""
        try:
            return action()
        except SSLError:
            raise StorageError(
                f"the certificate of {self.address.server} is not trusted; name the file of its authority's "
                "certificate as ca in the URL, or in AWS_CA_BUNDLE."
            ) from None
        except HTTPError as error:
            raise FalteringError(_told(error)) from None
        except S3Error as error:
            raise self._failure(error.response.status, error.code or "") from None
        except ServerError as error:
            raise self._failure(error.status_code, "") from None
        except InvalidResponseError as error:
            status = re.search(r"Response code: (\d+)", str(error))
            raise self._failure(int(status[1]) if status else 500, "") from None
        except (MinioException, ParseError, ValueError):  # what it answers is not what S3 answers
            raise FalteringError(_NO_S3) from None


def _told(error: HTTPError) -> str:
    """Say what a connection's failure was, without the signed address that its own text holds."""
    names = [kind.__name__ for kind in type(error).__mro__]
    if "NameResolutionError" in names:
        return "its name is not known"
    if "NewConnectionError" in names:
        return "nothing answers there"
    return "it did not answer in time" if "TimeoutError" in names else "the connection broke"
