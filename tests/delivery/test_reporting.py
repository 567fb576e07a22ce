"""The data of a report are those of the search."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasflow.delivery.outcome import Registration
from nasflow.delivery.report import render_report
from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.parts import FullTraining
from nasflow.delivery.reporting import bounded, model_file, report_data, report_page, spoken, write_report
from nasflow.engine import plan as engine_plan
from nasflow.engine.records import SearchRecords
from nasflow.errors import IntegrityError
from nasflow.objectives import Objective, feasible
from nasflow.spaces import Bound
from nasflow.storage import open_store
from nasflow.trials import Status


@pytest.fixture(scope="module")
def told(plan: Any, in_process: Any) -> ReportData:
    return report_data(plan, in_process.site.records(), in_process.outcome.delivery.outcome)


def test_every_trial_is_in_it_in_the_order_proposed(told: ReportData, in_process: Any) -> None:
    history = in_process.outcome.history
    assert [row.architecture_id for row in told.trials] == [e.trial.architecture.id for e in history]
    assert [row.value for row in told.trials] == [e.result.metrics["val_accuracy"] for e in history]
    assert [row.number for row in told.trials] == [1, 2, 3, 4, 5]


def test_it_says_what_was_asked(told: ReportData, plan: Any) -> None:
    assert (told.asked.trials, told.asked.epochs, told.asked.candidates, told.asked.seed) == (5, 1, 2, 0)
    assert told.asked.space_size == plan.space.size
    assert sum(sum(counts) for counts in told.asked.class_counts.values()) == sum(plan.bundle.counts.values())


def test_it_says_how_long_the_full_trainings_were(told: ReportData, plan: Any, in_process: Any) -> None:
    outcome = in_process.outcome.delivery.outcome
    assert told.winner.training == FullTraining(len(outcome.winner.result.curve), plan.config.final_epochs)
    assert told.reference.training == FullTraining(len(outcome.reference.result.curve), plan.config.final_epochs)
    assert (told.asked.hours, told.asked.patience) == (plan.config.budget.hours, plan.config.final.patience)


def test_a_full_training_cut_short_is_told_as_it_was(plan: Any, in_process: Any) -> None:
    records, outcome = in_process.site.records(), in_process.outcome.delivery.outcome
    result = outcome.winner.result
    early = replace(outcome.winner, result=replace(result, curve=result.curve[:1]))
    training = report_data(plan, records, replace(outcome, winner=early)).winner.training
    assert training == FullTraining(1, plan.config.final_epochs)
    longer = plan.config.model_copy(update={"final": plan.config.final.model_copy(update={"epochs": 40})})
    asked = replace(plan, request=replace(plan.request, config=longer))
    data = report_data(asked, records, outcome)
    assert (data.asked.final_epochs, data.winner.training) == (40, FullTraining(len(result.curve), len(result.curve)))
    page = " ".join(render_report(data).split())
    assert f"40 epochs each; the winner was given {len(result.curve)}" in page


def test_figures_are_those_of_the_outcome(told: ReportData, in_process: Any) -> None:
    outcome = in_process.outcome.delivery.outcome
    row = told.metrics[0]
    assert row.comparison == outcome.comparison
    assert row.winner.value == pytest.approx(outcome.winner.test_metrics["test_accuracy"])
    assert row.reference is not None
    assert row.reference.value == pytest.approx(outcome.reference.test_metrics["test_accuracy"])
    assert [metric.comparison for metric in told.metrics[1:]] == [None] * 3
    assert told.winner.parameters == outcome.winner.result.metrics["parameters"]
    assert told.winner.choices
    assert told.reference_failure == ""


def test_curves_are_there_for_all(told: ReportData) -> None:
    kinds = [curve.kind for curve in told.curves]
    assert sorted(kinds) == sorted(["trial"] * 4 + ["search winner", "finalist", "winner", "reference"])
    assert all(curve.values for curve in told.curves)


def test_what_it_took_is_summed(told: ReportData, in_process: Any) -> None:
    results = [e.result for e in in_process.outcome.history]
    assert told.cost.trial_seconds == pytest.approx(sum(r.metrics["train_seconds"] for r in results))
    assert told.cost.epochs == 5 + 3
    assert told.cost.reused == 0


def test_what_was_aimed_at_is_told_with_every_trial(told: ReportData, plan: Any, in_process: Any) -> None:
    assert [goal.name for goal in told.goals] == [objective.name for objective in plan.objectives]
    for row, entry in zip(told.trials, in_process.outcome.history, strict=True):
        assert row.metrics == {name: entry.result.metrics[name] for name in row.metrics}
        assert set(row.metrics) == {goal.name for goal in told.goals}
        assert row.feasible is feasible(plan.objectives, entry.result)
    outcome = in_process.outcome.delivery.outcome
    assert told.reference.metrics["val_accuracy"] == outcome.reference.result.metrics["val_accuracy"]


def test_five_trials_are_too_few_to_tell_what_mattered(told: ReportData) -> None:
    assert told.importance is not None
    assert (told.importance.trials, told.importance.weights) == (5, ())
    assert told.runner_up is not None


def test_the_answers_are_those_on_the_test_samples(told: ReportData, plan: Any, in_process: Any) -> None:
    assert told.tested is not None
    assert sum(number for _, _, number in told.tested.confusion) == plan.bundle.counts["test"]
    accuracy = in_process.outcome.delivery.outcome.winner.test_metrics["test_accuracy"]
    assert 1 - told.tested.wrong / told.tested.samples == pytest.approx(accuracy)
    assert {sample.name for sample in told.tested.worst} <= set(plan.bundle.names("test"))


def test_the_time_is_accounted_for(told: ReportData) -> None:
    assert sum(part.seconds for part in told.cost.parts) == pytest.approx(told.cost.wall_seconds)
    assert {"search", "finalists"} <= {part.kind for part in told.cost.parts}


def test_the_file_named_is_there(told: ReportData, in_process: Any) -> None:
    assert told.usage.onnx == model_file(in_process.site.records())
    assert Path(told.usage.onnx).is_file()


def test_a_failed_reference_is_said_in_words(plan: Any, in_process: Any) -> None:
    outcome = in_process.outcome.delivery.outcome
    result = replace(outcome.reference.result, status=Status.CRASHED, cause="Its process died.", curve=())
    failed = replace(outcome, reference=replace(outcome.reference, result=result, test_metrics={}), comparison=None)
    told = report_data(plan, in_process.site.records(), failed)
    assert told.reference_failure == "Its process died"
    assert {row.reference for row in told.metrics} == {None}
    page = " ".join(render_report(told).split())
    assert (
        "The reference network could not be trained: Its process died. So the winner is compared with nothing" in page
    )
    assert "There is nothing to compare it with" in page
    assert "trained by the same recipe" not in page
    assert ReportData.from_json(told.to_json()) == told


def test_the_page_is_written_again_with_the_registration(plan: Any, in_process: Any, tmp_path: Path) -> None:
    outcome = in_process.outcome.delivery.outcome

    class Here(SearchRecords):
        """The search's records, whose report is kept elsewhere."""

        def write(self, name: str, document: Any) -> None:
            SearchRecords(open_store(str(tmp_path)), self.search_id).write(name, document)

    elsewhere = SearchRecords(open_store(str(tmp_path)), plan.search_id)
    registration = Registration("small", 3, "challenger", "run", "Version 2 stays champion.", 2)
    with pytest.raises(IntegrityError, match="run the search again"):
        report_page(elsewhere, registration)
    write_report(plan, Here(in_process.site.store, plan.search_id), outcome, tmp_path / "new" / "report.html")
    bare = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    page = report_page(elsewhere, registration)
    assert "Version 2 stays champion." not in bare
    assert "Version 2 stays champion." in page
    assert "models:/small/3" in page


def test_bounds_are_spoken() -> None:
    assert bounded("flops", Bound(less_than=5.0)).startswith("flops below 5")
    assert bounded("flops", Bound()) == "flops"
    assert spoken(Objective("val_accuracy", "maximize")) == "maximize val_accuracy"
    assert spoken(Objective("parameters", "minimize", Bound(less_than=9.0))).startswith("minimize parameters, below 9")


def test_a_trial_whose_cost_cannot_be_told_has_none(
    plan: Any, in_process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = in_process.outcome.delivery.outcome
    shown = {outcome.winner.trial.architecture.id, *(trial.architecture.id for trial, _ in outcome.finalists)}
    lost = next(e.trial.architecture.id for e in in_process.outcome.history if e.trial.architecture.id not in shown)
    real = engine_plan.cost_of

    def cost_of(architecture: Any, io: Any) -> Any:
        if architecture.id == lost:
            raise ValueError("a stranger's code")
        return real(architecture, io)

    monkeypatch.setattr(engine_plan, "cost_of", cost_of)
    data = report_data(plan, in_process.site.records(), outcome)
    rows = {row.architecture_id: row for row in data.trials}
    assert (rows[lost].parameters, rows[lost].flops) == (None, None)
    assert all(row.parameters is not None for name, row in rows.items() if name != lost)
    assert "</html>" in render_report(data)
