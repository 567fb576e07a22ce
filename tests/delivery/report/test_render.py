"""The page says everything, loads nothing, and takes any name without harm."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nasflow.delivery.outcome import Registration
from nasflow.delivery.report import ReportData, render_report
from nasflow.delivery.report.parts import Goal
from nasflow.delivery.report.render import failures, leaders, verdict
from nasflow.delivery.statistics import Comparison

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects texts, ids and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(html)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, text: str) -> None:
        self.texts.append(text)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def test_the_page_says_everything(data: ReportData) -> None:
    page = Page(render_report(data))
    for said in (
        "digits", "8f14e45fceea167a", "12 May 2025", "nasflow 0.1.0", verdict(data), "98.89 %", "96.67 %",
        "+2.22 points", "± 0.98 points", "p = 0.035", "78,042", "Learning curves of the search", "Search progress",
        "Leaderboard", data.winner.architecture_id, "sklearn:digits", "8 × 8 pixels, grey", "IMG_0031.jpg",
        "image file is truncated", "3 duplicates", "about 10^" if data.asked.space_size >= 10**12 else "assignments",
        "evolution", "parameters below 78,042", "24 trials of 10 epochs", "the best 2, 40 epochs each", "digit 7",
        "not finite", "The loss became NaN", "2 min 11 s", "cpu-AVX2", "models:/digits@champion", "mlflow models serve",
        "onnxruntime.InferenceSession",
    ):  # fmt: skip
        assert re.sub(r"\s+", " ", said) in page.text, said


def test_the_page_loads_nothing(data: ReportData) -> None:
    html = render_report(data)
    page = Page(html)
    assert not page.addresses
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert "url(http" not in html
    assert len(html) < 200_000


EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'"


def test_names_are_escaped_in_the_new_sections(goaled: ReportData) -> None:
    assert goaled.importance is not None
    assert goaled.runner_up is not None
    assert goaled.tested is not None
    weight = replace(goaled.importance.weights[0], name=EVIL)
    sample = replace(goaled.tested.worst[0], name=EVIL, truth=EVIL, answer=EVIL + "!")
    evil = replace(
        goaled,
        asked=replace(goaled.asked, class_counts={EVIL + str(n): (1, 2, 3) for n in range(10)}),
        trials=tuple(replace(row, choices={EVIL: EVIL}, origin=EVIL) for row in goaled.trials),
        importance=replace(goaled.importance, weights=(weight,)),
        runner_up=replace(goaled.runner_up, choices={EVIL: EVIL}, winner_choices={EVIL: 1}),
        tested=replace(goaled.tested, worst=(sample,)),
    )
    page = Page(render_report(evil))
    assert (page.tags.count("script"), page.tags.count("img")) == (3, 1)
    assert "alert(1)" in page.text


def test_names_are_escaped_wherever_they_stand(data: ReportData) -> None:
    row = replace(data.trials[0], origin=EVIL, cause=EVIL, status="crashed", choices={EVIL: EVIL})
    good = replace(data.trials[1], choices={EVIL: EVIL}, origin=EVIL)
    evil = replace(
        data,
        name=EVIL,
        asked=replace(
            data.asked,
            source=EVIL,
            class_counts={EVIL: (1, 2, 3)},
            skipped={EVIL: EVIL},
            constraints=(EVIL,),
            objectives=(EVIL,),
        ),
        trials=(row, good, *data.trials[2:]),
        winner=replace(data.winner, choices={EVIL: EVIL}),
        curves=tuple(replace(c, label=EVIL) for c in data.curves),
        graph=replace(data.graph, nodes=tuple(replace(n, label=EVIL, detail=EVIL) for n in data.graph.nodes)),
        usage=replace(data.usage, model=EVIL, onnx=EVIL, classes=(EVIL,)),
        registration=Registration(EVIL, 1, "champion", "run", EVIL),
    )
    page = Page(render_report(evil))
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count("alert(1)") > 20
    assert "49" not in page.text.partition("alert(1)>")[2][:20], "no template in a name is run"


def test_new_sections_say_what_they_should(goaled: ReportData) -> None:
    page = Page(render_report(goaled))
    for said in (
        "Pareto front", "maximize validation accuracy and minimize parameters", "3 trials without a value for every",
        "Which choices mattered", "stage1.kind", "0.08 to 0.66", "residual 98.50 % (12)", "and the runner-up",
        "which chance explains", "3 choices differ", "3 of 270 test samples are answered wrong", "Confusion matrix",
        "photos/IMG 7.png", "answer digit 8, 97.0 %", "own class 1.0 %", "Where the time went", "15 min 0 s",
        "of which nothing was going on", "Time and quality", "fully trained",
    ):  # fmt: skip
        assert re.sub(r"\s+", " ", said) in page.text, said
    assert "Size and quality" not in page.text, "the front shows that already"


def test_a_page_with_a_front_loads_nothing_either(goaled: ReportData) -> None:
    html = render_report(goaled)
    page = Page(html)
    assert {address.partition(",")[0] for address in page.addresses} == {"data:image/png;base64"}
    assert page.tags.count("script") == 3
    assert not {"link", "iframe", "object"} & set(page.tags)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}' 'sha256-" in policy[1]
    assert "unsafe-eval" not in policy[1]
    assert len(html) < 2_500_000


def test_other_objectives_have_a_column_and_accumulation_is_told(goaled: ReportData) -> None:
    goals = (*goaled.goals, Goal("latency", "minimize"))
    trials = tuple(replace(row, metrics={**row.metrics, "latency": 1.5, "accumulation": 4.0}) for row in goaled.trials)
    page = Page(render_report(replace(goaled, goals=goals, trials=trials)))
    assert "1.5 ms" in page.text
    assert "batches in 4 parts" in page.text


def test_classes_past_counting_are_told_by_their_mistakes(goaled: ReportData) -> None:
    classes = {f"class {n}": (9, 3, 3) for n in range(100)}
    page = Page(render_report(replace(goaled, asked=replace(goaled.asked, class_counts=classes))))
    assert "Confusion matrix" not in page.text
    assert "class 3 class 8 2" in page.text


def test_ties_are_broken_by_the_other_objectives_and_bounds_are_kept(goaled: ReportData) -> None:
    rows = [row for row in goaled.trials if row.value is not None]
    tied = tuple(replace(row, value=0.9) for row in rows)
    sizes = [row.parameters or 0 for row in leaders(replace(goaled, trials=tied))]
    assert sizes == sorted(sizes)
    outside = tuple(replace(row, feasible=row is rows[3]) for row in rows)
    assert [row.number for row in leaders(replace(goaled, trials=outside))] == [rows[3].number]


def test_it_follows_the_readers_colours_and_the_width_of_the_screen(data: ReportData) -> None:
    html = render_report(data)
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html
    assert "@media print" in html


@pytest.mark.parametrize(
    ("parameters", "p_value", "difference", "said"),
    [
        (
            39_021,
            0.01,
            0.02,
            "with 2.0 times fewer parameters and beats the reference network, which has 96.67 %, beyond",
        ),
        (
            78_042,
            0.3,
            0.01,
            "with as many parameters; the reference network has 96.67 %, a difference that chance may explain.",
        ),
        (156_084, 1.0, -0.02, "with 2.0 times the parameters"),
    ],
)
def test_the_verdict_claims_no_more_than_the_test(
    data: ReportData, parameters: int, p_value: float, difference: float, said: str
) -> None:
    comparison = Comparison(difference, 0.01, p_value, "exact McNemar", 270, 7, 1)
    changed = replace(
        data,
        winner=replace(data.winner, parameters=parameters),
        metrics=(replace(data.metrics[0], comparison=comparison),),
    )
    assert said in verdict(changed)
    assert ("beats" in verdict(changed)) is comparison.better()


def test_the_leaderboard_is_in_order_without_repeats(data: ReportData) -> None:
    rows = leaders(data)
    assert len(rows) == 20
    values = [row.value for row in rows]
    assert values == sorted(values, reverse=True)
    assert rows[0].architecture_id == data.winner.architecture_id
    twice = replace(data, trials=(*data.trials, replace(rows[0], number=25, value=0.5)))
    assert [row.number for row in leaders(twice)] == [row.number for row in rows]
    assert next(iter(leaders(replace(data, direction="minimize")))).value == min(
        r.value for r in data.trials if r.value
    )


def test_failures_are_counted_by_cause(data: ReportData) -> None:
    found = failures(data)
    assert found[0] == ("not finite", "The loss became NaN in epoch 2; try a lower learning rate.", 2)
    assert found[1][0::2] == ("rejected", 1)
    assert failures(replace(data, trials=data.trials[:3])) == []


def test_a_search_that_found_nothing_still_has_a_page(data: ReportData) -> None:
    rows = tuple(replace(row, status="crashed", value=None, cause="") for row in data.trials)
    page = Page(render_report(replace(data, trials=rows, curves=())))
    assert "No trial of the search was completed." in page.text
    assert "no cause recorded" in page.text


def test_a_registered_version_is_named(data: ReportData) -> None:
    registration = Registration("digits", 3, "challenger", "run", "Version 2 stays champion.", 2)
    page = Page(render_report(replace(data, registration=registration)))
    assert "version 3" in page.text
    assert "Version 2 stays champion." in page.text
    assert "models:/digits/3" in page.text
    assert "Should it be registered" not in page.text
    assert "Should it be registered" in Page(render_report(data)).text


def test_two_thousand_trials_stay_a_page(data: ReportData) -> None:
    rows = tuple(replace(data.trials[n % 24], number=n + 1, architecture_id=f"{n:016d}") for n in range(2000))
    curves = tuple(data.curves[n % 20] for n in range(2000))
    assert len(render_report(replace(data, trials=rows, curves=curves))) < 3_000_000
