"""What a worker process is told once: how and on what all its trials train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasflow.config import SearchConfig


@dataclass(frozen=True)
class TrainingJob:
    """What the trials of one call have in common.

    Attributes:
        config: The search.
        bundle: Folder of the prepared data.
        store_url: The store of results and checkpoints.
        keep_weights: Whether the final weights of a completed trial stay in the store, under its checkpoint's key.
        device_kind: Kind of device that the trials are meant for, and identified by; empty where any will do.
    """

    config: SearchConfig
    bundle: Path
    store_url: str
    keep_weights: bool = False
    device_kind: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the job as JSON-compatible data."""
        return {
            "config": self.config.model_dump(mode="json"),
            "bundle": str(self.bundle),
            "store_url": self.store_url,
            "keep_weights": self.keep_weights,
            "device_kind": self.device_kind,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TrainingJob:
        """Read back what `to_json` gave."""
        return cls(
            SearchConfig.model_validate(document["config"]),
            Path(document["bundle"]),
            document["store_url"],
            document["keep_weights"],
            document["device_kind"],
        )


def result_key(trial_id: str) -> str:
    """Return the key in the store of a trial's result."""
    return f"results/{trial_id}.json"


def checkpoint_key(trial_id: str) -> str:
    """Return the key in the store of a trial's checkpoint."""
    return f"checkpoints/{trial_id}.safetensors"
