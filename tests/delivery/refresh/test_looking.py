"""Whether there is anything to refresh, found out without training."""

from __future__ import annotations

import time
from typing import Any

import pytest
from mlflow import MlflowClient

from nasflow.config import SearchConfig, config_from
from nasflow.data.bundle import DataBundle
from nasflow.delivery.promoting import promote
from nasflow.delivery.refresh.looking import Looked, asked_of, look, refreshing
from nasflow.delivery.refresh.start import Start
from nasflow.engine.preparing import prepared
from nasflow.engine.refreshes import keep_decision, read_start
from nasflow.errors import UserError
from nasflow.objectives import ranked
from nasflow.tracking.target import TrackingTarget

NPZ = "npz:digits.npz"


def config(**sections: Any) -> SearchConfig:
    return config_from({"name": "small", "data": "sklearn:digits"} | sections)


def looked(site: Any, **changes: Any) -> Looked:
    asked = refreshing(site.config(**{"data": NPZ, **changes}))
    return look(asked, bundle(site, asked), site.store)


def bundle(site: Any, asked: SearchConfig) -> DataBundle:
    return prepared(asked.data, site.root, site.store)


def started(site: Any, refresh: str) -> Start:
    document = read_start(site.store, refresh)
    assert document is not None
    return Start.from_json(document)


def test_the_same_content_is_no_change_wherever_it_lies(champion_site: Any) -> None:
    """The champion was trained on `sklearn:digits`; the file has other names and another format."""
    site = champion_site("same", "same")
    before = time.monotonic()
    found = looked(site)
    assert not found.changed
    assert found.said == "The data have not changed since version 1 of 'small', the champion, was trained."
    assert time.monotonic() - before < 10
    assert list(site.store.keys("refreshes/")) == []


def test_inverted_grey_values_are_noticed_and_measured(champion_site: Any, in_process: Any, plan: Any) -> None:
    site = champion_site("looked", "inverted")
    results = site.results()
    found = looked(site, refresh={"from_history": 3})
    assert found.changed
    assert "it has drifted" in found.said
    start = started(site, found.refresh)
    assert start.champion == 1
    assert start.before == plan.bundle.fingerprint != start.data
    assert start.drift is not None
    assert start.drift.noticed
    assert start.drift.now.value < 0.35
    best = [entry.trial.architecture for entry in ranked(plan.objectives, in_process.outcome.history)]
    assert len(start.architectures) == 3
    assert set(start.architectures) <= set(best[:3]) | {start.architectures[0]}
    assert site.results() == results, "nothing was trained"
    assert looked(site, refresh={"from_history": 3}) == found, "the same again"
    assert started(site, found.refresh) == start
    other = looked(site, refresh={"from_history": 2})
    assert other.refresh != found.refresh


def test_what_was_decided_is_not_decided_again(champion_site: Any) -> None:
    site = champion_site("decided", "fewer")
    found = looked(site)
    why = "Version 1 stays champion. Version 2 did worse than version 1."
    made = {"alias": "challenger", "version": 2, "why": why}
    asked = asked_of(refreshing(site.config(data=NPZ)))
    keep_decision(site.store, found.refresh, {"asked": asked, "at": time.time(), "registration": made})
    again = looked(site)
    assert (again.changed, again.refresh) == (False, found.refresh)
    assert again.said.startswith("The data have not changed since the refresh of 20")
    assert again.said.endswith(why)
    assert looked(site, refresh={"margin": 0.2}).changed, "by another margin it is decided anew"
    assert looked(site, budget={"trials": 6}).changed, "more trials go on"
    made = made | {"alias": "champion", "why": "It replaces version 1 as champion."}
    keep_decision(site.store, found.refresh, {"asked": asked, "at": time.time(), "registration": made})
    assert looked(site).said.endswith("Since then, version 1 was made champion again.")


def test_a_test_split_of_the_data_is_refused_before_anything_is_trained(champion_site: Any) -> None:
    site = champion_site("split", "split")
    with pytest.raises(UserError) as told:
        looked(site)
    assert "a refresh would promote nothing here" in str(told.value)
    assert "the data bring a test split of their own" in str(told.value)
    assert str(told.value).count(". ") == 0, "one sentence"
    assert list(site.store.keys("refreshes/")) == []


def test_another_set_of_classes_cannot_be_compared(champion_site: Any) -> None:
    import numpy as np

    site = champion_site("classes", "inverted")
    arrays = dict(np.load(site.root / "digits.npz"))
    few = arrays["y"] < 9
    np.savez(site.root / "digits.npz", x=arrays["x"][few], y=arrays["y"][few])
    with pytest.raises(UserError, match=r"its classes are 10 \(0, 1, .*those of the data 9"):
        looked(site)


def test_a_champion_that_nobody_knows_the_training_of_is_none_to_compare_with(champion_site: Any) -> None:
    site = champion_site("unknown", "inverted")
    for key in list(site.store.keys("samples/")):
        site.store.delete(key)
    with pytest.raises(UserError, match="the store does not know which samples it was trained on"):
        looked(site)


def test_without_a_champion_there_is_all_to_do_and_nothing_to_retrain(site: Any) -> None:
    site.ready()
    found = looked(site, data="sklearn:digits")
    assert found == Looked(True, "'small' has no champion yet.", found.refresh)
    assert started(site, found.refresh).architectures == ()
    with pytest.raises(UserError, match=r"no champion whose architecture could be trained again .*'nasflow run'"):
        looked(site, data="sklearn:digits", refresh={"mode": "retrain"})


def test_an_architecture_outside_of_the_space_is_not_retrained(champion_site: Any) -> None:
    site = champion_site("narrow", "inverted")
    narrow = {"family": "mlp", "options": {"max_depth": 1, "widths": [8, 12]}}
    bound = ["val_accuracy", {"name": "parameters", "less_than": 700}]
    for changes in ({"space": narrow}, {"objectives": bound}):
        with pytest.raises(UserError, match=r"version 1 of 'small' is not within 'space' and the bounds of"):
            looked(site, refresh={"mode": "retrain"}, **changes)
    found = looked(site, refresh={"mode": "retrain"})
    assert len(started(site, found.refresh).architectures) == 1


def test_after_a_rollback_the_refresh_is_not_repeated(promoted: Any) -> None:
    """That it stands is tested where it is concluded; here, that the same data do not undo what was done by hand."""
    from nasflow.delivery.refresh.concluding import conclude

    site = promoted.site
    conclude(promoted.plan, promoted.records, promoted.registration)
    assert looked(site).said.endswith("since version 2 of 'small', the champion, was trained.")
    target = TrackingTarget(site.uri, "small")
    promote(target, "small", 1)
    try:
        found = looked(site)
        assert not found.changed
        assert found.said.endswith("Since then, version 1 was made champion again.")
    finally:
        promote(target, "small", 2)
        MlflowClient(site.uri).delete_registered_model_alias("small", "previous")


def test_a_refresh_is_about_the_registry() -> None:
    with pytest.raises(UserError, match=r"registry\.enabled is false"):
        refreshing(config(registry={"enabled": False}))


def test_it_searches_by_its_own_margin() -> None:
    asked = refreshing(config(refresh={"margin": 0.1}, registry={"margin": 0.3, "level": 0.01, "name": "best"}))
    assert (asked.registry.margin, asked.registry.level, asked.model_name) == (0.1, 0.01, "best")
    assert asked.budget == config().budget
    assert refreshing(asked) == asked


def test_retraining_is_a_search_of_one() -> None:
    asked = refreshing(config(refresh={"mode": "retrain"}))
    assert (asked.rounds, asked.budget.trials, asked.final.candidates) == (1, 1, 1)
    assert refreshing(asked) == asked


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"refresh": {"margin": 0.1}}, False),
        ({"registry": {"level": 0.01}}, False),
        ({"budget": {"trials": 30}}, False),
        ({"space": "mlp"}, False),
        ({"seed": 2}, False),
        ({"storage": {"url": "elsewhere"}}, True),
        ({"resources": {"cpu": 4}}, True),
        ({"data": "npz:digits.npz"}, True),  # their content is known by its fingerprint
    ],
)
def test_what_a_decision_depends_on(changes: dict[str, Any], same: bool) -> None:
    assert (asked_of(refreshing(config(**changes))) == asked_of(refreshing(config()))) is same
