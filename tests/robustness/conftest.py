"""Documents made of nothing: random bytes, and good ones with something altered."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

LONGEST = 1 << 16
_TOKENS = (b"null", b"-1", b"1e999", b"NaN", b"[]", b"{}", b"true", b'"x"', b"9" * 400, b"[" * 5000, b"\xff\xfe", b"")


def random_bytes(source: random.Random) -> bytes:
    """Return random bytes, as often short as long: of no length, of any, or of a round one; sometimes legible."""
    length = source.choice((0, 1, 8, 512, 1024, int(2 ** source.uniform(0, 16)), int(2 ** source.uniform(0, 10))))
    content = source.randbytes(min(length, LONGEST))
    kind = source.random()
    if kind < 0.2:
        return bytes(32 + byte % 95 for byte in content)
    if kind < 0.3:
        return bytes(b'{}[]":,0123456789-. \n'[byte % 21] for byte in content)
    return content


def altered(source: random.Random, content: bytes) -> bytes:
    """Return a document with something wrong: cut, a bit turned, bytes replaced, taken out, doubled or added."""
    place = source.randrange(len(content))
    other = min(len(content), place + int(2 ** source.uniform(0, 8)))
    match source.randrange(7):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + bytes([content[place] ^ 1 << source.randrange(8)]) + content[place + 1 :]
        case 2:
            return content[:place] + source.randbytes(other - place) + content[other:]
        case 3:
            return content[:place] + content[other:]
        case 4:
            return content[:other] + content[place:]
        case 5:
            return content[:place] + source.choice(_TOKENS) + content[other:]
        case _:
            return content + random_bytes(source)


@pytest.fixture(scope="session")
def documents() -> Callable[[str, bytes, int], Iterator[bytes]]:
    """So many documents by the seed's name: two of three random, the others altered from a good one."""

    def made(name: str, good: bytes, count: int) -> Iterator[bytes]:
        source = random.Random(f"nasflow {name}")
        for number in range(count):
            yield altered(source, good) if number % 3 == 2 else random_bytes(source)

    return made
