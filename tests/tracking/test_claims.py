from __future__ import annotations

import pytest

from nasflow.storage.file import FileStore
from nasflow.tracking.claims import Claim, Claims


@pytest.fixture
def claims(store: FileStore) -> Claims:
    return Claims(store, "cafe", "db1")


def test_the_first_claim_stands(claims: Claims) -> None:
    assert claims.read("t") is None
    assert claims.write("t", Claim("run1", "parent"), None)
    assert not claims.write("t", Claim("run2", "parent"), None)
    assert claims.read("t") == Claim("run1", "parent")


def test_a_claim_that_no_longer_holds_is_replaced_by_who_knows_it(claims: Claims) -> None:
    old, new = Claim("run1", "p"), Claim("run2", "p")
    claims.write("t", old, None)
    assert claims.write("t", new, old)
    assert not claims.write("t", Claim("run3", "p"), old)
    assert claims.read("t") == new


def test_databases_and_trials_have_claims_of_their_own(claims: Claims, store: FileStore) -> None:
    claims.write("t", Claim("run1"), None)
    assert claims.read("u") is None
    other = Claims(store, "cafe", "db2")
    assert other.read("t") is None
    assert other.write("t", Claim("run9"), None)
    assert claims.read("t") == Claim("run1")
    assert list(store.keys("searches/cafe/runs/")) == [
        "searches/cafe/runs/t.db1.json",
        "searches/cafe/runs/t.db2.json",
    ]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"run": "x"}', b"\xff"])
def test_a_damaged_claim_is_none_and_can_be_made_anew(claims: Claims, store: FileStore, damage: bytes) -> None:
    store.put("searches/cafe/runs/t.db1.json", damage)
    assert claims.read("t") is None
    assert claims.write("t", Claim("run1"), None)
    assert claims.read("t") == Claim("run1")
