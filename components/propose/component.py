"""Propose the next round: ask the strategy, cut the answer into shards."""

from typing import List, Optional

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def propose(
    request: str,
    deadline: float,
    number: int,
    data: Input[Dataset],
    space: Input[Artifact],
    proposal: Output[Artifact],
    receipts: Optional[List[Artifact]] = None,
) -> List[str]:
    """Propose a round.

    Args:
        request: The search as it is asked for.
        deadline: Unix seconds at which everything is to be done; 0 where there is no such time.
        number: Which round, from 0.
        data: Folder of the prepared data.
        space: File of the search space.
        proposal: File with the trials of each shard, and the deadline.
        receipts: What the shards of the round before have left; they order this step behind them.

    Returns:
        The names of the shards, at least one.
    """
    import json
    from pathlib import Path

    from nasflow.engine.concluding import failure_told
    from nasflow.engine.hours import SearchClock
    from nasflow.engine.rounds import propose_round, steps_after
    from nasflow.engine.steps import opened, step

    with step("propose", round=number) as say:
        plan, records = opened(request, data.path, space.path, deadline)
        records.begin(request, plan.space.to_json(), plan.bundle.root)
        clock = SearchClock(plan, records, steps_after(plan.config, number) + 1)
        with failure_told(plan, records):
            made = propose_round(plan, records, number, clock)
        names = [f"{number}-{place}" for place in range(len(made.shards))]
        shards = {name: [trial.to_json() for trial in shard] for name, shard in zip(names, made.shards, strict=True)}
        Path(proposal.path).write_text(json.dumps({"deadline": deadline, "shards": shards}))
        proposal.metadata.update(trials=len(made.trials), note=made.note, receipts=len(receipts or []))
        say(f"Trials proposed: {len(made.trials)}, in {len(names)} shards. {made.note}".rstrip())
        return names
