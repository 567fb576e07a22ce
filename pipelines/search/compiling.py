"""Compiling the search pipeline to a file for a cluster."""

from __future__ import annotations

from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.pipelines.search.pipeline import search_pipeline


def compile_search(config: SearchConfig, target: Path) -> None:
    """Write the pipeline of a search as KFP's intermediate representation; the same configuration gives the same bytes.

    Args:
        config: The search; the number of rounds and the parallelism are laid down in the file.
        target: A `.yaml` file, replaced where it exists.
    """
    from kfp import compiler

    pipeline = search_pipeline(f"nasflow-{config.name}", config.rounds, shards_at_once(config))
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline, str(target))


def shards_at_once(config: SearchConfig) -> int:
    """Return how many shards of a round may run at the same time on a cluster: all."""
    size = config.parallelism.round_size
    return -(-size // (config.parallelism.shard_size or size))
