"""The measures that come with nasflow: parameters, FLOPs and training seconds."""

from __future__ import annotations

from dataclasses import dataclass

from nasflow.errors import StrategyError
from nasflow.objectives.protocol import Direction
from nasflow.spaces import NetworkCost
from nasflow.trials import TrialResult


@dataclass(frozen=True)
class CostMeasure:
    """A field of the network's cost, known before training."""

    field: str
    direction: Direction = "minimize"
    cheap: bool = True

    def before_training(self, cost: NetworkCost) -> float:
        """Return the field."""
        return float(getattr(cost, self.field))

    def after_training(self, cost: NetworkCost, result: TrialResult) -> float:
        """Return the field: training does not change it."""
        return self.before_training(cost)


@dataclass(frozen=True)
class MetricMeasure:
    """A metric that every trial's result has, whatever its task."""

    field: str
    direction: Direction = "minimize"
    cheap: bool = False

    def before_training(self, cost: NetworkCost) -> float:
        """Refuse: it is not known yet.

        Raises:
            StrategyError: Always.
        """
        raise StrategyError(f"{self.field} is not known before training (asked for a network of {cost}).")

    def after_training(self, cost: NetworkCost, result: TrialResult) -> float:
        """Return the metric, NaN where the trial has none."""
        return result.metrics.get(self.field, float("nan"))


PARAMETERS = CostMeasure("parameters")
FLOPS = CostMeasure("flops")
TRAIN_SECONDS = MetricMeasure("train_seconds")
