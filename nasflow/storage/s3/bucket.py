"""What is in a bucket: read, written on conditions, listed."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from urllib3 import BaseHTTPResponse

from nasflow.errors import IntegrityError, StorageError
from nasflow.storage.patience import at_most
from nasflow.storage.s3.address import Address
from nasflow.storage.s3.answers import CONDITION_FAILED, NO_S3
from nasflow.storage.s3.server import Server

PART_BYTES = 16 * 2**20
"""Larger content goes to the server in parts of this size, so that a slow line has time for each."""

CHECKSUM, WRITE = "x-amz-meta-sha256", "x-amz-meta-write"
"""What is kept beside the content: its SHA-256 in hexadecimal, and a name for the write that made it."""

_PAGE = 1000
"""Names that a server lists at a time."""

_UPLOADS = 3
"""How often content is sent in parts that a server forgets before all are there."""


@dataclass(frozen=True)
class Thing:
    """Something in a bucket, with its content.

    Attributes:
        content: The content.
        etag: What the server calls this content, without quotes.
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
        etag: What the server calls its content, without quotes.
    """

    name: str
    size: int
    etag: str


class Bucket:
    """A bucket that is there already. While its server falters, everything waits for as long as the address allows.

    Args:
        address: Where it is.

    Raises:
        StorageError: There are no credentials for it.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._server = Server(address)

    def get(self, name: str) -> Thing | None:
        """Return something with its content, or None where there is none.

        Raises:
            IntegrityError: The content is not what its writer stated.
            StorageError: The bucket cannot be read.
        """
        answer = self._server.ask("GET", name)
        if answer is None:
            return None
        thing = Thing(answer.data, _etag(answer), answer.headers.get(CHECKSUM), answer.headers.get(WRITE))
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
        headers = {"If-Match": f'"{etag}"', "Range": f"bytes={start}-{start + count - 1}"}
        answer = self._server.ask("GET", name, headers=headers)
        if answer is None or answer.status == CONDITION_FAILED or _etag(answer) != etag:
            return None
        if answer.status == 206:
            return answer.data
        return answer.data[start : start + count]  # of the whole, which a server may send instead

    def put(self, name: str, content: bytes) -> None:
        """Write the content, replacing what was there; large content in parts.

        Raises:
            StorageError: The bucket cannot be written.
        """
        if len(content) <= PART_BYTES:
            if not self._put(name, content, {}):
                raise StorageError(f"the S3 server {self.address.server} does not replace '{name}'; is it locked?")
            return
        beside = _beside(content)
        for _ in range(_UPLOADS):
            if self._put_in_parts(name, content, beside) or self._is_of(name, beside[WRITE]):
                return
        raise StorageError(
            f"the S3 server {self.address.server} has forgotten {_UPLOADS} times the parts that it was sent of "
            f"'{name}'; run the same command again."
        )

    def put_where(self, name: str, content: bytes, *, etag: str | None) -> bool:
        """Write the content on a condition; return whether it was written.

        Where the answer to a write is lost, the next attempt may find its condition gone by that write itself. So what
        is there then is looked at: each write has a name of its own, which is kept beside the content, and where that
        is there, the answer is yes. It is no where somebody else has written since, who has replaced this write: to
        its caller that is as if the other had been first, for both read what is there now.

        Args:
            name: Name in the bucket.
            content: All of it.
            etag: What the server calls the content that must be there; None where nothing may be there.

        Raises:
            StorageError: The bucket cannot be written.
        """
        return self._put(name, content, {"If-None-Match": "*"} if etag is None else {"If-Match": f'"{etag}"'})

    def delete(self, name: str) -> None:
        """Remove something; nothing happens where it is not there.

        Raises:
            StorageError: The bucket cannot be written.
        """
        self._server.ask("DELETE", name)

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Yield what has a name that starts with a prefix, in the order of the names' bytes.

        Raises:
            StorageError: The bucket cannot be read.
        """
        query = {"list-type": "2", "prefix": prefix, "delimiter": "", "encoding-type": "url", "max-keys": str(_PAGE)}
        while True:
            answer = self._server.ask("GET", query=query, proof="ListBucketResult")
            page, goes_on = self._page(answer)
            yield from page
            if not goes_on:
                return
            query["start-after"] = page[-1].name

    def _page(self, answer: BaseHTTPResponse | None) -> tuple[list[Listed], bool]:
        try:
            root = ElementTree.fromstring(answer.data if answer else b"")
            read = unquote_plus if root.findtext("{*}EncodingType") == "url" else str
            found = [
                Listed(
                    read(each.findtext("{*}Key", "")),
                    int(each.findtext("{*}Size", "")),
                    each.findtext("{*}ETag", "").strip('"'),
                )
                for each in root.iterfind("{*}Contents")
            ]
            goes_on = root.findtext("{*}IsTruncated") == "true"
        except (ElementTree.ParseError, ValueError):
            found, goes_on = [], True
        if goes_on and not found:
            raise StorageError(f"what the server {self.address.server} lists cannot be read: {NO_S3}.")
        return found, goes_on

    def _put(self, name: str, content: bytes, condition: Mapping[str, str]) -> bool:
        beside = _beside(content)
        md5 = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()  # for buckets with locks
        headers = {**beside, **condition, "Content-MD5": md5}
        answer = self._server.ask("PUT", name, body=content, headers=headers)
        if answer is None or answer.status != CONDITION_FAILED:
            return answer is not None
        return self._is_of(name, beside[WRITE])

    def _put_in_parts(self, name: str, content: bytes, beside: Mapping[str, str]) -> bool:
        """Write large content; return False where the server has forgotten a part of it."""
        begun = self._server.ask("POST", name, headers=beside, query={"uploads": ""}, proof="UploadId")
        upload = {"uploadId": ElementTree.fromstring(begun.data).findtext("{*}UploadId", "") if begun else ""}
        parts = ""
        try:
            for number, start in enumerate(range(0, len(content), PART_BYTES), 1):
                query = upload | {"partNumber": str(number)}
                answer = self._server.ask("PUT", name, body=content[start : start + PART_BYTES], query=query)
                if answer is None:
                    return False
                parts += f'<Part><PartNumber>{number}</PartNumber><ETag>"{_etag(answer)}"</ETag></Part>'
            body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
            done = self._server.ask("POST", name, body=body, query=upload, proof="CompleteMultipartUploadResult")
            return done is not None
        except StorageError:
            with suppress(StorageError), at_most(1.0):
                self._server.ask("DELETE", name, query=upload)
            raise

    def _is_of(self, name: str, write: str) -> bool:
        """Whether something was made by the write of that name, whose answer was lost."""
        there = self.get(name)
        return there is not None and there.write == write


def _beside(content: bytes) -> dict[str, str]:
    return {CHECKSUM: hashlib.sha256(content).hexdigest(), WRITE: secrets.token_hex(8)}


def _etag(answer: BaseHTTPResponse) -> str:
    """Return what the server calls a content; a proxy that packs it may have made that a weak name."""
    return answer.headers.get("etag", "").removeprefix("W/").strip('"')
