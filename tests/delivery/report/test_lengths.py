"""A report states the epochs that full trainings had, and why they had fewer than was asked for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from nasflow.delivery.report import render_report
from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.lengths import asked_and_had, epochs_had, marked_had, reference_had
from nasflow.delivery.report.parts import FullTraining


def flat(page: str) -> str:
    """Return a page with its lines joined."""
    return re.sub(r"[ \n]+", " ", page)


def trained(
    data: ReportData,
    winner: tuple[int, int],
    reference: tuple[int, int],
    hours: float | None = None,
    patience: int | None = None,
) -> ReportData:
    """Return the data of a search whose full trainings had so many epochs of so many given."""
    return replace(
        data,
        asked=replace(data.asked, hours=hours, patience=patience),
        winner=replace(data.winner, training=FullTraining(*winner)),
        reference=replace(data.reference, training=FullTraining(*reference)),
    )


def test_all_that_was_asked_for(goaled: ReportData) -> None:
    data = trained(goaled, (40, 40), (40, 40))
    assert asked_and_had(data) == "the best 2, 40 epochs each"
    assert marked_had(data) == "had 40 epochs, as the figures of the reference above"
    assert reference_had(data) == "The reference was trained by the same recipe for as many epochs."
    assert epochs_had(data.winner.training) == "40 epochs"


def test_shortened_by_the_hours(goaled: ReportData) -> None:
    data = trained(goaled, (3, 3), (3, 3), hours=0.05)
    assert asked_and_had(data) == "the best 2, 40 epochs each; budget.hours (0.05) left time for 3"
    assert marked_had(data) == "had 3 epochs, as the figures of the reference above"
    page = flat(render_report(data))
    assert "what is marked as fully trained had 3 epochs, as the figures of the reference above." in page
    assert "40 epochs each; budget.hours (0.05) left time for 3<" in page
    assert "fully trained had 40" not in page
    assert page.count("<small>3\u00a0epochs</small>") == 2


def test_ended_early(goaled: ReportData) -> None:
    data = trained(goaled, (14, 40), (12, 40), patience=2)
    assert asked_and_had(data) == (
        "the best 2, at most 40 epochs each, fewer once 2 in a row had not improved validation accuracy; the winner's "
        "ended after 14"
    )
    assert marked_had(data) == "had 14 epochs (the winner) or 12 (the reference)"
    assert reference_had(data) == "The reference was trained by the same recipe, for 12 epochs; the winner for 14."
    page = flat(render_report(data))
    assert "<small>14 of 40\u00a0epochs</small>" in page
    assert "<small>12 of 40\u00a0epochs</small>" in page
    assert "for as many epochs" not in page


def test_shortened_and_ended_early(goaled: ReportData) -> None:
    data = trained(goaled, (9, 20), (20, 20), hours=1.5, patience=3)
    assert asked_and_had(data).endswith("; budget.hours (1.5) left time for 20 and the winner's ended after 9")


def test_one_epoch_is_one(goaled: ReportData) -> None:
    assert epochs_had(FullTraining(1, 1)) == "1 epoch"
    assert marked_had(trained(goaled, (1, 1), (2, 2))) == "had 1 epoch (the winner) or 2 (the reference)"


def test_a_failed_reference_has_no_length(goaled: ReportData) -> None:
    data = replace(trained(goaled, (40, 40), (0, 40)), reference_failure="Its process died")
    assert reference_had(data) == ""
    assert marked_had(data) == "had 40 epochs"


def test_an_older_report_states_no_number_that_it_does_not_know(goaled: ReportData) -> None:
    document = goaled.to_json()
    for network in ("winner", "reference"):
        document[network].pop("training")
    document["asked"].pop("hours")
    document["asked"].pop("patience")
    old = ReportData.from_json(document)
    assert old.winner.training is None
    assert marked_had(old) == "was trained for longer, as the figures of the reference above"
    assert reference_had(old) == "The reference was trained by the same recipe."
    assert asked_and_had(old) == "the best 2, 40 epochs each"
    assert epochs_had(None) == ""
    assert "fully trained was trained for longer" in " ".join(render_report(old).split())


@pytest.mark.parametrize("training", [FullTraining(3, 40), None])
def test_lengths_travel(goaled: ReportData, training: FullTraining | None) -> None:
    data = replace(goaled, winner=replace(goaled.winner, training=training))
    assert ReportData.from_json(data.to_json()) == data
