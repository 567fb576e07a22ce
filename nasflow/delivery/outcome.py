"""What a search comes to, as it travels between the steps of the delivery."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nasflow.delivery.statistics import LEVEL, Comparison
from nasflow.errors import IntegrityError
from nasflow.ids import digest
from nasflow.trials import Trial, TrialResult

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Trained:
    """A network trained in full.

    Attributes:
        trial: Its training.
        result: What came of it.
        test_metrics: Its metrics on the test samples, named with the split (`test_accuracy`); empty where it
            was not tested.
    """

    trial: Trial
    result: TrialResult
    test_metrics: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-compatible data."""
        return {
            "trial": self.trial.to_json(),
            "result": self.result.to_json(),
            "test_metrics": dict(self.test_metrics),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Trained:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document is damaged.
        """
        try:
            trial, result, metrics = document["trial"], document["result"], document["test_metrics"]
            return cls(Trial.from_json(trial), TrialResult.from_json(result), dict(metrics))
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"a fully trained network lacks {error}; the document is damaged.") from error


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes:
        search_id: The search.
        winner: The best network on validation, trained in full and tested.
        reference: The reference network, trained by the same recipe and tested on the same samples; untested where its
            training failed.
        finalists: All that were trained in full for the search, best candidate first; untested, but for the winner.
        comparison: The winner against the reference on the task's first metric; None where the reference's training
            failed.
        predictions: Key in the store of the probabilities of the networks that were tested.
    """

    search_id: str
    winner: Trained
    reference: Trained
    finalists: tuple[tuple[Trial, TrialResult], ...]
    comparison: Comparison | None
    predictions: str

    @cached_property
    def id(self) -> str:
        """Hash of the search and the trainings that decided: the same for the same outcome, however often delivered."""
        return digest(
            {
                "search": self.search_id,
                "winner": self.winner.trial.id,
                "reference": self.reference.trial.id,
                "finalists": sorted(trial.id for trial, _ in self.finalists),
            }
        )

    @property
    def reference_failure(self) -> str:
        """Why there is nothing to compare the winner with; empty where there is."""
        if self.comparison is not None:
            return ""
        return failure(self.reference.result)

    @property
    def verdict(self) -> str:
        """How the winner compares with the reference, in one sentence."""
        if self.comparison is None:
            return f"The reference network could not be trained: {self.reference_failure}."
        return self.comparison.sentence("the winner", "the reference network")

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON-compatible data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "search_id": self.search_id,
            "winner": self.winner.to_json(),
            "reference": self.reference.to_json(),
            "finalists": [{"trial": t.to_json(), "result": r.to_json()} for t, r in self.finalists],
            "comparison": self.comparison.to_json() if self.comparison else None,
            "predictions": self.predictions,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Outcome:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document is damaged or of another version.
        """
        try:
            if document["schema_version"] != SCHEMA_VERSION:
                raise IntegrityError(f"an outcome of schema version {document['schema_version']} cannot be read.")
            return cls(
                document["search_id"],
                Trained.from_json(document["winner"]),
                Trained.from_json(document["reference"]),
                tuple((Trial.from_json(f["trial"]), TrialResult.from_json(f["result"])) for f in document["finalists"]),
                Comparison.from_json(document["comparison"]) if document["comparison"] else None,
                document["predictions"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(f"the outcome of a search lacks or has too much: {error}; it is damaged.") from error


def failure(result: TrialResult) -> str:
    """Return why a training failed, without a full stop."""
    return result.cause.rstrip(".") or str(result.status).replace("_", " ")


def read_outcome(path: str | Path) -> Outcome:
    """Read an outcome from its file.

    Raises:
        IntegrityError: The file is missing or damaged.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise IntegrityError(f"the outcome of the search cannot be read from {path}: {error}") from error
    return Outcome.from_json(document)


@dataclass(frozen=True)
class Registration:
    """A registered version of a model.

    Attributes:
        name: The model's name.
        version: Number of the version.
        alias: `champion` or `challenger`.
        run_id: MLflow run that the version belongs to.
        why: In one sentence, why it has this alias.
        compared_with: Version of the champion that it was compared with, or None.
        comparison: That comparison, or None where there was none.
        margin: How much better than the champion it had to be.
        level: What the p value of the comparison had to be below.
    """

    name: str
    version: int
    alias: str
    run_id: str
    why: str
    compared_with: int | None = None
    comparison: Comparison | None = None
    margin: float = 0.0
    level: float = LEVEL

    @property
    def uri(self) -> str:
        """URI that MLflow loads the model by, as in `models:/digits@champion`."""
        return f"models:/{self.name}@{self.alias}"

    def to_json(self) -> dict[str, Any]:
        """Return the registration as JSON-compatible data."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Registration:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document is damaged or of another version.
        """
        try:
            fields = dict(document)
            if fields.pop("schema_version") != SCHEMA_VERSION:
                raise IntegrityError(f"a registration of schema version {document['schema_version']} cannot be read.")
            comparison = fields.pop("comparison")
            return cls(**fields, comparison=Comparison.from_json(comparison) if comparison else None)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(f"a registration lacks or has too much: {error}; it is damaged.") from error
