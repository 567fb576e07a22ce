"""The front's pictures and its figure hold the same points, and take any name."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from nasflow.delivery.report.data import ReportData, TrialRow
from nasflow.delivery.report.front import Front, front
from nasflow.delivery.report.front_plots import figure, groups, pictures
from nasflow.delivery.report.parts import Goal


@pytest.fixture
def found(goaled: ReportData) -> Front:
    made = front(goaled)
    assert made is not None
    return made


def test_every_network_is_drawn_once_and_the_winner_marked(goaled: ReportData, found: Front) -> None:
    drawn = {group.legend: group.points for group in groups(goaled, found)}
    assert list(drawn) == ["beaten", "front", "winner", "winner, fully trained", "reference, fully trained"]
    searched = [name for legend in ("beaten", "front", "winner") for _, _, name in drawn[legend]]
    assert len(searched) == len(set(searched)) == 21
    assert [name for _, _, name in drawn["winner"]] == [goaled.winner.architecture_id]
    assert drawn["reference, fully trained"][0][0]["parameters"] == 78042


def test_a_full_training_is_not_set_beside_a_short_one_in_seconds(goaled: ReportData, found: Front) -> None:
    goals = (*goaled.goals, Goal("train_seconds", "minimize"))
    trials = tuple(replace(row, metrics={**row.metrics, "train_seconds": row.seconds}) for row in goaled.trials)
    timed = replace(goaled, goals=goals, trials=trials)
    made = front(timed)
    assert made is not None
    assert not [group for group in groups(timed, made) if "fully" in group.legend]


def test_without_a_reference_there_is_no_mark_for_it(goaled: ReportData, found: Front) -> None:
    failed = replace(goaled, reference=replace(goaled.reference, metrics={}))
    assert "reference, fully trained" not in [group.legend for group in groups(failed, found)]


def test_the_picture_has_a_dot_a_point_and_stairs(goaled: ReportData, found: Front) -> None:
    (svg,) = pictures(goaled, found)
    root = ElementTree.fromstring(svg)
    points = sum(len(group.points) for group in groups(goaled, found))
    assert len([c for c in root.iter("circle") if len(c)]) == points
    assert svg.count('class="line front"') == 1
    assert "Parameters (less is better)" in svg


def test_the_figure_holds_the_same_points_in_json(goaled: ReportData, found: Front) -> None:
    made = json.loads(json.dumps(figure(goaled, found), allow_nan=False))
    line, *markers = made["data"]
    assert line["mode"] == "lines"
    assert [(t["name"], len(t["x"]), len(t["text"])) for t in markers] == [
        (g.legend, len(g.points), len(g.points)) for g in groups(goaled, found)
    ]
    assert made["layout"]["yaxis"]["tickformat"] == ".1~%"
    assert "updatemenus" not in made["layout"]


def test_three_objectives_have_two_pictures_and_a_menu(goaled: ReportData) -> None:
    goals = (*goaled.goals, Goal("latency", "minimize"))
    trials = tuple(replace(r, metrics={**r.metrics, "latency": 0.1 * r.number}) for r in goaled.trials)
    more = replace(goaled, goals=goals, trials=trials)
    found = front(more)
    assert found is not None
    assert len(pictures(more, found)) == 2
    assert "line front" not in "".join(pictures(more, found)), "in two of three directions the front is no line"
    made = figure(more, found)
    (menu,) = made["layout"]["updatemenus"]
    assert [button["label"] for button in menu["buttons"]] == ["Parameters", "Latency"]
    assert len(menu["buttons"][1]["args"][0]["x"]) == len(made["data"]), "a list of values for each trace"
    assert " ms" in made["data"][0]["text"][0]


def test_names_cannot_become_markup(goaled: ReportData) -> None:
    evil = "<a href='x'>y</a>"
    trials = tuple(replace(row, choices={evil: evil}) for row in goaled.trials)
    changed = replace(goaled, trials=trials)
    found = front(changed)
    assert found is not None
    assert "<a" not in json.dumps(figure(changed, found))
    assert "<a" not in "".join(pictures(changed, found))


def test_one_network_is_enough(goaled: ReportData, found: Front) -> None:
    single = replace(goaled, trials=tuple(row for row in goaled.trials if row.value)[:1])
    made = front(single)
    assert made is not None
    assert "nan" not in "".join(pictures(single, made))
    assert figure(single, made)["data"]


def test_a_share_is_on_a_linear_axis_however_low_a_network_is(goaled: ReportData) -> None:
    def spread_out(row: TrialRow) -> TrialRow:
        factor = 0.01 if row.number == 1 else 1.0
        wide = {"val_accuracy": row.metrics["val_accuracy"] * factor, "parameters": row.metrics["parameters"] * factor}
        return replace(row, metrics=wide)

    trials = tuple(spread_out(row) if row.metrics else row for row in goaled.trials)
    data = replace(goaled, trials=trials)
    made = front(data)
    assert made is not None
    layout = figure(data, made)["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "linear")
