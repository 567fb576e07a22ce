"""The charts of a report show what the data say."""

import math
import re
from dataclasses import replace

import pytest

from nasflow.delivery.report import plots
from nasflow.delivery.report.data import ReportData

PLOTS = [plots.search_curves, plots.final_curves, plots.progress, plots.trade_off, plots.patience]


def test_search_curves_highlight_the_winner_and_draw_every_trial(data: ReportData) -> None:
    svg = plots.search_curves(data)
    assert svg.count('class="line thin"') == 20 + 1, "the completed trials but one, and the legend's entry"
    assert svg.count('class="line winner"') == 1 + 1
    assert "Learning curves of the search" in svg
    assert svg.rindex('class="line winner"><title>') > svg.rindex('class="line thin"><title>'), "the winner is on top"


def test_final_curves_show_winner_reference_and_finalists(data: ReportData) -> None:
    svg = plots.final_curves(data)
    for style in ("winner", "reference", "finalist"):
        assert f'class="line {style}"' in svg
    assert "thin" not in svg


def test_progress_has_a_dot_a_trial_and_a_best_that_never_falls(data: ReportData) -> None:
    svg = plots.progress(data)
    known = [row for row in data.trials if row.value is not None]
    assert svg.count("<title>trial") == len(known)
    path = re.search(r'class="line winner"><title>[^<]*</title><path class="touch" d="([^"]+)"', svg)
    assert path is not None
    heights = [float(y) for y in re.findall(r" (-?[\d.]+)", path[1])]
    assert heights == sorted(heights, reverse=True)
    turned = plots.progress(replace(data, direction="minimize"))
    path = re.search(r'class="line winner"><title>[^<]*</title><path class="touch" d="([^"]+)"', turned)
    assert path is not None
    heights = [float(y) for y in re.findall(r" (-?[\d.]+)", path[1])]
    assert heights == sorted(heights)


def test_trade_off_marks_the_winner(data: ReportData) -> None:
    svg = plots.trade_off(data)
    assert svg.count('class="dot best"') == 1 + 1
    assert "parameters" in svg
    best = next(row for row in data.trials if row.architecture_id == data.winner.architecture_id)
    assert f"trial {best.number} ({best.architecture_id[:8]})" in svg


@pytest.mark.parametrize("plot", PLOTS)
def test_a_search_without_results_has_no_charts(plot: object, data: ReportData) -> None:
    empty = replace(data, trials=tuple(replace(row, value=None) for row in data.trials), curves=())
    assert plot(empty) == ""  # type: ignore[operator]


@pytest.mark.parametrize("plot", PLOTS)
def test_one_trial_is_enough(plot: object, data: ReportData) -> None:
    single = tuple(c for c in data.curves if c.kind != "trial")
    one = replace(data, trials=tuple(r for r in data.trials if r.value)[:1], curves=single)
    assert "nan" not in plot(one)  # type: ignore[operator]


def test_values_that_are_no_numbers_are_left_out(data: ReportData) -> None:
    curves = [replace(c, values=(math.nan, *c.values[1:])) for c in data.curves if c.values]
    broken = replace(data, curves=tuple(curves))
    assert "nan" not in plots.search_curves(broken) + plots.final_curves(broken)


def test_the_axis_is_in_the_metrics_own_units(data: ReportData) -> None:
    assert "98 %" in plots.progress(data)
    losses = tuple(replace(r, value=1 - r.value if r.value else None) for r in data.trials)
    svg = plots.progress(replace(data, objective="val_loss", direction="minimize", trials=losses))
    assert "Validation loss" in svg
    assert "%" not in svg


def test_patience_sets_quality_against_seconds(data: ReportData) -> None:
    svg = plots.patience(data)
    known = [row for row in data.trials if row.value is not None]
    assert svg.count("<title>trial") == len(known) + 1, "the winner's dot lies on top of its own"
    assert "seconds of training" in svg
    assert plots.patience(replace(data, trials=tuple(replace(row, seconds=0.0) for row in data.trials))) == ""
