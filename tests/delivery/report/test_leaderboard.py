"""The small page for KFP's UI."""

from nasflow.delivery.report.leaderboard import leaderboard_page
from nasflow.objectives import Objective
from nasflow.spaces import Architecture, Bound
from nasflow.trials import Entry, Fidelity, History, Status, Trial, TrialResult

OBJECTIVES = (
    Objective("val_accuracy", "maximize"),
    Objective("parameters", "minimize", Bound(less_than=1000.0)),
)


def entry(width: int, accuracy: float | None, parameters: float = 99.0, origin: str = "random") -> Entry:
    trial = Trial(Architecture("cnn", {"width": width}, {"width": width}), Fidelity(1, 1), 0, "context", origin=origin)
    if accuracy is None:
        return Entry(trial, TrialResult(trial.id, Status.CRASHED, cause="It broke."))
    return Entry(trial, TrialResult(trial.id, Status.COMPLETED, {"val_accuracy": accuracy, "parameters": parameters}))


def test_the_best_come_first_and_failures_are_counted() -> None:
    entries = [entry(1, 0.8), entry(2, 0.95), entry(3, None), entry(4, 0.9), entry(5, 0.99, 5000.0)]
    page = leaderboard_page(OBJECTIVES, History(entries))
    assert "5 trials, 1 failed." in page
    places = [page.index(text) for text in ("95.00 %", "90.00 %", "80.00 %")]
    assert places == sorted(places)
    assert "99.00 %" not in page, "it is out of bounds"
    assert "<th>Validation accuracy</th><th>Parameters</th>" in page
    assert f"<code>{entries[1].trial.architecture.id}</code>" in page


def test_it_stays_small() -> None:
    page = leaderboard_page(OBJECTIVES, History(entry(n, n / 1000) for n in range(1, 300)))
    assert page.count("<tr>") == 21
    assert "299 trials, 0 failed." in page


def test_names_are_escaped() -> None:
    page = leaderboard_page(OBJECTIVES, History([entry(1, 0.8, origin="<script>alert(1)</script>")]))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_search_without_trials_has_a_page() -> None:
    assert "0 trials, 0 failed." in leaderboard_page(OBJECTIVES, History())
