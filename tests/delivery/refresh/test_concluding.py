"""What refreshes came to: promoted or not, by both modes, written down once whatever is stopped when."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient

from nasflow.delivery.refresh import concluding
from nasflow.delivery.refresh.concluding import PAGE, conclude, decided, figures
from nasflow.delivery.refresh.looking import look, refreshing
from nasflow.delivery.refresh.start import Start
from nasflow.delivery.statistics import mcnemar
from nasflow.engine.preparing import prepared
from nasflow.engine.refreshes import ORIGIN, read_decision, read_start
from nasflow.errors import IntegrityError, SearchError


class Killed(BaseException):
    """Stands for the end of the process."""


def aliases(site: Any) -> dict[str, int]:
    return {alias: int(v) for alias, v in MlflowClient(site.uri).get_registered_model("small").aliases.items()}


def refresh_runs(site: Any) -> list[Any]:
    return [run for run in site.runs() if run.data.tags["nasflow.kind"] == "refresh"]


def start_of(found: Any) -> Start:
    document = read_start(found.site.store, found.plan.request.refresh)
    assert document is not None
    return Start.from_json(document)


def test_stopped_before_the_decision_is_kept_it_goes_on(promoted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The champion is the new version by then: that alone does not count as the end of the refresh."""
    site, plan = promoted.site, promoted.plan
    config = refreshing(site.config(data="npz:digits.npz"))
    bundle = prepared(config.data, site.root, site.store)
    if read_decision(site.store, plan.request.refresh) is None:
        found = look(config, bundle, site.store)
        assert (found.changed, found.refresh) == (True, plan.request.refresh)

        def dies(*args: Any) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(concluding, "keep_decision", dies)
            with pytest.raises(Killed):
                conclude(plan, promoted.records, promoted.registration)
        assert look(config, bundle, site.store) == found
    first = conclude(plan, promoted.records, promoted.registration)
    assert conclude(plan, promoted.records, promoted.registration) == first
    assert not look(config, bundle, site.store).changed
    (run,) = refresh_runs(site)
    assert run.info.run_id == first.run_id
    assert run.info.status == "FINISHED"
    client = MlflowClient(site.uri)
    assert all(len(client.get_metric_history(run.info.run_id, name)) == 1 for name in run.data.metrics)
    assert len(client.search_model_versions("name = 'small'")) == 2


def test_a_drifted_copy_is_searched_and_promoted(promoted: Any) -> None:
    found = conclude(promoted.plan, promoted.records, promoted.registration)
    assert found.decision == "promoted"
    assert aliases(promoted.site) == {"champion": 2}
    comparison = promoted.registration.comparison
    assert comparison.better(0.005, 0.05)
    assert (promoted.registration.margin, promoted.registration.level) == (0.005, 0.05)
    assert promoted.registration.why.startswith("It replaces version 1 as champion.")


def test_the_search_begins_with_the_history_of_the_champion(promoted: Any) -> None:
    history, wanted = promoted.records.history(), start_of(promoted).architectures
    first = [entry.trial for entry in history if entry.trial.origin == ORIGIN]
    assert first == [entry.trial for entry in history.entries[: len(first)]]
    assert [trial.architecture for trial in first] == list(wanted)[: len(first)]
    assert len(first) == min(5, len(wanted))
    assert all(entry.result is not None for entry in history)


def test_everything_about_it_is_written_down(promoted: Any) -> None:
    found = conclude(promoted.plan, promoted.records, promoted.registration)
    site, client = promoted.site, MlflowClient(promoted.site.uri)
    text = (site.store.get(found.page) or b"").decode()
    assert found.page.endswith(f"{promoted.plan.search_id}/{PAGE}")
    assert promoted.registration.why in text
    decision = read_decision(site.store, found.refresh) or {}
    assert (decision["decision"], decision["search_id"]) == ("promoted", promoted.plan.search_id)
    assert decision["registration"] == promoted.registration.to_json()
    run = client.get_run(found.run_id)
    assert run.data.params["champion"] == "1"
    assert run.data.params["margin"] == "0.005"
    assert run.data.metrics == pytest.approx(figures(found.start, found.registration))
    assert run.data.metrics["drift_high"] < 0 < run.data.metrics["difference"]
    assert client.download_artifacts(found.run_id, PAGE)
    version = client.get_model_version("small", "2")
    assert version.tags["nasflow.refresh_decision"] == "promoted"
    assert float(version.tags["nasflow.refresh_p_value"]) < 0.05
    assert float(version.tags["nasflow.refresh_drift"]) == pytest.approx(run.data.metrics["drift"], rel=1e-4)
    assert version.tags["nasflow.refresh"] == found.refresh


def test_what_is_not_better_is_not_promoted(kept: Any) -> None:
    found = conclude(kept.plan, kept.records, kept.registration)
    assert found.decision == "kept"
    assert aliases(kept.site) == {"champion": 1, "challenger": 2}
    assert not kept.registration.comparison.better(0.005)
    assert kept.registration.why.startswith("Version 1 stays champion.")
    config = refreshing(kept.site.config(data="npz:digits.npz", refresh={"mode": "retrain"}))
    again = look(config, prepared(config.data, kept.site.root, kept.site.store), kept.site.store)
    assert not again.changed, "a second call does nothing"
    assert kept.registration.why in again.said


def test_retraining_trains_the_architecture_of_the_champion_and_no_other(kept: Any) -> None:
    (entry,) = kept.records.history()
    (wanted,) = start_of(kept).architectures
    champion = MlflowClient(kept.site.uri).get_model_version("small", "1")
    assert entry.trial.architecture == wanted
    assert wanted.id == champion.tags["nasflow.architecture_id"]
    assert MlflowClient(kept.site.uri).get_model_version("small", "2").tags["nasflow.architecture_id"] == wanted.id


def test_labels_that_changed_in_training_alone_are_no_drift(kept: Any) -> None:
    drift = start_of(kept).drift
    assert drift is not None
    assert not drift.noticed


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_an_equal_network_is_promoted_no_more_often_than_the_level(level: float) -> None:
    """Over all outcomes of 60 samples that only one of two equal networks has right: exact, so no chance fails it."""
    import numpy as np
    from scipy.stats import binom

    samples, discordant = 200, 60
    rate = 0.0
    for wins in range(discordant + 1):
        first = np.zeros(samples, bool)
        second = first.copy()
        first[:wins], second[wins:discordant] = True, True
        if mcnemar(first, second).better(0.005, level):
            rate += binom.pmf(wins, discordant, 0.5)
    assert 0.1 * level < rate <= level


def test_a_search_that_registered_nothing_has_no_conclusion(promoted: Any, in_process: Any, plan: Any) -> None:
    with pytest.raises(SearchError, match="has registered nothing"):
        conclude(promoted.plan, promoted.records, None)
    with pytest.raises(IntegrityError, match="is not in the store"):
        conclude(plan, in_process.outcome and promoted.records, promoted.registration)


def test_a_first_champion_is_no_promotion(promoted: Any) -> None:
    from dataclasses import replace

    start = replace(start_of(promoted), champion=None)
    assert decided(start, promoted.registration) == "first"
    assert decided(start, replace(promoted.registration, alias="challenger")) == "kept"
