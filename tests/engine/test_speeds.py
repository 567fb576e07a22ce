"""How long trainings will take, by what is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nasflow.engine.pace import NORMAL_STARTUP, Pace, Timing, load_of
from nasflow.engine.rounds import propose_round
from nasflow.engine.speeds import (
    CLUSTER_STEP_SECONDS,
    DELIVERY_SECONDS,
    STARTING_SECONDS,
    STEP_SECONDS,
    Knowledge,
    Speeds,
    kept_training,
)
from nasflow.engine.steps import FOLDER
from nasflow.trials import EpochPoint, Status

SLOW = 0.001


def curve(seconds: float, epochs: int = 3) -> tuple[EpochPoint, ...]:
    return tuple(EpochPoint(n, {}, n * seconds, (n + 1) * seconds) for n in range(1, epochs + 1))


def pace_of(*timings: Timing, reference: float = 0.002, scale: float = 1.0) -> Pace:
    return Pace(timings or (Timing(1e6, SLOW), Timing(1e7, SLOW)), Timing(5e6, reference), scale, NORMAL_STARTUP)


def test_trials_set_the_probe_right(planned: Any) -> None:
    plan = planned()
    one, other = plan.space.at(0), plan.space.at(1)
    known = {one.id: Timing(1e6, 3 * SLOW)}
    knowledge = Knowledge(pace_of(), known, plan.reference.id)
    assert knowledge.drift == pytest.approx(3)
    assert knowledge.timing(one, 1e6) == known[one.id]
    assert knowledge.timing(other, 1e6).sample_seconds == pytest.approx(3 * SLOW)
    assert knowledge.timing(plan.reference, 5e6).sample_seconds == pytest.approx(3 * 0.002)
    assert Knowledge(pace_of(), {}, plan.reference.id).drift == 1.0


def test_timings_come_from_completed_trials(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    good, bad, _ = propose_round(plan, records, 0).trials
    finish(records, good, curve=curve(2.0))
    finish(records, bad, Status.TIMED_OUT, curve=curve(9.0))
    speeds = Speeds.of(plan, records, records.history())
    load = load_of(plan.fidelity.samples(plan.bundle.counts["train"]), plan.bundle.counts["val"])
    assert set(speeds.known) == {good.architecture.id}
    assert speeds.known[good.architecture.id].sample_seconds == pytest.approx(2.0 / load)
    assert (speeds.pace, speeds.startup) == (None, NORMAL_STARTUP)
    slowest = speeds.timing(plan.reference)  # nothing but the slowest trial is known to go by
    assert slowest is not None
    assert slowest.sample_seconds == pytest.approx(2.0 / load)
    records.write("pace", pace_of().to_json())
    records.write("startup", {"seconds": 5.0})
    speeds = Speeds.of(plan, records, records.history())
    assert (speeds.pace, speeds.startup) == (pace_of(), 5.0)


def test_of_nothing_nothing_is_known(planned: Any, kept: Any) -> None:
    plan = planned()
    speeds = Speeds.of(plan, kept(plan), kept(plan).history())
    assert speeds.timing(plan.reference) is None
    assert speeds.full_seconds([plan.reference], 40) == 0.0


def test_full_trainings_share_the_workers_and_see_all_samples(planned: Any, kept: Any) -> None:
    plan = planned(fidelity={"epochs": 2, "data_fraction": 0.25}, parallelism={"round_size": 3, "workers": 2})
    networks = [plan.space.at(number) for number in (0, 1)]
    timing = Timing(1e6, SLOW, between=0.5, start=1.0)
    speeds = Speeds(plan, pace_of(), dict.fromkeys((n.id for n in networks), timing), NORMAL_STARTUP)
    load = load_of(plan.bundle.counts["train"], plan.bundle.counts["val"])
    one = 1 + 10 * (SLOW * load + 0.5)
    assert speeds.full_seconds(networks, 10) == pytest.approx(one)
    alone = planned(fidelity={"epochs": 2, "data_fraction": 0.25}, parallelism={"round_size": 3, "workers": 1})
    assert replace(speeds, plan=alone).full_seconds(networks, 10) == pytest.approx(2 * one)
    scaled = replace(speeds, pace=pace_of(scale=0.5))
    assert scaled.full_seconds(networks, 10) == pytest.approx(1 + 10 * (0.5 * SLOW * load + 0.5))


def test_delivery_takes_its_steps_and_the_slowness_of_the_machine(
    planned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned()
    monkeypatch.delenv(FOLDER, raising=False)
    usual = Speeds(plan, None, {}, NORMAL_STARTUP)
    assert usual.delivery_seconds(0) == pytest.approx(STARTING_SECONDS + DELIVERY_SECONDS)
    slow = replace(usual, startup=2 * NORMAL_STARTUP)
    assert slow.delivery_seconds(0) == pytest.approx(2 * (STARTING_SECONDS + DELIVERY_SECONDS))
    assert usual.delivery_seconds(3) > usual.delivery_seconds(0) + 3 * CLUSTER_STEP_SECONDS
    monkeypatch.setenv(FOLDER, "/somewhere")
    assert usual.delivery_seconds(4) == pytest.approx(STARTING_SECONDS + DELIVERY_SECONDS + 4 * STEP_SECONDS)
    tested = replace(usual, pace=pace_of())
    assert tested.delivery_seconds(0) > usual.delivery_seconds(0)


def test_a_full_training_is_kept_with_its_weights_alone(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    assert kept_training(plan, records, plan.reference) is None
    trial = plan.full_training(plan.reference)
    key = f"checkpoints/{trial.id}.safetensors"
    finish(records, trial, checkpoint=key)
    assert kept_training(plan, records, plan.reference) is None
    records.store.put(key, b"weights")
    assert kept_training(plan, records, plan.reference) == trial
    finish(records, trial, Status.CRASHED, checkpoint=key)
    assert kept_training(plan, records, plan.reference) is None


def test_a_network_that_fails_takes_no_time(planned: Any, fragile: Any) -> None:
    plan = planned(space=fragile)
    speeds = Speeds(plan, pace_of(), {}, NORMAL_STARTUP)
    bad, good = (plan.space.at(number) for number in (0, 1))
    assert speeds.timing(bad) is None
    assert speeds.full_seconds([bad, good], 10) == speeds.full_seconds([good], 10) > 0
