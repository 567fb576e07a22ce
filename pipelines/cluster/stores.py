"""Looking at a search's store from elsewhere."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

PATIENCE_SECONDS = 5


def impatient(url: str) -> str:
    """Return a store's URL that gives up soon: whoever looks on from elsewhere need not wait for it."""
    split = urlsplit(url)
    if split.scheme != "s3":
        return url
    query = {**dict(parse_qsl(split.query)), "patience": str(PATIENCE_SECONDS)}
    return urlunsplit(split._replace(query=urlencode(query)))
