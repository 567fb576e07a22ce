from __future__ import annotations

import re
from pathlib import Path

import pytest

from nasflow.errors import StorageError
from nasflow.storage.s3.address import DEFAULT_PATIENCE, parse


def test_all_that_a_url_can_say(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    address = parse(
        f"s3://bucket/some/prefix/?endpoint=http://minio.here:9000&region=eu-1&style=virtual&ca={tmp_path}/ca.pem"
        "&patience=7",
        {"AWS_ENDPOINT_URL": "http://elsewhere", "AWS_REGION": "other", "AWS_CA_BUNDLE": "/no/such"},
    )
    assert (address.bucket, address.prefix, address.host) == ("bucket", "some/prefix", "minio.here:9000")
    assert (address.secure, address.region, address.virtual) == (False, "eu-1", True)
    assert (address.authorities, address.patience) == (f"{tmp_path}/ca.pem", 7.0)
    assert address.server == "http://minio.here:9000"
    assert address.named("a/b") == "some/prefix/a/b"
    assert not address.is_amazon


def test_what_it_does_not_say_comes_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    environment = {
        "AWS_ENDPOINT_URL": "http://general:1",
        "AWS_ENDPOINT_URL_S3": "https://special:2/",
        "AWS_DEFAULT_REGION": "default-1",
        "AWS_CA_BUNDLE": str(tmp_path / "ca.pem"),
    }
    address = parse("s3://bucket", environment)
    assert (address.server, address.region, address.virtual) == ("https://special:2", "default-1", False)
    assert address.authorities == str(tmp_path / "ca.pem")
    assert (address.prefix, address.named("key")) == ("", "key")
    assert parse("s3://bucket", environment | {"AWS_REGION": "nearer-1"}).region == "nearer-1"


def test_by_default_it_is_amazon() -> None:
    address = parse("s3://bucket/p", {"AWS_REGION": "eu-central-1"})
    assert address.server == "https://s3.eu-central-1.amazonaws.com"
    assert address.virtual
    assert address.is_amazon
    assert address.patience == DEFAULT_PATIENCE
    assert parse("s3://bucket/p", {}).region == "us-east-1"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("s3://Bucket/p", "names no bucket: 3 to 63 small letters"),
        ("s3://ab", "names no bucket"),
        ("s3://bucket/p#x", "names no bucket"),
        ("s3://bucket/../other", "the prefix '../other'"),
        ("s3://bucket/a%2F..%2Fb", "or other characters"),
        ("s3://bucket/a b", "or other characters"),
        ("s3://me:secret@bucket/p", "holds no user name or password"),
        (
            "s3://bucket?endpont=http://x",
            "'endpont' is no option of an s3:// URL: endpoint, .* Did you mean 'endpoint'",
        ),
        ("s3://bucket?endpoint", "cannot be read"),
        ("s3://bucket?endpoint=minio:9000", "http:// or https:// and a host, not 'minio:9000'"),
        ("s3://bucket?endpoint=http://minio:9000/path", "http:// or https:// and a host"),
        ("s3://bucket?endpoint=http://me:secret@minio", "and a host, not 'http://minio'"),
        ("s3://bucket?style=pth", "'path' or 'virtual', not 'pth'. Did you mean 'path'"),
        ("s3://bucket?ca=/no/such", "'/no/such' of an S3 server"),
        ("s3://bucket?patience=0", "a number of seconds from 1, not '0'"),
        ("s3://bucket?patience=soon", "not 'soon'"),
        ("s3://[bucket", "cannot be read"),
    ],
)
def test_a_wrong_url_is_one_sentence(url: str, sentence: str) -> None:
    with pytest.raises(StorageError) as caught:
        parse(url, {})
    assert re.search(sentence, str(caught.value)), caught.value
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
