from __future__ import annotations

import ssl

import pytest
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError, SSLError

from nasflow.errors import StorageError
from nasflow.storage.s3.address import parse
from nasflow.storage.s3.answers import failure, is_there
from nasflow.storage.s3.credentials import FalteringError

ADDRESS = parse("s3://bucket/p?endpoint=http://minio:9000", {})


def answer(status: int, code: str = "", body: str = "<html/>") -> HTTPResponse:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>" if code else body
    return HTTPResponse(text.encode(), status=status)


@pytest.mark.parametrize("status", [200, 204, 206, 412])
def test_what_counts(status: int) -> None:
    assert is_there(ADDRESS, answer(status))


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion", "NoSuchUpload"])
def test_what_is_not_there(code: str) -> None:
    assert not is_there(ADDRESS, answer(404, code))


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (503, "SlowDown", "it answers 503 SlowDown"),
        (400, "RequestTimeout", "it answers 400 RequestTimeout"),
        (409, "ConditionalRequestConflict", "it answers 409"),
        (429, "", "it answers 429"),
        (500, "InternalError", "it answers 500 InternalError"),
        (404, "", "it does not answer as an S3 server does"),
    ],
)
def test_what_passes(status: int, code: str, words: str) -> None:
    with pytest.raises(FalteringError, match=words):
        is_there(ADDRESS, answer(status, code))


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", "may not do that"),
        (403, "", "may not do that"),
        (401, "Whatever", "may not do that"),
        (403, "InvalidAccessKeyId", "does not know the access key; set AWS_ACCESS_KEY_ID"),
        (403, "RequestTimeTooSkewed", "clock differs"),
        (400, "ExpiredToken", "has expired"),
        (404, "NoSuchBucket", "does not exist; make it first"),
        (301, "PermanentRedirect", "name it as region in the URL"),
        (400, "AuthorizationHeaderMalformed", "name it as region in the URL"),
        (507, "XMinioStorageFull", "disks are full"),
        (501, "NotImplemented", "lacks something"),
        (418, "Odd", "the server answers 418 Odd"),
        (302, "", "the server answers 302"),
    ],
)
def test_what_stays_is_one_sentence(status: int, code: str, words: str) -> None:
    with pytest.raises(StorageError, match=words) as caught:
        is_there(ADDRESS, answer(status, code, "<html>some\npage</html>"))
    assert str(caught.value).startswith("the bucket 'bucket' of http://minio:9000 cannot be used: ")
    assert str(caught.value).count("\n") == 0


def test_certificates_stay_and_broken_connections_pass() -> None:
    told = failure(ADDRESS, SSLError(ssl.SSLCertVerificationError("self-signed")))
    assert isinstance(told, StorageError)
    assert "the certificate of http://minio:9000 is not trusted; name the file" in str(told)
    for passing in (SSLError(ssl.SSLEOFError("EOF")), ProtocolError("Connection aborted.", ConnectionResetError())):
        told = failure(ADDRESS, passing)
        assert isinstance(told, FalteringError)
        assert str(told) == "the connection broke"
    assert str(failure(ADDRESS, ProtocolError("Connection aborted.", TimeoutError()))) == "it did not answer in time"
