"""Passwords and their like, in addresses and in the environment: found, so that they are refused or not shown."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, urlsplit

_ADDRESS = re.compile(r"(?<=://)\S.*", re.DOTALL)
_ADDRESS_IN_TEXT = re.compile(r"(?<=://)\S+")
_SECRET_NAME = re.compile(
    r"(^|_)(KEY|SECRET|TOKEN|PASS|PASSWORD|PASSWD|CREDENTIALS?|COOKIE|AUTHORIZATION)(_\d+)?$", re.IGNORECASE
)
_SECRET_FOLDERS = ("NASFLOW_S3_CREDENTIALS",)
_SECRET_KEYS = (
    *("secretkey", "secret_key", "AWS_SECRET_ACCESS_KEY"),
    *("sessiontoken", "session_token", "AWS_SESSION_TOKEN"),
)
_SECRET_FILES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "KF_PIPELINES_SA_TOKEN_PATH")
_LEAST_SECRET = 6
"""Shorter values of such variables are no secrets, and would be found in any text."""

_LONGEST_SECRET = 1 << 14
_INSTEAD = "***"
_HOST = re.compile(r"(\[[^\]]*\]|[^:\[]*)(:\d{0,5})?['\"]?")


def holds_login(uri: str) -> bool:
    """Whether an address has a user, token or password before its host."""
    return without_login(uri) != uri


def without_login(uri: str, instead: str = "") -> str:
    """Return an address without the user and password before its host.

    They end at the last `@` of the authority, that is before the first `/`, `?` or `#`. Where that part has none and
    is no host with a port either, the password itself has such a sign, and they end at the last `@` of all.

    Args:
        uri: An address; anything without `://` is returned as it is.
        instead: What stands in their place, as in `***@`.
    """
    return _ADDRESS.sub(lambda found: _cut(found[0], instead), uri, count=1)


def without_logins(text: str, instead: str = "***@") -> str:
    """Return a text without the users and passwords of the addresses in it, each of which ends at white space."""
    return _ADDRESS_IN_TEXT.sub(lambda found: _cut(found[0], instead), text)


def hidden(text: str) -> str:
    """Return a text without the logins of addresses, and without the secrets that this process was given.

    Those are the values of environment variables that are named as such (`…_KEY`, `…_TOKEN`, `…_PASSWORD` …), the
    passwords in the addresses of others, and the files of mounted Secrets; also as they stand in URLs and headers.
    """
    text = without_logins(text, f"{_INSTEAD}@") if "://" in text else text
    for secret in sorted(secrets_of(os.environ), key=len, reverse=True):
        for spelled in _spellings(secret):
            if spelled in text:
                text = text.replace(spelled, _INSTEAD)
    return text


def secrets_of(environment: Mapping[str, str]) -> set[str]:
    """Return the secrets that a process with this environment was given."""
    return {secret for secret in _secrets(environment) if len(secret) >= _LEAST_SECRET}


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if name in _SECRET_FOLDERS:
            continue
        if _SECRET_NAME.search(name):
            yield value.strip()
        elif "@" in value and "://" in value:
            yield from _passwords(value)
    folders = [Path(environment[name]) for name in _SECRET_FOLDERS if environment.get(name)]
    files = [Path(environment[name]) for name in _SECRET_FILES if environment.get(name)]
    for path in [*files, *(folder / name for folder in folders for name in _SECRET_KEYS)]:
        with suppress(OSError, ValueError):
            yield path.read_text(encoding="utf-8")[:_LONGEST_SECRET].strip()
    user, password = (environment.get(f"MLFLOW_TRACKING_{part}", "") for part in ("USERNAME", "PASSWORD"))
    if user and password:
        yield base64.b64encode(f"{user}:{password}".encode()).decode()


def _passwords(address: str) -> Iterator[str]:
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.password:
            yield parts.password
            yield unquote(parts.password)
            login = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
            yield base64.b64encode(login.encode()).decode()


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}


def _cut(address: str, instead: str) -> str:
    """Cut an address that begins behind `://`."""
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    if "@" in authority:
        return instead + address[authority.rindex("@") + 1 :]
    if "@" in address and not _HOST.fullmatch(authority):
        return instead + address[address.rindex("@") + 1 :]
    return address
