"""What a report says, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nasflow.delivery.outcome import Registration
from nasflow.delivery.report.parts import (
    Answers,
    Choices,
    Direction,
    FullTraining,
    Goal,
    Importance,
    MetricRow,
    RunnerUp,
    Spent,
)
from nasflow.errors import IntegrityError
from nasflow.spaces import Graph

SCHEMA_VERSION = 2
_READABLE = (1, 2)
"""What version 2 added has defaults, so that version 1 can be read: its page lacks those sections."""


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        task: Name of the task.
        source: Where the data came from, as the configuration says it.
        size: Height and width of an image in pixels.
        channels: 1 (grey) or 3 (RGB).
        class_counts: For each class, by name, its samples in train, validation and test.
        skipped: Unreadable samples by name, with the reason.
        dropped: For each split, how many samples were left out because their content is in a later split.
        family: Name of the family of networks.
        space_size: Number of assignments of the space.
        constraints: Limits on every network, as sentences would say them.
        strategy: Name of the strategy.
        objectives: The objectives with direction and bounds, the deciding one first.
        trials: Trials that the budget allows.
        epochs: Epochs of a trial.
        final_epochs: Epochs of a full training that were asked for; `Network.training` has what came of it.
        candidates: How many of the best were trained in full.
        seed: Seed of the search.
        hours: Hours that everything may take, or None where there is no limit.
        patience: Epochs without improvement after which a full training ends; None where it has all its epochs.
    """

    task: str
    source: str
    size: int
    channels: int
    class_counts: Mapping[str, tuple[int, int, int]]
    skipped: Mapping[str, str]
    dropped: Mapping[str, int]
    family: str
    space_size: int
    constraints: tuple[str, ...]
    strategy: str
    objectives: tuple[str, ...]
    trials: int
    epochs: int
    final_epochs: int
    candidates: int
    seed: int
    hours: float | None = None
    patience: int | None = None


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Attributes:
        label: What it belongs to.
        kind: How it is drawn: one of many in the search, or winner, reference or another finalist in full training.
        epochs: Numbers of the epochs.
        values: The deciding metric at the end of each.
    """

    label: str
    kind: Literal["trial", "search winner", "winner", "reference", "finalist"]
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class TrialRow:
    """One trial of the search.

    Attributes:
        number: Its place in the order proposed, from 1.
        architecture_id: Its architecture.
        origin: How it came about.
        status: How it ended, or `open`.
        cause: Why it failed or was rejected; empty otherwise.
        value: The deciding objective, or None.
        parameters: Number of parameters, or None.
        flops: Multiply-accumulate operations a sample, or None.
        seconds: Seconds of training.
        choices: The choices made.
        metrics: Values of all objectives, as far as they are known, and `accumulation` where the gradients of several
            batches were added up for lack of memory.
        feasible: Whether it completed within the bounds of all objectives.
    """

    number: int
    architecture_id: str
    origin: str
    status: str
    cause: str
    value: float | None
    parameters: int | None
    flops: int | None
    seconds: float
    choices: Choices
    metrics: Mapping[str, float] = field(default_factory=dict)
    feasible: bool = True


@dataclass(frozen=True)
class Network:
    """The winner or the reference.

    Attributes:
        architecture_id: Its architecture.
        family: Name of its family.
        choices: The choices made; empty for a reference.
        parameters: Number of parameters.
        flops: Multiply-accumulate operations a sample.
        train_seconds: Seconds of its full training.
        metrics: Values of the objectives after its full training, as far as they are known.
        training: How long its full training was; None in reports that were written before that was kept.
    """

    architecture_id: str
    family: str
    choices: Choices
    parameters: int
    flops: int
    train_seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    training: FullTraining | None = None


@dataclass(frozen=True)
class Cost:
    """What the search took.

    Attributes:
        wall_seconds: From its start to the report.
        trial_seconds: Training seconds of the trials, summed.
        final_seconds: Training seconds of finalists and reference, summed.
        epochs: Epochs trained in all.
        reused: Trials whose result was there already.
        device: Device kind.
        parts: Where the time from start to report went.
    """

    wall_seconds: float
    trial_seconds: float
    final_seconds: float
    epochs: int
    reused: int
    device: str
    parts: tuple[Spent, ...] = ()

    @property
    def idle_seconds(self) -> float:
        """Seconds in which nothing was going on, as between two runs of a search that was stopped."""
        return sum(part.seconds for part in self.parts if part.kind == "idle")


@dataclass(frozen=True)
class Usage:
    """What is needed to use the model.

    Attributes:
        model: Name of the registered model, or None where nothing is registered.
        onnx: Where the ONNX file is, as a path or URI that the reader can open.
        tracking_uri: Where MLflow is; a password in it is not shown.
        classes: Names of the classes.
    """

    model: str | None
    onnx: str
    tracking_uri: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ReportData:
    """All that a report says.

    Attributes:
        name: Name of the search.
        search_id: Its id.
        created: When the report was written, as a reader would write it.
        version: Of nasflow.
        asked: What was asked for.
        objective: Name of the deciding objective.
        direction: Which way it is better.
        winner: The winner.
        reference: The reference network.
        metrics: Both on the test samples, the deciding metric first.
        curves: Learning curves of the search and of the full trainings.
        trials: Every trial in the order proposed.
        graph: Drawing of the winner.
        cost: What it took.
        usage: What is needed to use the model.
        registration: As what it was registered; None before that.
        reference_failure: Why the reference could not be trained; empty where it could.
        goals: The objectives, the deciding one first; empty in reports of version 1.
        importance: Which choices mattered; None where there were none to make.
        runner_up: The winner against the one that came next; None where it was the only one.
        tested: The winner's answers on the test samples; None where they are not classes.
    """

    name: str
    search_id: str
    created: str
    version: str
    asked: Asked
    objective: str
    direction: Direction
    winner: Network
    reference: Network
    metrics: tuple[MetricRow, ...]
    curves: tuple[Curve, ...]
    trials: tuple[TrialRow, ...]
    graph: Graph
    cost: Cost
    usage: Usage
    registration: Registration | None = None
    reference_failure: str = ""
    goals: tuple[Goal, ...] = ()
    importance: Importance | None = None
    runner_up: RunnerUp | None = None
    tested: Answers | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the data as JSON-compatible data."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ReportData:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document is damaged or of another version.
        """
        from pydantic import TypeAdapter, ValidationError

        fields = dict(document)
        if fields.pop("schema_version", None) not in _READABLE:
            raise IntegrityError(
                "the data of this report are of another version of nasflow; run the search again to write it anew."
            )
        try:
            return TypeAdapter(cls).validate_python(fields)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise IntegrityError(f"the data of a report are damaged: {place}: {first['msg']}.") from error
