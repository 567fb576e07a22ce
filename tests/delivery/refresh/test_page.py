"""A refresh as a page and as facts."""

from __future__ import annotations

from dataclasses import replace

from nasflow.delivery.outcome import Registration
from nasflow.delivery.refresh.drift import Drift
from nasflow.delivery.refresh.page import facts, page
from nasflow.delivery.refresh.start import Start
from nasflow.delivery.statistics import Comparison, wilson
from nasflow.testing.rigged import rigged

DRIFT = Drift("accuracy", "maximize", wilson(27, 270), wilson(260, 270), 270)
START = Start("pets", 3, "0" * 32, "1" * 32, "search", DRIFT, (rigged("good"), rigged("good", 16)), 12.5)
COMPARISON = Comparison(0.8, 0.02, 1e-9, "exact McNemar", 270, 220, 4)
NEW = Registration("pets", 4, "champion", "run", "It replaces version 3 as champion.", 3, COMPARISON, 0.005, 0.01)


def test_the_page_has_the_decision_and_every_figure() -> None:
    text = page(START, NEW, "abcdef")
    for words in (
        "# Refresh of pets",
        "it has drifted.",
        "**It replaces version 3 as champion.**",
        "| champion before | version 3 |",
        "| its accuracy now | 0.100 (0.070 to 0.142), new validation samples |",
        "| change | -0.863 (-0.898 to -0.812): drifted |",
        "beginning with 2 architectures of its history",
        "+0.8000 ± 0.0200 on 270 test samples, none of them in either's training; 220 won, 4 lost",
        "one-sided p below 0.001",
        "| asked for | margin 0.005, p below 0.01 |",
        "| search | abcdef |",
    ):
        assert words in text
    assert text.endswith("|\n")


def test_what_is_not_known_is_left_out() -> None:
    first = replace(START, champion=None, before="", drift=None, architectures=())
    found = dict(facts(first, replace(NEW, comparison=None, compared_with=None)))
    assert set(found) == {"data", "done", "new version"}
    assert found["done"] == "searched"
    retrained = dict(facts(replace(START, mode="retrain"), replace(NEW, alias="challenger")))
    assert retrained["done"] == "its architecture trained again"
    assert retrained["new version"] == "version 4, challenger"
