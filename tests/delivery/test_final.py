"""Full trainings: who wins, what is looked at, and what becomes of failures."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nasflow.delivery.final import _laid_down, confusion_matrix, final_job
from nasflow.delivery.final import test_probabilities as known_probabilities
from nasflow.engine.door import admit
from nasflow.errors import IntegrityError, SearchError
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import RIGGED
from nasflow.trials import Status


@pytest.fixture(scope="module")
def _rigged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from nasflow.training.pool import release

    release()
    with installed(tmp_path_factory.mktemp("rigged"), RIGGED):
        yield
        release()


def late(*behaviours: str) -> dict[str, Any]:
    """Return changes for a search whose networks misbehave in full training alone, in its second epoch."""
    options = {"behaviours": list(behaviours), "widths": [16], "step": 7, "max_depth": None}
    return {
        "space": {"family": "rigged", "options": options},
        "strategy": {"name": "grid", "options": None},
        "fidelity": {"epochs": 1, "data_fraction": 0.25},
        "budget": {"trials": len(behaviours)},
        "final": {"candidates": len(behaviours), "epochs": 2},
        "registry": {"enabled": False},
    }


def test_the_winner_is_the_best_finalist_on_validation(plan: Any, in_process: Any) -> None:
    outcome = in_process.outcome.delivery.outcome
    best = max(outcome.finalists, key=lambda finalist: finalist[1].metrics["val_accuracy"])
    assert outcome.winner.trial == best[0]
    assert [t.architecture for t, _ in outcome.finalists] == [e.trial.architecture for e in in_process.outcome.best]
    assert {trial.fidelity.epochs for trial, _ in outcome.finalists} == {plan.config.final_epochs}
    assert outcome.reference.trial.architecture == plan.reference


def test_only_winner_and_reference_were_tested(plan: Any, in_process: Any) -> None:
    outcome = in_process.outcome.delivery.outcome
    answers = known_probabilities(in_process.site.records(), outcome)
    assert set(answers) == {outcome.winner.trial.id, outcome.reference.trial.id}
    targets = np.asarray(plan.bundle.targets("test"))
    for trained in (outcome.winner, outcome.reference):
        found = answers[trained.trial.id]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
        assert trained.test_metrics["test_accuracy"] == pytest.approx((found.argmax(1) == targets).mean())
    assert outcome.comparison.difference == pytest.approx(
        outcome.winner.test_metrics["test_accuracy"] - outcome.reference.test_metrics["test_accuracy"]
    )
    assert outcome.comparison.test == "exact McNemar"


def test_the_confusion_matrix_counts_every_test_sample(plan: Any, in_process: Any) -> None:
    outcome = in_process.outcome.delivery.outcome
    matrix = confusion_matrix(plan, in_process.site.records(), outcome)
    assert matrix.sum(1).tolist() == list(plan.bundle.class_counts["test"])
    assert matrix.trace() / matrix.sum() == pytest.approx(outcome.winner.test_metrics["test_accuracy"])


class Stored:
    """Records of a search whose store has one content for everything."""

    def __init__(self, content: bytes | None) -> None:
        self.store, self.content = self, content

    def get(self, key: str) -> bytes | None:
        return self.content


@pytest.mark.parametrize("content", [None, b"", b"PK", b"not arrays"])
def test_predictions_that_cannot_be_read_are_named(in_process: Any, content: bytes | None) -> None:
    outcome = in_process.outcome.delivery.outcome
    with pytest.raises(IntegrityError, match=r"predictions\.npz' cannot be read"):
        known_probabilities(Stored(content), outcome)  # type: ignore[arg-type]
    other = replace(outcome, winner=replace(outcome.winner, trial=replace(outcome.winner.trial, seed=999)))
    whole = in_process.site.store.get(outcome.predictions)
    with pytest.raises(IntegrityError, match=other.winner.trial.id):
        known_probabilities(Stored(whole), other)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_rigged")
def test_a_finalist_that_fails_does_not_keep_the_other_back(site: Any) -> None:
    outcome = site.search(deliver=True, **late("good", "raise")).delivery.outcome
    statuses = {t.architecture.choices["behaviour"]: result.status for t, result in outcome.finalists}
    assert statuses == {"good": Status.COMPLETED, "raise": Status.CRASHED}
    assert outcome.winner.trial.architecture.choices["behaviour"] == "good"
    assert outcome.comparison is not None


@pytest.mark.usefixtures("_rigged")
def test_where_every_finalist_fails_the_causes_are_said(site: Any) -> None:
    with pytest.raises(SearchError, match=r"none of the 2 best candidates could be trained in full: .*TypeError"):
        site.search(deliver=True, **late("nan", "raise"))
    assert site.records().read("delivered") is None


def test_full_training_has_the_epochs_that_there_is_time_for_and_keeps_to_them(site: Any) -> None:
    changes = {"budget": {"trials": 3, "hours": 1}, "final": {"candidates": 1, "epochs": 4}}
    found = site.search(**changes)
    plan = admit(site.config(**changes), site.root).plan
    records, selected = site.records(), [found.best[0].trial.id]
    now = time.time()
    late, early = (replace(plan, deadline=deadline) for deadline in (now - 100, now + 3600))
    trials, kinds, reference = _laid_down(late, records, selected)
    assert kinds == ["final", "reference"]
    assert [trial.fidelity.epochs for trial in trials] == [1, 1]
    assert trials[1] == reference
    assert records.read("finals")["epochs"] == 1
    assert _laid_down(early, records, selected)[0] == trials  # the same delivery goes on
    more = {**changes, "final": {"candidates": 1, "epochs": 5}}
    other = replace(admit(site.config(**more), site.root).plan, deadline=now + 3600)
    assert [trial.fidelity.epochs for trial in _laid_down(other, records, selected)[0]] == [5, 5]


def test_a_reference_that_is_kept_has_all_its_epochs(site: Any) -> None:
    changes = {
        "budget": {"trials": 3, "hours": 1},
        "final": {"candidates": 1, "epochs": 2},
        "registry": {"enabled": False},
    }
    found = site.search(deliver=True, **changes)
    assert {trial.fidelity.epochs for trial, _ in found.delivery.outcome.finalists} == {2}
    plan = admit(site.config(**changes), site.root).plan
    site.records().write("finals", {"asked": "something before", "trials": []})
    late = replace(plan, deadline=time.time() - 100)
    trials, _, reference = _laid_down(late, site.records(), [found.best[0].trial.id])
    assert [trial.fidelity.epochs for trial in trials] == [1, 2]
    assert reference == found.delivery.outcome.reference.trial


def test_full_training_has_threads_of_its_own(site: Any) -> None:
    changes = {"final": {"candidates": 1, "threads": 2}, "budget": {"trials": 3}}
    usual = admit(site.config(budget={"trials": 3}), site.root).plan
    plan = admit(site.config(**changes), site.root).plan
    assert plan.search_id == usual.search_id
    assert plan.full_training(plan.reference).id != usual.full_training(plan.reference).id
    assert final_job(plan).config.parallelism.threads == 2
    assert plan.config.parallelism.threads == final_job(usual).config.parallelism.threads == 1
    cores = len(os.sched_getaffinity(0))
    assert final_job(plan).config.workers == max(1, cores // 2)
    assert final_job(usual).config.workers == usual.config.workers
    same = admit(site.config(budget={"trials": 3}, final={"candidates": 1, "threads": 1}), site.root).plan
    assert same.full_training(plan.reference).id == usual.full_training(plan.reference).id
