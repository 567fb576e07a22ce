"""An objective as a search uses it."""

from __future__ import annotations

import pytest

from nasflow.objectives import Objective
from nasflow.spaces import Bound


def test_smaller_is_better_once_turned_into_a_loss() -> None:
    assert Objective("val_accuracy", "maximize").loss(0.9) == -0.9
    assert Objective("latency", "minimize").loss(2.5) == 2.5


@pytest.mark.parametrize(
    ("objective", "limits"),
    [
        (Objective("flops", "minimize"), ""),
        (Objective("flops", "minimize", Bound(1000, 5)), "below 1,000 and above 5"),
        (Objective("latency", "minimize", below_reference=True), "below the reference network"),
        (
            Objective("latency", "minimize", Bound(None, 2), below_reference=True),
            "below the reference network and above 2",
        ),
    ],
)
def test_limits_as_a_reader_would_say_them(objective: Objective, limits: str) -> None:
    assert objective.limits == limits
