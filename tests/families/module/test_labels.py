from __future__ import annotations

import operator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasflow.families.module.labels import Label, function_label, module_label


class SqueezeExcite(nn.Module):
    """A layer of somebody's own."""

    def extra_repr(self) -> str:
        return "ratio=4"


class Wordy(SqueezeExcite):
    """One that says too much."""

    def extra_repr(self) -> str:
        return "x" * 100


@pytest.mark.parametrize(
    ("module", "name", "detail"),
    [
        (nn.Conv2d(3, 8, 3), "convolution", "3×3, 8"),
        (nn.Conv2d(3, 8, (1, 5), stride=2), "convolution", "1×5, 8, stride 2"),
        (nn.Conv2d(8, 8, 3, groups=8), "convolution", "3×3, 8, depthwise"),
        (nn.Conv2d(8, 8, 3, groups=2, dilation=2), "convolution", "3×3, 8, dilation 2, 2 groups"),
        (nn.ConvTranspose2d(3, 8, 2, stride=2), "transposed convolution", "2×2, 8, stride 2"),
        (nn.Linear(8, 4), "linear", "4"),
        (nn.MaxPool2d(2), "max pooling", "2×2, stride 2"),
        (nn.AvgPool2d(3, 1, 1), "average pooling", "3×3"),
        (nn.AdaptiveAvgPool2d(1), "global pooling", "average"),
        (nn.AdaptiveMaxPool2d((1, 1)), "global pooling", "max"),
        (nn.AdaptiveAvgPool2d(4), "average pooling", "to 4×4"),
        (nn.LPPool2d(2, 3), "lppool", "3×3, stride 3"),
        (nn.Upsample(scale_factor=2), "upsample", "scale_factor=2.0, mode='nearest'"),
        (SqueezeExcite(), "squeeze excite", "ratio=4"),
        (Wordy(), "wordy", ""),
        (nn.MultiheadAttention(8, 2), "multihead attention", ""),
    ],
)
def test_layers(module: nn.Module, name: str, detail: str) -> None:
    assert module_label(module) == Label(name, detail)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.BatchNorm2d(8), "batch norm"),
        (nn.LayerNorm(8), "layer norm"),
        (nn.GroupNorm(2, 8), "group norm"),
        (nn.ReLU(), "ReLU"),
        (nn.SiLU(), "SiLU"),
        (nn.Sigmoid(), "sigmoid"),
        (nn.Hardtanh(), "Hardtanh"),
        (nn.Dropout(0.25), "dropout 0.25"),
        (nn.Dropout2d(0.5), "dropout 0.5"),
    ],
)
def test_what_trails_a_layer(module: nn.Module, said: str) -> None:
    label = module_label(module)
    assert label is not None
    assert label.trails
    assert label.said == said


@pytest.mark.parametrize("module", [nn.Identity(), nn.Flatten(), nn.Dropout(0.0)])
def test_what_changes_nothing_is_not_drawn(module: nn.Module) -> None:
    assert module_label(module) is None


@pytest.mark.parametrize(
    ("func", "merges", "label"),
    [
        (F.relu, False, Label("ReLU", trails=True)),
        (torch.sigmoid, False, Label("sigmoid", trails=True)),
        (F.conv2d, False, Label("convolution")),
        (F.batch_norm, False, Label("batch norm", trails=True)),
        (Tensor.mean, False, Label("mean")),
        (Tensor.reshape, False, None),
        (Tensor.add, False, None),
        (Tensor.add, True, Label("+")),
        (torch.cat, True, Label("concatenate")),
        (Tensor.mul, True, Label("×")),
        (torch.einsum, True, Label("einsum")),
        (operator.attrgetter("x"), True, Label("merge")),
        (F.conv2d, True, Label("convolution")),
    ],
)
def test_functions(func: object, merges: bool, label: Label | None) -> None:
    assert function_label(func, merges=merges) == label
