"""How a champion does on new data: figures, their differences, and how often drift is seen where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from nasflow.delivery.refresh.drift import Drift, difference, figure, shown
from nasflow.delivery.statistics import Interval, wilson
from nasflow.tasks.image_classification import ImageClassification, ImageClassificationOptions


def drift(now: Interval, then: Interval | None, direction: str = "maximize") -> Drift:
    return Drift("accuracy", direction, now, then, 270)  # type: ignore[arg-type]


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Method 10 on the first example of his table II: 56/70 against 48/80 has 0.0524 to 0.3339."""
    found = difference(wilson(56, 70), wilson(48, 80))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.97])
def test_drift_is_seen_in_one_of_forty_where_there_is_none(accuracy: float) -> None:
    """Worked out over all outcomes, not drawn: nothing here is random, so that it fails by no chance."""
    samples = 200
    weights = binom.pmf(np.arange(samples + 1), samples, accuracy)
    likely = [k for k in range(samples + 1) if weights[k] > 1e-9]
    alarms = sum(
        weights[now] * weights[then]
        for now in likely
        for then in likely
        if drift(wilson(now, samples), wilson(then, samples)).noticed
    )
    assert 0.005 < alarms < 0.03


def test_a_real_loss_is_noticed_and_a_gain_is_none() -> None:
    worse, better = drift(wilson(190, 270), wilson(260, 270)), drift(wilson(260, 270), wilson(190, 270))
    assert worse.noticed
    assert worse.gain is not None
    assert worse.gain.value == pytest.approx(-70 / 270)
    assert not better.noticed


def test_of_a_loss_more_is_worse() -> None:
    low, high = Interval(0.1, 0.08, 0.12), Interval(0.5, 0.4, 0.6)
    found = drift(high, low, "minimize")
    assert found.noticed
    assert found.gain is not None
    assert found.gain.low <= found.gain.value <= found.gain.high < 0
    assert found.gain.value == pytest.approx(-0.4)
    assert not drift(low, high, "minimize").noticed


def test_what_is_not_known_is_no_drift() -> None:
    found = drift(wilson(10, 270), None)
    assert found.gain is None
    assert not found.noticed
    assert found.sentence("version 3").endswith("what it had when it was registered is not known.")


def test_it_says_so_in_words() -> None:
    bad, good = drift(wilson(27, 270), wilson(260, 270)), drift(wilson(259, 270), wilson(260, 270))
    assert bad.sentence("version 3").startswith("Version 3 has accuracy 0.100 (0.070 to 0.142) on 270 new validation")
    assert bad.sentence("version 3").endswith("had 0.963 (0.933 to 0.980) when it was registered: it has drifted.")
    assert good.sentence("version 3").endswith("no drift beyond chance.")
    assert shown(Interval(0.5, 0.5, 0.5)) == "0.500"


def test_it_is_read_back_as_it_was_written() -> None:
    for found in (drift(wilson(27, 270), wilson(260, 270)), drift(wilson(27, 270), None)):
        assert Drift.from_json(found.to_json()) == found


def test_accuracy_has_wilsons_interval_and_any_other_metric_a_bootstraps() -> None:
    task = ImageClassification(ImageClassificationOptions())
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 90)
    answers = np.eye(3, dtype=np.float32)[np.where(np.arange(90) < 60, targets, (targets + 1) % 3)] * 0.9 + 0.03
    assert figure(task, answers, targets, 0) == wilson(60, 90)

    class ByLoss(ImageClassification):
        metrics = ImageClassification.metrics[::-1]

    found = figure(ByLoss(ImageClassificationOptions()), answers, targets, 0)
    assert 0 < found.low < found.value < found.high
    assert figure(ByLoss(ImageClassificationOptions()), answers, targets, 0) == found
