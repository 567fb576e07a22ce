"""What strategies propose and training returns: candidates, trials, results, and the history of a search."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from nasflow.errors import IntegrityError
from nasflow.ids import canonical_json, digest
from nasflow.spaces import Architecture

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Patience:
    """When a training ends early, and which of its epochs it keeps: the best by one metric.

    Attributes:
        epochs: Training ends when so many of them have not improved the metric.
        metric: Name of a metric on validation, as in `val_accuracy`.
        direction: Which way is better.
    """

    epochs: int
    metric: str
    direction: Literal["maximize", "minimize"]

    def improves(self, value: float, best: float) -> bool:
        """Whether a value of the metric is better than the best one so far."""
        return value > best if self.direction == "maximize" else value < best


@dataclass(frozen=True)
class Fidelity:
    """How much training a trial gets.

    Attributes:
        epochs: Passes over the training samples.
        horizon: Epochs over which the learning-rate schedule is laid out; at least `epochs`.
        data_fraction: Share of the training samples used, in (0, 1].
        patience: When training ends early, to keep its best epoch; None where it has all its epochs and keeps the last.
    """

    epochs: int
    horizon: int
    data_fraction: float = 1.0
    patience: Patience | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fidelity as JSON-compatible data; patience only where there is one, so that ids last."""
        document = asdict(self)
        if self.patience is None:
            del document["patience"]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Fidelity:
        """Read back what `to_json` gave.

        Raises:
            TypeError: The document lacks a part or has too much.
        """
        fields = {**document}
        if "patience" in fields:
            fields["patience"] = Patience(**fields["patience"])
        return cls(**fields)

    def samples(self, available: int) -> int:
        """Return how many of the training samples are seen: the first rows of the prepared data.

        Rows are ordered by the hash of their content, so the first ones are a random part; all trials see the same, and
        a smaller fraction is part of a larger one.
        """
        return min(available, max(2, math.ceil(self.data_fraction * available)))

    def stops_at(self, epoch: int, best: int) -> bool:
        """Whether training is over after an epoch.

        Args:
            epoch: Epochs done.
            best: The epoch that was best so far; any number where there is no patience.
        """
        return epoch >= self.epochs or (self.patience is not None and epoch - best >= self.patience.epochs)


@dataclass(frozen=True)
class Candidate:
    """What a strategy proposes.

    Attributes:
        architecture: The network.
        fidelity: How much training it gets.
        parents: Ids of the architectures that it came from.
        origin: How it came about, in a word or two (`random`, `mutation`, `crossover` …).
    """

    architecture: Architecture
    fidelity: Fidelity
    parents: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True)
class Trial:
    """One training of one network: everything that its result depends on.

    Attributes:
        architecture: The network.
        fidelity: How much training it gets.
        seed: Seed of its weights and sample order; from the search's seed and the architecture.
        context: Hash of the recipe, the task and its options, the data, the device kind and the version of the training
            code.
        start: Id of the trial from whose weights this one goes on, or None.
        parents: Ids of the architectures that it came from; no part of its identity.
        origin: How it came about; no part of its identity.
    """

    architecture: Architecture
    fidelity: Fidelity
    seed: int
    context: str
    start: str | None = None
    parents: tuple[str, ...] = ()
    origin: str = ""

    @cached_property
    def id(self) -> str:
        """Hash of all that the result depends on: the key of the result in the store."""
        return digest(
            {
                "architecture": self.architecture.id,
                "fidelity": self.fidelity.to_json(),
                "seed": self.seed,
                "context": self.context,
                "start": self.start,
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Return the trial as JSON-compatible data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "id": self.id,
            "architecture": self.architecture.to_json(),
            "fidelity": self.fidelity.to_json(),
            "seed": self.seed,
            "context": self.context,
            "start": self.start,
            "parents": list(self.parents),
            "origin": self.origin,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Trial:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document lacks a part, or its id is not that of its content.
        """
        try:
            trial = cls(
                Architecture.from_json(document["architecture"]),
                Fidelity.from_json(document["fidelity"]),
                document["seed"],
                document["context"],
                document["start"],
                tuple(document["parents"]),
                document["origin"],
            )
            stated = document["id"]
            intact = trial.id == stated
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise IntegrityError(f"a trial lacks or has too much: {error}; the document is damaged.") from error
        if not intact:
            raise IntegrityError(f"trial {stated} has the content of {trial.id}; it was altered.")
        return trial


class Status(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    REJECTED = "rejected"
    """A cheap objective was out of its bounds; nothing was trained."""
    OUT_OF_MEMORY = "out_of_memory"
    NOT_FINITE = "not_finite"
    """The loss became NaN or infinite."""
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    """The network's code raised, or the worker process died."""

    @property
    def failed(self) -> bool:
        """Whether the trial counts as failed."""
        return self not in (Status.COMPLETED, Status.REJECTED)


@dataclass(frozen=True)
class EpochPoint:
    """One epoch of a learning curve.

    Attributes:
        epoch: Number of the epoch, from 1.
        metrics: `train_loss`, `val_loss`, `val_accuracy`, `learning_rate`, … at its end.
        started_at: Unix seconds at its start.
        finished_at: Unix seconds at its end; also the time stamp of its points in MLflow.
    """

    epoch: int
    metrics: Mapping[str, float]
    started_at: float
    finished_at: float


@dataclass(frozen=True)
class TrialResult:
    """What came of a trial.

    Attributes:
        trial_id: The trial.
        status: How it ended.
        metrics: Final values by name: the task's metrics with the split in front (`val_accuracy`), `parameters`,
            `flops`, and `train_seconds`; empty where nothing is known.
        curve: The epochs trained, in order.
        cause: Why it failed or was rejected, in one sentence; empty otherwise.
        started_at: Unix seconds.
        finished_at: Unix seconds.
        device: Device kind it was trained on, as in `cpu-AVX2` or `cuda-NVIDIA H100`.
        checkpoint: Key of its last checkpoint in the store, or None.
        measured: Names of those metrics that were measured on the network before training, on the device that serves;
            they do not repeat exactly.
    """

    trial_id: str
    status: Status
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[EpochPoint, ...] = ()
    cause: str = ""
    started_at: float = 0.0
    finished_at: float = 0.0
    device: str = ""
    checkpoint: str | None = None
    measured: tuple[str, ...] = ()

    def with_measured(self, values: Mapping[str, float]) -> TrialResult:
        """Return the result with what was measured on its network among its metrics."""
        names = tuple(sorted({*self.measured, *values}))
        return replace(self, metrics={**self.metrics, **values}, measured=names) if values else self

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-compatible data."""
        measured = {"measured": list(self.measured)} if self.measured else {}
        return {
            "schema_version": SCHEMA_VERSION,
            "trial_id": self.trial_id,
            "status": str(self.status),
            "metrics": _written(self.metrics),
            "curve": [{**vars(point), "metrics": _written(point.metrics)} for point in self.curve],
            "cause": self.cause,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "device": self.device,
            "checkpoint": self.checkpoint,
            **measured,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TrialResult:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document is damaged or of another version.
        """
        try:
            fields = dict(document)
            if fields.pop("schema_version") != SCHEMA_VERSION:
                raise IntegrityError(f"a result of schema version {document['schema_version']} cannot be read.")
            fields["status"] = Status(fields["status"])
            fields["measured"] = tuple(fields.get("measured", ()))
            fields["metrics"] = _read(fields["metrics"])
            fields["curve"] = tuple(
                EpochPoint(**{**point, "metrics": _read(point["metrics"])}) for point in fields["curve"]
            )
            return cls(**fields)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise IntegrityError(f"a trial's result is damaged: {type(error).__name__}: {error}.") from error

    def timeless(self) -> dict[str, Any]:
        """Return what must repeat exactly under the same seed: all but times, costs and keys."""
        same = replace(self, started_at=0.0, finished_at=0.0, checkpoint=None).to_json()
        times = {name for name in self.metrics if name.endswith("_seconds")} | {*self.measured}
        same["metrics"] = _written({name: value for name, value in self.metrics.items() if name not in times})
        same["curve"] = [{"epoch": p.epoch, "metrics": _written(p.metrics)} for p in self.curve]
        return same


def _written(metrics: Mapping[str, float]) -> dict[str, float | str]:
    """Return metrics as JSON can hold them: NaN and infinity as text."""
    return {name: value if math.isfinite(value) else str(value) for name, value in metrics.items()}


def _read(metrics: Mapping[str, float | str]) -> dict[str, float]:
    return {name: float(value) if isinstance(value, str) else value for name, value in metrics.items()}


@dataclass(frozen=True)
class Entry:
    """A trial and what came of it; `result` is None while it is under way."""

    trial: Trial
    result: TrialResult | None


class History:
    """All trials of a search in the order proposed, with their results."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        """Iterate in the order proposed."""
        return iter(self.entries)

    def __getitem__(self, place: int) -> Entry:
        """Return a trial by its place, from 0."""
        return self.entries[place]

    def __repr__(self) -> str:
        """Return the numbers of trials in all, completed and failed."""
        completed = sum(e.result is not None and e.result.status is Status.COMPLETED for e in self.entries)
        return f"<History: {len(self)} trials, {completed} completed, {len(self.failed)} failed>"

    @cached_property
    def architectures(self) -> frozenset[str]:
        """Ids of all the architectures proposed so far."""
        return frozenset(entry.trial.architecture.id for entry in self.entries)

    @property
    def failed(self) -> list[TrialResult]:
        """The results of failed trials."""
        return [e.result for e in self.entries if e.result is not None and e.result.status.failed]

    def to_jsonl(self) -> str:
        """Return one line of JSON for each trial."""
        return "".join(
            canonical_json({"trial": e.trial.to_json(), "result": e.result.to_json() if e.result else None}) + "\n"
            for e in self.entries
        )

    @classmethod
    def from_jsonl(cls, text: str) -> History:
        """Read back what `to_jsonl` gave.

        Raises:
            IntegrityError: A line is damaged.
        """
        entries = []
        for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
            try:
                document = json.loads(line)
                trial, result = document["trial"], document["result"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise IntegrityError(f"line {number} of a history is damaged: {error}.") from error
            entries.append(Entry(Trial.from_json(trial), TrialResult.from_json(result) if result else None))
        return cls(entries)

    def timeless(self) -> list[dict[str, Any]]:
        """Return what must repeat exactly under the same seed."""
        return [{"trial": e.trial.to_json(), "result": e.result.timeless() if e.result else None} for e in self.entries]
