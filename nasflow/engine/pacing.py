"""Measuring how fast networks train on this machine, by training some of them on noise for seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from nasflow.config import SearchConfig
from nasflow.data.protocol import DataShape
from nasflow.engine.pace import Pace, Timing, load_of
from nasflow.engine.standin import write_standin
from nasflow.errors import SearchError
from nasflow.spaces import Architecture, NetworkIO, cost_of
from nasflow.training.events import EpochFinished, Event, TrialFinished, TrialStarted
from nasflow.training.job import TrainingJob
from nasflow.training.pool import run_trials
from nasflow.trials import EpochPoint, Fidelity, Trial

PROBE_SECONDS = 8.0
"""Longest time that trainings on noise go on, beside what it takes to start the workers."""

_EPOCHS = 2
_EPOCH_SECONDS = 0.4
_STEP_SECONDS = 0.7
_FLOPS_A_SECOND = 1e10
_MOST_STEPS = 12


@dataclass(frozen=True)
class Layout:
    """How a search trains, as far as its speed hangs on it.

    Attributes:
        config: The search.
        final_config: The configuration of its full trainings.
        shape: Classes, channels and size of the data.
        io: What goes into a network, and what comes out.
        train: Training samples of a trial.
        val: Validation samples.
    """

    config: SearchConfig
    final_config: SearchConfig
    shape: DataShape
    io: NetworkIO
    train: int
    val: int


def measure_pace(
    layout: Layout,
    networks: Sequence[Architecture],
    reference: Architecture,
    *,
    seconds: float = PROBE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Pace:
    """Train networks on noise as the search would, and return how long they take; nothing is kept.

    Args:
        layout: How the search trains.
        networks: Some that it may propose.
        reference: The reference network.
        seconds: Longest time for the trainings.
        clock: Monotonic seconds.

    Raises:
        SearchError: None of the networks could be trained.
    """
    with TemporaryDirectory(prefix="nasflow-pace-") as folder:
        probe = _Probe(layout, Path(folder), [*networks, reference])
        found = probe.timings(layout.config, [*networks, reference], seconds, clock)
        others = tuple(found[network.id] for network in networks if network.id in found)
        known = found.get(reference.id)
        measured = others or ((known,) if known is not None else ())
        if not measured:
            raise SearchError(f"no network could be trained for {seconds:g} seconds to see how long it takes.")
        if known is None:
            flops = cost_of(reference, layout.io).flops
            return Pace(measured, Pace(measured, measured[0], 1.0, probe.startup).timing(flops), 1.0, probe.startup)
        scale = 1.0
        if _differ(layout):
            final = probe.timings(layout.final_config, [reference] * layout.final_config.workers, seconds / 2, clock)
            if reference.id in final:
                scale = final[reference.id].sample_seconds / known.sample_seconds
        return Pace(measured, known, scale, probe.startup)


def _differ(layout: Layout) -> bool:
    trial, final = layout.config, layout.final_config
    return (trial.parallelism.threads, trial.workers) != (final.parallelism.threads, final.workers)


@dataclass
class _Heard:
    """What was heard of a training."""

    started_at: float
    points: list[EpochPoint] = field(default_factory=list)


class _Probe:
    """Trainings on one set of noise."""

    def __init__(self, layout: Layout, folder: Path, networks: Sequence[Architecture]) -> None:
        self._layout, self._folder = layout, folder
        self._flops = {network.id: float(cost_of(network, layout.io).flops) for network in networks}
        self._batch = _batch(layout, max(self._flops.values()))
        counts = [self._samples(network) for network in networks]
        self._train, self._val = max(counts), max(2, min(layout.val, 2 * self._batch))
        (folder / "data").mkdir()
        self._bundle = write_standin(folder / "data", layout.shape, self._train, self._val)
        self._calls = 0
        self.startup = 0.0

    def timings(
        self, config: SearchConfig, networks: Sequence[Architecture], seconds: float, clock: Callable[[], float]
    ) -> dict[str, Timing]:
        """Return the timings by architecture, of those of which at least one epoch was over in time."""
        self._calls += 1
        url = str(self._folder / f"store-{self._calls}")
        recipe = config.training.model_copy(update={"batch_size": self._batch, "progressive": None})
        storage = config.storage.model_copy(update={"url": url})
        changed = config.model_copy(update={"storage": storage, "training": recipe})
        filled = [*networks, *networks[: -len(networks) % config.workers]]  # so that none has the machine for itself
        trials = [self._trial(network, place) for place, network in enumerate(filled)]
        heard: dict[str, _Heard] = {}
        began = clock()
        end: list[float] = []

        def listen(event: Event) -> None:
            match event:
                case TrialStarted():
                    if not end:
                        self.startup = self.startup or clock() - began
                        end.append(clock() + seconds)
                    heard[event.trial_id] = _Heard(event.at)
                case EpochFinished():
                    heard[event.trial_id].points.append(event.point)
                case TrialFinished():
                    return

        job = TrainingJob(changed, self._bundle.root, url)
        run_trials(trials, job, listen, stop=lambda: bool(end) and clock() > end[0])
        found = {}
        for trial in trials:
            told = heard.get(trial.id)
            if told is not None and told.points and trial.architecture.id not in found:
                found[trial.architecture.id] = self._timing(trial.architecture, told)
        return found

    def _timing(self, network: Architecture, told: _Heard) -> Timing:
        load = load_of(self._samples(network), self._val)
        return Timing.of(self._flops[network.id], told.points, told.started_at, [load] * len(told.points))

    def _trial(self, network: Architecture, place: int) -> Trial:
        share = 1.0 if (count := self._samples(network)) >= self._train else (count - 0.5) / self._train
        return Trial(network, Fidelity(_EPOCHS, _EPOCHS, share), place, "pace")

    def _samples(self, network: Architecture) -> int:
        """Return how many samples an epoch has: the fewer, the larger the network."""
        step = _step_seconds(self._flops[network.id], self._batch)
        steps = min(_MOST_STEPS, max(1, round(_EPOCH_SECONDS / step)))
        return min(self._layout.train, steps * self._batch)


def _step_seconds(flops: float, batch: int) -> float:
    """Return roughly what a step takes: forwards, and backwards twice as much."""
    return max(1e-6, 3 * flops * batch / _FLOPS_A_SECOND)


def _batch(layout: Layout, flops: float) -> int:
    """Return the batch size: the search's, or a smaller one where a single step would take too long."""
    batch = layout.config.training.batch_size
    fitting = round(batch * _STEP_SECONDS / _step_seconds(flops, batch))
    return max(2, min(batch, max(8, fitting)))
