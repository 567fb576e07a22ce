"""The champion as it stands: its version, its data, its architectures, its figure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nasflow.delivery.refresh.standing import Champion, standing
from nasflow.objectives import ranked
from nasflow.tracking.client import open_client
from nasflow.tracking.target import TrackingTarget


@pytest.fixture(scope="module")
def champion(in_process: Any) -> Champion:
    client = open_client(TrackingTarget(in_process.site.uri, "small"))
    found = standing(client, "small")
    assert found is not None
    assert standing(client, "unknown") is None
    return found


def test_its_version_and_its_data(champion: Champion, in_process: Any, plan: Any) -> None:
    assert (champion.version.name, champion.version.number) == ("small", 1)
    assert champion.data == plan.bundle.fingerprint
    assert champion.refresh == ""


def test_its_own_architecture_comes_first_then_the_best_of_its_search(
    champion: Champion, in_process: Any, plan: Any
) -> None:
    store, outcome = in_process.site.store, in_process.outcome
    winner = outcome.delivery.outcome.winner.trial.architecture
    best = [entry.trial.architecture for entry in ranked(plan.objectives, outcome.history)]
    assert champion.architectures(store, 10) == [winner, *(one for one in best if one != winner)]
    assert champion.architectures(store, 2) == champion.architectures(store, 10)[:2]
    assert champion.architectures(store, 0) == []


def test_a_champion_of_another_store_has_none(champion: Champion, site: Any) -> None:
    assert champion.architectures(site.store, 5) == []
    assert replace(champion, tags={}).architectures(site.store, 5) == []


def test_its_figure_is_that_of_its_registration(champion: Champion, in_process: Any, site: Any) -> None:
    kept = champion.figure(in_process.site.store, "accuracy")
    test = in_process.outcome.delivery.outcome.winner.test_metrics["test_accuracy"]
    assert kept is not None
    assert kept.value == pytest.approx(test)
    assert kept.low < kept.value < kept.high
    told = champion.figure(site.store, "accuracy")  # the store does not know it, the tag does
    assert told is not None
    assert told.low == told.value == told.high == pytest.approx(test, abs=1e-5)
    assert replace(champion, tags={}).figure(site.store, "accuracy") is None
