"""The step that selects the best candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nasflow.trials import History


def test_the_best_are_selected_by_validation(chain: Any, in_process: Any) -> None:
    selected = json.loads(Path(chain.artifacts["selection"].path).read_text())
    assert selected == [entry.trial.id for entry in in_process.outcome.best]
    assert chain.artifacts["selection"].metadata == {"trials": 5, "failed": 0, "receipts": 1}


def test_the_history_travels_whole(chain: Any) -> None:
    text = Path(chain.artifacts["history"].path).read_text()
    assert len(text.splitlines()) == 5
    assert History.from_jsonl(text).timeless() == chain.site.history().timeless()


def test_kubeflow_is_shown_a_leaderboard_and_metrics(chain: Any) -> None:
    best = max(entry.result.metrics["val_accuracy"] for entry in chain.site.history())
    assert chain.artifacts["search-metrics"].metadata["val_accuracy"] == best
    page = Path(chain.artifacts["leaderboard"].path).read_text()
    assert page.count("<tr") >= 5
    assert "<script" not in page
