"""What Kubeflow Pipelines or Kubernetes would refuse, or break on, said before anything is uploaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nasflow.config import SearchConfig
from nasflow.engine.request import Request
from nasflow.engine.rounds import UNROLLED_ROUNDS, unrolled_rounds
from nasflow.errors import UserError

LONGEST_PARAMETER = 10_000
"""Bytes of a parameter that Kubeflow Pipelines keeps; it cuts longer ones."""

MOST_SHARDS = 475
"""Members that a loop may have; Kubeflow Pipelines breaks on larger ones."""

LARGEST_SPEC = 1_400_000
"""Bytes of a compiled pipeline. Kubernetes keeps a workflow of 1.5 MiB at most, and Kubeflow Pipelines makes one of
about as many bytes as the file has; the rest is for what becomes of it."""


def shards_at_once(config: SearchConfig) -> int:
    """Return how many shards of a round may run at the same time on a cluster: all."""
    size = min(config.parallelism.round_size, config.budget.trials)
    return -(-size // (config.parallelism.shard_size or config.parallelism.round_size))


def check_parameter(request: Request) -> None:
    """Refuse a request that is too long for a parameter.

    Raises:
        UserError: It is; the part of the configuration that takes most is named.
    """
    size = len(request.to_json().encode())
    if size <= LONGEST_PARAMETER:
        return
    parts = _parts(request.config.model_dump(mode="json", exclude_defaults=True))
    largest = max(parts, key=lambda name: parts[name])
    raise UserError(
        f"the configuration takes {size:,} bytes as a parameter, and Kubeflow Pipelines keeps {LONGEST_PARAMETER:,}: "
        f"shorten {largest}, which takes {parts[largest]:,} of them, by {size - LONGEST_PARAMETER:,} at least."
    )


def _parts(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the bytes that each section takes, or each of its fields where it has any."""
    found = {}
    for section, value in document.items():
        fields = value if isinstance(value, Mapping) else {"": value}
        for field, content in fields.items():
            text = json.dumps(content, separators=(",", ":"))
            found[f"{section}.{field}".removesuffix(".")] = len(text.encode())
    return found


def check_shards(config: SearchConfig) -> None:
    """Refuse a round of more shards than a loop may have.

    Raises:
        UserError: It has more.
    """
    shards = shards_at_once(config)
    if shards > MOST_SHARDS:
        trials = min(config.parallelism.round_size, config.budget.trials)
        raise UserError(
            f"a round has {shards:,} shards, and a loop of Kubeflow Pipelines breaks past {MOST_SHARDS}: set "
            f"parallelism.shard_size to at least {-(-trials // MOST_SHARDS)}."
        )


def check_size(config: SearchConfig, size: int, smallest: int) -> None:
    """Refuse a pipeline that would be too large for Kubernetes.

    Args:
        config: The search.
        size: Bytes of its compiled pipeline.
        smallest: Bytes of the same with a single round.

    Raises:
        UserError: It is too large.
    """
    if size <= LARGEST_SPEC:
        return
    rounds = unrolled_rounds(config)
    each = (size - smallest) / max(1, rounds - 1)
    fitting = int((LARGEST_SPEC - smallest) / each) + 1 if each else 0
    says = f"the pipeline of {rounds} rounds has {size:,} bytes, and Kubernetes keeps about {LARGEST_SPEC:,}: "
    if rounds == 1 or fitting < 1:
        raise UserError(f"{says}shorten resources (annotations, env, labels), which every task repeats.")
    least = -(-config.budget.trials // fitting)
    raise UserError(
        f"{says}set parallelism.round_size to at least {least}, or budget.hours, with which at most {UNROLLED_ROUNDS} "
        "rounds are tasks of their own."
    )
