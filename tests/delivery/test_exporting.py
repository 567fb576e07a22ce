"""The exported winner answers as the one that was tested."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasflow.delivery.exporting import export_winner
from nasflow.delivery.final import test_probabilities as known_probabilities
from nasflow.errors import IntegrityError
from nasflow.exporting.onnx import predict_onnx


def test_the_file_answers_as_the_winner_did_when_it_was_tested(plan: Any, in_process: Any, tmp_path: Path) -> None:
    outcome = in_process.outcome.delivery.outcome
    target = tmp_path / "new" / "folder" / "model.onnx"
    assert export_winner(plan, outcome, target) < 1e-4
    expected = known_probabilities(in_process.site.records(), outcome)[outcome.winner.trial.id]
    np.testing.assert_allclose(predict_onnx(target, plan.bundle.images("test")), expected, atol=1e-4)
    assert predict_onnx(in_process.outcome.delivery.model, plan.bundle.images("test")).shape == expected.shape


def test_without_its_weights_there_is_nothing_to_export(plan: Any, in_process: Any, tmp_path: Path) -> None:
    config = plan.config
    elsewhere = config.model_copy(update={"storage": config.storage.model_copy(update={"url": str(tmp_path / "no")})})
    moved = type(plan)(
        type(plan.request)(elsewhere, plan.request.base, plan.request.device_kind), plan.bundle, plan.space
    )
    with pytest.raises(IntegrityError, match="are not in the store"):
        export_winner(moved, in_process.outcome.delivery.outcome, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
