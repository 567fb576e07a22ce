"""The layers that can be listed, and what may be set in each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nasflow.plugins import nearest
from nasflow.spaces import Scalar

ACTIVATIONS = ("relu", "silu", "gelu", "tanh", "sigmoid")
POOLINGS = ("max", "average")

_REQUIRED = "required"


@dataclass(frozen=True)
class Setting:
    """One setting of a layer.

    Attributes:
        said: What its values are, in words.
        admits: Whether a value is one.
        default: Its value where none is written: None leaves it out, and without a default it has to be written.
        values: The values themselves, where they are few.
    """

    said: str
    admits: Callable[[Any], bool]
    default: Scalar | None = _REQUIRED
    values: tuple[Scalar, ...] = ()

    @property
    def required(self) -> bool:
        """Whether it has to be written."""
        return self.default == _REQUIRED


def whole(low: int, high: int, default: int | str = _REQUIRED, *, odd: bool = False) -> Setting:
    """Return a setting of whole numbers in a range."""
    said = f"{'an odd' if odd else 'a whole'} number from {low} to {high}"
    return Setting(said, lambda v: type(v) is int and low <= v <= high and (not odd or v % 2 == 1), default)


def one_of(values: tuple[Scalar, ...], default: Scalar | None = _REQUIRED) -> Setting:
    """Return a setting of a few values."""
    said = f"one of {', '.join(map(str, values))}"
    return Setting(said, lambda v: any(type(v) is type(value) and v == value for value in values), default, values)


_WIDTH = whole(1, 4096)
_CONVOLUTION = {
    "width": _WIDTH,
    "kernel": whole(1, 15, 3, odd=True),
    "stride": one_of((1, 2, 4), 1),
    "activation": one_of(ACTIVATIONS, None),
    "residual": Setting("true or false", lambda v: isinstance(v, bool), default=False),
}
_SHARE = Setting("a share from 0 to below 1", lambda v: type(v) in (int, float) and math.isfinite(v) and 0 <= v < 1)

LAYERS: Mapping[str, Mapping[str, Setting]] = {
    "conv": _CONVOLUTION,
    "separable": _CONVOLUTION,
    "pool": {"kind": one_of(POOLINGS)},
    "global_pool": {"kind": one_of(POOLINGS)},
    "dropout": {"share": _SHARE},
    "linear": {"width": _WIDTH, "activation": one_of(ACTIVATIONS, None)},
}
"""The settings of each layer; the first one is what a bare value stands for, as in `dropout: 0.2`."""

SPATIAL = ("conv", "separable", "pool", "global_pool")
"""Layers that read a map, and so cannot follow a linear layer or global pooling."""


def checked_values(layer: str, name: str, given: Any) -> list[Scalar]:
    """Return the values offered for a setting.

    Args:
        layer: Name of the layer.
        name: Name of the setting.
        given: One value, or a list of them.

    Raises:
        ValueError: A value is none of the setting's, is there twice, or there is none.
    """
    setting = LAYERS[layer][name]
    values = list(given) if isinstance(given, list | tuple) else [given]
    if not values:
        raise ValueError(f"{layer}.{name} is an empty list; offer at least one value")
    for value in values:
        if not setting.admits(value):
            near = nearest(value, setting.values)
            raise ValueError(f"{layer}.{name} must be {setting.said}, not {shown(value)}{near and '.' + near}")
    if len(set(values)) < len(values):
        raise ValueError(f"{layer}.{name} lists a value twice: {values}")
    return [float(value) for value in values] if name == "share" else values


def shown(value: Any) -> str:
    """Return a value as YAML has it, for messages."""
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else repr(value)
