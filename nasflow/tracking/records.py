"""What MLflow is told of a trial, as plain data."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nasflow.ids import canonical_json, digest
from nasflow.processes import ProcessStamp
from nasflow.trials import EpochPoint, Status, Trial, TrialResult

Kind = Literal["trial", "final", "reference"]

PENDING = "pending"
"""Kind of a run that nobody has claimed yet."""

ABANDONED_SECONDS = 600.0
"""After so long an unclaimed run of another machine counts as left behind: a claim follows within a second."""

MAX_PARAM = 6000
MAX_TAG = 8000
MAX_KEY = 250

MetricRow = tuple[str, float, int, int]
"""Name, value, time stamp in milliseconds, step."""


@dataclass
class Note:
    """What is known of a trial and is to be in MLflow.

    Attributes:
        trial: The trial.
        kind: Kind of its training.
        started: Unix milliseconds at which it started.
        points: The epochs known so far, by number.
        result: Its result, once there is one.
        reused: Whether the result is from another search; None where that is not known.
    """

    trial: Trial
    kind: Kind
    started: int
    points: dict[int, EpochPoint] = field(default_factory=dict)
    result: TrialResult | None = None
    reused: bool | None = None

    @property
    def curve(self) -> list[EpochPoint]:
        """The epochs to be in MLflow: those of the result where there is one, else those known so far."""
        return list(self.result.curve) if self.result else [self.points[epoch] for epoch in sorted(self.points)]


def milliseconds(seconds: float) -> int:
    """Return Unix milliseconds, MLflow's measure of time."""
    return round(seconds * 1000)


def place(point: EpochPoint) -> tuple[int, int]:
    """Return step and time stamp, which tell a point of a curve from all others."""
    return point.epoch, milliseconds(point.finished_at)


def point_rows(points: Iterable[EpochPoint]) -> list[MetricRow]:
    """Return the metrics of epochs."""
    return [
        (_key(name), float(value), milliseconds(point.finished_at), point.epoch)
        for point in points
        for name, value in point.metrics.items()
    ]


def result_rows(result: TrialResult) -> list[MetricRow]:
    """Return the final metrics, but for those that the last epoch has said already."""
    last = result.curve[-1] if result.curve else None
    said = dict(last.metrics) if last else {}
    step = last.epoch if last else 0
    return [
        (_key(name), float(value), milliseconds(result.finished_at), step)
        for name, value in result.metrics.items()
        if said.get(name) != value
    ]


def trial_params(trial: Trial) -> dict[str, str]:
    """Return the parameters of a trial: the architecture's choices (its form where it has none), fidelity, seed."""
    architecture = trial.architecture
    parts = architecture.choices or architecture.form
    return text_params(
        {
            "architecture_id": architecture.id,
            "family": architecture.family,
            "seed": trial.seed,
            "epochs": trial.fidelity.epochs,
            "horizon": trial.fidelity.horizon,
            "data_fraction": trial.fidelity.data_fraction,
        }
        | {f"arch.{name}": value for name, value in parts.items()}
    )


def text_params(params: Mapping[str, object]) -> dict[str, str]:
    """Return parameters as MLflow takes them: legal names, texts of legal length."""
    texts = {key: value if isinstance(value, str) else canonical_json(value) for key, value in params.items()}
    return {_key(key): _cut(text, MAX_PARAM) for key, text in texts.items()}


def trial_tags(search_id: str, parent: str, trial: Trial) -> dict[str, str]:
    """Return the tags that a trial's run has from its start, but for `nasflow.kind`."""
    architecture = canonical_json(trial.architecture.to_json())
    return {
        "mlflow.parentRunId": parent,
        "nasflow.search_id": search_id,
        "nasflow.trial_id": trial.id,
        "nasflow.architecture_id": trial.architecture.id,
        "nasflow.parents": ",".join(trial.parents),
        "nasflow.origin": trial.origin,
        **({"nasflow.architecture": architecture} if len(architecture.encode()) <= MAX_TAG else {}),
    }


def result_tags(result: TrialResult, reused: bool | None) -> dict[str, str]:
    """Return the tags that a trial's run gets with its result."""
    return {
        "nasflow.status": result.status.value,
        "nasflow.cause": _cut(result.cause, MAX_TAG),
        "nasflow.device": result.device,
        "nasflow.result": result_digest(result),
        **({} if reused is None else {"nasflow.reused": str(reused).lower()}),
    }


def result_digest(result: TrialResult) -> str:
    """Return a hash by which a run shows whose result it holds."""
    return digest(json.dumps(result.to_json() | {"checkpoint": None}, sort_keys=True))  # it may hold NaN


def run_status(status: Status) -> str:
    """Return MLflow's word for how a trial ended."""
    match status:
        case Status.COMPLETED | Status.REJECTED:
            return "FINISHED"
        case Status.TIMED_OUT:
            return "KILLED"
        case _:
            return "FAILED"


def creator_tag(store: str) -> str:
    """Return the tag by which a run that was never claimed is known as left behind.

    Args:
        store: Where the claims are kept; other stores' runs are none of ours.
    """
    return json.dumps({**ProcessStamp.here().to_json(), "at": time.time(), "store": digest(store)})


def abandoned(creator: str, store: str) -> bool:
    """Whether a run that nobody has claimed was left behind by a process that has ended, of this store."""
    known = _creator(creator, store)
    if known is None:
        return False
    process, at = known
    return not (process.alive if process.local else time.time() - at < ABANDONED_SECONDS)


def made_here(creator: str, store: str) -> bool:
    """Whether a run was made by this process, for this store."""
    known = _creator(creator, store)
    return known is not None and known[0] == ProcessStamp.here()


def _creator(creator: str, store: str) -> tuple[ProcessStamp, float] | None:
    """Return who made a run and when, in Unix seconds; None where that cannot be read, or was for another store."""
    try:
        document = json.loads(creator)
        process, at = ProcessStamp.from_json(document), float(document["at"])
        return (process, at) if document["store"] == digest(store) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _key(name: str) -> str:
    return re.sub(r"[^\w.\-/ ]", "_", name, flags=re.ASCII)[:MAX_KEY]


def _cut(text: str, limit: int) -> str:
    """Cut a text by its length in bytes, which is what some databases count."""
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= limit else encoded[: limit - 4].decode(errors="ignore") + " …"
