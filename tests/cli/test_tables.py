"""What the drawings say, 80 columns wide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nasflow.cli import tables
from nasflow.cli.views import GarbageView, LeaderboardView, PlanView, SearchRow, SummaryView, TrialRow, TrialView

Render = Callable[..., str]


def squeezed(text: str) -> str:
    """Return a text with its runs of white space made one space."""
    return " ".join(text.split())


def test_plan_says_everything(render: Render, plan_view: PlanView) -> None:
    text = squeezed(render(tables.plan(plan_view)))
    for part in (
        "Search digits examples/digits.yaml",
        "1,797 images in 10 classes, 8×8, grey",
        "cnn: about 8.1e+11 combinations",
        "limits flops below 50,000,000",
        "val_accuracy (maximize), then parameters (minimize, below 77,754)",
        "24 trials in 3 rounds × 2 shards, 10 epochs each",
        "2 networks for 40 epochs, and the reference network",
        "2 workers of 1 thread on cpu-AVX2",
        "The store holds 3 results of this search already; they are not trained again.",
    ):
        assert part in text


def test_plan_with_a_countable_space_and_one_shard(render: Render, plan_view: PlanView) -> None:
    text = squeezed(render(tables.plan(replace(plan_view, canonical_size=6466, space_size=15_625, shards=1, notes=()))))
    assert "15,625 combinations, 6,466 different networks" in text
    assert "shard" not in text
    assert "Please note" not in text


def test_leaderboard_fits_and_keeps_its_order(render: Render, board: LeaderboardView) -> None:
    text = render(tables.leaderboard(board))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text
    lines = [squeezed(line) for line in text.splitlines()]
    assert "Search digits 20 completed, 1 rejected, 3 out of memory" in lines
    places = [
        lines.index(line)
        for line in (
            "7 90.70 % 70.0 k 4.2 s 07ab34cd mutation completed",
            "3 90.30 % 70.0 k 4.2 s 03ab34cd mutation completed",
            "9 – – 4.2 s 09ab34cd mutation out of memory",
            "97.00 % 77.8 k reference",
            "20 more trials; see all with --all.",
            "9: The network needed more than 2.0 GiB of memory.",
        )
    ]
    assert places == sorted(places)


def test_leaderboard_shows_epochs_where_they_differ(render: Render, board: LeaderboardView) -> None:
    assert "epochs" not in render(tables.leaderboard(board))
    rows = (replace(board.rows[0], epochs=20), *board.rows[1:])
    text = render(tables.leaderboard(replace(board, rows=rows)))
    assert "7 90.70 % 70.0 k 20 4.2 s" in squeezed(text)


def test_leaderboard_marks_reused_trials(render: Render, board: LeaderboardView) -> None:
    rows = (replace(board.rows[0], reused=True),)
    assert "70.0 k reused 07ab34cd" in squeezed(render(tables.leaderboard(replace(board, rows=rows))))


def test_leaderboard_without_trials(render: Render) -> None:
    text = render(tables.leaderboard(LeaderboardView("digits", ("val_accuracy",), ())))
    assert "Search digits" in text
    assert "more trial" not in text


def test_trial_shows_its_choices_metrics_and_curves(render: Render, trial_view: TrialView) -> None:
    text = squeezed(render(tables.trial(trial_view)))
    for part in (
        "Trial 7 of search digits",
        "trial 0123456789abcdef0123456789abcdef",
        "crossover of aaaa5678, bbbb5678",
        "epochs 4 of 10",
        "4.2 s on cpu-AVX2",
        "stage1.skip true",
        "val_accuracy 98.12 %",
        "val_accuracy ▁▅▇█ 50.00 % → 98.00 %",
    ):
        assert part in text


def test_failed_trial_says_why(render: Render, trial_view: TrialView) -> None:
    view = replace(trial_view, status="not_finite", cause="The loss became NaN in epoch 2.", metrics={}, curves={})
    text = squeezed(render(tables.trial(view)))
    assert "status not finite: The loss became NaN in epoch 2." in text
    assert "Metrics" not in text
    assert "Curves" not in text


def test_summary_says_what_came_of_it_and_what_next(render: Render, summary_view: SummaryView) -> None:
    text = render(tables.summary(summary_view))
    flat = squeezed(text)
    for part in (
        "Search digits finished in 2 min 8 s 24 trials, 2 failed, 1 rejected",
        "test_accuracy 98.89 % 98.52 %",
        "val_loss – 0.1",
        "Network fedcba987654. Accuracy is 0.37 points above",
        "Registered as digits version 1, champion. It is the first version.",
    ):
        assert part in flat
    assert "\n    mlflow.pyfunc.load_model('models:/digits@champion')\n" in text
    assert "reused" not in text


def test_summary_of_a_search_that_was_finished_before(render: Render, summary_view: SummaryView) -> None:
    view = replace(summary_view, repeated=True, registered="", next_steps=(), files=())
    text = render(tables.summary(view))
    assert "was finished before; nothing was trained" in text
    for absent in ("Registered", "Next", "Files"):
        assert absent not in text


def test_searches(render: Render) -> None:
    rows = [
        SearchRow("digits", "0123456789ab", "delivered", 24, 24, 2, "val_accuracy", 0.9889, 1000.0),
        SearchRow(
            "photos", "99aa456789ab", "running", 7, 32, 0, "val_accuracy", None, None, "host alpha, process 4242"
        ),
    ]
    text = render(tables.searches(rows, now=5000.0))
    assert max(len(line) for line in text.splitlines()) <= 80
    flat = [squeezed(line) for line in text.splitlines()]
    assert "digits delivered 24/24 2 98.89 % val_accuracy 1 h ago 01234567" in flat
    assert "photos running 7/32 0 – – 99aa4567" in flat
    assert "photos is held by host alpha, process 4242." in flat


def test_no_searches(render: Render) -> None:
    assert "start one with 'nasflow run CONFIG'" in render(tables.searches([]))


def test_garbage(render: Render) -> None:
    view = GarbageView((("checkpoints", 1200, 3_456_789), ("prepared data", 1, 1234), ("nothing", 0, 0)), removed=False)
    flat = [squeezed(line) for line in render(tables.garbage(view)).splitlines()]
    assert flat[0] == "would be removed objects size"
    assert "checkpoints 1,200 3.5 MB" in flat
    assert "all 1,201 3.5 MB" in flat
    assert not any(line.startswith("nothing") for line in flat)
    assert "removed" in render(tables.garbage(replace(view, removed=True))).splitlines()[0]
    assert "Nothing to remove" in render(tables.garbage(GarbageView((), removed=False)))


@pytest.mark.parametrize(("status", "colour"), [("completed", "32"), ("timed_out", "31"), ("rejected", "35")])
def test_statuses_have_colours_that_any_background_shows(render: Render, status: str, colour: str) -> None:
    assert f"\x1b[{colour}m" in render(tables.status_text(status), terminal=True)


def test_no_drawing_uses_white_black_or_yellow(
    render: Render, board: LeaderboardView, summary_view: SummaryView, plan_view: PlanView
) -> None:
    drawn = [tables.leaderboard(board), tables.summary(summary_view), tables.plan(plan_view)]
    text = "".join(render(drawing, terminal=True) for drawing in drawn)
    for colour in ("30", "33", "37", "93", "97"):
        assert f"\x1b[{colour}m" not in text
        assert f";{colour}m" not in text


def test_many_objectives_still_fit(render: Render) -> None:
    values = {"val_accuracy": 0.9, "parameters": 7e4, "flops": 1.2e6, "train_seconds": 75.0}
    rows = (TrialRow(123, "0123456789", "out_of_memory", values, 10, 75.0, "crossover"),)
    text = render(tables.leaderboard(LeaderboardView("digits", tuple(values), rows)))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text
