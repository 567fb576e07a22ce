from __future__ import annotations

import pytest
import torch
from torch import nn

from nasflow.config import TrainingConfig
from nasflow.training.weights import Weights


def weights(**recipe: object) -> Weights:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    return Weights(network, TrainingConfig.model_validate(recipe))


def steps(under: Weights, first: int, count: int) -> None:
    under.network.train()
    for number in range(first, first + count):
        torch.manual_seed(number)
        under.optimizer.zero_grad()
        under.network(torch.randn(8, 4)).square().mean().backward()
        under.step(0.1, number)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize("patient", [False, True])
def test_go_on_exactly_from_their_parts(optimizer: str, ema: float | None, patient: bool) -> None:
    one, two = (weights(optimizer=optimizer, ema=ema) for _ in range(2))
    steps(one, 0, 3)
    if patient:
        one.keep_best()
        steps(one, 3, 2)
    parts = {part: {n: t.clone() for n, t in named.items()} for part, named in one.parts(over=False).items()}
    two.restore({part: named for part, named in parts.items() if named}, over=False)
    steps(one, 5, 3)
    steps(two, 5, 3)
    for over in (False, True):
        ours, theirs = one.parts(over), two.parts(over)
        assert ours.keys() == theirs.keys()
        assert all(same(dict(ours[part]), dict(theirs[part])) for part in ours)


def test_in_the_end_there_is_only_what_is_kept() -> None:
    under = weights(ema=0.9)
    steps(under, 0, 3)
    kept = under.parts(over=True)
    assert kept.keys() == {"network"}
    assert not same(dict(kept["network"]), under.network.state_dict())
    under.keep_best()
    best = {name: tensor.clone() for name, tensor in kept["network"].items()}
    steps(under, 3, 3)
    assert same(dict(under.parts(over=True)["network"]), best)


def test_parts_of_another_network_are_refused() -> None:
    under = weights()
    with pytest.raises(RuntimeError, match="Missing key"):
        under.restore({"network": {"9.weight": torch.zeros(1)}}, over=True)
    with pytest.raises(KeyError):
        under.restore({"network": under.network.state_dict()}, over=False)
