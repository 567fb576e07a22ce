"""What makes one trial the same as another: its seed and the hash of everything else that shapes its numbers."""

from __future__ import annotations

from typing import Literal

from nasflow.config import SearchConfig
from nasflow.ids import digest, seed_of
from nasflow.plugins import load
from nasflow.trials import Candidate, Trial

TRAINING_VERSION = 2
"""Raised by hand when the training code changes so that the same trial would give other numbers."""

Purpose = Literal["search", "final"]


def trial_context(config: SearchConfig, fingerprint: str, device_kind: str) -> str:
    """Return the hash of all that a trial's result depends on besides architecture, fidelity and seed.

    Args:
        config: The search; only its recipe, its task with options and its threads enter.
        fingerprint: The data's.
        device_kind: As `nasflow.training.device.device_kind` gives it.
    """
    options = load("tasks", config.task.name).Options.model_validate(config.task.options)
    return digest(
        {
            "recipe": config.training.model_dump(mode="json"),
            "threads": config.parallelism.threads,
            "task": {"name": config.task.name, "options": options.model_dump(mode="json")},
            "data": fingerprint,
            "device": device_kind,
            "version": TRAINING_VERSION,
        }
    )


def trial_of(candidate: Candidate, search_seed: int, context: str, purpose: Purpose = "search") -> Trial:
    """Return the trial that trains a candidate.

    Its seed comes from the search's seed, the architecture and the purpose, never from its place in the search, so that
    the same network proposed elsewhere finds the same result; a final training starts from weights of its own.

    Args:
        candidate: What a strategy proposed.
        search_seed: The search's seed.
        context: As `trial_context` gives it.
        purpose: What the training is for.
    """
    architecture = candidate.architecture
    return Trial(
        architecture=architecture,
        fidelity=candidate.fidelity,
        seed=seed_of("trial", search_seed, architecture.id, purpose),
        context=context,
        parents=candidate.parents,
        origin=candidate.origin,
    )
