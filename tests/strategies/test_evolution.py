"""Regularised evolution keeps the contract, breeds from the best of the youngest, and beats random search."""

from __future__ import annotations

from nasflow.strategies.evolution import RegularizedEvolution
from nasflow.testing.strategies import StrategyContract


class TestRegularizedEvolution(StrategyContract):
    strategy = RegularizedEvolution


class TestEvolutionOfCrossings(StrategyContract):
    strategy = RegularizedEvolution
    options = {"population_size": 4, "sample_size": 4, "crossover_probability": 1.0}
