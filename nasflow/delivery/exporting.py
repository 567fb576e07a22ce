"""The winner as an ONNX file, checked on real images."""

from __future__ import annotations

from pathlib import Path

from nasflow.delivery.final import final_job
from nasflow.delivery.outcome import Outcome
from nasflow.engine.plan import Plan

_IMAGES = 64


def export_winner(plan: Plan, outcome: Outcome, target: Path) -> float:
    """Export the winner to ONNX and compare it with PyTorch on validation images.

    Args:
        plan: The search.
        outcome: What it found.
        target: The ONNX file.

    Returns:
        The largest difference of a probability.

    Raises:
        SearchError: The network cannot be exported, or its export answers differently.
    """
    from nasflow.exporting.onnx import export_onnx, verify_onnx
    from nasflow.training.evaluation import load_network

    network = load_network(outcome.winner.trial, final_job(plan)).cpu()
    target.parent.mkdir(parents=True, exist_ok=True)
    export_onnx(network, plan.space.io, target)
    return verify_onnx(target, network, plan.bundle.images("val")[:_IMAGES])
