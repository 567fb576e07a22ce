from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from nasflow.training.averaging import Average


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 2))


def change(net: nn.Module, step: int) -> None:
    """Change weights and running statistics, as a step does."""
    torch.manual_seed(step)
    net.train()
    net(torch.randn(8, 3, 8, 8))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter))


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_is_the_recursion_of_its_definition(decay: float) -> None:
    net = network()
    average = Average(net, decay)
    expected = copy.deepcopy(net.state_dict())
    for number in range(12):
        change(net, number)
        average.update(number)
        kept = min(decay, (1 + number) / (10 + number))
        for name, value in net.state_dict().items():
            expected[name] = kept * expected[name] + (1 - kept) * value if value.is_floating_point() else value.clone()
    with average.shown():
        shown = net.state_dict()
    assert shown.keys() == expected.keys()
    for name, value in shown.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)


def test_is_torchs_once_warm() -> None:
    """`AveragedModel` with buffers, from the same weights on, at a decay that the warm-up allows at once."""
    net = network()
    average = Average(net, 0.1)
    known = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.1), use_buffers=True
    )
    known.update_parameters(net)  # the first call only copies
    for number in range(5):
        change(net, number)
        average.update(number)
        known.update_parameters(net)
    with average.shown():
        for mine, other in zip(net.parameters(), known.module.parameters(), strict=True):
            torch.testing.assert_close(mine, other)
        torch.testing.assert_close(net[1].running_var, known.module[1].running_var)


def test_the_network_has_it_only_while_it_is_shown() -> None:
    net = network()
    average = Average(net, 0.9)
    parameters, before = list(net.parameters()), copy.deepcopy(net.state_dict())
    change(net, 0)
    raw = copy.deepcopy(net.state_dict())
    with average.shown():  # nothing has been taken in yet
        assert all(torch.equal(net.state_dict()[n], before[n]) for n in before if "batches" not in n)
    assert all(torch.equal(value, raw[name]) for name, value in net.state_dict().items())
    with pytest.raises(RuntimeError, match="channels"), average.shown():
        net(torch.zeros(1, 2, 2, 2))
    assert all(torch.equal(value, raw[name]) for name, value in net.state_dict().items())
    assert all(a is b for a, b in zip(parameters, net.parameters(), strict=True))


def test_whole_numbers_are_the_networks_own() -> None:
    net = network()
    average = Average(net, 0.9)
    for number in range(3):
        change(net, number)
        average.update(number)
    with average.shown():
        assert int(net[1].num_batches_tracked) == 3


def test_begins_anew() -> None:
    net = network()
    average = Average(net, 0.9)
    change(net, 0)
    average.begin()
    raw = copy.deepcopy(net.state_dict())
    with average.shown():
        assert all(torch.equal(value, raw[name]) for name, value in net.state_dict().items())


def test_a_weight_used_twice_is_averaged_once() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    average = Average(net, 0.5)
    before = net[0].weight.detach().clone()
    with torch.no_grad():
        net[0].weight.add_(1)
    average.update(100)
    with average.shown():
        torch.testing.assert_close(net[1].weight, before + 0.5)


def test_a_buffer_that_is_replaced_is_followed() -> None:
    net = network()
    average = Average(net, 0.5)
    net[1].running_mean = torch.ones(4)
    average.update(100)
    with average.shown():
        torch.testing.assert_close(net[1].running_mean, torch.full((4,), 0.5))
