"""Random search keeps the contract, and draws uniformly."""

from __future__ import annotations

from nasflow.strategies.random import RandomSearch
from nasflow.testing.strategies import StrategyContract


class TestRandomSearch(StrategyContract):
    strategy = RandomSearch
