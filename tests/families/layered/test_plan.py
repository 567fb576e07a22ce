from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.layered.plan import LayerPlan, fitting, plan
from nasflow.spaces import NetworkIO


def conv(width: int, stride: int = 1, **more: Any) -> dict[str, Any]:
    return {"layer": "conv", "width": width, "kernel": 3, "stride": stride, "activation": "relu", **more}


POOL = {"layer": "pool", "kind": "max"}
GLOBAL = {"layer": "global_pool", "kind": "average"}


def test_layers_one_by_one() -> None:
    layers = [
        conv(8, 2),
        {**conv(8, residual=True), "layer": "separable"},
        POOL,
        {"layer": "dropout", "share": 0.5},
        GLOBAL,
        {"layer": "linear", "width": 4, "activation": "silu"},
    ]
    assert plan({"layers": layers}, NetworkIO(3, 33, 5)) == [
        LayerPlan("conv", 3, 8, 17, 3, 2, "relu"),
        LayerPlan("separable", 8, 8, 17, 3, 1, "relu", residual=True),
        LayerPlan("pool", 8, 8, 9, pooling="max"),
        LayerPlan("dropout", 8, 8, 9, share=0.5),
        LayerPlan("global_pool", 8, 8, 0, pooling="average"),
        LayerPlan("linear", 8, 4, 0, activation="silu"),
    ]


@pytest.mark.parametrize(("size", "pools"), [(8, 2), (9, 3), (16, 3), (224, 6)])
def test_no_map_falls_below_two_pixels(size: int, pools: int) -> None:
    made = plan({"layers": [POOL] * 6 + [GLOBAL]}, NetworkIO(1, size, 5))
    assert sum(layer.kind == "pool" for layer in made) == pools
    assert all(layer.size >= 2 for layer in made[:-1])


@pytest.mark.parametrize(
    ("stride", "size", "fits"), [(4, 8, 4), (4, 5, 4), (4, 4, 2), (4, 3, 2), (2, 3, 2), (2, 2, 1), (1, 2, 1), (4, 2, 1)]
)
def test_strides_that_fit(stride: int, size: int, fits: int) -> None:
    assert fitting(stride, size) == fits


def test_sizes_under_strides() -> None:
    made = plan({"layers": [conv(8, 4), conv(8, 2), conv(8, 2), GLOBAL]}, NetworkIO(1, 17, 5))
    assert [(layer.stride, layer.size) for layer in made[:3]] == [(4, 5), (2, 3), (2, 2)]
