"""Cutting a round into shards of about equal work."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nasflow.trials import Trial


def cut(trials: Sequence[Trial], shard_size: int, work: Callable[[Trial], float]) -> list[list[Trial]]:
    """Cut trials into the fewest shards of at most `shard_size`, balanced greedily, longest trial first.

    Args:
        trials: The trials of a round.
        shard_size: Most trials of one shard.
        work: Expected work of a trial in any unit (FLOPs times epochs), never a measured time, so that the cut repeats.

    Returns:
        At least one shard, each in the order of `trials`; a round without trials gives one empty shard, since a loop
        of a pipeline needs a member.
    """
    count = max(1, -(-len(trials) // shard_size))
    shards: list[list[Trial]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for trial in sorted(trials, key=lambda t: (-work(t), t.id)):
        place = min((i for i in range(count) if len(shards[i]) < shard_size), key=lambda i: (loads[i], i))
        shards[place].append(trial)
        loads[place] += work(trial)
    order = {trial.id: place for place, trial in enumerate(trials)}
    return [sorted(shard, key=lambda t: order[t.id]) for shard in shards]
