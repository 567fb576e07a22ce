"""The drawing of a list of layers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from nasflow.families.drawing import Drawing
from nasflow.spaces import Form, Graph

_APART = 24
"""Layers up to which equal neighbours are drawn one by one."""

_LABELS = {"conv": "convolution", "separable": "separable", "dropout": "dropout", "linear": "linear"}


def draw(form: Form) -> Graph:
    """Return the layers of a form as a graph: one vertex a layer and an addition.

    In a network of many layers, equal ones that follow one another are drawn once, and counted.
    """
    drawing = Drawing()
    last = drawing.add("image")
    layers = form["layers"]
    together = len(layers) > _APART
    for _, equal in groupby(enumerate(layers), key=lambda pair: pair[1] if together else pair[0]):
        group = list(equal)
        layer, count = group[0][1], len(group)
        made = drawing.add(_label(layer), _detail(layer, count), [last])
        last = drawing.add("+", "", [made, last]) if layer.get("residual") and count == 1 else made
    drawing.add("logits", "linear", [last])
    return drawing.graph()


def _label(layer: Mapping[str, Any]) -> str:
    if layer["layer"] == "pool":
        return f"{layer['kind']} pooling"
    return "global pooling" if layer["layer"] == "global_pool" else _LABELS[layer["layer"]]


def _detail(layer: Mapping[str, Any], count: int) -> str:
    kind = layer["layer"]
    if kind == "pool":
        parts = ["3×3", "stride 2"]
    elif kind == "global_pool":
        parts = [layer["kind"]]
    elif kind == "dropout":
        parts = [f"{layer['share']:g}"]
    elif kind == "linear":
        parts = [str(layer["width"]), layer["activation"]]
    else:
        parts = [f"{layer['kernel']}×{layer['kernel']}", str(layer["width"]), layer["activation"]]
        parts += [f"stride {layer['stride']}"] if layer["stride"] > 1 else []
    if count > 1:
        parts += ["each with a shortcut"] if layer.get("residual") else []
        parts += [f"{count} times"]
    return ", ".join(parts)
