"""What `nasflow check` says."""

from __future__ import annotations

import json
from pathlib import Path

from nasflow.cli.foretelling import foretold
from nasflow.cli.views import PlanView
from nasflow.config import SearchConfig
from nasflow.data.checks import small_classes_note
from nasflow.data.protocol import Summary
from nasflow.engine.door import Outlook, outlook
from nasflow.engine.request import anchored
from nasflow.objectives import Objective
from nasflow.storage import open_store
from nasflow.tracking import tracking_target


def planned(path: Path, config: SearchConfig, *, probe: bool = False) -> PlanView:
    """Return what a search would do; writes nothing.

    Args:
        path: The search's YAML file.
        config: What it says.
        probe: Whether to measure for some seconds how long it will take.

    Raises:
        UserError: The data, the space or the objectives cannot be used.
    """
    base = path.resolve().parent
    found = outlook(config, base)
    time, unknown = foretold(config, base, found) if probe else ("", [])
    parallelism = config.parallelism
    canonical = found.space.canonical_size()
    strategy = config.strategy
    options = f" {json.dumps(strategy.options)}" if strategy.options else ""
    shard_size = parallelism.shard_size or parallelism.round_size
    return PlanView(
        name=config.name,
        config=str(path),
        data=_data(config, found.summary),
        task=config.task.name,
        space=found.space.family,
        space_size=found.space.size,
        canonical_size=canonical,
        constraints=tuple(f"{name} {bound}" for name, bound in found.space.constraints.items()),
        strategy=strategy.name + options,
        objectives=tuple(_objective(objective) for objective in found.objectives),
        rounds=config.rounds,
        shards=-(-min(parallelism.round_size, config.budget.trials) // shard_size),
        trials=config.budget.trials,
        epochs=config.fidelity.epochs,
        finals=config.final.candidates,
        final_epochs=config.final_epochs,
        workers=config.workers,
        threads=parallelism.threads,
        device=config.resources.device,
        writes=_writes(config),
        time=time,
        notes=(*_notes(config, found, canonical), *unknown),
    )


def _data(config: SearchConfig, summary: Summary) -> str:
    colour = "grey" if summary.channels == 1 else "RGB"
    splits = f"splits {', '.join(summary.splits)} given" if summary.splits else "split 70/15/15 by content"
    return (
        f"{config.data.source}: {sum(summary.counts):,} images, {len(summary.classes)} classes, "
        f"{summary.size}×{summary.size} {colour}, {splits}"
    )


def _objective(objective: Objective) -> str:
    limits = f", {objective.limits}" if objective.limits else ""
    return f"{objective.direction} {objective.name}{limits}"


def _writes(config: SearchConfig) -> tuple[tuple[str, str], ...]:
    store = open_store(anchored(config).storage.url)
    target = tracking_target(config, store)
    model = f"model '{config.model_name}'" if config.registry.enabled else "nothing (registry.enabled is false)"
    return (
        ("results, checkpoints, data", store.url),
        ("runs", f"experiment '{target.experiment}' in MLflow at {target.shown}"),
        ("registered", model),
    )


def _notes(config: SearchConfig, found: Outlook, canonical: int | None) -> list[str]:
    notes = []
    size = canonical if canonical is not None else found.space.size
    if size < config.budget.trials:
        notes.append(
            f"The space has {size:,} networks, fewer than budget.trials ({config.budget.trials}): all are tried."
        )
    if (note := small_classes_note(found.summary)) is not None:
        notes.append(note)
    return notes
