"""Train the candidates of one shard in a pool of workers."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_candidates(
    request: str,
    shard: str,
    data: Input[Dataset],
    space: Input[Artifact],
    proposal: Input[Artifact],
    receipt: Output[Artifact],
) -> None:
    """Train the candidates of one shard.

    Args:
        request: The search as it is asked for.
        shard: Name of the shard.
        data: Folder of the prepared data.
        space: File of the search space.
        proposal: File with the trials of each shard, and the deadline: kfp.local gives a loop no other task's value.
        receipt: File with the ids of the trials that have a result now.
    """
    import json
    from pathlib import Path

    from nasflow.engine.hours import SearchClock
    from nasflow.engine.rounds import steps_after
    from nasflow.engine.search import train_round
    from nasflow.engine.steps import opened, read_shard, step
    from nasflow.engine.telling import trials_told
    from nasflow.engine.trialling import open_tracker
    from nasflow.trials import Entry, History

    number = int(shard.partition("-")[0])
    with step("train_candidates", round=number, shard=shard) as say:
        trials, deadline = read_shard(proposal.path, shard)
        plan, records = opened(request, data.path, space.path, deadline)
        clock = SearchClock(plan, records, steps_after(plan.config, number))
        with open_tracker(plan, records) as tracker:
            results = train_round(plan, records, trials, tracker, task=f"shard-{shard}", clock=clock)
        Path(receipt.path).write_text(json.dumps([result.trial_id for result in results]))
        receipt.metadata.update(trials=len(results), failed=sum(result.status.failed for result in results))
        known = {result.trial_id: result for result in results}
        say(trials_told(plan.objectives, History(Entry(trial, known.get(trial.id)) for trial in trials)))
