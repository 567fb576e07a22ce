from __future__ import annotations

from collections import Counter

import torch

from nasflow.families.sums import total

TERMS = [torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0]), torch.tensor([100.0, 200.0])]


def test_terms_count_as_often_as_they_are_there() -> None:
    assert total(TERMS, Counter([0, 2, 2])).tolist() == [201.0, 402.0]


def test_nothing_is_zero() -> None:
    assert total(TERMS, Counter()).tolist() == [0.0, 0.0]


def test_a_single_term_is_not_copied() -> None:
    assert total(TERMS, Counter([1])) is TERMS[1]


def test_terms_are_left_as_they_are() -> None:
    before = [term.clone() for term in TERMS]
    total(TERMS, Counter([0, 0, 1, 2]))
    assert all(torch.equal(*pair) for pair in zip(before, TERMS, strict=True))
