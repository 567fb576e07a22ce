"""Plans and records of small searches, by hand: no training."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.data.bundle import DataBundle
from nasflow.data.prepare import prepare
from nasflow.engine.plan import Plan, make_space
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request
from nasflow.storage.documents import write_json
from nasflow.tasks.loading import load_task
from nasflow.testing.plugins import installed
from nasflow.training.pool import release
from nasflow.trials import Status, Trial, TrialResult

Planner = Callable[..., Plan]
Keeper = Callable[..., TrialResult]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
    root = tmp_path_factory.mktemp("engine-digits")
    config = SearchConfig.model_validate({"name": "digits", "data": "sklearn:digits"})
    return prepare(config.data, root, root / "bundle")


@pytest.fixture
def planned(tmp_path: Path, digits: DataBundle) -> Planner:
    """Make the plan of a search from sections that are laid over a small configuration."""

    def make(generation: int = 0, device_kind: str = "cpu-test", **sections: Any) -> Plan:
        base = {
            "name": "planned",
            "data": "sklearn:digits",
            "space": "mlp",
            "strategy": "random",
            "budget": {"trials": 7},
            "parallelism": {"round_size": 3},
            "storage": {"url": str(tmp_path / "store")},
        }
        config = SearchConfig.model_validate(base | sections)
        task = load_task(config)
        space = make_space(config, task, task.io(digits))
        return Plan(Request(config, tmp_path, device_kind, generation), digits, space)

    return make


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[Plan], SearchRecords]:
    """Begin a search in the store."""

    def begin(plan: Plan) -> SearchRecords:
        records = SearchRecords(plan.request.store(), plan.search_id)
        records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
        return records

    return begin


@pytest.fixture
def finish() -> Keeper:
    """Write the result of a trial as if it had been trained: better, the later its id in the alphabet."""

    def write(records: SearchRecords, trial: Trial, status: Status = Status.COMPLETED, **changes: Any) -> TrialResult:
        now = time.time()
        metrics = {"val_accuracy": int(trial.id, 16) / 16 ** len(trial.id), "parameters": 100.0, "train_seconds": 2.0}
        values = {"metrics": metrics, "started_at": now - 2, "finished_at": now} | changes
        result = TrialResult(trial.id, status, **values)
        write_json(records.store, f"results/{trial.id}.json", result.to_json())
        return result

    return write


FRAGILE = """
from torch import nn
from nasflow import choose, family

@family
class Fragile(nn.Module):
    def __init__(self, io):
        super().__init__()
        a, b, c, d = (choose(name, 1, 2, 3, 4, 5) for name in "abcd")
        if (a, b, c, d) == (1, 4, 5, 1):
            raise ValueError("too small")
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(io.channels * io.size**2, a + b + c + d),
                                 nn.ReLU(), nn.Linear(a + b + c + d, io.outputs))
    def forward(self, x):
        return self.net(x)
"""
"""A stranger's module, one of whose 625 networks cannot be constructed; the looks at the door do not meet it."""


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Install the family, and yield a space of three of its networks, the one that fails among them."""
    folder = tmp_path / "fragile"
    folder.mkdir()
    (folder / "fragile_nets.py").write_text(FRAGILE)
    with installed(folder, {"families": {"fragile": "fragile_nets:Fragile"}}, "fragile"):
        yield {"family": "fragile", "choices": {"a": [1], "b": [4], "c": [5], "d": [1, 2, 3]}}
    release()
    sys.modules.pop("fragile_nets", None)
