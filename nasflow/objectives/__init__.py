"""Objectives: named, directed, bounded, cheap or costly."""

from nasflow.objectives.protocol import Direction, Measure, Objective
from nasflow.objectives.ranking import feasible, rank_key, ranked, values

__all__ = ["Direction", "Measure", "Objective", "feasible", "rank_key", "ranked", "values"]
