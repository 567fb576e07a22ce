"""The step that trains the best in full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasflow.data.bundle import DataBundle
from nasflow.delivery.outcome import read_outcome


def test_the_outcome_names_winner_reference_and_finalists(chain: Any, in_process: Any) -> None:
    found = read_outcome(chain.artifacts["outcome"].path)
    expected = in_process.outcome.delivery.outcome
    assert found.id == expected.id
    assert found.winner.test_metrics == expected.winner.test_metrics
    assert found.comparison == expected.comparison
    assert len(found.finalists) == 2


def test_kubeflow_is_shown_metrics_of_validation_and_test(chain: Any) -> None:
    metrics = chain.artifacts["final-metrics"].metadata
    assert 0 <= metrics["test_accuracy"] <= 1
    assert 0 <= metrics["val_accuracy"] <= 1


def test_the_confusion_matrix_counts_every_test_sample(chain: Any) -> None:
    matrix = chain.artifacts["confusion"].metadata["confusionMatrix"]
    rows = [row["row"] for row in matrix["rows"]]
    assert len(rows) == len(matrix["annotationSpecs"]) == 10
    right = sum(rows[place][place] for place in range(10))
    total = sum(sum(row) for row in rows)
    assert right / total == chain.artifacts["final-metrics"].metadata["test_accuracy"]
    assert total == DataBundle.open(Path(chain.artifacts["data"].path)).counts["test"]
