"""The linear search keeps the contract, and goes in order."""

from __future__ import annotations

from nasflow.strategies.grid import GridSearch
from nasflow.testing.strategies import StrategyContract


class TestGridSearch(StrategyContract):
    strategy = GridSearch
    seeded = False


class TestGridWithStride(StrategyContract):
    strategy = GridSearch
    options = {"stride": 7}
    seeded = False
