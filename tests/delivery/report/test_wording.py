"""Figures as a reader wants them."""

import math

import pytest

from nasflow.delivery.report import wording


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("test_accuracy", 0.98148, "98.15 %"),
        ("macro_f1", 1.0, "100.00 %"),
        ("loss", 0.123456, "0.1235"),
        ("parameters", 12345.0, "12,345"),
        ("loss", None, "–"),
        ("loss", math.nan, "–"),
        ("loss", math.inf, "–"),
    ],
)
def test_figures(name: str, value: float | None, said: str) -> None:
    assert wording.figure(name, value) == said


def test_limits_are_shorter_than_the_figure() -> None:
    assert wording.limits("accuracy", 0.9678, 0.9962) == "96.8–99.6 %"
    assert wording.limits("loss", 0.0211, 0.0733) == "0.0211–0.0733"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("accuracy", 0.0222, "+2.22 points"), ("accuracy", -0.01, "\N{MINUS SIGN}1.00 points"), ("loss", 0.05, "+0.05")],
)
def test_changes_have_a_sign(name: str, value: float, said: str) -> None:
    assert wording.change(name, value) == said


def test_standard_errors_have_the_units_of_the_change() -> None:
    assert wording.spread("accuracy", 0.0098) == "0.98 points"
    assert wording.spread("loss", 0.01234) == "0.012"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("val_accuracy", "Validation accuracy"),
        ("macro_f1", "Macro F1"),
        ("flops", "FLOPs"),
        ("train_seconds", "Train seconds"),
    ],
)
def test_names_become_words(name: str, said: str) -> None:
    assert wording.title(name) == said


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (42, "42"), (1500, "1.5 k"), (1_250_000, "1.25 M"), (3.2e9, "3.2 G")]
)
def test_counts_are_short(value: float | None, said: str) -> None:
    assert wording.count(value) == said


def test_huge_spaces_are_rounded() -> None:
    assert wording.whole(607_465_440) == "607,465,440"
    assert wording.whole(3 * 10**20) == "about 10^20"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(4.21, "4.2 s"), (59.94, "59.9 s"), (123, "2 min 3 s"), (3599.9, "1 h 0 min"), (3900, "1 h 5 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert wording.duration(seconds) == said


def test_plurals_and_choices() -> None:
    assert [wording.plural(n, "trial") for n in (0, 1, 2400)] == ["0 trials", "1 trial", "2,400 trials"]
    assert [wording.choice(v) for v in (True, False, 3, "relu")] == ["yes", "no", "3", "relu"]


def test_choices_are_grouped() -> None:
    choices = {"stem": 16, "stage1.kind": "plain", "stage1.squeeze_excite": True, "stage1.skip": False}
    assert wording.grouped(choices) == [("", "stem 16"), ("stage1", "kind plain, squeeze excite, no skip")]
    recipe = {"recipe.learning_rate": 0.1 / 3, "recipe.augment.crop": 2, "resolution": 32}
    assert wording.grouped(recipe) == [
        ("", "resolution 32"),
        ("recipe", "learning rate 0.03333"),
        ("recipe.augment", "crop 2"),
    ]


def test_quantities_have_their_units() -> None:
    assert wording.figure("latency", 1.234567) == "1.235 ms"
    assert wording.figure("train_seconds", 12.0) == "12 s"
    assert wording.tick("val_accuracy", 0.985) == "98.5 %"
    assert wording.tick("parameters", 51_000) == "51 k"
    assert wording.tick("latency", 0.25) == "0.25 ms"
    assert wording.choice(0.1 / 3) == "0.03333"
