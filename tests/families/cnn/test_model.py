from __future__ import annotations

import pytest
import torch
from torch import nn

from nasflow.families.cnn.model import build
from nasflow.spaces import NetworkIO

STAGE = {"kind": "separable", "depth": 2, "width": 12, "kernel": 3, "squeeze_excite": True}
FORM = {"stem": 8, "activation": "silu", "head": "average", "pooling": "max", "stages": [STAGE, STAGE]}


def test_parts_have_names() -> None:
    network = build(FORM, NetworkIO(1, 8, 10))
    assert [name for name, _ in network.named_children()] == ["stem", "blocks", "pool", "logits"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("relu", nn.ReLU), ("silu", nn.SiLU), ("gelu", nn.GELU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)],
)
def test_one_activation_throughout(name: str, kind: type[nn.Module]) -> None:
    network = build({**FORM, "activation": name, "stages": [{**STAGE, "squeeze_excite": False}]}, NetworkIO(1, 8, 10))
    acts = [m for m in network.modules() if type(m).__module__ == "torch.nn.modules.activation"]
    assert len(acts) == 5
    assert all(isinstance(act, kind) for act in acts)


def test_the_head_is_as_chosen() -> None:
    images = torch.randn(2, 1, 8, 8)
    average, largest = (build({**FORM, "head": head}, NetworkIO(1, 8, 10)) for head in ("average", "max"))
    largest.load_state_dict(average.state_dict())
    assert not torch.allclose(average.eval()(images), largest.eval()(images))


def test_more_stages_than_a_small_image_can_be_halved_for() -> None:
    network = build({**FORM, "stages": [STAGE] * 5}, NetworkIO(1, 8, 10))
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(("steps", "size"), [(1, 28), (2.5, 23)])
def test_a_lower_scale_begins_with_a_resize(steps: float, size: int) -> None:
    network = build({**FORM, "steps_down": steps}, NetworkIO(3, 32, 10))
    assert next(name for name, _ in network.named_children()) == "resize"
    assert network.get_submodule("resize")(torch.randn(1, 3, 32, 32)).shape == (1, 3, size, size)
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(("steps", "size"), [(0, 16), (1, 14), (2.5, 11), (7, 8)])
def test_smaller_images_than_it_was_built_for_stay_smaller_at_every_scale(steps: float, size: int) -> None:
    """So that a training which begins with smaller images begins faster; below 8 pixels nothing would be left."""
    network = build({**FORM, "steps_down": steps} if steps else FORM, NetworkIO(3, 32, 10))
    seen: list[tuple[int, ...]] = []
    network.get_submodule("stem").register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    assert network(torch.randn(2, 3, 16, 16)).shape == (2, 10)
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 10)
    assert [shape[2:] for shape in seen] == [(size, size), (8, 8)]


def test_images_too_small_to_shrink_are_not_resized() -> None:
    assert "resize" not in dict(build({**FORM, "steps_down": 3}, NetworkIO(1, 8, 10)).named_children())
