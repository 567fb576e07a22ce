"""Signed requests to the server of a bucket, sent again while it falters."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlunsplit

import tenacity
from minio.helpers import BaseURL, DictType, check_bucket_name
from minio.signer import sign_v4_s3
from minio.time import to_amz_date, utcnow
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from nasflow.errors import StorageError
from nasflow.storage.patience import allowed
from nasflow.storage.s3.address import EXAMPLE, Address
from nasflow.storage.s3.answers import NO_S3, failure, is_there
from nasflow.storage.s3.credentials import FalteringError, Identity, identity_for
from nasflow.storage.s3.pacing import PacedPool

ATTEMPT_SECONDS = 60.0
"""For one attempt, where the patience is longer: another connection may have more luck."""

_LEAST_SECONDS = 0.1
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Server:
    """The server of a bucket.

    Each request is signed in its headers (AWS signature 4), with credentials that are read anew, so that neither they
    nor what is kept beside a content are in an address, which proxies and logs have.

    Args:
        address: The bucket.

    Raises:
        StorageError: There are no credentials for it.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        try:
            check_bucket_name(address.bucket, s3_check=address.is_amazon)
            self._urls = BaseURL(address.server, address.region)
        except ValueError as error:
            raise StorageError(f"the s3:// URL cannot be used: {error}; write it as in '{EXAMPLE}'.") from None
        self._urls.virtual_style_flag = address.virtual
        self._link = self._linked()

    def ask(
        self,
        method: str,
        name: str | None = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] = _NOTHING,
        query: Mapping[str, str] = _NOTHING,
        proof: str = "",
    ) -> BaseHTTPResponse | None:
        """Send a request that may be done twice, again and again while the server falters.

        Args:
            method: HTTP method.
            name: Name in the bucket; None for the bucket itself.
            body: Content.
            headers: Headers beside those of the signature.
            query: Parameters.
            proof: What an S3 server that has succeeded has in its answer; for PUT that is an ETag.

        Returns:
            The answer, of success or 412 where a condition is not met; None where nothing has that name.

        Raises:
            StorageError: It refuses, or falters for longer than the address and the context allow.
        """
        seconds = allowed(self.address.patience)
        ends = time.monotonic() + seconds
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(FalteringError),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_before_delay(seconds),
            reraise=True,
        )

        def attempt() -> BaseHTTPResponse | None:
            left = min(max(ends - time.monotonic(), _LEAST_SECONDS), ATTEMPT_SECONDS)
            answer = self._sent(method, name, left, body=body, headers={**headers}, query={**query})
            if not is_there(self.address, answer):
                return None
            proved = "etag" in answer.headers if method == "PUT" else proof.encode() in answer.data
            if answer.status < 300 and not proved:  # S3 may begin with status 200 and then say that it failed
                raise FalteringError(NO_S3)
            return answer

        try:
            return again(attempt)
        except FalteringError as error:
            raise StorageError(
                f"the S3 server {self.address.server} could not be used for {seconds:g} seconds ({error}); "
                "nothing that was stored is lost: run the same command again when it is back."
            ) from None

    def _sent(
        self,
        method: str,
        name: str | None,
        seconds: float,
        *,
        body: bytes,
        headers: DictType,
        query: DictType,
    ) -> BaseHTTPResponse:
        ends = time.monotonic() + seconds
        pool, identity = self._connections
        credentials = identity.credentials(seconds)
        region, date, checksum = self.address.region, utcnow(), hashlib.sha256(body).hexdigest()
        url = self._urls.build(
            method=method, region=region, bucket_name=self.address.bucket, object_name=name, query_params=query
        )
        headers |= {"Host": url.netloc, "x-amz-date": to_amz_date(date), "x-amz-content-sha256": checksum}
        if credentials.session_token:
            headers["x-amz-security-token"] = credentials.session_token
        sign_v4_s3(
            method=method,
            url=url,
            region=region,
            headers=headers,
            credentials=credentials,
            content_sha256=checksum,
            date=date,
        )
        left = max(ends - time.monotonic(), _LEAST_SECONDS)
        try:
            return pool.urlopen(
                method,
                urlunsplit(url),
                redirect=False,
                body=body,
                headers=headers,
                timeout=left,
                decode_content=False,  # what somebody packed is listed with its packed size
            )
        except HTTPError as error:
            raise failure(self.address, error) from None

    @property
    def _connections(self) -> tuple[PacedPool, Identity]:
        """A forked process gets its own: two at one socket would read each other's answers."""
        if self._link[0] != os.getpid():
            self._link = self._linked()
        return self._link[1:]

    def _linked(self) -> tuple[int, PacedPool, Identity]:
        return os.getpid(), PacedPool(self.address.authorities), identity_for(self.address)
