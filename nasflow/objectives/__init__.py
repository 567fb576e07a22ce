"""Objectives: named, directed, bounded; known from the network's cost, measured on it, or known after training."""

from nasflow.objectives.protocol import Direction, Measure, Measured, Objective
from nasflow.objectives.ranking import feasible, rank_key, ranked, values

__all__ = ["Direction", "Measure", "Measured", "Objective", "feasible", "rank_key", "ranked", "values"]
