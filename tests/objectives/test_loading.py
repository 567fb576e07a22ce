"""Objectives from the configuration, and rejection before training."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.config import ObjectiveConfig
from nasflow.errors import ConfigError, PluginError
from nasflow.objectives import Direction, Objective
from nasflow.objectives.loading import (
    cheap_rejection,
    is_measured,
    load_measure,
    load_measured,
    load_objectives,
    measured_rejection,
)
from nasflow.spaces import Bound, NetworkCost
from nasflow.testing.plugins import installed

METRICS: dict[str, Direction] = {"accuracy": "maximize", "macro_f1": "maximize", "loss": "minimize"}
COST = NetworkCost(parameters=1_000_000, flops=2_000)


def loaded(*configs: ObjectiveConfig) -> tuple[Objective, ...]:
    return load_objectives(configs, METRICS, lambda: COST)


def test_metrics_of_the_task_have_their_own_direction() -> None:
    assert loaded(ObjectiveConfig(name="val_accuracy"), ObjectiveConfig(name="val_loss")) == (
        Objective("val_accuracy", "maximize"),
        Objective("val_loss", "minimize"),
    )


def test_measures_come_from_installed_packages() -> None:
    assert loaded(*(ObjectiveConfig(name=name) for name in ("parameters", "flops", "train_seconds"))) == (
        Objective("parameters", "minimize", cheap=True),
        Objective("flops", "minimize", cheap=True),
        Objective("train_seconds", "minimize", cheap=False),
    )


def test_the_configuration_may_turn_a_direction_round() -> None:
    config = ObjectiveConfig(name="parameters", direction="maximize", more_than=5)
    assert loaded(config) == (Objective("parameters", "maximize", Bound(None, 5), cheap=True),)


def test_the_reference_bounds_what_is_cheap() -> None:
    config = ObjectiveConfig(name="flops", less_than="reference", more_than=10)
    assert loaded(config)[0].bound == Bound(2_000, 10)


def test_the_reference_is_asked_for_only_where_it_is_needed() -> None:
    def reference() -> NetworkCost:
        raise AssertionError("nobody needs the reference here")

    configs = [ObjectiveConfig(name="flops", less_than=5), ObjectiveConfig(name="val_accuracy", more_than=0.5)]
    assert [objective.bound for objective in load_objectives(configs, METRICS, reference)] == [
        Bound(5),
        Bound(None, 0.5),
    ]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            ObjectiveConfig(name="test_accuracy"),
            "objectives[0].name: 'test_accuracy' is measured on the test data, which no decision of a search may read. "
            "Did you mean 'val_accuracy'?",
        ),
        (
            ObjectiveConfig(name="loss"),
            "objectives[0].name: 'loss' is none of val_accuracy, val_macro_f1, val_loss, flops, latency, "
            "parameters, train_seconds. Did you mean 'val_loss'?",
        ),
        (
            ObjectiveConfig(name="paramters"),
            "objectives[0].name: 'paramters' is none of val_accuracy, val_macro_f1, val_loss, flops, latency, "
            "parameters, train_seconds. Did you mean 'parameters'?",
        ),
        (
            ObjectiveConfig(name="val_loss", less_than="reference"),
            "objectives[0].less_than: 'val_loss' of the reference network is not known before the search ends; "
            "give a number.",
        ),
        (
            ObjectiveConfig(name="train_seconds", less_than="reference"),
            "objectives[0].less_than: 'train_seconds' of the reference network is not known before the search ends; "
            "give a number.",
        ),
        (
            ObjectiveConfig(name="parameters", less_than="reference", more_than=2e6),
            "objectives[0]: nothing is above 2,000,000 and below 1,000,000; swap or widen the bounds.",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(config: ObjectiveConfig, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(config)
    assert caught.value.problems == (sentence,)


def test_all_problems_are_told_at_once() -> None:
    good = ObjectiveConfig(name="val_accuracy")
    with pytest.raises(ConfigError) as caught:
        loaded(ObjectiveConfig(name="acc"), good, ObjectiveConfig(name="test_loss"), good)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "objectives[0].name",
        "objectives[2].name",
        "objectives[3]",
    ]


def test_a_measure_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasflow.objectives.loading.load", lambda group, name: object())
    with pytest.raises(PluginError, match="objective 'parameters' lacks direction, cheap, before_training, after_tr"):
        load_measure("parameters")
    with pytest.raises(ConfigError, match=r"objectives\[0\].name: objective 'parameters' lacks"):
        loaded(ObjectiveConfig(name="parameters"))


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(PluginError, match="'beauty' is none of the known objectives"):
        load_measure("beauty")
    assert not is_measured("beauty")


def test_what_is_measured_is_neither_cheap_nor_a_number_before_it_is_measured() -> None:
    plain, bounded = ObjectiveConfig(name="latency"), ObjectiveConfig(name="latency", less_than=3, more_than=1)
    assert loaded(plain) == (Objective("latency", "minimize", measured=True),)
    assert loaded(bounded) == (Objective("latency", "minimize", Bound(3, 1), measured=True),)
    relative = ObjectiveConfig(name="latency", less_than="reference", more_than=1)
    assert loaded(relative) == (Objective("latency", "minimize", Bound(None, 1), measured=True, below_reference=True),)


def test_only_measured_quantities_are_known_as_such() -> None:
    assert [name for name in ("val_loss", "flops", "latency", "train_seconds") if is_measured(name)] == ["latency"]
    assert load_measured("latency").unit == "ms"
    with pytest.raises(PluginError, match="'flops' lacks unit, version, device, measure; see nasflow"):
        load_measured("flops")


def test_a_package_that_cannot_be_imported_counts_as_measured(tmp_path: Path) -> None:
    with installed(tmp_path, {"objectives": {"gone": "no_such_module:GONE"}}):
        assert is_measured("gone")
        with pytest.raises(
            ConfigError, match=r"objectives\[0\].name: the objectives entry 'gone' .* cannot be imported"
        ):
            loaded(ObjectiveConfig(name="gone"))


@pytest.mark.parametrize(
    ("bound", "below_reference", "value", "sentence"),
    [
        (Bound(), False, 7.0, None),
        (Bound(8), False, 7.0, None),
        (Bound(7), False, 7.0, "latency is 7 ms, not below 7 as the objectives ask."),
        (Bound(9, 8), False, 7.0, "latency is 7 ms, not below 9 and above 8 as the objectives ask."),
        (Bound(), True, 4.9999, None),
        (
            Bound(),
            True,
            5.25,
            "latency is 5.25 ms, not below 5 ms, that of the reference network, as the objectives ask.",
        ),
        (Bound(None, 4), True, 3.0, "latency is 3 ms, not above 4 as the objectives ask."),
    ],
)
def test_rejection_by_what_was_measured(
    bound: Bound, below_reference: bool, value: float, sentence: str | None
) -> None:
    objectives = (
        Objective("val_accuracy", "maximize", Bound(None, 0.99)),
        Objective("flops", "minimize", Bound(1), cheap=True),
        Objective("latency", "minimize", bound, measured=True, below_reference=below_reference),
    )
    assert measured_rejection(objectives, {"latency": value}, {"latency": 5.0}) == sentence


def test_the_reference_need_not_be_measured_where_nothing_is_bounded_by_it() -> None:
    objectives = (Objective("latency", "minimize", Bound(2), measured=True),)
    assert measured_rejection(objectives, {"latency": 1.0}, {}) is None


def test_rejection_looks_at_cheap_bounds_only() -> None:
    def rejected(bound: Bound, cheap: bool = True) -> str | None:
        objectives = (
            Objective("val_accuracy", "maximize", Bound(None, 0.99)),
            Objective("parameters", "minimize", bound, cheap),
        )
        return cheap_rejection(objectives, COST)

    assert rejected(Bound(1_000_001)) is None
    assert rejected(Bound()) is None
    assert rejected(Bound(1_000_000)) == "parameters is 1,000,000, not below 1,000,000 as the objectives ask."
    assert rejected(Bound(9e6, 2e6)) == (
        "parameters is 1,000,000, not below 9,000,000 and above 2,000,000 as the objectives ask."
    )
    assert rejected(Bound(1), cheap=False) is None
    assert cheap_rejection((), COST) is None


def test_a_cheap_value_that_is_no_number_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        direction, cheap, after_training = "minimize", True, None

        def before_training(self, cost: NetworkCost) -> float:
            return float("nan")

    monkeypatch.setattr("nasflow.objectives.loading.load", lambda group, name: Broken())
    objective = Objective("odd", "minimize", cheap=True)
    assert cheap_rejection((objective,), COST) == "odd is nan, which cannot be compared."
