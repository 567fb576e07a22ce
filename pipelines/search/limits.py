"""What Kubeflow Pipelines or Kubernetes would refuse, or break on, said before anything is uploaded."""

from __future__ import annotations

from nasflow.config import SearchConfig
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


def check_parameter(request: str) -> None:
    """Refuse a request that is too long for a parameter.

    Raises:
        UserError: It is.
    """
    size = len(request.encode())
    if size > LONGEST_PARAMETER:
        raise UserError(
            f"the configuration takes {size:,} bytes as a parameter, and Kubeflow Pipelines keeps "
            f"{LONGEST_PARAMETER:,}: narrow space.choices by fewer or shorter lists."
        )


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
