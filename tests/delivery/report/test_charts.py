"""Charts are well-formed, stay inside their frame, and have all that a reader needs."""

import math
import re
from xml.etree import ElementTree

import pytest

from nasflow.delivery.report.charts import HEIGHT, WIDTH, Axis, Series, chart


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter("text")]


LINE = Series("trial 1", [1, 2, 3], [0.5, 0.7, 0.9], "winner", "winner")
DOTS = Series("trials", [1, 2, 3], [0.5, 0.7, 0.9], "dot", "trial", dots=True, notes=["one", "two", "<three>"])


def test_title_labels_legend_and_notes() -> None:
    svg = chart("A <b> & title", [LINE, DOTS], Axis("epoch"), Axis("accuracy"))
    shown = texts(svg)
    for text in ("A <b> & title", "epoch", "accuracy", "winner", "trial"):
        assert text in shown
    notes = [element.text for element in parsed(svg).iter("title")]
    assert notes == ["trial 1: 0.9 at the end", "one", "two", "<three>"]


def test_dots_without_notes_say_where_they_are() -> None:
    svg = chart("t", [Series("x", [3], [0.25], "dot", dots=True)], Axis("trial"), Axis("accuracy", "{:.0%}".format))
    assert "x: accuracy 25% at trial 3" in svg


@pytest.mark.parametrize(
    ("xs", "ys"),
    [
        ([1], [0.5]),
        ([1, 2], [0.5, 0.5]),
        ([1, 2], [0.0, 0.0]),
        ([5, 5], [1e-9, 1e9]),
        ([1, 1000], [-3.0, 5.0]),
        (range(1, 300), [math.sin(n) for n in range(1, 300)]),
    ],
)
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_everything_is_inside_the_frame_with_some_ticks(
    xs: list[float], ys: list[float], log: bool, whole: bool
) -> None:
    svg = chart("t", [Series("s", list(xs), ys, "dot", dots=True)], Axis("x", log=log, whole=whole), Axis("y"))
    for circle in parsed(svg).iter("circle"):
        assert 0 <= float(circle.get("cx", "nan")) <= WIDTH
        assert 0 <= float(circle.get("cy", "nan")) <= HEIGHT
    ticks = [e for e in parsed(svg).iter("text") if e.get("class", "").startswith("tick")]
    ends = [t for t in ticks if "end" in t.get("class", "")]
    assert 1 <= len(ends) <= 9
    assert len({t.text for t in ends}) == len(ends), "ticks of one axis differ"
    assert 1 <= len([t for t in ticks if "middle" in t.get("class", "")]) <= 12


def test_larger_values_are_higher_and_further_right() -> None:
    svg = chart("t", [DOTS], Axis("x"), Axis("y"))
    places = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in parsed(svg).iter("circle")][:3]
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[0][1] > places[1][1] > places[2][1]


def test_whole_axes_have_whole_ticks() -> None:
    svg = chart("t", [LINE], Axis("epoch", whole=True), Axis("y"))
    shown = [e.text for e in parsed(svg).iter("text") if e.get("class") == "tick middle"]
    assert shown == ["1", "2", "3"]


def test_a_gap_breaks_a_line_and_hides_a_dot() -> None:
    values = [0.1, 0.2, math.nan, 0.4, 0.5]
    line = chart("t", [Series("s", [1, 2, 3, 4, 5], values, "thin")], Axis("x"), Axis("y"))
    drawn = re.search(r'<path d="([^"]+)"', line.partition("touch")[2])
    assert drawn is not None
    assert drawn[1].count("M") == 2
    dots = chart("t", [Series("s", [1, 2, 3, 4, 5], values, "dot", dots=True)], Axis("x"), Axis("y"))
    assert dots.count("<circle") == 4
    assert "nan" not in line + dots


def test_nothing_to_draw_is_no_chart() -> None:
    assert chart("t", [], Axis("x"), Axis("y")) == ""
    assert chart("t", [Series("s", [1], [math.nan], "thin")], Axis("x"), Axis("y")) == ""


def test_the_axis_starts_where_it_is_told() -> None:
    series = Series("s", [1, 2, 3, 4], [0.1, 0.95, 0.96, 0.97], "dot", dots=True)
    free, cut = chart("t", [series], Axis("x"), Axis("y")), chart("t", [series], Axis("x"), Axis("y"), low=0.94)
    last = [float(list(parsed(svg).iter("circle"))[1].get("cy", "")) for svg in (free, cut)]
    assert last[1] > last[0] + 100, "the high values are spread over the frame"
    assert "clip-path" in cut


def test_a_long_legend_takes_another_row() -> None:
    names = [f"a rather long entry {n}" for n in range(5)]
    svg = chart("t", [Series(name, [1, 2], [0.1, 0.2], "thin", name) for name in names], Axis("x"), Axis("y"))
    root = parsed(svg)
    entries = [e for e in root.iter("text") if e.text in names]
    assert len({e.get("y") for e in entries}) > 1
    height = float((root.get("viewBox") or "").split()[3])
    assert height > HEIGHT
    assert all(float(e.get("y", "nan")) < height for e in entries)
    assert all(float(e.get("x", "nan")) + 6.6 * len(e.text or "") <= WIDTH for e in entries)
    single = parsed(chart("t", [LINE], Axis("x"), Axis("y")))
    assert single.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"


def test_a_line_of_many_points_is_drawn_thinner() -> None:
    few, many = (chart("t", [Series("s", range(n), range(n), "winner")], Axis("x"), Axis("y")) for n in (100, 300))
    assert 'class="line winner"' in few
    assert 'class="line winner dense"' in many
