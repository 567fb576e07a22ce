"""A run on a cluster as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nasflow.cli.progress import RoundProgress
from nasflow.cli.remote_view import RemoteView
from nasflow.config import SearchConfig
from nasflow.pipelines.cluster.runs import Run, Step


def config(**sections: Any) -> SearchConfig:
    made = {"name": "pets", "data": "sklearn:digits", "budget": {"trials": 24}, "storage": {"url": "/nowhere/at/all"}}
    return SearchConfig.model_validate(made | {"parallelism": {"shard_size": 4}} | sections)


def view(*steps: tuple[str, str], state: str = "RUNNING", known: SearchConfig | None = None) -> Any:
    return RemoteView("pets", known).of(Run("r", "pets 1", state, steps=tuple(Step(*step) for step in steps)))


@pytest.mark.parametrize(
    ("steps", "phase"),
    [
        ([], "waiting for a pod"),
        ([("root", "RUNNING"), ("executor", "RUNNING")], "waiting for a pod"),
        ([("prepare-data", "RUNNING")], "preparing the data"),
        ([("prepare-data", "SUCCEEDED"), ("propose-2", "RUNNING")], "searching"),
        ([("select", "SUCCEEDED"), ("train-final", "RUNNING")], "training the best in full, and the reference"),
        ([("train-final", "SUCCEEDED"), ("report", "RUNNING")], "exporting, reporting and registering"),
    ],
)
def test_the_phase_is_that_of_the_step_that_runs(steps: list[tuple[str, str]], phase: str) -> None:
    assert view(*steps).phase == phase


@pytest.mark.parametrize(
    ("state", "phase"),
    [("SUCCEEDED", "delivered"), ("FAILED", "failed"), ("CANCELED", "cancelled"), ("CANCELING", "being cancelled")],
)
def test_a_run_that_is_over_says_how(state: str, phase: str) -> None:
    assert view(("propose", "SUCCEEDED"), state=state).phase == phase


def test_rounds_are_counted_in_shards_without_the_store() -> None:
    first = [("propose", "SUCCEEDED"), ("train-candidates", "SUCCEEDED"), ("train-candidates", "SUCCEEDED")]
    second = [("propose-2", "SUCCEEDED"), ("train-candidates-2", "FAILED"), ("train-candidates-2", "RUNNING")]
    found = view(*first, *second, known=config())
    assert found.rounds == (RoundProgress(1, 2, 2), RoundProgress(2, 2, 0, 1, 1), RoundProgress(3, 2))
    assert "counted in shards" in found.note
    assert view(*first, *second).rounds == (RoundProgress(1, 2, 2), RoundProgress(2, 2, 0, 1, 1))


def test_a_round_with_fewer_shards_ends_with_the_next_step() -> None:
    steps = [("propose", "SUCCEEDED"), ("train-candidates", "SUCCEEDED")]
    assert view(*steps, known=config()).rounds[0] == RoundProgress(1, 2, 1)
    assert view(*steps, ("propose-2", "RUNNING"), known=config()).rounds[0] == RoundProgress(1, 1, 1)
    assert view(*steps, ("select", "RUNNING"), known=config()).rounds[0] == RoundProgress(1, 1, 1)


def test_a_store_that_is_here_shows_trials(in_process: Any) -> None:
    site = in_process.site
    from nasflow.config.loading import load_config

    found = RemoteView("small", load_config(Path(site.yaml()))).of(Run("r", "small 1", "SUCCEEDED"))
    assert found.phase == "delivered"
    assert [(r.total, r.completed) for r in found.rounds] == [(3, 3), (2, 2)]
    assert len(found.finished) == 5


def test_a_store_that_is_elsewhere_leaves_nothing_behind(tmp_path: Path) -> None:
    known = config(storage={"url": str(tmp_path / "store")})
    assert view(("propose", "RUNNING"), known=known).phase == "searching"
    assert list(tmp_path.iterdir()) == []
