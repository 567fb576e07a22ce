"""Views filled with what a search could look like, and a search for a cluster that is compiled once."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from nasflow.cli.progress import ProgressView, RoundProgress, RunningTrial
from nasflow.cli.views import LeaderboardView, PlanView, SummaryView, TrialRow, TrialView
from nasflow.config.steps import STORING

Render = Callable[..., str]

PETS: dict[str, Any] = {
    "name": "pets",
    "data": "sklearn:digits",
    "budget": {"trials": 8},
    "storage": {"url": "/cache/pets"},
    "tracking": {"uri": "http://mlflow:5000"},
    "resources": {"cpu": 2, "memory_gib": 4, "steps": {step: {"cache": "shared"} for step in sorted(STORING)}},
}
"""A search of one round for a cluster, which leaves nothing to remark: its pods share the volume of their store."""


@pytest.fixture(scope="session")
def _pets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pets")


@pytest.fixture(scope="session")
def _compilations() -> dict[tuple[str, str, str, str], bytes]:
    return {}


@pytest.fixture
def pets(
    _pets_folder: Path, _compilations: dict[tuple[str, str, str, str], bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Be in a folder with the search `pets.yaml`; return a function that writes it with changes.

    What is compiled again and again is compiled once; everything else that compiling does is done each time.
    """
    from nasflow.pipelines.search import compiling

    compiled = compiling._compiled

    def once(config: Any, request: Any, image: str, build: Any) -> bytes:
        key = (config.model_dump_json(), request.to_json(), image, getattr(build, "__name__", ""))
        if key not in _compilations:
            _compilations[key] = compiled(config, request, image, build)
        return _compilations[key]

    def write(**changes: Any) -> Path:
        path = _pets_folder / "pets.yaml"
        path.write_text(yaml.safe_dump(PETS | changes, sort_keys=False))
        return path

    monkeypatch.setattr(compiling, "_compiled", once)
    monkeypatch.chdir(_pets_folder)
    for left in _pets_folder.iterdir():
        left.unlink()
    write()
    return write


@pytest.fixture
def render() -> Render:
    """Return a function from a drawing to its text, 80 columns wide."""

    def rendered(drawing: Any, width: int = 80, *, terminal: bool = False) -> str:
        stream = io.StringIO()
        color = "standard" if terminal else None
        console = Console(file=stream, width=width, force_terminal=terminal, color_system=color, highlight=False)
        console.print(drawing)
        return stream.getvalue()

    return rendered


def row(number: int, status: str = "completed", **changes: Any) -> TrialRow:
    values = {"val_accuracy": 0.9 + number / 1000, "parameters": 70000.0 + number} if status == "completed" else {}
    made: dict[str, Any] = {
        "number": number,
        "architecture": f"{number:02d}ab34cd56ef",
        "status": status,
        "values": values,
        "epochs": 10,
        "seconds": 4.2,
        "origin": "mutation",
        **changes,
    }
    return TrialRow(**made)


@pytest.fixture
def plan_view() -> PlanView:
    return PlanView(
        name="digits",
        config="examples/digits.yaml",
        data="sklearn:digits: 1,797 images in 10 classes, 8×8, grey",
        task="image_classification",
        space="cnn",
        space_size=812_345_678_901,
        canonical_size=None,
        constraints=("flops below 50,000,000",),
        strategy="evolution (population_size 8)",
        objectives=("val_accuracy (maximize)", "parameters (minimize, below 77,754)"),
        rounds=3,
        shards=2,
        trials=24,
        epochs=10,
        finals=2,
        final_epochs=40,
        workers=2,
        threads=1,
        device="cpu-AVX2",
        writes=(
            ("results", "/home/someone/with/a/rather/long/path/to/their/project/folder/nasflow-store"),
            ("runs", "sqlite:////home/someone/nasflow-store/mlflow.db"),
        ),
        notes=("The store holds 3 results of this search already; they are not trained again.",),
    )


@pytest.fixture
def board() -> LeaderboardView:
    rows = (row(7), row(3), row(1), row(9, "out_of_memory", cause="The network needed more than 2.0 GiB of memory."))
    counts = {"completed": 20, "rejected": 1, "out_of_memory": 3}
    reference = {"val_accuracy": 0.97, "parameters": 77_754.0}
    return LeaderboardView("digits", ("val_accuracy", "parameters"), rows, 20, counts, reference)


@pytest.fixture
def trial_view() -> TrialView:
    return TrialView(
        search="digits",
        number=7,
        trial_id="0123456789abcdef0123456789abcdef",
        architecture_id="fedcba9876543210fedcba9876543210",
        family="cnn",
        choices={"stages": 2, "activation": "relu", "stage1.skip": True},
        status="completed",
        cause="",
        metrics={"val_accuracy": 0.9812, "val_loss": 0.0712, "parameters": 70_007.0, "train_seconds": 4.2},
        curves={"val_accuracy": (0.5, 0.8, 0.9, 0.98), "train_loss": (2.3, 1.0, 0.5, 0.1)},
        epochs=(4, 10),
        parents=("aaaa567890", "bbbb567890"),
        origin="crossover",
        device="cpu-AVX2",
        seconds=4.2,
    )


@pytest.fixture
def summary_view() -> SummaryView:
    return SummaryView(
        name="digits",
        winner="fedcba9876543210",
        metrics=(("test_accuracy", 0.9889, 0.9852), ("parameters", 70_007.0, 77_754.0), ("val_loss", None, 0.1)),
        verdict="Accuracy is 0.37 points above the reference's (95 % interval -0.5 to 1.2): no clear difference.",
        trials=24,
        failed=2,
        rejected=1,
        reused=0,
        seconds=128,
        registered="digits version 1, champion",
        why="It is the first version.",
        files=(("report", "/home/someone/nasflow-store/searches/0123456789abcdef/report.html"),),
        next_steps=(
            ("Load the model in Python", "mlflow.pyfunc.load_model('models:/digits@champion')"),
            ("See every trial", "nasflow ui examples/digits.yaml"),
        ),
    )


@pytest.fixture
def progress_view() -> ProgressView:
    finished = (row(1), row(2), row(3, "timed_out", cause="It ran longer than 60 s."), row(4), row(5, reused=True))
    return ProgressView(
        name="digits",
        phase="searching",
        objective="val_accuracy",
        rounds=(RoundProgress(1, 4, 3, 1), RoundProgress(2, 4, 1, 0, 2), RoundProgress(3, 4)),
        finished=finished,
        running=(RunningTrial("trial 6", 3, 10, 0.91), RunningTrial("trial 7", 0, 10)),
        best=row(4),
        seconds_left=200,
        note="The strategy has seen half of the space.",
    )
