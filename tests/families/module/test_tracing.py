from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nasflow import choose
from nasflow.errors import SpaceError
from nasflow.families.module.tracing import asked, built, check_outputs, trainable, visited
from nasflow.spaces import NetworkIO

IO = NetworkIO(3, 8, 5)


class Net(nn.Module):
    """A linear map of the pixels."""

    def __init__(self, io: NetworkIO, outputs: int | None = None) -> None:
        super().__init__()
        self.bias = choose("bias", True, False)
        self.last = nn.Linear(io.channels * io.size**2, outputs or io.outputs, bias=self.bias)

    def forward(self, x: Tensor) -> Any:
        return self.last(x.flatten(1))


def device(network: nn.Module, image: Tensor) -> str:
    network(image)
    return next(network.parameters()).device.type


def test_a_constructor_is_asked_without_memory_or_random_numbers() -> None:
    seen = []

    def construct(io: NetworkIO) -> nn.Module:
        net = Net(io)
        seen.append(next(net.parameters()).device.type)
        return net

    before = torch.get_rng_state()
    assert asked(construct, IO, {"bias": False})["bias"].value is False
    assert seen == ["meta"]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_is_visited_in_evaluation_without_gradients() -> None:
    def use(network: nn.Module, image: Tensor) -> tuple[bool, bool, tuple[int, ...], str]:
        return network.training, network(image).requires_grad, tuple(image.shape), image.device.type

    assert visited(Net, IO, {"bias": True}, use) == (False, False, (1, 3, 8, 8), "meta")


def test_code_that_wants_values_runs_on_the_processor() -> None:
    def rates(io: NetworkIO) -> nn.Module:
        assert torch.linspace(0, 0.1, 3).tolist()[0] == 0
        return Net(io)

    class Data(Net):
        def forward(self, x: Tensor) -> Any:
            return self.last(x.flatten(1)) + float(x.sum())

    before = torch.get_rng_state()
    assert visited(rates, IO, {"bias": True}, device) == "cpu"
    assert visited(Data, IO, {"bias": True}, device) == "cpu"
    assert torch.equal(torch.get_rng_state(), before)
    assert visited(Net, IO, {"bias": True}, device) == "meta"


def test_every_choice_needs_its_value_once_the_tree_is_known() -> None:
    with pytest.raises(SpaceError, match="asks for choice 'bias', which its description lacks"):
        visited(Net, IO, {}, device)
    with pytest.raises(SpaceError, match="asks for choice 'bias'"):
        built(Net, IO, {})


def test_a_constructor_that_fails_is_told_of_with_its_line() -> None:
    def construct(io: NetworkIO) -> nn.Module:
        width = choose("width", 16, 32)
        if width == 32:
            raise KeyError("no such\n  width")
        return nn.Linear(1, 1)

    line = construct.__code__.co_firstlineno + 3
    with pytest.raises(SpaceError) as raised:
        asked(construct, NetworkIO(1, 8, 5), {"width": 32})
    assert str(raised.value) == (
        "the network fails for images of 8×8 pixels and 1 channel with width=32: KeyError: 'no such\\n width' "
        f"(test_tracing.py, line {line})."
    )


def test_a_forward_that_fails_is_told_of_with_its_line() -> None:
    class Wrong(Net):
        def forward(self, x: Tensor) -> Any:
            return self.last(x)

    line = Wrong.forward.__code__.co_firstlineno + 1
    with pytest.raises(SpaceError, match=rf"with bias=True: RuntimeError: .*\(test_tracing\.py, line {line}\)\.$"):
        check_outputs(Wrong, IO, {"bias": True})


def test_a_choice_in_forward_is_refused() -> None:
    class Late(Net):
        def forward(self, x: Tensor) -> Any:
            return self.last(x.flatten(1)) * choose("scale", 1, 2)

    with pytest.raises(SpaceError, match=r"choose\('scale', …\) is called in `forward`"):
        check_outputs(Late, IO, {"bias": True})


def test_good_outputs_pass() -> None:
    check_outputs(Net, IO, {"bias": True})


@pytest.mark.parametrize(
    ("outputs", "given"),
    [
        (lambda x: x[:, :4], r"float32 \(2, 4\)"),
        (lambda x: x.sum(0), r"float32 \(5,\)"),
        (lambda x: x[:, :, None], r"float32 \(2, 5, 1\)"),
        (lambda x: x.double(), r"float64 \(2, 5\)"),
        (lambda x: x.argmax(1), r"int64 \(2,\)"),
        (lambda x: (x, x), "a tuple"),
        (lambda x: {"logits": x}, "a dict"),
    ],
)
def test_anything_but_logits_is_refused(outputs: Any, given: str) -> None:
    class Wrong(Net):
        def forward(self, x: Tensor) -> Any:
            return outputs(super().forward(x))

    expected = rf"the network gives {given} for images of shape \(2, 3, 8, 8\), not float32 \(2, 5\): logits"
    with pytest.raises(SpaceError, match=expected):
        check_outputs(Wrong, IO, {"bias": True})


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"must give a torch\.nn\.Module, not a NoneType"):
        asked(lambda io: None, IO, {})


def test_many_choices_are_cut_short() -> None:
    def construct(io: NetworkIO) -> nn.Module:
        raise ValueError

    with pytest.raises(SpaceError, match=r"with a0=0, a1=1, a2=2, a3=3, a4=4, a5=5, a6=6, a7=7, …: ValueError \("):
        asked(construct, IO, {f"a{n}": n for n in range(20)})


def test_built_networks_are_real_and_draw_their_weights() -> None:
    torch.manual_seed(0)
    first = built(Net, IO, {"bias": True})
    torch.manual_seed(0)
    again = built(Net, IO, {"bias": True})
    assert first.training
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert trainable(first) == 3 * 64 * 5 + 5


def test_frozen_parameters_do_not_count() -> None:
    network = built(Net, IO, {"bias": True})
    next(network.parameters()).requires_grad_(False)
    assert trainable(network) == 5


def test_lazy_layers_are_settled() -> None:
    def construct(io: NetworkIO) -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(io.outputs))

    network = built(construct, IO, {})
    assert network.training
    assert trainable(network) == 4 * 28 + (4 * 36 + 1) * 5
    check_outputs(construct, IO, {})
