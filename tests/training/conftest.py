"""A prepared bundle of digits, the rigged family installed, and a lab to train in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.data.bundle import DataBundle
from nasflow.data.prepare import prepare
from nasflow.spaces import Architecture
from nasflow.storage import Store, open_store
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import RIGGED, rigged
from nasflow.training.events import Event
from nasflow.training.identity import trial_context, trial_of
from nasflow.training.job import TrainingJob
from nasflow.training.pool import release, run_trials
from nasflow.trials import Candidate, Fidelity, Trial, TrialResult


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
    root = tmp_path_factory.mktemp("digits")
    config = SearchConfig.model_validate({"name": "digits", "data": "sklearn:digits"})
    return prepare(config.data, root, root / "bundle")


@pytest.fixture(scope="package", autouse=True)
def _rigged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("rigged"), RIGGED):
        yield
        release()


@dataclass
class Lab:
    """A store, a bundle, and what it takes to train in them."""

    root: Path
    bundle: DataBundle
    keep_weights: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> SearchConfig:
        sections: dict[str, Any] = {
            "name": "lab",
            "data": "sklearn:digits",
            "space": {"family": "rigged"},
            "training": {"optimizer": "adamw", "batch_size": 256},
            "parallelism": {"workers": 2},
            "storage": {"url": str(self.root / "store")},
        }
        return SearchConfig.model_validate(sections | self.options)

    @property
    def job(self) -> TrainingJob:
        return TrainingJob(self.config, self.bundle.root, self.config.storage.url, self.keep_weights)

    @property
    def store(self) -> Store:
        return open_store(self.config.storage.url)

    def other(self, name: str, **options: Any) -> Lab:
        """Return a lab with a store of its own."""
        return replace(self, root=self.root / name, options=self.options | options)

    def trial(self, architecture: Architecture | str, epochs: int = 2, width: int = 8, step: int = 1) -> Trial:
        if isinstance(architecture, str):
            architecture = rigged(architecture, width, step)
        context = trial_context(self.config, self.bundle.fingerprint, "cpu-test")
        return trial_of(Candidate(architecture, Fidelity(epochs, epochs)), 0, context)

    def run(self, trials: Sequence[Trial], events: list[Event] | None = None, **options: Any) -> list[TrialResult]:
        return run_trials(trials, self.job, events.append if events is not None else lambda event: None, **options)

    @staticmethod
    def timeless(results: Sequence[TrialResult]) -> list[dict[str, Any]]:
        return [result.timeless() for result in results]

    def checkpoints(self) -> list[str]:
        return list(self.store.keys("checkpoints/"))


@pytest.fixture
def lab(tmp_path: Path, bundle: DataBundle) -> Lab:
    return Lab(tmp_path, bundle)
