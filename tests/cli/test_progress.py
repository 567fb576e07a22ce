"""A search while it runs."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from nasflow.cli.progress import Progress, ProgressView, RoundProgress, RunningTrial, drawn, failed, finished_line
from nasflow.cli.views import TrialRow

Render = Callable[..., str]


def test_picture_fits_and_says_everything(render: Render, progress_view: ProgressView) -> None:
    text = render(drawn(progress_view))
    assert max(len(line) for line in text.splitlines()) <= 80
    for part in (
        "digits  searching, about 3 min 20 s left",
        "4/4, 1 failed",
        "1/4, 2 running",
        "0/4",
        "90.40 % val_accuracy, 70.0 k parameters (trial 4, 04ab34cd)",
        "epoch 3/10  val_accuracy 91.00 %",
        "1 failure",
        "trial 3: timed out. It ran longer than 60 s.",
        "The strategy has seen half of the space.",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("each", "drawn_bar"),
    [
        (RoundProgress(1, 4), "─" * 24),
        (RoundProgress(1, 4, 4), "━" * 24),
        (RoundProgress(1, 4, 1, 1, 0), "━" * 12 + "─" * 12),
        (RoundProgress(1, 3, 1, 1, 1), "━" * 24),
        (RoundProgress(1, 0), "─" * 24),
        (RoundProgress(1, 2, 5), "━" * 24),
    ],
)
def test_bars_have_one_width(render: Render, each: RoundProgress, drawn_bar: str) -> None:
    text = render(drawn(ProgressView("s", "searching", "val_accuracy", (each,))))
    assert f" {drawn_bar} " in text


def test_parts_of_a_bar_have_their_colours(render: Render) -> None:
    view = ProgressView("s", "searching", "val_accuracy", (RoundProgress(1, 3, 1, 1, 1),))
    text = render(drawn(view), terminal=True)
    for colour in ("32", "31", "36"):
        assert f"\x1b[{colour}m{'━' * 8}" in text


def test_full_training_has_its_bar(render: Render, progress_view: ProgressView) -> None:
    running = (RunningTrial("reference", 12, 40),)
    text = render(drawn(replace(progress_view, finals=3, finals_done=2, running=running)))
    assert "full" in text
    assert "2/3" in text
    assert "reference    epoch 12/40" in text


def test_only_the_last_failures_are_shown(render: Render, progress_view: ProgressView) -> None:
    rows = tuple(TrialRow(n, f"{n:08d}", "crashed", cause=f"Cause {n}. " + "x" * 200) for n in range(1, 30))
    text = render(drawn(replace(progress_view, finished=rows)))
    assert "29 failures" in text
    assert "Cause 29." in text
    assert "Cause 26." not in text
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("completed", False), ("rejected", False), ("running", False), ("crashed", True), ("not_finite", True)],
)
def test_what_counts_as_failed(status: str, verdict: bool) -> None:
    assert failed(TrialRow(1, "a", status)) is verdict


def test_lines_of_finished_trials(progress_view: ProgressView) -> None:
    lines = [finished_line(progress_view, row) for row in progress_view.finished]
    assert lines[0] == "trial 1/12 01ab34cd val_accuracy 90.10 % (4.2 s)"
    assert lines[2] == "trial 3/12 03ab34cd timed out: It ran longer than 60 s."
    assert lines[4] == "trial 5/12 05ab34cd val_accuracy 90.50 % (reused)"


def plain() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=80, highlight=False), stream


def test_elsewhere_each_piece_of_news_is_one_line_once(progress_view: ProgressView) -> None:
    console, stream = plain()
    first = replace(progress_view, finished=progress_view.finished[:2], rounds=(RoundProgress(1, 4, 2),), best=None)
    with Progress(console) as progress:
        for view in (first, first, progress_view, progress_view):
            progress.update(view)
        progress.update(replace(progress_view, phase="training the best in full"))
    assert stream.getvalue().splitlines() == [
        "digits: searching",
        "trial 1/4 01ab34cd val_accuracy 90.10 % (4.2 s)",
        "trial 2/4 02ab34cd val_accuracy 90.20 % (4.2 s)",
        "trial 3/12 03ab34cd timed out: It ran longer than 60 s.",
        "trial 4/12 04ab34cd val_accuracy 90.40 % (4.2 s)",
        "trial 5/12 05ab34cd val_accuracy 90.50 % (reused)",
        "round 1/3 done, 1 failed; best so far: 90.40 % val_accuracy, 70.0 k parameters (trial 4, 04ab34cd); "
        "3 min 20 s left",
        "digits: training the best in full",
    ]


def test_on_a_terminal_the_picture_is_redrawn_and_goes(progress_view: ProgressView) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, highlight=False)
    with Progress(console) as progress:
        progress.update(progress_view)
        shown = stream.getvalue()
        progress.update(replace(progress_view, phase="done"))
    assert "searching" in shown
    assert "\x1b[2K" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")


def test_an_error_ends_the_picture_and_is_not_swallowed(progress_view: ProgressView) -> None:
    stream = io.StringIO()

    def interrupted() -> None:
        with Progress(Console(file=stream, force_terminal=True)) as progress:
            progress.update(progress_view)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "\x1b[?25h" in stream.getvalue()


def test_of_many_rounds_the_latest_and_the_next_are_drawn(render: Render) -> None:
    done = [RoundProgress(n, 8, 8) for n in range(1, 10)]
    rounds = (*done, RoundProgress(10, 8, 3, 0, 2), *(RoundProgress(n, 8) for n in range(11, 64)))
    shown = render(drawn(ProgressView("digits", "searching", "val_accuracy", rounds)))
    assert "5 earlier rounds" in shown
    assert [n for n in range(1, 64) if f"round {n} " in shown] == [6, 7, 8, 9, 10, 11]
    assert "52 more rounds at most" in shown
    few = render(drawn(ProgressView("digits", "searching", "val_accuracy", rounds[:6])))
    assert [n for n in range(1, 64) if f"round {n} " in few] == [1, 2, 3, 4, 5, 6]
    assert "more" not in few
