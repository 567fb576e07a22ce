"""What a drawing calls torch's layers and functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

_Conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_Transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_UNSEEN = (nn.Identity, nn.Flatten, nn.Unflatten)
_DETAIL = 60

_ACTIVATIONS = {
    "relu": "ReLU", "relu_": "ReLU", "relu6": "ReLU6", "leaky_relu": "LeakyReLU", "gelu": "GELU", "silu": "SiLU",
    "elu": "ELU", "sigmoid": "sigmoid", "tanh": "tanh", "hardswish": "Hardswish", "mish": "Mish",
    "softmax": "softmax", "log_softmax": "log softmax", "softplus": "softplus", "clamp": "clamp",
}  # fmt: skip
_OPERATIONS = {
    "conv1d": "convolution", "conv2d": "convolution", "linear": "linear", "max_pool2d": "max pooling",
    "boolean_dispatch": "max pooling", "avg_pool2d": "average pooling", "adaptive_avg_pool2d": "average pooling",
    "adaptive_max_pool2d": "max pooling", "mean": "mean", "amax": "maximum", "interpolate": "resize",
    "scaled_dot_product_attention": "attention", "batch_norm": "batch norm", "layer_norm": "layer norm",
}  # fmt: skip
_MERGES = {
    "add": "+", "__add__": "+", "__radd__": "+", "__iadd__": "+", "add_": "+", "sub": "-", "__sub__": "-",
    "__rsub__": "-", "mul": "×", "__mul__": "×", "__rmul__": "×", "__imul__": "×", "mul_": "×", "div": "÷",
    "__truediv__": "÷", "cat": "concatenate", "concat": "concatenate", "concatenate": "concatenate", "stack": "stack",
    "matmul": "matrix product", "__matmul__": "matrix product", "bmm": "matrix product", "maximum": "maximum",
}  # fmt: skip


@dataclass(frozen=True)
class Label:
    """How a vertex is drawn.

    Attributes:
        name: Name of the operation.
        detail: Its settings.
        trails: Whether it may be told of in the vertex before it.
    """

    name: str
    detail: str = ""
    trails: bool = False

    @property
    def said(self) -> str:
        """Name and settings in a few words."""
        return f"{self.name} {self.detail}".strip()


def function_label(func: Any, *, merges: bool) -> Label | None:
    """Return the label of a function of torch, or None for one that is not drawn.

    Args:
        func: The function.
        merges: Whether it brings tensors from several vertices together; then it is always drawn.
    """
    name = getattr(func, "__name__", "")
    if merges:
        return Label(_MERGES.get(name) or _OPERATIONS.get(name) or name.strip("_").replace("_", " ") or "merge")
    if name in _ACTIVATIONS:
        return Label(_ACTIVATIONS[name], trails=True)
    return Label(_OPERATIONS[name], trails="norm" in name) if name in _OPERATIONS else None


def module_label(module: nn.Module) -> Label | None:
    """Return the label of a module, or None for one that changes no value."""
    name = type(module).__name__
    if isinstance(module, _UNSEEN) or (isinstance(module, nn.Dropout) and module.p == 0):
        return None
    if isinstance(module, _Conv):
        return Label("convolution", _convolution(module))
    if isinstance(module, _Transposed):
        return Label("transposed convolution", _convolution(module))
    if isinstance(module, nn.Linear):
        return Label("linear", str(module.out_features))
    if "Dropout" in name and hasattr(module, "p"):
        return Label("dropout", f"{module.p:g}", trails=True)
    if "Norm" in name and next(module.children(), None) is None:
        return Label(_words(re.sub(r"\d\w$", "", name)), trails=True)
    if type(module).__module__ == "torch.nn.modules.activation" and next(module.children(), None) is None:
        return Label(_ACTIVATIONS.get(name.lower(), name), trails=True)
    if "Pool" in name and hasattr(module, "output_size"):
        return _adaptive(module, name)
    if "Pool" in name and hasattr(module, "kernel_size"):
        stride = _one(module.stride or module.kernel_size)
        return Label(_pooling(name), _square(module.kernel_size) + (f", stride {stride}" if stride != "1" else ""))
    detail = module.extra_repr() if next(module.children(), None) is None else ""
    return Label(_words(name), detail if len(detail) <= _DETAIL else "")


def _convolution(module: Any) -> str:
    parts = [_square(module.kernel_size), str(module.out_channels)]
    parts += [f"stride {_one(module.stride)}"] if _one(module.stride) != "1" else []
    parts += [f"dilation {_one(module.dilation)}"] if _one(module.dilation) != "1" else []
    if module.groups > 1:
        parts.append("depthwise" if module.groups == module.in_channels else f"{module.groups} groups")
    return ", ".join(parts)


def _adaptive(module: Any, name: str) -> Label:
    if _one(module.output_size) == "1":
        return Label("global pooling", "average" if "Avg" in name else "max")
    return Label(_pooling(name), f"to {_square(module.output_size)}")


def _pooling(name: str) -> str:
    return (
        "average pooling" if "Avg" in name else "max pooling" if "Max" in name else _words(re.sub(r"\d\w$", "", name))
    )


def _square(size: Any) -> str:
    sizes = list(size) if isinstance(size, Iterable) else [size, size]
    return "×".join(map(str, sizes))


def _one(size: Any) -> str:
    sizes = list(size) if isinstance(size, Iterable) else [size]
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))


def _words(name: str) -> str:
    """Return a class's name in words: `SqueezeExcite` is `squeeze excite`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.strip("_")).lower()
