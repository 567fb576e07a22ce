from __future__ import annotations

import pytest

from nasflow.errors import StorageError
from nasflow.storage.keys import MAX_PART, check_key, legal


@pytest.mark.parametrize("key", ["a", "results/0f.json", "a/b/c-d_e.f", "..a", "a..b/c", ".hidden", "x" * MAX_PART])
def test_legal_keys_pass(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/..", "~a", "a b", "é", "a\n"])
def test_illegal_keys_are_refused(key: str) -> None:
    assert not legal(key)
    with pytest.raises(StorageError, match="a key is a relative path"):
        check_key(key)


def test_parts_have_a_limit() -> None:
    assert not legal("a/" + "x" * (MAX_PART + 1))
