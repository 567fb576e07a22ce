"""From measured epochs to seconds of trainings that are still to come."""

from __future__ import annotations

import pytest

from nasflow.config import TrainingConfig
from nasflow.engine.pace import NORMAL_STARTUP, Pace, Timing, load_of, makespan, shrinking, slowness
from nasflow.trials import EpochPoint


def points(*spans: tuple[float, float]) -> list[EpochPoint]:
    return [EpochPoint(n, {}, begin, end) for n, (begin, end) in enumerate(spans, 1)]


def test_evaluation_costs_a_third_of_training() -> None:
    assert load_of(900, 300) == 1000


def test_the_first_epoch_counts_to_the_start() -> None:
    timing = Timing.of(1e6, points((101.0, 104.0), (104.5, 106.5), (107.0, 109.0)), started_at=100.0, loads=[1000] * 3)
    assert timing.sample_seconds == pytest.approx(0.002)
    assert timing.between == pytest.approx(0.5)
    assert timing.start == pytest.approx(2.0)  # a second before the first epoch, which took another one more
    assert timing.seconds(epochs=3, load=1000) == pytest.approx(2 + 3 * 2.5)
    assert timing.seconds(epochs=1, load=500) == pytest.approx(2 + 1 + 0.5)


def test_one_epoch_has_to_do_where_there_is_no_other() -> None:
    timing = Timing.of(1e6, points((10.0, 12.0)), started_at=10.0, loads=[100])
    assert (timing.sample_seconds, timing.between, timing.start) == (0.02, 0.0, 0.0)


def pace(*timings: tuple[float, float], reference: float = 1.0, startup: float = NORMAL_STARTUP) -> Pace:
    return Pace(tuple(Timing(f, s, 0.1, 0.5) for f, s in timings), Timing(5e6, reference), 1.0, startup)


def test_a_law_of_power_is_found_again() -> None:
    found = pace(*((flops, 1e-9 * flops**0.8) for flops in (1e5, 1e6, 3e7)))
    for flops in (1e4, 2e6, 1e9):
        assert found.timing(flops).sample_seconds == pytest.approx(1e-9 * flops**0.8)
    assert (found.timing(1e6).between, found.timing(1e6).start) == (pytest.approx(0.1), pytest.approx(0.5))


def test_more_work_never_takes_less_time() -> None:
    found = pace((1e6, 0.02), (1e7, 0.01))
    assert found.timing(1e9).sample_seconds >= found.timing(1e6).sample_seconds


def test_networks_that_are_alike_stand_for_others_in_proportion() -> None:
    found = pace((1e6, 0.01), (1e6, 0.01))
    assert found.timing(2e6).sample_seconds == pytest.approx(0.02)
    assert pace((1e6, 0.01)).timing(5e5).sample_seconds == pytest.approx(0.005)


def test_it_is_kept_as_it_is() -> None:
    found = pace((1e6, 0.01), (1e7, 0.1), startup=3.0)
    assert Pace.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("startup", "times"), [(0.1, 1.0), (NORMAL_STARTUP, 1.0), (2 * NORMAL_STARTUP, 2.0), (99, 6.0)]
)
def test_slowness_is_told_by_the_start_of_workers(startup: float, times: float) -> None:
    assert slowness(startup) == times
    assert pace((1e6, 0.01), startup=startup).slowness == times


@pytest.mark.parametrize(
    ("seconds", "workers", "all_of_it"),
    [([], 2, 0.0), ([3], 2, 3), ([3, 3], 1, 6), ([1, 2, 3], 2, 3), ([5, 1, 1, 1], 2, 5), ([2, 2, 2], 2, 4)],
)
def test_the_longest_begin_first(seconds: list[float], workers: int, all_of_it: float) -> None:
    assert makespan(seconds, workers) == all_of_it


def test_training_that_begins_with_small_images_is_less_work() -> None:
    assert shrinking(TrainingConfig(), 32, 10) == 1.0
    growing = TrainingConfig.model_validate({"progressive": {"start": 0.5, "until": 0.5}})
    share = shrinking(growing, 32, 10)
    assert 0.5 < share < 0.9
    assert shrinking(growing, 32, 1) == 1.0


def test_epochs_of_smaller_images_are_seen_as_the_less_work_that_they_are() -> None:
    loads = [load_of(900, 300, share) for share in (0.25, 0.25, 1.0)]
    assert loads == [325.0, 325.0, 1000.0]
    spans, at = [], 0.0
    for load in loads:
        spans.append((at, at + load / 100))
        at += load / 100
    timing = Timing.of(1e6, points(*spans), started_at=0.0, loads=loads)
    assert timing.sample_seconds == pytest.approx(0.01)
    assert timing.seconds(3, sum(loads) / 3) == pytest.approx(at)
