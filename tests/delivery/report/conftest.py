"""The data of a report as a search on digits would give them."""

import math
import random
from dataclasses import replace

import pytest

from nasflow.delivery.report.data import Asked, Cost, Curve, Network, ReportData, TrialRow, Usage
from nasflow.delivery.report.parts import (
    Answers,
    Goal,
    Importance,
    Level,
    MetricRow,
    RunnerUp,
    Sample,
    Spent,
    Weight,
)
from nasflow.delivery.statistics import Comparison, Interval, wilson
from nasflow.spaces import NetworkIO, SearchSpace


def _rise(draw: random.Random, top: float, epochs: int) -> tuple[float, ...]:
    speed = draw.uniform(0.5, 1.2) * 10 / epochs
    return tuple(top * (1 - 0.85 * math.exp(-speed * e)) + draw.gauss(0, 0.002) for e in range(1, epochs + 1))


def _trials(space: SearchSpace, draw: random.Random, count: int) -> list[tuple[TrialRow, tuple[float, ...]]]:
    rows = []
    for number in range(1, count + 1):
        made = space.sample(draw)
        cost = space.cost(made)
        status, cause = "completed", ""
        if number in (5, 17):
            status, cause = "not_finite", "The loss became NaN in epoch 2; try a lower learning rate."
        if number == 11:
            status, cause = "rejected", "parameters: 91,234 is not below 78,042."
        values = _rise(draw, draw.uniform(0.955, 0.992), 10) if status == "completed" else ()
        origin = "random" if number <= 8 else draw.choice(["mutation", "crossover"])
        row = TrialRow(
            number,
            made.id,
            origin,
            status,
            cause,
            values[-1] if values else None,
            cost.parameters,
            cost.flops,
            draw.uniform(0.8, 4.0),
            made.choices,
        )
        rows.append((row, values))
    return rows


def example(count: int = 24) -> ReportData:
    draw = random.Random(4)
    space = SearchSpace.of("cnn", NetworkIO(1, 8, 10))
    trials = _trials(space, draw, count)
    best, _ = max((t for t in trials if t[0].value), key=lambda t: t[0].value or 0)
    choices = best.choices
    curves = [
        Curve(
            f"trial {row.number}", "search winner" if row is best else "trial", tuple(range(1, len(values) + 1)), values
        )
        for row, values in trials
    ]
    tops = (("winner", 0.991), ("reference", 0.983), ("finalist", 0.987))
    curves += [Curve(kind, kind, tuple(range(1, 41)), _rise(draw, top, 40)) for kind, top in tops]
    classes = tuple(f"digit {n}" for n in range(10))
    return ReportData(
        name="digits",
        search_id="8f14e45fceea167a",
        created="12 May 2025, 14:03",
        version="0.1.0",
        asked=Asked(
            task="image_classification",
            source="sklearn:digits",
            size=8,
            channels=1,
            class_counts={name: (125 + n, 27, 27) for n, name in enumerate(classes)},
            skipped={"photos/IMG_0031.jpg": "the image cannot be read: image file is truncated"},
            dropped={"train": 2, "val": 1, "test": 0},
            family="cnn",
            space_size=space.size,
            constraints=("parameters below 78,042",),
            strategy="evolution",
            objectives=("maximize val_accuracy", "minimize parameters, below 78,042"),
            trials=24,
            epochs=10,
            final_epochs=40,
            candidates=2,
            seed=0,
        ),
        objective="val_accuracy",
        direction="maximize",
        winner=Network(best.architecture_id, "cnn", choices, best.parameters or 0, best.flops or 0, 12.3),
        reference=Network("fedcba9876543210", "resnet", {}, 78042, 1_510_000, 14.9),
        metrics=(
            MetricRow(
                "accuracy",
                "maximize",
                wilson(267, 270),
                wilson(261, 270),
                Comparison(6 / 270, 0.0098, 0.0352, "exact McNemar", 270, 7, 1),
            ),
            MetricRow("balanced_accuracy", "maximize", Interval(0.9885, 0.975, 0.9981), Interval(0.9660, 0.94, 0.98)),
            MetricRow("macro_f1", "maximize", Interval(0.9882, 0.974, 0.9981), Interval(0.9658, 0.94, 0.981)),
            MetricRow("loss", "minimize", Interval(0.0431, 0.02, 0.07), Interval(0.0977, 0.06, 0.14)),
        ),
        curves=tuple(curves),
        trials=tuple(row for row, _ in trials),
        graph=space.provider.graph(space.architecture(choices).form),
        cost=Cost(131.4, 62.1, 41.3, 24 * 10 + 120, 3, "cpu-AVX2"),
        usage=Usage(
            "digits", "/home/me/nasflow-store/digits.onnx", "sqlite:////home/me/nasflow-store/mlflow.db", classes
        ),
    )


@pytest.fixture(scope="session")
def data() -> ReportData:
    return example()


_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


def explained(data: ReportData) -> ReportData:
    """Return the data with all that several objectives, and a look at the answers, add."""
    goals = (Goal("val_accuracy", "maximize"), Goal("parameters", "minimize", less_than=78042.0))

    def told(row: TrialRow) -> TrialRow:
        known = {} if row.value is None else {"val_accuracy": row.value, "parameters": float(row.parameters or 0)}
        return replace(row, metrics=known, feasible=row.value is not None)

    winner = replace(data.winner, metrics={"val_accuracy": 0.99, "parameters": float(data.winner.parameters)})
    reference = replace(data.reference, metrics={"val_accuracy": 0.983, "parameters": 78042.0})
    levels = (Level("residual", 12, 0.985), Level("plain", 9, 0.961))
    weights = (Weight("stage1.kind", 0.31, 0.08, 0.66, levels), Weight("stem", 0.01, -0.12, 0.2, levels))
    classes = tuple(data.asked.class_counts)
    right = tuple((n, n, 26) for n in range(10))
    rows = (MetricRow("val_accuracy", "maximize", wilson(265, 270), wilson(262, 270)),)
    return replace(
        data,
        goals=goals,
        trials=tuple(told(row) for row in data.trials),
        winner=winner,
        reference=reference,
        importance=Importance(21, 16, weights, Interval(0.42, 0.1, 0.7)),
        runner_up=RunnerUp(
            "0123456789abcdef",
            {"stem": 8, "stage1.skip": True},
            {"stem": 16, "stage1.squeeze_excite": False},
            True,
            270,
            rows,
            {"parameters": (51_000, 60_000), "flops": (900_000, 1_000_000), "train_seconds": (12.3, 15.0)},
            0.0145,
        ),
        tested=Answers(
            (*right, (3, 8, 2), (8, 3, 1)),
            (
                Sample("photos/IMG 7.png", _PIXEL, classes[3], classes[8], 0.01, 0.97),
                Sample("photos/IMG 8.png", _PIXEL, classes[8], classes[8], 0.55, 0.55),
            ),
            3,
            270,
        ),
        cost=replace(
            data.cost,
            parts=(
                Spent("Training", 60.0, "search"),
                Spent("Nothing going on", 900.0, "idle"),
            ),
        ),
    )


@pytest.fixture(scope="session")
def goaled(data: ReportData) -> ReportData:
    return explained(data)
