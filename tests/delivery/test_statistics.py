"""The figures against scipy, against counting by hand, and against simulation."""

import json
import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from nasflow.delivery.statistics import (
    Comparison,
    bootstrap_intervals,
    compare_accuracy,
    correct,
    mcnemar,
    paired_bootstrap,
    spoken_p,
    wilson,
)
from nasflow.errors import SearchError


def pair(both: int, wins: int, losses: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.repeat([True, True, False, False], [both, wins, losses, neither])
    second = np.repeat([True, False, True, False], [both, wins, losses, neither])
    return first, second


def test_mcnemar_by_hand() -> None:
    found = mcnemar(*pair(80, 5, 0, 15))
    assert (found.wins, found.losses, found.samples) == (5, 0, 100)
    assert found.difference == pytest.approx(0.05)
    assert found.p_value == pytest.approx(0.5**5)
    assert found.better()


def test_mcnemar_is_one_sided() -> None:
    assert mcnemar(*pair(80, 0, 12, 8)).p_value == 1.0
    assert mcnemar(*pair(80, 6, 6, 8)).p_value == pytest.approx(sum(math.comb(12, k) for k in range(6, 13)) / 2**12)


def test_standard_error_is_that_of_the_differences_sample_by_sample() -> None:
    first, second = pair(70, 9, 4, 17)
    steps = first.astype(float) - second.astype(float)
    assert mcnemar(first, second).standard_error == pytest.approx(steps.std(ddof=1) / 10)


def test_identical_networks_are_equal() -> None:
    found = mcnemar(*pair(90, 0, 0, 10))
    assert (found.difference, found.standard_error, found.p_value) == (0, 0, 1)
    assert not found.better()


def test_mcnemar_keeps_its_level() -> None:
    """Between equal networks at most 5 % are called better; 2,000 runs, false-failure rate below 1e-6."""
    random = np.random.default_rng(0)
    called = sum(mcnemar(random.random(400) < 0.9, random.random(400) < 0.9).better() for _ in range(2000))
    assert called <= 0.05 * 2000 + 5 * math.sqrt(2000 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("wins", "losses", "margin", "better"),
    [
        (5, 0, 0.0, True),
        (4, 0, 0.0, False),
        (5, 0, 0.05, True),
        (5, 0, 0.051, False),
        (20, 15, 0.0, False),
        (0, 9, 0, False),
    ],
)
def test_better_needs_the_margin_and_the_test(wins: int, losses: int, margin: float, better: bool) -> None:
    assert mcnemar(*pair(100 - wins - losses, wins, losses, 0)).better(margin) is better


@pytest.mark.parametrize(("first", "second"), [(3, 4), (0, 0)])
def test_unpaired_samples_are_refused(first: int, second: int) -> None:
    with pytest.raises(SearchError, match=f"they have {first} and {second} of them"):
        mcnemar(np.ones(first, bool), np.ones(second, bool))
    with pytest.raises(SearchError, match="same test samples"):
        compare_accuracy(np.ones((first, 2)), np.ones((second, 2)), np.ones(first, np.int64))


def test_correct_takes_the_most_probable_class() -> None:
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]], np.float32)
    assert correct(probabilities, np.array([1, 1, 0])).tolist() == [True, False, True]
    other = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]], np.float32)
    found = compare_accuracy(probabilities, other, np.array([1, 1, 0]))
    assert (found.wins, found.losses) == (1, 1)


@pytest.mark.parametrize(("successes", "samples"), [(0, 10), (10, 10), (1, 1), (265, 270), (137, 1000)])
def test_wilson_equals_scipy(successes: int, samples: int) -> None:
    expected = binomtest(successes, samples).proportion_ci(0.95, method="wilson")
    found = wilson(successes, samples)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.value == successes / samples
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize(("successes", "samples"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_what_cannot_be(successes: int, samples: int) -> None:
    with pytest.raises(SearchError, match="cannot be"):
        wilson(successes, samples)


def test_bootstrap_agrees_with_theory_on_means() -> None:
    """The standard error of a mean's bootstrap is the analytical one, within five of its own standard errors."""
    random = np.random.default_rng(1)
    first, second = random.normal(0.3, 1, 500), random.normal(0, 1, 500)
    found = paired_bootstrap(lambda i: first[i].mean(), lambda i: second[i].mean(), 500, "maximize")
    expected = (first - second).std(ddof=1) / math.sqrt(500)
    assert found.standard_error == pytest.approx(expected, rel=5 / math.sqrt(2 * 1000))
    assert found.difference == pytest.approx((first - second).mean())
    assert abs(found.p_value - norm.sf(found.difference / expected)) < 0.01
    assert (found.wins, found.losses) == (-1, -1)


def test_bootstrap_turns_with_the_direction_and_repeats_with_the_seed() -> None:
    random = np.random.default_rng(1)
    low, high = random.normal(0, 1, 300), random.normal(1, 1, 300)

    def run(direction: str, seed: int = 0) -> Comparison:
        return paired_bootstrap(lambda i: low[i].mean(), lambda i: high[i].mean(), 300, direction, seed)

    assert run("minimize").better()
    assert not run("maximize").better()
    assert run("minimize") == run("minimize")
    assert run("minimize").standard_error != run("minimize", 1).standard_error


def test_bootstrap_never_claims_certainty() -> None:
    found = paired_bootstrap(lambda i: 1.0, lambda i: 0.0, 10, "maximize")
    assert 0 < found.p_value < 0.01


def test_intervals_of_all_metrics_at_once() -> None:
    values = np.random.default_rng(2).normal(5, 2, 400)
    found = bootstrap_intervals(lambda i: {"mean": values[i].mean(), "one": 1.0}, 400)
    assert found["one"].low == found["one"].value == found["one"].high == 1
    half = 1.96 * values.std(ddof=1) / 20
    assert found["mean"].low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found["mean"].high == pytest.approx(values.mean() + half, abs=0.15 * half)
    assert found == bootstrap_intervals(lambda i: {"mean": values[i].mean(), "one": 1.0}, 400)
    with pytest.raises(SearchError, match="same test samples"):
        bootstrap_intervals(lambda i: {}, 0)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((80, 9, 0, 11), "The winner is better than the reference beyond reasonable doubt"),
        ((80, 3, 2, 15), "chance explains that as well"),
        ((80, 1, 4, 15), "The winner did worse than the reference"),
        ((80, 2, 2, 16), "did equally well"),
    ],
)
def test_sentences_say_what_was_found(counts: tuple[int, int, int, int], said: str) -> None:
    sentence = mcnemar(*pair(*counts)).sentence("the winner", "the reference")
    assert said in sentence
    assert f"of 100 test samples, {counts[1]} are right for the winner alone" in sentence
    assert sentence.endswith(").")


def test_a_bootstrap_sentence_counts_no_samples() -> None:
    sentence = Comparison(0.1, 0.02, 0.0001, "paired bootstrap", 50).sentence("a", "b")
    assert sentence == "A is better than b beyond reasonable doubt (paired bootstrap, one-sided p below 0.001)."
    assert spoken_p(0.25) == "= 0.250"


def test_a_comparison_survives_json() -> None:
    found = mcnemar(*pair(80, 5, 1, 14))
    assert Comparison.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_draw_without_a_value_speaks_for_nobody() -> None:
    """A metric may have none over some draws; they count against the claim, and not into the spread."""
    values = np.random.default_rng(0).normal(3, 1, 50)

    def known(indices: np.ndarray) -> float:
        return float("nan") if 0 in indices else float(values[indices].mean())

    found = paired_bootstrap(known, lambda i: 0.0, 50, "maximize")
    assert found.p_value == pytest.approx(1 - (1 - 1 / 50) ** 50, abs=5 * math.sqrt(0.25 / 1000))
    assert math.isfinite(found.standard_error)
    assert not found.better()
