"""Which alias a version gets, when it is decided anew, and that two who decide at once do so one after the other."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from nasflow.delivery import deciding
from nasflow.delivery.deciding import DECISION_TAG, DONE_TAG
from nasflow.delivery.registering import register
from nasflow.delivery.statistics import Comparison, compare_accuracy
from nasflow.engine.lease import hold
from nasflow.errors import HeldError, TrackingError
from nasflow.storage import open_store


class Killed(BaseException):
    """Stands for the end of the process."""


def aliases(registry: Any, name: str) -> dict[str, int]:
    return {alias: int(v) for alias, v in registry.client.get_registered_model(name).aliases.items()}


def pair(registry: Any, name: str, margin: float) -> Any:
    """Register a champion, and a second version that is better by 0.0667 beyond doubt; return the second submission."""
    register(registry.target, registry.submission(name, f"{name}-1", 2))
    submission = registry.submission(name, f"{name}-2", 0, margin=margin)
    register(registry.target, submission)
    return submission


def test_a_lower_margin_makes_a_challenger_champion(registry: Any) -> None:
    submission = pair(registry, "lower", 0.1)
    assert aliases(registry, "lower") == {"champion": 1, "challenger": 2}
    found = register(registry.target, replace(submission, margin=0.05))
    assert (found.version, found.alias, found.compared_with, found.margin) == (2, "champion", 1, 0.05)
    assert aliases(registry, "lower") == {"champion": 2}
    assert "It replaces version 1" in registry.client.get_model_version("lower", "2").description


def test_a_higher_margin_gives_the_alias_back(registry: Any) -> None:
    submission = pair(registry, "higher", 0.0)
    assert aliases(registry, "higher") == {"champion": 2}
    found = register(registry.target, replace(submission, margin=0.2))
    assert (found.alias, found.compared_with) == ("challenger", 1)
    assert found.why.startswith("Version 1 is champion again.")
    assert "below registry.margin, 0.2" in found.why
    assert aliases(registry, "higher") == {"champion": 1, "challenger": 2}


@pytest.mark.parametrize("step", ["delete_model_version_tag", "set_model_version_tag", "set_registered_model_alias"])
@pytest.mark.parametrize("after", [False, True])
def test_deciding_anew_survives_a_kill(registry: Any, monkeypatch: pytest.MonkeyPatch, step: str, after: bool) -> None:
    name = f"anew-{step}-{after}"
    submission = replace(pair(registry, name, 0.0), margin=0.2)
    real = getattr(mlflow.MlflowClient, step)

    def dies(self: Any, *args: Any, **kwargs: Any) -> None:
        if after:
            real(self, *args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, step, dies)
        with pytest.raises(Killed):
            register(registry.target, submission)
    assert register(registry.target, submission).alias == "challenger"
    assert aliases(registry, name) == {"champion": 1, "challenger": 2}
    assert registry.client.get_model_version(name, "2").tags[DONE_TAG] == "true"


def test_the_same_margin_leaves_everything_as_it_is(registry: Any) -> None:
    """The first champion is delivered again after it has lost its alias: it does not take it back."""
    first = registry.submission("same", "same-1", 2)
    register(registry.target, first)
    register(registry.target, registry.submission("same", "same-2", 0))
    found = register(registry.target, first)
    assert found.why == "It is the first champion of 'same'."
    assert aliases(registry, "same") == {"champion": 2}


def test_the_first_champion_has_nobody_to_be_better_than(registry: Any) -> None:
    submission = registry.submission("alone", "alone-1", 2)
    register(registry.target, submission)
    found = register(registry.target, replace(submission, margin=0.5))
    assert (found.alias, found.margin, found.why) == ("champion", 0.5, "It is the first champion of 'alone'.")
    assert aliases(registry, "alone") == {"champion": 1}


def test_a_predecessor_that_is_gone_gets_no_alias_back(registry: Any) -> None:
    submission = pair(registry, "gone", 0.0)
    registry.client.delete_model_version("gone", "1")
    assert register(registry.target, replace(submission, margin=0.2)).alias == "champion"
    assert aliases(registry, "gone") == {"champion": 2}


def test_what_was_made_champion_by_hand_stays_so(registry: Any) -> None:
    submission = pair(registry, "hand", 0.1)
    registry.client.set_registered_model_alias("hand", "champion", "2")
    found = register(registry.target, replace(submission, margin=0.2))
    assert (found.alias, found.why) == ("champion", "It was made the champion of 'hand' in MLflow.")
    assert aliases(registry, "hand") == {"champion": 2}


def test_who_was_overtaken_right_after_decides_again(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another, that shares no store, sets the alias between ours and the look at it."""
    register(registry.target, registry.submission("overtaken", "o1", 3))
    ours, theirs = registry.submission("overtaken", "o2", 2), registry.submission("overtaken", "o3", 0)
    real = mlflow.MlflowClient.set_registered_model_alias
    raced = []

    def race(self: Any, name: str, alias: str, version: str) -> None:
        if not raced:
            raced.append(version)
            real(self, name, alias, version)
            register(registry.target, theirs)  # made against ours or the first one: better than both
            return
        real(self, name, alias, version)

    monkeypatch.setattr(mlflow.MlflowClient, "set_registered_model_alias", race)
    found = register(registry.target, ours)
    assert (found.alias, found.compared_with) == ("challenger", 3)
    assert aliases(registry, "overtaken") == {"champion": 3, "challenger": 2}


def test_who_was_overtaken_while_comparing_decides_again(registry: Any) -> None:
    register(registry.target, registry.submission("slow", "s1", 3))
    theirs = registry.submission("slow", "s3", 0)
    asked = []

    def slowly(first: np.ndarray, second: np.ndarray, targets: np.ndarray) -> Comparison:
        if not asked:
            register(registry.target, theirs)
        asked.append(1)
        return compare_accuracy(first, second, targets)

    found = register(registry.target, replace(registry.submission("slow", "s2", 2), compare=slowly))
    assert len(asked) == 2
    assert (found.alias, found.compared_with) == ("challenger", 3)
    assert aliases(registry, "slow") == {"champion": 3, "challenger": 2}


def test_a_champion_that_never_rests_is_said(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    register(registry.target, registry.submission("restless", "r1", 0))
    numbers = iter(range(10, 1000))
    monkeypatch.setattr(deciding, "champion_version", lambda *_: next(numbers))
    monkeypatch.setattr(deciding, "_decide", lambda *a, current, before: decided(a[3], current))

    def decided(version: int, current: int) -> Any:
        from nasflow.delivery.outcome import Registration

        return Registration("restless", version, "champion", "run", "Because.", current)

    with pytest.raises(TrackingError, match=r"champion of 'restless' changes again and again.*run the same command"):
        register(registry.target, registry.submission("restless", "r2", 0))


def test_two_searches_of_one_store_take_turns(registry: Any, tmp_path: Path) -> None:
    """Both beat the first version; the one that comes second is compared with the one that came first."""
    register(registry.target, registry.submission("turns", "t1", 3))
    store = open_store(str(tmp_path / "store"))
    meeting = threading.Barrier(2)
    met: list[bool] = []

    def together(first: np.ndarray, second: np.ndarray, targets: np.ndarray) -> Comparison:
        try:
            meeting.wait(1.5)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)
        return compare_accuracy(first, second, targets)

    submissions = [
        replace(registry.submission("turns", f"t{n}", quarter), compare=together) for n, quarter in ((2, 0), (3, 1))
    ]
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda s=s: found.append(register(registry.target, s, store=store)))  # type: ignore[misc]
        for s in submissions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [False, False], "they were never both at it"
    first, second = sorted(found, key=lambda r: r.compared_with)
    assert (first.alias, first.compared_with) == ("champion", 1)
    assert (second.alias, second.compared_with) == ("challenger", first.version)
    assert aliases(registry, "turns") == {"champion": first.version, "challenger": second.version}


def test_patience_ends(registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "PATIENCE_SECONDS", 0.3)
    store = open_store(str(tmp_path))
    submission = registry.submission("held", "held-1", 0)
    with deciding.turn(store, registry.target, "held"):
        keys = list(store.keys("models/"))
        assert len(keys) == 1
        with pytest.raises(HeldError, match="the champion of 'held' is held by process"):
            register(registry.target, submission, store=store)
        assert aliases(registry, "held") == {}
        register(registry.target, registry.submission("other", "other-1", 0), store=store)
    assert register(registry.target, submission, store=store).version == 1
    with hold(store, keys[0]):
        assert register(registry.target, submission, store=store).version == 1, "what stands needs no turn"


def test_the_decision_names_its_margin(registry: Any) -> None:
    register(registry.target, registry.submission("margin", "m1", 0, margin=0.25))
    assert '"margin": 0.25' in registry.client.get_model_version("margin", "1").tags[DECISION_TAG]
