"""Search strategies: one module each, all behind `propose(problem, history, count)`."""

from nasflow.strategies.protocol import Problem, Proposal, Strategy

__all__ = ["Problem", "Proposal", "Strategy"]
