"""Rounds are cut into balanced shards, the same way every time."""

from __future__ import annotations

import random

import pytest

from nasflow.engine.shards import cut
from nasflow.spaces import Architecture
from nasflow.trials import Fidelity, Trial


def trials(count: int) -> list[Trial]:
    return [Trial(Architecture("toy", {}, {"n": n}), Fidelity(1, 1), 0, "context") for n in range(count)]


def weight(trial: Trial) -> float:
    return float(trial.architecture.form["n"] ** 2 + 1)


def test_no_trials_give_one_empty_shard() -> None:
    assert cut([], 4, weight) == [[]]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 23])
@pytest.mark.parametrize("shard_size", [1, 3, 8, 100])
def test_every_trial_is_in_one_shard_and_no_shard_is_too_large(count: int, shard_size: int) -> None:
    asked = trials(count)
    shards = cut(asked, shard_size, weight)
    assert sorted(t.id for shard in shards for t in shard) == sorted(t.id for t in asked)
    assert max(map(len, shards)) <= shard_size
    assert len(shards) == -(-count // shard_size)


def test_the_order_of_the_round_is_kept_within_a_shard() -> None:
    asked = trials(12)
    place = {t.id: i for i, t in enumerate(asked)}
    for shard in cut(asked, 5, weight):
        assert [place[t.id] for t in shard] == sorted(place[t.id] for t in shard)


def test_loads_are_balanced_better_than_by_order() -> None:
    asked = trials(16)

    def spread(shards: list[list[Trial]]) -> float:
        loads = [sum(weight(t) for t in shard) for shard in shards]
        return max(loads) - min(loads)

    by_order = [asked[i : i + 4] for i in range(0, 16, 4)]
    assert spread(cut(asked, 4, weight)) < spread(by_order) / 3


def test_the_cut_depends_on_the_set_alone() -> None:
    asked = trials(9)
    shuffled = random.Random(1).sample(asked, 9)
    as_sets = {frozenset(t.id for t in shard) for shard in cut(asked, 4, weight)}
    assert as_sets == {frozenset(t.id for t in shard) for shard in cut(shuffled, 4, weight)}
