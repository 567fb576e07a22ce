"""Where a bucket is, and how it is spoken to: what an `s3://` URL says, completed by the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from nasflow.errors import StorageError
from nasflow.plugins import nearest
from nasflow.storage.keys import legal

EXAMPLE = "s3://bucket/prefix?endpoint=http://minio:9000"

DEFAULT_REGION = "us-east-1"
"""Region where nothing names one; MinIO's own default."""

DEFAULT_PATIENCE = 120.0
"""Seconds for which a server that does not answer is asked again before a call gives up."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = ("endpoint", "region", "style", "ca", "patience")
_STYLES = ("path", "virtual")


@dataclass(frozen=True)
class Address:
    """A place in a bucket, and the server that has it.

    Attributes:
        bucket: Name of the bucket.
        prefix: What all names in it start with, without slashes at its ends; may be empty.
        host: Host of the server, with its port where it is named.
        secure: Whether it is spoken to by HTTPS.
        region: Region that requests are signed for.
        virtual: Whether the bucket's name is part of the host's rather than of the path.
        authorities: File with the certificates of the authorities to trust; None for the usual ones.
        patience: Seconds for which a server that does not answer is asked again.
    """

    bucket: str
    prefix: str
    host: str
    secure: bool
    region: str
    virtual: bool
    authorities: str | None
    patience: float

    @property
    def server(self) -> str:
        """The server as people read it, with its scheme."""
        return f"{'https' if self.secure else 'http'}://{self.host}"

    @property
    def is_amazon(self) -> bool:
        """Whether the server is one of AWS."""
        return self.host.split(":")[0].endswith((".amazonaws.com", ".amazonaws.com.cn"))

    def named(self, name: str) -> str:
        """Return the name in the bucket of something below the prefix."""
        return f"{self.prefix}/{name}" if self.prefix else name


def parse(url: str, environment: Mapping[str, str] = os.environ) -> Address:
    """Read an `s3://bucket/prefix` URL.

    Its query may name the `endpoint` (`http://host:port`; by default `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, else
    AWS), the `region` (by default `AWS_REGION` or `AWS_DEFAULT_REGION`), the `style` (`path` or `virtual`: where the
    bucket's name goes), the `ca` (a file of certificates; by default `AWS_CA_BUNDLE` or `SSL_CERT_FILE`) and the
    `patience` in seconds.

    Raises:
        StorageError: It cannot be read as such a URL.
    """
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise StorageError(f"the URL '{_masked(url)}' cannot be read; write it as in '{EXAMPLE}'.") from None
    if "@" in parts.netloc:
        raise StorageError(
            "an s3:// URL holds no user name or password; give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    _check_names(url, parts.netloc, unquote(parts.path).strip("/"), parts.fragment)
    for option in options:
        if option not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise StorageError(f"'{option}' is no option of an s3:// URL: {known}.{nearest(option, _OPTIONS)}")
    region = options.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    endpoint = (
        options.get("endpoint") or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    )
    region = region or DEFAULT_REGION
    host, secure = _server(endpoint) if endpoint else (f"s3.{region}.amazonaws.com", True)
    style = options.get("style", "virtual" if not endpoint else "path")
    if style not in _STYLES:
        raise StorageError(f"style in an s3:// URL is 'path' or 'virtual', not '{style}'.{nearest(style, _STYLES)}")
    return Address(
        bucket=parts.netloc,
        prefix=unquote(parts.path).strip("/"),
        host=host,
        secure=secure,
        region=region,
        virtual=style == "virtual",
        authorities=_authorities(options.get("ca") or environment.get("AWS_CA_BUNDLE")),
        patience=_patience(options.get("patience")),
    )


def _check_names(url: str, bucket: str, prefix: str, fragment: str) -> None:
    if fragment or not _BUCKET.fullmatch(bucket):
        raise StorageError(
            f"'{_masked(url)}' names no bucket: 3 to 63 small letters, digits, dots and hyphens, as in '{EXAMPLE}'."
        )
    if prefix and not legal(prefix):
        raise StorageError(
            f"the prefix '{prefix[:300]}' in an s3:// URL has '..' or other characters than letters, digits and '._-/'."
        )


def _masked(url: str) -> str:
    """Leave out what may be a password."""
    return re.sub(r"//.*@", "//", url)[:300]


def _server(endpoint: str) -> tuple[str, bool]:
    found = re.fullmatch(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?/?", endpoint)
    if found is None:
        raise StorageError(
            f"the endpoint of an S3 server is http:// or https:// and a host, not '{_masked(endpoint)}'."
        )
    return f"{found[2]}{found[3] or ''}", found[1] == "https"


def _authorities(file: str | None) -> str | None:
    if file is not None and not Path(file).is_file():
        raise StorageError(f"the certificates '{file}' of an S3 server (ca, or AWS_CA_BUNDLE) are no file.")
    return file


def _patience(text: str | None) -> float:
    if text is None:
        return DEFAULT_PATIENCE
    if not re.fullmatch(r"\d{1,5}", text) or int(text) < 1:
        raise StorageError(f"patience in an s3:// URL is a number of seconds from 1, not '{text[:100]}'.")
    return float(text)
