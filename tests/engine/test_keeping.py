"""Whose weights stay by `storage.keep`."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.engine.garbage import garbage
from nasflow.engine.keeping import keep_best, needed_checkpoints
from nasflow.engine.rounds import propose_round
from nasflow.engine.trialling import open_tracker, train_trials
from nasflow.training.evaluation import load_network
from nasflow.training.job import TrainingJob, checkpoint_key
from nasflow.trials import Trial

SMALL: dict[str, Any] = {
    "device_kind": "",
    "space": {"family": "mlp", "options": {"max_depth": 1}},
    "fidelity": {"epochs": 1, "data_fraction": 0.3},
}


@pytest.fixture
def search(planned: Any, kept: Any, finish: Any, tmp_path: Any) -> Any:
    """Return the records of a search of three finished trials with weights, and the trials."""

    def make(keep: str, **sections: Any) -> tuple[Any, Any, tuple[Trial, ...]]:
        plan = planned(storage={"url": str(tmp_path / "store"), "keep": keep}, **sections)
        records = kept(plan)
        trials = propose_round(plan, records, 0).trials
        for trial in trials:
            finish(records, trial)
            records.store.put(checkpoint_key(trial.id), b"weights")
        return plan, records, trials

    return make


def weights(records: Any) -> set[str]:
    return set(records.store.keys("checkpoints/"))


def keys(*trials: Trial) -> set[str]:
    return {checkpoint_key(trial.id) for trial in trials}


@pytest.mark.parametrize(("keep", "count"), [("none", 3), ("best", 0), ("all", 0)])
def test_what_is_kept_is_no_garbage_before_the_best_are_known(search: Any, keep: str, count: int) -> None:
    _, records, _ = search(keep)
    assert len(list(garbage(records.store))) == count


def test_the_selected_stay_and_the_others_go(search: Any) -> None:
    _, records, (first, second, _) = search("best")
    keep_best(records, [second.id])
    assert weights(records) == keys(second)
    assert list(garbage(records.store)) == []
    records.store.put(checkpoint_key(first.id), b"stray")
    (item,) = garbage(records.store)
    item.remove()
    assert weights(records) == keys(second)


def test_trials_after_the_selection_stay_until_the_next(search: Any, finish: Any) -> None:
    plan, records, (first, _, _) = search("best")
    keep_best(records, [first.id])
    later = propose_round(plan, records, 1).trials
    for trial in later:
        finish(records, trial)
        records.store.put(checkpoint_key(trial.id), b"weights")
    assert list(garbage(records.store)) == []
    keep_best(records, [later[0].id])
    assert weights(records) == keys(later[0])


def test_what_another_search_keeps_stays(search: Any) -> None:
    _, every, trials = search("all")
    _, best, same = search("best", parallelism={"round_size": 4})
    assert every.search_id != best.search_id
    assert keys(*trials) < keys(*same)
    keep_best(best, [])
    assert weights(best) == keys(*trials)
    assert needed_checkpoints([best]) == set()


@pytest.mark.parametrize(("keep", "count"), [("none", 0), ("best", 3), ("all", 3)])
def test_training_keeps_what_is_asked_for_and_repeats_nothing(
    planned: Any, kept: Any, *, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, keep: str, count: int
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    plan = planned(storage={"url": str(tmp_path / "store"), "keep": keep}, **SMALL)
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    kinds: list[Any] = ["trial"] * 3

    def trained() -> list[Any]:
        with open_tracker(plan, records) as tracker:
            monkeypatch.setattr(tracker, "started", lambda *_: None)
            monkeypatch.setattr(tracker, "epoch", lambda *_: None)
            monkeypatch.setattr(tracker, "finished", lambda *_: None)
            return train_trials(plan, records, trials, kinds, tracker, task="t")

    results = trained()
    assert len(weights(records)) == count
    assert {result.checkpoint for result in results} == (keys(*trials) if count else {None})
    if keep == "all":
        job = TrainingJob(plan.config, plan.bundle.root, plan.config.storage.url)
        assert sum(p.numel() for p in load_network(trials[0], job).parameters()) > 0
    if keep == "best":
        keep_best(records, [trials[1].id])
        assert weights(records) == keys(trials[1])
    assert trained() == results
    assert len(weights(records)) == (1 if keep == "best" else count)
