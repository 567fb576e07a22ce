"""Between the commands and the library: each function does a command's work and returns what it shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nasflow.cli.progress import ProgressView
from nasflow.cli.views import GarbageView, LeaderboardView, PlanView, SearchRow, SummaryView, TrialView


def plan_view(config: Path) -> PlanView:
    """Return what a search would do; writes nothing."""
    raise NotImplementedError(config)


def run_search(config: Path, *, anew: bool, on_progress: Callable[[ProgressView], None]) -> SummaryView:
    """Run a search to its end, reporting progress about twice a second."""
    raise NotImplementedError(config, anew, on_progress)


def compile_pipeline(config: Path, target: Path) -> None:
    """Write the pipeline of a search into a YAML file."""
    raise NotImplementedError(config, target)


def search_rows(store: str | None) -> list[SearchRow]:
    """Return the searches of a store, the one that changed last first."""
    raise NotImplementedError(store)


def progress_view(search: str, store: str | None) -> ProgressView:
    """Return how far a search is."""
    raise NotImplementedError(search, store)


def leaderboard_view(search: str, store: str | None, limit: int | None) -> LeaderboardView:
    """Return the trials of a search, best first, at most `limit`."""
    raise NotImplementedError(search, store, limit)


def trial_view(search: str, store: str | None, trial: str) -> TrialView:
    """Return one trial, by its number from 1 or by the beginning of its id or its architecture's."""
    raise NotImplementedError(search, store, trial)


def report_html(search: str, store: str | None) -> tuple[str, bytes]:
    """Return a finished search's name and its report."""
    raise NotImplementedError(search, store)


def garbage_view(store: str | None, *, remove: bool) -> GarbageView:
    """Return what no search needs; remove it where asked."""
    raise NotImplementedError(store, remove)
