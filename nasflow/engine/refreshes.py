"""What the store keeps of refreshes: how things stood before each, what the search begins with, what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasflow.errors import IntegrityError
from nasflow.spaces import Architecture
from nasflow.storage import Store
from nasflow.storage.documents import create_json, read_json, write_json
from nasflow.strategies import Problem
from nasflow.strategies.novelty import admissible
from nasflow.trials import Candidate, History

ORIGIN = "history"
"""Origin of the candidates that a refresh begins with."""


def keep_start(store: Store, refresh: str, document: Mapping[str, Any]) -> None:
    """Keep how things stood before a refresh; what is there already stands.

    Args:
        store: The store.
        refresh: Its id.
        document: JSON-compatible; `architectures` are those that the search begins with, the best first.
    """
    create_json(store, _key(refresh, "start"), document)


def read_start(store: Store, refresh: str) -> dict[str, Any] | None:
    """Return how things stood before a refresh, or None where nothing is kept of it."""
    return read_json(store, _key(refresh, "start"))


def keep_decision(store: Store, refresh: str, document: Mapping[str, Any]) -> None:
    """Keep what a refresh came to."""
    write_json(store, _key(refresh, "decision"), document)


def read_decision(store: Store, refresh: str) -> dict[str, Any] | None:
    """Return what a refresh came to, or None where it is not over."""
    return read_json(store, _key(refresh, "decision"))


def first_proposals(refresh: str, problem: Problem, history: History, store: Store) -> list[Candidate]:
    """Return what a refresh has its search begin with and was not proposed yet, as far as it suits the space.

    Args:
        refresh: Its id; empty where the search is no part of one.
        problem: The search.
        history: What was proposed.
        store: The store.

    Raises:
        IntegrityError: The store keeps nothing of the refresh.
    """
    if not refresh:
        return []
    document = read_start(store, refresh)
    if document is None:
        raise IntegrityError(f"refresh {refresh} is not in the store '{store.url}'; start it with 'nasflow refresh'.")
    found = [Architecture.from_json(architecture) for architecture in document["architectures"]]
    fresh = (one for one in found if one.id not in history.architectures)
    return [Candidate(one, problem.fidelity, origin=ORIGIN) for one in fresh if suits(problem, one)]


def suits(problem: Problem, architecture: Architecture) -> bool:
    """Whether an architecture of another search may be proposed in this one."""
    return problem.space.admits(architecture) and admissible(problem, architecture)


def _key(refresh: str, name: str) -> str:
    return f"refreshes/{refresh}/{name}.json"
