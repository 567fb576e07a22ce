from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from nasflow.config import TrainingConfig
from nasflow.training.optimisation import START_DIVISOR, Optimizer, learning_rate


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)
    )


def gradients(*networks: nn.Module) -> None:
    """Give several copies of a network the same gradients."""
    images = torch.randn(4, 3, 8, 8)
    for each in networks:
        each.zero_grad()
        each(images).square().mean().backward()


class TestOptimizer:
    @pytest.mark.parametrize("momentum", [0.9, 0.0])
    @pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
    def test_does_what_torchs_own_does(self, name, momentum):
        ours, theirs = network(), network()
        recipe = TrainingConfig(optimizer=name, momentum=momentum, weight_decay=0.1)
        optimizer = Optimizer(ours, recipe)
        groups = [
            {"params": [p for p in theirs.parameters() if p.ndim > 1]},
            {"params": [p for p in theirs.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        if name == "sgd":
            known = torch.optim.SGD(groups, lr=1, momentum=momentum, nesterov=momentum > 0, weight_decay=0.1)
        elif name == "rmsprop":
            known = torch.optim.RMSprop(groups, lr=1, momentum=momentum, weight_decay=0.1)
        else:
            kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
            known = kind(groups, lr=1, betas=(momentum, 0.999), weight_decay=0.1)
        for step in range(10):
            gradients(ours, theirs)
            rate = 0.01 / (1 + step)
            optimizer.step(rate)
            for group in known.param_groups:
                group["lr"] = rate
            known.step()
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)

    def test_biases_and_normalisation_have_no_decay(self):
        ours = network()
        before = copy.deepcopy(ours)
        for parameter in ours.parameters():
            parameter.grad = torch.zeros_like(parameter)
        Optimizer(ours, TrainingConfig(weight_decay=0.5, momentum=0)).step(0.1)
        for mine, old in zip(ours.parameters(), before.parameters(), strict=True):
            torch.testing.assert_close(mine, old * (0.95 if old.ndim > 1 else 1.0))

    def test_leaves_alone_what_has_no_gradient_or_wants_none(self):
        ours = network()
        ours[0].weight.requires_grad_(False)
        optimizer = Optimizer(ours, TrainingConfig())
        gradients(ours)
        ours[4].weight.grad = None
        before = copy.deepcopy(ours.state_dict())
        optimizer.step(0.1)
        after = ours.state_dict()
        assert torch.equal(before["0.weight"], after["0.weight"])
        assert torch.equal(before["4.weight"], after["4.weight"])
        assert not torch.equal(before["4.bias"], after["4.bias"])

    @pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
    def test_goes_on_exactly_from_its_state(self, name):
        recipe = TrainingConfig(optimizer=name)
        first = network()
        one = Optimizer(first, recipe)
        gradients(first)
        one.step(0.1)
        second = copy.deepcopy(first)
        two = Optimizer(second, recipe)
        two.load_state({key: value.clone() for key, value in one.state().items()})
        gradients(first, second)
        one.step(0.1)
        two.step(0.1)
        assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))

    def test_a_state_that_lacks_a_part_is_refused(self):
        optimizer = Optimizer(network(), TrainingConfig())
        with pytest.raises(KeyError):
            optimizer.load_state({})

    def test_clips_the_common_norm(self):
        ours = network()
        optimizer = Optimizer(ours, TrainingConfig())
        gradients(ours)
        optimizer.clip(1e-3)
        norm = torch.stack([p.grad.square().sum() for p in ours.parameters() if p.grad is not None]).sum().sqrt()
        assert float(norm) == pytest.approx(1e-3, rel=1e-3)

    def test_forgets_gradients(self):
        ours = network()
        optimizer = Optimizer(ours, TrainingConfig())
        gradients(ours)
        optimizer.zero_grad()
        assert all(p.grad is None for p in ours.parameters())

    def test_does_not_import_the_compiler(self):
        program = """
import sys, torch
from torch import nn
from nasflow.config import TrainingConfig
from nasflow.training.optimisation import Optimizer
for name in ("sgd", "adamw"):
    net = nn.Linear(2, 2)
    optimizer = Optimizer(net, TrainingConfig(optimizer=name))
    net(torch.ones(1, 2)).sum().backward()
    optimizer.clip(1.0)
    optimizer.step(0.1)
print("torch._dynamo" in sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"


class TestLearningRate:
    @pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
    @pytest.mark.parametrize("steps", [1, 2, 3, 10, 1000])
    def test_is_positive_and_never_above_the_peak(self, schedule, steps):
        recipe = TrainingConfig(schedule=schedule, learning_rate=0.2)
        rates = [learning_rate(recipe, step, steps) for step in range(steps)]
        assert all(0 < rate <= 0.2 for rate in rates)
        assert min(rates[-1], 0.2) == rates[-1]

    def test_cosine_falls_all_the_way(self):
        recipe = TrainingConfig(schedule="cosine", learning_rate=0.2)
        rates = [learning_rate(recipe, step, 100) for step in range(100)]
        assert rates == sorted(rates, reverse=True)
        assert rates[0] == 0.2
        assert rates[50] == pytest.approx(0.1)

    def test_one_cycle_rises_over_three_tenths_and_falls(self):
        recipe = TrainingConfig(schedule="one_cycle", learning_rate=0.2)
        rates = [learning_rate(recipe, step, 100) for step in range(100)]
        assert rates[0] == pytest.approx(0.2 / START_DIVISOR)
        assert rates[30] == max(rates) == 0.2
        assert rates[:31] == sorted(rates[:31])
        assert rates[30:] == sorted(rates[30:], reverse=True)

    @pytest.mark.parametrize("warm_up", [0.05, 0.5])
    def test_one_cycle_rises_as_long_as_it_is_told_to(self, warm_up):
        recipe = TrainingConfig(learning_rate=0.2, warm_up=warm_up)
        rates = [learning_rate(recipe, step, 100) for step in range(100)]
        assert rates.index(max(rates)) == round(100 * warm_up)

    @pytest.mark.parametrize("warm_up", [0.3, 0.1])
    def test_one_cycle_is_close_to_torchs(self, warm_up):
        recipe = TrainingConfig(schedule="one_cycle", learning_rate=0.2, warm_up=warm_up)
        optimizer = torch.optim.SGD(network().parameters(), lr=0.2)
        known = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.2, total_steps=1000, cycle_momentum=False, pct_start=warm_up
        )
        for step in range(999):
            assert learning_rate(recipe, step, 1000) == pytest.approx(known.get_last_lr()[0], abs=2e-3)
            optimizer.step()
            known.step()

    def test_defaults_follow_the_optimiser(self):
        assert learning_rate(TrainingConfig(schedule="cosine"), 0, 10) == 0.1
        assert learning_rate(TrainingConfig(schedule="cosine", optimizer="adamw"), 0, 10) == 0.003
        assert learning_rate(TrainingConfig(schedule="cosine", optimizer="rmsprop"), 0, 10) == 0.001
