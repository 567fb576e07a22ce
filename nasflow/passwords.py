"""Users and passwords in addresses: found, so that they are refused or not shown."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(?<=://)\S.*", re.DOTALL)
_ADDRESS_IN_TEXT = re.compile(r"(?<=://)\S+")
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


def _cut(address: str, instead: str) -> str:
    """Cut an address that begins behind `://`."""
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    if "@" in authority:
        return instead + address[authority.rindex("@") + 1 :]
    if "@" in address and not _HOST.fullmatch(authority):
        return instead + address[address.rindex("@") + 1 :]
    return address
